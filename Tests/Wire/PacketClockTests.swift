import Model
import OperatingSystem
import TestSupport
import Testing
import Wire

/// The machine's clock is set while packets come: their times go on as if it had not been.
@Suite struct PacketClockTests {
    /// A machine whose clock is set at some moments of the steady one.
    private struct Machine {
        var settings: [(at: Int64, by: Int64)]

        func skew(_ time: Int64) -> Int64 { settings.reduce(0) { $0 + ($1.at <= time ? $1.by : 0) } }
        func reading(_ time: Int64) -> SteadyClock.Reading { SteadyClock.Reading(now: time, skew: skew(time)) }
        func stamp(_ time: Int64) -> Timestamp { Timestamp(nanoseconds: time + skew(time)) }
    }

    private static let start: Int64 = 1_700_000_000_000_000_000
    private static let millisecond: Int64 = 1_000_000

    /// When packets were heard, and when as the clock has it. They are taken in batches; some come while a batch is taken.
    private func heard(_ machine: Machine, _ random: inout SeededGenerator) -> [(true: Int64, told: Int64)] {
        var clock = PacketClock(machine.reading(Self.start))
        var result: [(Int64, Int64)] = []
        var (time, packet) = (Self.start, Self.start)
        while time < Self.start + 4_000 * Self.millisecond {
            time += Int64.random(in: 1...60, using: &random) * Self.millisecond
            clock.note(machine.reading(time))
            // Until the batch has been taken.
            let end = time + Int64.random(in: 0...2, using: &random) * Self.millisecond
            while packet < end {
                var present = max(time, packet)
                let told = clock.time(of: machine.stamp(packet)) {
                    present += 1_000
                    return machine.reading(present)
                }
                result.append((packet, told.nanoseconds))
                let isPause = random.once(in: 30)
                packet += Int64.random(in: 1...(isPause ? 900 : 5), using: &random) * Self.millisecond
            }
            time = end
        }
        return result
    }

    /// Forward and back, by much more than packets wait to be taken.
    @Test(
        arguments: [200, 3_000, 3_600_000, 31_536_000_000, -200, -3_000, -3_600_000, -31_536_000_000] as [Int64], 0..<20
    )
    func distancesStay(_ milliseconds: Int64, _ seed: Int) {
        var random = SeededGenerator(UInt64(seed))
        let moment = Self.start + Int64.random(in: 500...3_000, using: &random) * Self.millisecond + 7
        let packets = heard(Machine(settings: [(moment, milliseconds * Self.millisecond)]), &random)
        #expect(packets.count > 50)
        #expect(packets.allSatisfy { $0.told == $0.true })
    }

    /// By less than a packet may wait it cannot be told whether one was stamped before; the error is not more than that,
    /// and the order stays.
    @Test(arguments: [2, 20, 60, -2, -20, -60] as [Int64], 0..<20)
    func smallSettingsAreNearlyTold(_ milliseconds: Int64, _ seed: Int) {
        var random = SeededGenerator(UInt64(100 + seed))
        let moment = Self.start + 2_000 * Self.millisecond + 7
        let packets = heard(Machine(settings: [(moment, milliseconds * Self.millisecond)]), &random)
        #expect(packets.map(\.told) == packets.map(\.told).sorted())
        #expect(packets.allSatisfy { abs($0.told - $0.true) <= abs(milliseconds) * Self.millisecond })
    }

    @Test(arguments: 0..<20) func severalSettingsInARow(_ seed: Int) {
        var random = SeededGenerator(UInt64(200 + seed))
        var settings: [(Int64, Int64)] = []
        for place in 0..<4 {
            let by = Int64.random(in: 1...5_000, using: &random) * (Bool.random(using: &random) ? 1_000 : -1_000)
            settings.append((Self.start + Int64(500 + place * 300) * Self.millisecond + 7, by * Self.millisecond))
        }
        let packets = heard(Machine(settings: settings), &random)
        #expect(packets.allSatisfy { $0.told == $0.true })
    }

    /// The difference of two readings is never quite nought, and stamps of several processors come nearly in order.
    @Test func withoutASettingStampsAreTaken() {
        var last = Int64.min
        var clock = PacketClock(SteadyClock.Reading(now: Self.start, skew: 40_000))
        for place in [0, 10, 9, 30, 29, 31] as [Int64] {
            let stamp = Timestamp(nanoseconds: Self.start + place * 1_000)
            let time = clock.time(of: stamp) { SteadyClock.Reading(now: Self.start + 50_000, skew: -30_000) }
            last = max(last, stamp.nanoseconds)
            #expect(time.nanoseconds == last)
        }
    }

    /// A stamp that no setting explains: the packet was heard, so it is not in the future.
    @Test func nothingIsInTheFuture() {
        let reading = SteadyClock.Reading(now: Self.start, skew: 0)
        var clock = PacketClock(reading)
        let time = clock.time(of: Timestamp(nanoseconds: Self.start + 3_600_000 * Self.millisecond)) { reading }
        #expect(time.nanoseconds <= Self.start + Self.millisecond)
    }

    /// The real clocks, as they are: nobody sets them here.
    @Test func bothClocksAreRead() {
        let clock = SteadyClock()
        let (before, reading, after) = (clock.now, clock.reading, clock.now)
        #expect(before <= reading.now && reading.now <= after)
        #expect(abs(reading.skew) < 1_000 * Self.millisecond)
    }
}
