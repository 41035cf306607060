import Foundation
import Model
import OperatingSystem
import Proxies
import Testing
import Wire

@testable import Experimenter

/// What a campaign plays of a trace.
@Suite final class RecordedTrafficTests {
    private let path = NSTemporaryDirectory() + "whatif-recorded-\(UInt64.random(in: 0 ... .max)).wtrace"
    private let app = Endpoint(IPAddress(v4: 0x0a00_0002), 8080)
    private let database = Endpoint(IPAddress(v4: 0x0a00_0003), 5432)
    private let client = Endpoint(IPAddress(v4: 0x0a00_0001), 40_000)

    deinit { try? FileManager.default.removeItem(atPath: path) }

    private func at(_ milliseconds: Int64) -> Timestamp {
        Timestamp(nanoseconds: 1_700_000_000_000_000_000 + milliseconds * 1_000_000)
    }

    private func exchange(
        _ number: Int, _ asked: Int64, _ answered: Int64, _ name: ApplicationProtocol = .http, reply: [UInt8] = [2]
    ) -> Exchange {
        let passage = { (time: Int64) in Passage(firstByte: self.at(time), lastByte: self.at(time), byteCount: 9) }
        return Exchange(
            name, request: Request(number: number, passage: passage(asked), key: 1, label: "GET /", bytes: [1]),
            reply: Reply(passage: passage(answered), status: 200, bytes: reply))
    }

    /// Two clients of an application, and its connection to the database, opened before the recording.
    private func write(payload: Bool = true, last: [UInt8] = [2]) throws {
        var header = TraceHeader(created: at(0), source: "a test")
        header.keepsPayload = payload
        let writer = try TraceWriter.create(path, header, replacing: true)
        for (id, server, name, opened) in [
            (ConnectionID(1), app, ApplicationProtocol.http, Int64(0)), (2, database, .tcp, -50), (3, app, .http, 20),
        ] {
            let connection = TraceConnection(
                id: id, client: client, server: server, protocolName: name, opened: at(opened))
            try writer.write(.connection(connection, isOpened: opened >= 0))
        }
        // In the order of the replies.
        try writer.write(.exchange(2, exchange(0, 22, 24, .tcp)))
        try writer.write(.exchange(1, exchange(0, 10, 30)))
        try writer.write(.exchange(3, exchange(0, 21, 40)))
        try writer.write(.closed(3, at(45)))
        try writer.write(.exchange(1, exchange(1, 5000, 5010, reply: last)))
        try writer.close()
    }

    private func traffic(
        fronts: [WatchedServer]? = nil, others: [WatchedServer]? = nil, reach: Duration = .seconds(60)
    ) throws -> RecordedTraffic {
        try RecordedTraffic(
            path, fronts: fronts ?? [WatchedServer(app, .http)], others: others ?? [WatchedServer(database, .tcp)],
            reach: reach)
    }

    private func words(_ moment: RecordedTraffic.Moment) -> String {
        let milliseconds = Int((moment.offset.seconds * 1000).rounded())
        return switch moment.event {
        case .opened(let id, _, let server, _): "\(milliseconds) opened \(id) \(server)"
        case .request(let id, let request): "\(milliseconds) request \(id).\(request.number)"
        case .exchange(let id, let exchange): "\(milliseconds) exchange \(id).\(exchange.request.number)"
        case .closed(let id, _, _): "\(milliseconds) closed \(id)"
        default: "\(moment.event)"
        }
    }

    /// A file of the same name is not the same trace, and one that was recorded further is; records of before there were digests
    /// are believed.
    @Test func whatWasPlayedIsKnownByItsDigest() throws {
        try write()
        let words = try traffic().words
        let digest = String(words.suffix(64))
        #expect(digest.allSatisfy(\.isHexDigit) && words.hasSuffix(", SHA-256 \(digest)"))
        #expect(try traffic().words == words)
        let short = try traffic(reach: .seconds(1)).words
        try write(last: [3])
        #expect(try traffic().words != words && traffic(reach: .seconds(1)).words == short)

        let before = String(words.dropLast(", SHA-256 ".count + 64))
        #expect(RecordedTraffic.isSame(words, asEarlier: words) && RecordedTraffic.isSame(words, asEarlier: before))
        #expect(RecordedTraffic.isSame(nil, asEarlier: nil))
        let other = before + ", SHA-256 " + String(repeating: "0", count: 64)
        for earlier in [other, nil, String(before.dropLast())] {
            #expect(!RecordedTraffic.isSame(words, asEarlier: earlier))
        }
        #expect(!RecordedTraffic.isSame(nil, asEarlier: words))
    }

    @Test func whatTheWireSaidIsSaidAgain() throws {
        try write()
        let traffic = try traffic()
        #expect(
            traffic.moments.map(words) == [
                "0 opened 1 10.0.0.2:8080", "0 opened 2 10.0.0.3:5432", "0 request 1.0", "10 opened 3 10.0.0.2:8080",
                "11 request 3.0", "12 request 2.0", "14 exchange 2.0", "20 exchange 1.0", "30 exchange 3.0",
                "35 closed 3", "4990 request 1.1", "5000 exchange 1.1",
            ], "\(traffic.moments.map(words))")
        #expect(traffic.length > .seconds(5) && traffic.first == at(10) && traffic.front == app)
        // Of the beginning only.
        #expect(try self.traffic(reach: .seconds(1)).words != traffic.words)
        #expect(try self.traffic().words == traffic.words)
    }

    /// The servers of today have other addresses; which is which is told by protocol and port, if that is enough.
    @Test func serversHaveMoved() throws {
        try write()
        let moved = { (last: Int, port: UInt16) in Endpoint(IPAddress(v4: 0xc000_0200 + UInt32(last)), port) }
        let traffic = try traffic(
            fronts: [WatchedServer(moved(1, 8080), .http)], others: [WatchedServer(moved(2, 5432), .tcp)])
        #expect(traffic.front == moved(1, 8080))
        #expect(traffic.moments.prefix(2).map(words) == ["0 opened 1 192.0.2.1:8080", "0 opened 2 192.0.2.2:5432"])
        #expect(throws: ReplayError.self) {
            try self.traffic(fronts: [WatchedServer(moved(1, 80), .http)])
        }
    }

    @Test func whatCannotBePlayedIsRefused() throws {
        try write(payload: false)
        let error = #expect(throws: ReplayError.self) { try traffic() }
        #expect("\(try #require(error))".contains("without payload"))
    }

    /// Each beginning is heard whole and from its first request, on connections of its own.
    @Test func everyBeginningIsTheSame() throws {
        try write()
        let clock = SteadyClock()
        let tap = OnLineTap()
        tap.expect([app], [])
        let player = try TracePlayer(try traffic(), tap, clock)
        let mailbox = try Mailbox<ReplayInput>()
        tap.subscribe(Subscription(mailbox, timeShift: .zero))
        func asked(until count: Int) -> [(key: RequestKey, due: Timestamp)] {
            var found: [(RequestKey, Timestamp)] = []
            let deadline = ContinuousClock.now + .seconds(20)
            while found.count < count, ContinuousClock.now < deadline {
                for case .item(let item) in mailbox.takeAll() {
                    if case .request(let request) = item.kind { found.append((request.key, item.due)) }
                }
            }
            return found
        }
        try player.start()
        let first = asked(until: 2)
        player.begin()
        let second = asked(until: 2)
        try player.stop()
        #expect(first.count == 2 && second.count == 2)
        #expect(Set(first.map(\.key.connection)).isDisjoint(with: second.map(\.key.connection)))
        for requests in [first, second] { #expect(requests[1].due - requests[0].due == .milliseconds(11)) }
    }
}
