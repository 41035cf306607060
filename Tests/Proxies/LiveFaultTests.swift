import Model
import OperatingSystem
import Proxies
import Testing
import Wire

/// A capture that goes wrong while a live replay listens: the machine's clock is set, or packets are missing.
@Suite struct LiveFaultTests {
    private static let server = Endpoint(IPAddress(v4: 0x0a00_0001), 80)
    private static let start: Int64 = 1_700_000_000_000_000_000
    private static let shift = Duration.milliseconds(100)

    private func at(_ milliseconds: Int) -> Timestamp {
        Timestamp(nanoseconds: Self.start + Int64(milliseconds) * 1_000_000)
    }

    /// What is to be replayed of packets: the requests' paths with their times, and the schedule's counts. `time` says
    /// when a packet was heard.
    private func told(
        _ packets: [HeardConnection.Packet], _ time: (Timestamp) -> Timestamp = { $0 }
    ) -> (requests: [String], expected: Int, schedule: LiveSchedule, unseen: Unseen) {
        var dissector = Dissector([WatchedServer(Self.server, .http)])
        var schedule = LiveSchedule(of: Self.server, ReplayShape(), shift: Self.shift)
        var inputs: [ReplayInput] = []
        for packet in packets {
            dissector.accept(packet.segment, packet.bytes.span, at: time(packet.time)) {
                schedule.take($0, into: &inputs)
            }
        }
        let requests = inputs.compactMap { input -> String? in
            guard case .item(let item) = input, case .request(let request) = item.kind else { return nil }
            let path = String(decoding: request.bytes, as: UTF8.self).split(separator: " ")[1]
            return "\(path) at \((item.due - at(0) - Self.shift).nanoseconds / 1_000_000)"
        }
        let expected = inputs.count { input in
            if case .item(let item) = input, case .request(let request) = item.kind { return request.expected != nil }
            if case .expected = input { return true }
            return false
        }
        return (requests, expected, schedule, dissector.unseen)
    }

    /// Three connections with a request every 10 ms each.
    private func traffic() -> [HeardConnection.Packet] {
        (0..<3).map { number in
            var connection = HeardConnection(number, to: Self.server, at: at(number))
            for place in 1...20 { connection.exchange("/\(number).\(place)", at: at(place * 10 + number)) }
            connection.close(at: at(250))
            return connection
        }.packets
    }

    /// An hour forward or back in the middle: every request keeps its order and its distance, and none is lost.
    @Test(arguments: [3_600, -3_600, 1, -1] as [Int64])
    func theClockIsSet(_ seconds: Int64) {
        let skew = { (time: Timestamp) in time < at(100) ? Int64(0) : seconds * 1_000_000_000 }
        // The packets are taken 15 ms after they came, as they wait with the kernel.
        let reading = { (time: Timestamp) in
            SteadyClock.Reading(now: (time + .milliseconds(15)).nanoseconds, skew: skew(time + .milliseconds(15)))
        }
        var clock = PacketClock(reading(at(0)))
        let set = told(traffic()) { time in
            clock.note(reading(time))
            return clock.time(of: Timestamp(nanoseconds: time.nanoseconds + skew(time))) { reading(time) }
        }
        let plain = told(traffic())
        #expect(set.requests == plain.requests && plain.requests.count == 60)
        #expect(set.requests.first == "/0.1 at 10" && set.requests.last == "/2.20 at 202")
        #expect(set.schedule.captured == 60 && set.schedule.lost == 0 && set.expected == 60)
    }

    /// The request's segment was not captured: it is lost, and those before and behind it are played.
    @Test func aRequestIsMissing() {
        var connection = HeardConnection(1, to: Self.server, at: at(0))
        connection.exchange("/1", at: at(10))
        connection.exchange("/2", at: at(20), requestIsHeard: false)
        connection.exchange("/3", at: at(30))
        connection.exchange("/4", at: at(40))
        connection.close(at: at(50))
        var other = HeardConnection(2, to: Self.server, at: at(1))
        for place in 1...4 { other.exchange("/o\(place)", at: at(place * 10 + 1)) }
        let (requests, expected, schedule, unseen) = told([connection, other].packets)
        #expect(
            requests == [
                "/1 at 10", "/o1 at 11", "/o2 at 21", "/3 at 30", "/o3 at 31", "/4 at 40", "/o4 at 41",
            ])
        #expect(schedule.captured == 7 && schedule.lost == 1 && expected == 7)
        #expect(unseen.gaps == 1 && unseen.missingBytes > 0)
    }

    /// The reply's segment was not captured: the request was heard, and is played; nothing is expected of it.
    @Test func aReplyIsMissing() {
        var connection = HeardConnection(1, to: Self.server, at: at(0))
        connection.exchange("/1", at: at(10))
        connection.exchange("/2", at: at(20), replyIsHeard: false)
        connection.exchange("/3", at: at(30))
        connection.close(at: at(40))
        var other = HeardConnection(2, to: Self.server, at: at(1))
        other.exchange("/o1", at: at(21))
        let (requests, expected, schedule, unseen) = told([connection, other].packets)
        #expect(requests == ["/1 at 10", "/2 at 20", "/o1 at 21", "/3 at 30"])
        #expect(schedule.captured == 4 && schedule.lost == 0 && expected == 3)
        #expect(unseen.gaps == 1)
    }
}
