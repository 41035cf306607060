import Model
import OperatingSystem
import Proxies
import Testing
import Wire

@testable import Experimenter

@Suite struct SubscriptionTests {
    private func at(_ milliseconds: Int64) -> Timestamp { Timestamp(nanoseconds: milliseconds * 1_000_000) }

    private func request(_ label: String, _ time: Int64) -> Request {
        Request(
            number: 0,
            passage: Passage(firstByte: at(time), lastByte: at(time), byteCount: 10), key: 0, label: label,
            bytes: Array("GET / HTTP/1.1\r\n\r\n".utf8))
    }

    /// Plays sessions of one request each, a hundred a second.
    private func play(_ shape: ReplayShape, labels: [String]) throws -> (Subscription, [ReplayItem]) {
        let mailbox = try Mailbox<ReplayInput>()
        let subscription = Subscription(mailbox, timeShift: .seconds(2), shape: shape)
        for (index, label) in labels.enumerated() {
            let id = ConnectionID(index)
            subscription.opened(id, at: at(Int64(index) * 10))
            subscription.requested(request(label, Int64(index) * 10), on: id, isPipelined: false)
            subscription.closed(id, at: at(Int64(index) * 10 + 5))
        }
        let items = mailbox.takeAll().compactMap { input -> ReplayItem? in
            if case .item(let item) = input { item } else { nil }
        }
        return (subscription, items)
    }

    private func requests(_ items: [ReplayItem]) -> [(key: RequestKey, due: Timestamp)] {
        items.compactMap { item in
            if case .request(let request) = item.kind { (request.key, item.due) } else { nil }
        }
    }

    /// As on-line: the same connections, a time shift later.
    @Test func thePlainLoadIsPassedOn() throws {
        let (subscription, items) = try play(ReplayShape(), labels: [String](repeating: "GET /", count: 50))
        #expect(requests(items).map(\.key.connection) == (0..<50).map { UInt64($0) })
        #expect(requests(items).map(\.due) == (0..<50).map { at(Int64($0) * 10 + 2000) })
        #expect(subscription.count(in: at(0)..<at(10_000)) == nil && subscription.originals.isEmpty)
    }

    /// Half as many sessions again; every copy is known to be one, and counted when it is due.
    @Test func moreLoadIsMoreSessions() throws {
        var shape = ReplayShape()
        shape.scale = 1.5
        let (subscription, items) = try play(shape, labels: [String](repeating: "GET /", count: 400))
        let replayed = requests(items)
        #expect((540...660).contains(replayed.count))
        #expect(Set(replayed.map(\.key)).count == replayed.count)
        #expect(subscription.count(in: at(0)..<at(60_000)) == replayed.count)
        #expect(
            subscription.count(in: at(3000)..<at(4000)) == replayed.count { (at(3000)..<at(4000)).contains($0.due) })
        let originals = subscription.originals
        #expect(Set(replayed.compactMap { originals[$0.key]?.connection }) == Set(0..<400))
    }

    @Test func aMixWeighsSessions() throws {
        var shape = ReplayShape()
        shape.mix = [MixRule(pattern: "POST *", factor: 3), MixRule(pattern: "GET /old*", factor: 0)]
        let labels = (0..<300).map { ["GET /", "POST /bid", "GET /old/7"][$0 % 3] }
        let (subscription, items) = try play(shape, labels: labels)
        #expect(requests(items).count == 100 + 300)
        #expect(subscription.originals.values.allSatisfy { $0.connection % 3 != 2 })
    }
}
