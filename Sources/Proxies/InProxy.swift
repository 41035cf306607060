package import Model
package import Wire

/// How recorded requests are brought to a server.
package struct InProxySetting: Sendable {
    /// What becomes of a request that is due while the reply before it on its connection is still out here, though it
    /// was not on-line.
    package enum WhenBusy: String, Sendable, CaseIterable {
        /// It goes on a further connection: the load stays open loop.
        case further
        /// It waits for the reply: for protocols whose connections have a state, such as a transaction.
        case wait
    }

    package var protocolName: ApplicationProtocol
    package var whenBusy: WhenBusy
    /// Whether replies are handed on with their bytes.
    package var keepsReplies = false
    /// Bytes of requests that may wait for busy connections or for a server that does not read; what is due beyond them is
    /// dropped and counted.
    package var waitingLimit = 32 << 20

    package init(_ protocolName: ApplicationProtocol = .http, whenBusy: WhenBusy? = nil) {
        self.protocolName = protocolName
        self.whenBusy = whenBusy ?? (protocolName == .http ? .further : .wait)
    }
}

/// The in-proxy's decisions (open loop): which connection carries which request when, and how long the answers took from
/// the moment the requests were due. Values in, values out; `RequestSide` owns the sockets.
///
/// What a connection of ours says and hears is read by the very reader that read production, so that both mean the same by
/// a reply, in every protocol.
package struct InProxy: Sendable {
    package typealias Slot = Int

    package enum Action: Sendable {
        case open(Slot)
        /// To be sent as soon as the slot is connected, after what was given to it before.
        case send(Slot, [UInt8])
        case close(Slot)
    }

    private struct Connection: Sendable {
        var recorded: UInt64?
        var reader: any ConnectionReader
        /// Sent and not answered, oldest first.
        var outstanding = Queue<ReplayedRequest>()
        /// Due, and waiting for the reply before them.
        var waiting = Queue<(request: RecordedRequest, told: ReplayedRequest)>()
        var closesWhenIdle = false

        enum State { case idle, asked, crowded }

        var state: State { !waiting.isEmpty ? .crowded : outstanding.isEmpty ? .idle : .asked }
    }

    private let setting: InProxySetting
    private let entry: ProtocolEntry?
    private var schedule = Schedule<ReplayItem>()
    private var connections: [Slot: Connection] = [:]
    private var primary: [UInt64: Slot] = [:]
    private var spare: [Slot] = []
    private var nextSlot: Slot = 0
    private var waitingBytes = 0
    private var finished: [ReplayedRequest] = []
    /// What the on-line server answered to requests that are still to end.
    private var expected: [RequestKey: ExpectedReply] = [:]
    /// Answers of requests that end before their on-line ones, or never come, must not be kept for ever.
    private static let expectedLimit = 65_536
    /// Requests that were handed to a connection, and what became of them so far.
    package private(set) var sentCount = 0
    package private(set) var answeredCount = 0
    /// Requests that are due and neither answered nor given up.
    package private(set) var openCount = 0
    /// Times that a server spoke where nothing was asked.
    package private(set) var unsolicitedCount = 0
    /// A reply to be handed on, if replies are kept.
    package var onReply: (@Sendable (RequestKey, Reply) -> Void)?

    package init(_ setting: InProxySetting = InProxySetting()) {
        self.setting = setting
        entry = ProtocolTable.entry(setting.protocolName)
    }

    /// Puts an item in its place by time; items of equal time keep their order.
    package mutating func schedule(_ item: ReplayItem) { schedule.insert(item, due: item.due) }

    package var nextDue: Timestamp? { schedule.nextDue }
    package var scheduledCount: Int { schedule.count }
    package var connectionCount: Int { connections.count }

    /// What has ended since the call before.
    package mutating func takeFinished() -> [ReplayedRequest] {
        defer { finished.removeAll(keepingCapacity: true) }
        return finished
    }

    /// Everything that is due by `now`.
    package mutating func due(at now: Timestamp) -> [Action] {
        var actions: [Action] = []
        while let item = schedule.popFirst(by: now) {
            switch item.kind {
            case .open:
                if primary[item.connection] == nil { _ = open(for: item.connection, &actions) }
            case .request(let request):
                take(request, of: item, at: now, &actions)
            case .close:
                guard let slot = primary.removeValue(forKey: item.connection) else { continue }
                connections[slot]?.recorded = nil
                if connections[slot]?.state == .idle {
                    close(slot, &actions)
                } else {
                    connections[slot]?.closesWhenIdle = true
                }
            }
        }
        return actions
    }

    private mutating func open(for recorded: UInt64?, _ actions: inout [Action]) -> Slot {
        let slot = nextSlot
        nextSlot += 1
        let reading = ReaderSetting(UInt64(slot), fromStart: true, keepsPayload: setting.keepsReplies)
        connections[slot] = Connection(recorded: recorded, reader: entry?.reader(reading) ?? TurnReader(reading))
        if let recorded { primary[recorded] = slot }
        actions.append(.open(slot))
        return slot
    }

    private mutating func close(_ slot: Slot, _ actions: inout [Action]) {
        connections[slot] = nil
        actions.append(.close(slot))
    }

    private mutating func take(
        _ request: RecordedRequest, of item: ReplayItem, at now: Timestamp, _ actions: inout [Action]
    ) {
        var told = ReplayedRequest(key: request.key, due: item.due)
        told.expected = request.expected
        guard waitingBytes + request.bytes.count <= setting.waitingLimit else {
            told.outcome = .dropped
            finished.append(told)
            return
        }
        openCount += 1
        guard let own = primary[item.connection], let state = connections[own]?.state else {
            send(request, told, on: open(for: item.connection, &actions), at: now, &actions)
            return
        }
        if state == .idle || state == .asked && request.isPipelined {
            send(request, told, on: own, at: now, &actions)
        } else if setting.whenBusy == .further {
            told.moved = true
            send(request, told, on: spare.popLast() ?? open(for: nil, &actions), at: now, &actions)
        } else {
            told.waited = true
            waitingBytes += request.bytes.count
            connections[own]?.waiting.append((request, told))
        }
    }

    private mutating func send(
        _ request: RecordedRequest, _ told: ReplayedRequest, on slot: Slot, at now: Timestamp,
        _ actions: inout [Action]
    ) {
        var told = told
        told.sent = now
        sentCount += 1
        connections[slot]?.outstanding.append(told)
        // A reader that finds no sense in a recorded request says so; its reply then counts as malformed.
        var events: [WireEvent] = []
        connections[slot]?.reader.client(request.bytes.span, at: now) { events.append($0) }
        actions.append(.send(slot, request.bytes))
        take(events, of: slot, at: now, &actions)
    }

    package mutating func received(_ bytes: Span<UInt8>, on slot: Slot, at now: Timestamp) -> [Action] {
        guard let state = connections[slot]?.state else { return [] }
        var actions: [Action] = []
        // What other protocols say unasked is notices; of HTTP it is a second answer, or not HTTP.
        if state == .idle, setting.protocolName == .http {
            unsolicitedCount += 1
            end(slot, at: now, .cutOff(at: now))
            return [.close(slot)]
        }
        var events: [WireEvent] = []
        connections[slot]?.reader.server(bytes, at: now) { events.append($0) }
        take(events, of: slot, at: now, &actions)
        return actions
    }

    private mutating func take(
        _ events: [WireEvent], of slot: Slot, at now: Timestamp, _ actions: inout [Action]
    ) {
        for event in events {
            switch event {
            case .exchange(_, let exchange): answered(exchange.reply, on: slot, at: now, &actions)
            case .lost:
                // Nothing that follows on this connection can be told apart.
                guard connections[slot] != nil else { continue }
                end(slot, at: now, .malformed(at: now))
                actions.append(.close(slot))
            case .opened, .request, .recognised, .closed: continue
            }
        }
    }

    private mutating func answered(_ reply: Reply, on slot: Slot, at now: Timestamp, _ actions: inout [Action]) {
        guard var told = connections[slot]?.outstanding.popFirst() else { return }
        told.outcome = .answered(status: reply.status, isError: reply.isError, at: reply.passage.lastByte)
        answeredCount += 1
        finish(told)
        onReply?(told.key, reply)
        guard connections[slot]?.outstanding.isEmpty == true else { return }
        if let next = connections[slot]?.waiting.popFirst() {
            waitingBytes -= next.request.bytes.count
            send(next.request, next.told, on: slot, at: now, &actions)
        } else if connections[slot]?.closesWhenIdle == true {
            close(slot, &actions)
        } else if connections[slot]?.recorded == nil {
            spare.append(slot)
        }
    }

    private mutating func finish(_ told: ReplayedRequest) {
        finished.append(told)
        if !expected.isEmpty, let reply = expected.removeValue(forKey: told.key) {
            finished[finished.count - 1].expected = reply
        }
        openCount -= 1
    }

    /// What the on-line server answered, when that is known only after the request was scheduled.
    package mutating func expect(_ reply: ExpectedReply, to key: RequestKey) {
        if expected.count >= Self.expectedLimit { expected.removeAll() }
        expected[key] = reply
    }

    /// The server closed the connection or refused it. The slot is gone; what waited for it goes on another.
    package mutating func ended(_ slot: Slot, at now: Timestamp) -> [Action] {
        var actions: [Action] = []
        // A reply that is framed by the end of the connection is whole now.
        var events: [WireEvent] = []
        connections[slot]?.reader.serverClosed(at: now) { events.append($0) }
        for case .exchange(_, let exchange) in events {
            guard var told = connections[slot]?.outstanding.popFirst() else { continue }
            told.outcome = .answered(
                status: exchange.reply.status, isError: exchange.reply.isError, at: exchange.reply.passage.lastByte)
            answeredCount += 1
            finish(told)
            onReply?(told.key, exchange.reply)
        }
        let recorded = connections[slot]?.recorded
        let left = end(slot, at: now, .cutOff(at: now))
        guard let recorded, !left.isEmpty else { return actions }
        let next = open(for: recorded, &actions)
        for (place, item) in left.enumerated() {
            if place == 0 {
                send(item.request, item.told, on: next, at: now, &actions)
            } else {
                waitingBytes += item.request.bytes.count
                connections[next]?.waiting.append(item)
            }
        }
        return actions
    }

    /// Forgets the slot; gives back what had not been sent on it.
    @discardableResult
    private mutating func end(
        _ slot: Slot, at now: Timestamp, _ outcome: ReplayedRequest.Outcome
    ) -> [(request: RecordedRequest, told: ReplayedRequest)] {
        guard var connection = connections.removeValue(forKey: slot) else { return [] }
        while var told = connection.outstanding.popFirst() {
            told.outcome = outcome
            finish(told)
        }
        if let recorded = connection.recorded { primary[recorded] = nil }
        spare.removeAll { $0 == slot }
        var left: [(request: RecordedRequest, told: ReplayedRequest)] = []
        while let item = connection.waiting.popFirst() {
            waitingBytes -= item.request.bytes.count
            left.append(item)
        }
        return left
    }

    /// The replay is over: what is without a reply stays so.
    package mutating func finish() {
        for slot in connections.keys.sorted() {
            guard var connection = connections.removeValue(forKey: slot) else { continue }
            while let told = connection.outstanding.popFirst() { finish(told) }
            while let item = connection.waiting.popFirst() { finish(item.told) }
        }
        waitingBytes = 0
    }
}
