import Testing
import Volumes

@Suite struct FillWatchTests {
    /// Readings of a share, a second apart.
    private static func verdicts(_ shares: [Double], limit: Double = 0.8, timeToEnd: Duration = .seconds(10))
        -> [FillWatch.Verdict]
    {
        var watch = FillWatch(limit: limit, timeToEnd: timeToEnd)
        return shares.enumerated().map { second, share in
            watch.observe(
                SnapshotFill(share: share, used: Int64(share * 1000), room: 1000), at: Double(second))
        }
    }

    @Test func whatStandsStillMayStayForEver() {
        #expect(Self.verdicts(Array(repeating: 0.79, count: 100)).allSatisfy { $0 == .enough })
    }

    @Test func theLevelEndsIt() {
        #expect(Self.verdicts([0.5, 0.8], timeToEnd: .seconds(0)).last == .end(.level(share: 0.8, limit: 0.8)))
    }

    /// 5 % a second leaves 10 s at a half.
    @Test func theRateEndsItEarlier() {
        let verdicts = Self.verdicts([0.35, 0.40, 0.45, 0.50])
        #expect(verdicts.dropLast().allSatisfy { $0 == .enough })
        guard case .end(.rate(let seconds, let needed)) = verdicts[3] else {
            Issue.record("\(verdicts)")
            return
        }
        #expect(abs(seconds - 10) < 0.01 && needed == 10)
    }

    /// A sudden flood counts at once, and not as a mean with the quiet time before it.
    @Test func aFloodIsNotAveragedAway() {
        let verdicts = Self.verdicts(Array(repeating: 0.1, count: 30) + [0.2])
        #expect(verdicts.last != .enough)
    }

    /// Nor does one quiet second after a flood hide it.
    @Test func aPauseDoesNotHideTheRate() {
        var watch = FillWatch(limit: 0.95, timeToEnd: .seconds(10))
        var last = FillWatch.Verdict.enough
        for (second, share) in [0, 0.1, 0.2, 0.3, 0.4, 0.4].enumerated() {
            last = watch.observe(SnapshotFill(share: share, used: 0, room: 1), at: Double(second))
        }
        #expect(last == .end(.rate(seconds: 0.6 / (0.4 / 5), needed: 10)))
    }

    @Test func whatIsInvalidOrFullEndsIt() {
        var watch = FillWatch(limit: 2)
        #expect(watch.observe(SnapshotFill(share: 0.1, used: 0, room: 1, isInvalid: true), at: 0) == .end(.invalid))
        #expect(watch.observe(SnapshotFill(share: 1, used: 1, room: 1), at: 1) == .end(.invalid))
    }

    /// Whatever the filling, it is ended before it is full when no two readings are further apart than the time it takes.
    @Test(arguments: [0.001, 0.01, 0.03, 0.06, 0.09]) func itEndsBeforeTheEnd(_ rate: Double) {
        var watch = FillWatch(limit: 0.9, timeToEnd: .seconds(3))
        var share = 0.0
        for second in 0..<10_000 {
            let verdict = watch.observe(SnapshotFill(share: share, used: 0, room: 1), at: Double(second))
            if verdict != .enough {
                #expect(share + 1 * rate < 1, "one more second and it would have been full")
                return
            }
            share += rate
        }
        Issue.record("it was never ended")
    }
}
