import Model
import Proxies
import Testing
import Wire

@Suite struct InProxyTests {
    private func at(_ milliseconds: Int64) -> Timestamp { Timestamp(nanoseconds: milliseconds * 1_000_000) }

    private func request(_ connection: UInt64, _ number: Int, due: Int64, method: String = "GET") -> ReplayItem {
        ReplayItem(
            connection: connection, due: at(due),
            kind: .request(
                RequestKey(connection: connection, number: number), HTTPVerb(label: method + " "), [UInt8(number)]))
    }

    private static let ok = Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".utf8)

    private func sends(_ actions: [InProxy.Action]) -> [Int] {
        actions.compactMap { if case .send(let slot, _) = $0 { slot } else { nil } }
    }

    @Test func nothingLeavesBeforeItIsDueAndAllThatIsDueLeaves() {
        var proxy = InProxy()
        for due in [30, 10, 20] as [Int64] { proxy.schedule(request(UInt64(due), 0, due: due)) }
        #expect(sends(proxy.due(at: at(9))).isEmpty)
        #expect(proxy.nextDue == at(10))
        #expect(sends(proxy.due(at: at(20))).count == 2)
        #expect(proxy.nextDue == at(30))
    }

    /// Open loop: the response time runs from the moment the request was due, also when it left late.
    @Test func responseTimesRunFromWhenRequestsWereDue() throws {
        var proxy = InProxy()
        proxy.schedule(request(1, 0, due: 10))
        let slot = try #require(sends(proxy.due(at: at(15))).first)
        _ = proxy.received(Self.ok.span, on: slot, at: at(40))
        let log = try #require(proxy.log.first)
        #expect(log.due == at(10) && log.sent == at(15))
        #expect(log.outcome == .answered(status: 200, at: at(40)))
    }

    @Test func aConnectionIsKeptAndClosedAsOnLine() throws {
        var proxy = InProxy()
        proxy.schedule(ReplayItem(connection: 1, due: at(0), kind: .open))
        proxy.schedule(request(1, 0, due: 1))
        proxy.schedule(request(1, 1, due: 10))
        proxy.schedule(ReplayItem(connection: 1, due: at(20), kind: .close))
        let first = sends(proxy.due(at: at(1)))
        _ = proxy.received(Self.ok.span, on: first[0], at: at(5))
        #expect(sends(proxy.due(at: at(10))) == first)
        // The close waits for the reply that is out.
        #expect(proxy.due(at: at(20)).isEmpty)
        let actions = proxy.received(Self.ok.span, on: first[0], at: at(25))
        guard case .close(let closed)? = actions.first else {
            Issue.record("the connection stays open")
            return
        }
        #expect(closed == first[0])
        #expect(proxy.waitingCount == 0)
    }

    /// A slow clone must not slow the requests down: what is due goes on a further connection, and is counted.
    @Test func aRequestDueBeforeTheReplyGoesOnAFurtherConnection() {
        var proxy = InProxy()
        for number in 0..<3 { proxy.schedule(request(1, number, due: Int64(number) * 10)) }
        let first = sends(proxy.due(at: at(0)))
        let second = sends(proxy.due(at: at(10)))
        #expect(first != second)
        #expect(proxy.log.map(\.moved) == [false, true])
        // The further connection is used again once it is free.
        _ = proxy.received(Self.ok.span, on: second[0], at: at(15))
        #expect(sends(proxy.due(at: at(20))) == second)
        #expect(proxy.log.count == 3)
    }

    @Test func aConnectionThatEndsCutsItsRequestOff() throws {
        var proxy = InProxy()
        proxy.schedule(request(1, 0, due: 0))
        proxy.schedule(request(1, 1, due: 10))
        let slot = try #require(sends(proxy.due(at: at(0))).first)
        proxy.ended(slot, at: at(5))
        #expect(proxy.log.first?.outcome == .cutOff(at: at(5)))
        // The next request of the same recorded connection gets a new one.
        let next = try #require(sends(proxy.due(at: at(10))).first)
        #expect(next != slot)
    }

    @Test func aReplyFramedByTheEndOfTheConnectionIsAnswered() throws {
        var proxy = InProxy()
        proxy.schedule(request(1, 0, due: 0))
        let slot = try #require(sends(proxy.due(at: at(0))).first)
        _ = proxy.received(Array("HTTP/1.0 200 OK\r\n\r\nbody".utf8).span, on: slot, at: at(3))
        proxy.ended(slot, at: at(4))
        #expect(proxy.log.first?.outcome == .answered(status: 200, at: at(3)))
    }

    @Test func whatIsNotHTTPEndsTheConnection() throws {
        var proxy = InProxy()
        proxy.schedule(request(1, 0, due: 0))
        let slot = try #require(sends(proxy.due(at: at(0))).first)
        let actions = proxy.received(Array("SSH-2.0\r\n\r\n".utf8).span, on: slot, at: at(3))
        guard case .close? = actions.last else {
            Issue.record("the connection stays open")
            return
        }
        #expect(proxy.log.first?.outcome == .cutOff(at: at(3)))
    }

    @Test func theReplyToHeadHasNoBody() throws {
        var proxy = InProxy()
        proxy.schedule(request(1, 0, due: 0, method: "HEAD"))
        let slot = try #require(sends(proxy.due(at: at(0))).first)
        _ = proxy.received(Array("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n".utf8).span, on: slot, at: at(2))
        #expect(proxy.log.first?.outcome == .answered(status: 200, at: at(2)))
    }
}
