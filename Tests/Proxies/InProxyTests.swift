import Model
import Proxies
import Testing
import Wire

@Suite struct InProxyTests {
    private func at(_ milliseconds: Int64) -> Timestamp { Timestamp(nanoseconds: milliseconds * 1_000_000) }

    private func request(
        _ connection: UInt64, _ number: Int, due: Int64, method: String = "GET", isPipelined: Bool = false
    ) -> ReplayItem {
        ReplayItem(
            connection: connection, due: at(due),
            kind: .request(
                RecordedRequest(
                    RequestKey(connection: connection, number: number),
                    Array("\(method) /\(number) HTTP/1.1\r\nHost: a\r\n\r\n".utf8), isPipelined: isPipelined)))
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

    /// Open loop: what is sent late is sent all the same; that it was late is its sender's time and not the server's.
    @Test func responseTimesRunFromWhenRequestsWereSent() throws {
        var proxy = InProxy()
        proxy.schedule(request(1, 0, due: 10))
        let slot = try #require(sends(proxy.due(at: at(15))).first)
        _ = proxy.received(Self.ok.span, on: slot, at: at(40))
        let told = try #require(proxy.takeFinished().first)
        #expect(told.due == at(10) && told.sent == at(15))
        #expect(told.outcome == .answered(status: 200, isError: false, at: at(40)))
        #expect(told.responseTime(until: at(1000)) == .milliseconds(25))
        #expect(proxy.takeFinished().isEmpty)
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
        #expect(proxy.openCount == 0)
    }

    /// A slow clone must not slow the requests down: what is due goes on a further connection, and is counted.
    @Test func aRequestDueBeforeTheReplyGoesOnAFurtherConnection() {
        var proxy = InProxy()
        for number in 0..<3 { proxy.schedule(request(1, number, due: Int64(number) * 10)) }
        let first = sends(proxy.due(at: at(0)))
        let second = sends(proxy.due(at: at(10)))
        #expect(first != second)
        // The further connection is used again once it is free.
        _ = proxy.received(Self.ok.span, on: second[0], at: at(15))
        #expect(sends(proxy.due(at: at(20))) == second)
        #expect(proxy.sentCount == 3)
        _ = proxy.received(Self.ok.span, on: second[0], at: at(25))
        _ = proxy.received(Self.ok.span, on: first[0], at: at(26))
        #expect(proxy.takeFinished().map(\.moved) == [true, true, false])
    }

    @Test func aConnectionThatEndsCutsItsRequestOff() throws {
        var proxy = InProxy()
        proxy.schedule(request(1, 0, due: 0))
        proxy.schedule(request(1, 1, due: 10))
        let slot = try #require(sends(proxy.due(at: at(0))).first)
        _ = proxy.ended(slot, at: at(5))
        #expect(proxy.takeFinished().first?.outcome == .cutOff(at: at(5)))
        // The next request of the same recorded connection gets a new one.
        let next = try #require(sends(proxy.due(at: at(10))).first)
        #expect(next != slot)
    }

    @Test func aReplyFramedByTheEndOfTheConnectionIsAnswered() throws {
        var proxy = InProxy()
        proxy.schedule(request(1, 0, due: 0))
        let slot = try #require(sends(proxy.due(at: at(0))).first)
        _ = proxy.received(Array("HTTP/1.0 200 OK\r\n\r\nbody".utf8).span, on: slot, at: at(3))
        _ = proxy.ended(slot, at: at(4))
        #expect(proxy.takeFinished().first?.outcome == .answered(status: 200, isError: false, at: at(3)))
    }

    @Test func aResetMakesNoReplyWhole() throws {
        var proxy = InProxy()
        proxy.schedule(request(1, 0, due: 0))
        let slot = try #require(sends(proxy.due(at: at(0))).first)
        _ = proxy.received(Array("HTTP/1.0 200 OK\r\n\r\nbody".utf8).span, on: slot, at: at(3))
        _ = proxy.ended(slot, at: at(4), isReset: true)
        #expect(proxy.takeFinished().first?.outcome == .cutOff(at: at(4)))
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
        #expect(proxy.takeFinished().first?.outcome == .malformed(at: at(3)))
    }

    @Test func theReplyToHeadHasNoBody() throws {
        var proxy = InProxy()
        proxy.schedule(request(1, 0, due: 0, method: "HEAD"))
        let slot = try #require(sends(proxy.due(at: at(0))).first)
        _ = proxy.received(Array("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n".utf8).span, on: slot, at: at(2))
        #expect(proxy.takeFinished().first?.outcome == .answered(status: 200, isError: false, at: at(2)))
    }

    /// Where a connection has a state, such as a transaction, order counts more than the moment; the wait is told.
    @Test func aRequestDueBeforeTheReplyWaitsWhereOrderCounts() throws {
        var proxy = InProxy(InProxySetting(whenBusy: .wait))
        for number in 0..<3 { proxy.schedule(request(1, number, due: Int64(number) * 10)) }
        let slot = try #require(sends(proxy.due(at: at(0))).first)
        #expect(sends(proxy.due(at: at(20))).isEmpty && proxy.openCount == 3)
        #expect(sends(proxy.received(Self.ok.span, on: slot, at: at(30))) == [slot])
        #expect(sends(proxy.received(Self.ok.span, on: slot, at: at(31))) == [slot])
        _ = proxy.received(Self.ok.span, on: slot, at: at(32))
        let told = proxy.takeFinished()
        #expect(told.map(\.key.number) == [0, 1, 2] && told.map(\.waited) == [false, true, true])
        #expect(
            told.map { $0.responseTime(until: at(99)) } == [.milliseconds(30), .milliseconds(21), .milliseconds(12)])
        #expect(told.map(\.sent) == [at(0), at(30), at(31)])
    }

    /// What waited for a connection that ends goes on another, in its order.
    @Test func whatWaitedForALostConnectionIsStillSent() throws {
        var proxy = InProxy(InProxySetting(whenBusy: .wait))
        for number in 0..<3 { proxy.schedule(request(1, number, due: 0)) }
        let slot = try #require(sends(proxy.due(at: at(0))).first)
        let next = try #require(sends(proxy.ended(slot, at: at(5))).first)
        #expect(next != slot)
        #expect(sends(proxy.received(Self.ok.span, on: next, at: at(7))) == [next])
        _ = proxy.received(Self.ok.span, on: next, at: at(9))
        #expect(
            proxy.takeFinished().map(\.outcome) == [
                .cutOff(at: at(5)), .answered(status: 200, isError: false, at: at(7)),
                .answered(status: 200, isError: false, at: at(9)),
            ])
        #expect(proxy.openCount == 0)
    }

    @Test func whatWasPipelinedOnLineIsPipelined() {
        for setting in InProxySetting.WhenBusy.allCases {
            var proxy = InProxy(InProxySetting(whenBusy: setting))
            proxy.schedule(request(1, 0, due: 0))
            proxy.schedule(request(1, 1, due: 1, isPipelined: true))
            let slots = sends(proxy.due(at: at(1)))
            #expect(slots.count == 2 && Set(slots).count == 1)
            _ = proxy.received((Self.ok + Self.ok).span, on: slots[0], at: at(3))
            #expect(proxy.takeFinished().map(\.key.number) == [0, 1])
        }
    }

    /// Memory is bounded: what a server does not take is dropped, and said so.
    @Test func whatIsTooMuchIsDroppedAndTold() {
        var setting = InProxySetting(whenBusy: .wait)
        setting.waitingLimit = 100
        var proxy = InProxy(setting)
        for number in 0..<10 { proxy.schedule(request(1, number, due: 0)) }
        #expect(sends(proxy.due(at: at(0))).count == 1)
        let dropped = proxy.takeFinished()
        #expect(
            !dropped.isEmpty && dropped.allSatisfy { $0.outcome == .dropped && $0.responseTime(until: at(9)) == nil })
        #expect(proxy.openCount + dropped.count == 10)
        proxy.finish()
        #expect(proxy.takeFinished().allSatisfy { $0.outcome == .waiting } && proxy.openCount == 0)
    }

    /// What is due behind the horizon is played as well, and not waited for.
    @Test func beforeTheHorizonIsWaitedFor() throws {
        var proxy = InProxy()
        for number in 0..<3 { proxy.schedule(request(UInt64(number), 0, due: Int64(number) * 10)) }
        proxy.moveHorizon(to: at(20))
        let first = sends(proxy.due(at: at(0)))
        #expect(proxy.openCount == 1 && proxy.scheduledCount > 0)
        let second = sends(proxy.due(at: at(19)))
        #expect(proxy.openCount == 2 && proxy.scheduledCount == 0)
        let third = sends(proxy.due(at: at(20)))
        #expect(third.count == 1 && proxy.openCount == 2)
        for slot in third + second { _ = proxy.received(Self.ok.span, on: slot, at: at(30)) }
        #expect(proxy.openCount == 1)
        _ = proxy.ended(try #require(first.first), at: at(31))
        #expect(proxy.openCount == 0 && proxy.takeFinished().count == 3)
    }

    /// A further window is waited for as the first was, and what is open from between them as well.
    @Test func aHorizonIsMoved() throws {
        var proxy = InProxy()
        for number in 0..<4 { proxy.schedule(request(UInt64(number), 0, due: Int64(number) * 10)) }
        proxy.moveHorizon(to: at(10))
        let first = sends(proxy.due(at: at(10)))
        #expect(first.count == 2 && proxy.openCount == 1)
        proxy.moveHorizon(to: at(25))
        #expect(proxy.openCount == 2 && proxy.scheduledCount > 0)
        let second = sends(proxy.due(at: at(30)))
        #expect(second.count == 2 && proxy.openCount == 3 && proxy.scheduledCount == 0)
        // Said too late: what was begun already is waited for.
        proxy.moveHorizon(to: at(5))
        #expect(proxy.openCount == 4 && proxy.horizon > at(30))
        for slot in first + second { _ = proxy.received(Self.ok.span, on: slot, at: at(31)) }
        #expect(proxy.openCount == 0)
    }

    @Test func aSecondAnswerIsCountedAndTakenForNoOther() throws {
        var proxy = InProxy()
        proxy.schedule(request(1, 0, due: 0))
        proxy.schedule(request(1, 1, due: 10))
        let slot = try #require(sends(proxy.due(at: at(0))).first)
        _ = proxy.received(Self.ok.span, on: slot, at: at(1))
        guard case .close? = proxy.received(Self.ok.span, on: slot, at: at(2)).first else {
            Issue.record("the connection stays open")
            return
        }
        #expect(proxy.unsolicitedCount == 1)
        #expect(try #require(sends(proxy.due(at: at(10))).first) != slot)
    }

    /// The reader of the protocol pairs, whatever it is.
    @Test func otherProtocolsArePaired() throws {
        var proxy = InProxy(InProxySetting(.redis))
        let key = { (number: Int) in RequestKey(connection: 1, number: number) }
        for number in 0..<2 {
            let bytes = Array("*2\r\n$3\r\nGET\r\n$1\r\na\r\n".utf8)
            proxy.schedule(
                ReplayItem(connection: 1, due: at(0), kind: .request(RecordedRequest(key(number), bytes))))
        }
        let slot = try #require(sends(proxy.due(at: at(0))).first)
        #expect(sends(proxy.received(Array("$1\r\nb\r\n".utf8).span, on: slot, at: at(1))) == [slot])
        _ = proxy.received(Array("-ERR no\r\n".utf8).span, on: slot, at: at(2))
        let told = proxy.takeFinished()
        #expect(told.map(\.key.number) == [0, 1])
        guard case .answered(_, isError: true, _)? = told.last?.outcome else {
            Issue.record("\(told)")
            return
        }
    }
}
