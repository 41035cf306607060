package import Model
package import Wire

/// The in-proxy's decisions (open loop): which connection carries which request when, and how long the answers took from
/// the moment the requests were due. Values in, values out; `RequestSide` owns the sockets.
///
/// What a connection of ours says and hears is read by the very reader that read production, so that both mean the same by
/// a reply, in every protocol.
package struct InProxy: ~Copyable {
    package typealias Slot = Int

    package enum Action: Sendable {
        case open(Slot)
        /// To be sent as soon as the slot is connected, after what was given to it before.
        case send(Slot, [UInt8])
        case close(Slot)
    }

    private struct Asked: Sendable {
        var told: ReplayedRequest
        /// Where replies are compared.
        let request: RecordedRequest?
    }

    private struct Held: Sendable {
        let request: RecordedRequest
        let told: ReplayedRequest
    }

    private final class Connection {
        let slot: Slot
        var recorded: UInt64?
        var reader: any ConnectionReader
        /// Sent and not answered, oldest first.
        var outstanding = Queue<Asked>()
        /// Due, and waiting for the reply before them.
        var waiting = Queue<Held>()
        var closesWhenIdle = false
        /// There until it is done; requests wait for it.
        var logIn: (any ClientLogIn)?
        /// No longer one of ours.
        var isOver = false

        enum State { case loggingIn, idle, asked, crowded }

        var state: State {
            if logIn != nil { return .loggingIn }
            return !waiting.isEmpty ? .crowded : outstanding.isEmpty ? .idle : .asked
        }

        init(_ slot: Slot, recorded: UInt64?, reader: any ConnectionReader) {
            self.slot = slot
            self.recorded = recorded
            self.reader = reader
        }
    }

    private let setting: InProxySetting
    private let entry: ProtocolEntry?
    /// Asked of every request, which would copy the correspondence.
    private let isCompared: Bool
    package private(set) var correspondence: Correspondence?
    /// Why nobody gets in.
    package private(set) var logInFailure: LogInFailure?
    private var schedule = Schedule<ReplayItem>()
    private var connections = Slots<Connection>()
    /// By the recorded connection that they stand for.
    private var primary = NumberTable<Connection>()
    private var spare: [Connection] = []
    private var waitingBytes = 0
    private var finished: [ReplayedRequest] = []
    /// What a reader says of one piece; kept for its room.
    private var said: [WireEvent] = []
    /// What the on-line server answered to requests that are still to end.
    private var expected: [RequestKey: ExpectedReply] = [:]
    private var expectedBytes = 0
    /// Answers of requests that end before their on-line ones, or never come, must not be kept for ever.
    private static let expectedLimit = 65_536
    /// Requests that were handed to a connection, and what became of them so far.
    package private(set) var sentCount = 0
    package private(set) var answeredCount = 0
    /// Requests that are due, before the horizon, and neither answered nor given up.
    package private(set) var openCount = 0
    /// The same of those behind it.
    private var unawaitedCount = 0
    /// Requests that are due at it or later are played, and nobody waits for them.
    package private(set) var horizon = Timestamp.distantFuture
    /// When the latest request was due that was begun.
    private var lastBegun = Timestamp.distantPast
    /// Times that a server spoke where nothing was asked.
    package private(set) var unsolicitedCount = 0
    /// A reply to be handed on, if replies are kept.
    package var onReply: (@Sendable (RequestKey, Reply) -> Void)?

    package init(_ setting: InProxySetting = InProxySetting()) {
        self.setting = setting
        entry = ProtocolTable.entry(setting.protocolName)
        correspondence = setting.correspondence
        isCompared = setting.correspondence != nil
    }

    /// Puts an item in its place by time; items of equal time keep their order.
    package mutating func schedule(_ item: ReplayItem) { schedule.insert(item, due: item.due) }

    /// From now on nobody waits for what is due at `time` or later, but for what was begun before this was said.
    package mutating func moveHorizon(to time: Timestamp) {
        horizon = max(time, lastBegun + .nanoseconds(1))
        openCount += unawaitedCount
        unawaitedCount = 0
    }

    package var nextDue: Timestamp? { schedule.nextDue }
    /// Still to come due before the horizon; 0 when nothing is, else no less than that.
    package var scheduledCount: Int { (schedule.nextDue ?? .distantFuture) < horizon ? schedule.count : 0 }

    /// What has ended since the call before.
    package mutating func takeFinished() -> [ReplayedRequest] {
        guard !finished.isEmpty else { return [] }
        // As much will have ended the next time.
        var ended: [ReplayedRequest] = []
        ended.reserveCapacity(finished.count)
        swap(&ended, &finished)
        return ended
    }

    /// Everything that is due by `now`, or by `limit` before it.
    package mutating func due(at now: Timestamp, by limit: Timestamp? = nil, _ actions: inout [Action]) {
        while let item = schedule.popFirst(by: limit ?? now) {
            switch item.kind {
            case .open:
                if primary[item.connection] == nil { _ = open(for: item.connection, at: now, &actions) }
            case .request(let request):
                take(request, of: item, at: now, &actions)
            case .close:
                correspondence?.ended(item.connection)
                guard let connection = primary[item.connection] else { continue }
                primary.remove(item.connection)
                connection.recorded = nil
                if connection.state == .idle {
                    close(connection, &actions)
                } else {
                    connection.closesWhenIdle = true
                }
            }
        }
    }

    private mutating func open(for recorded: UInt64?, at now: Timestamp, _ actions: inout [Action]) -> Connection {
        let keepsPayload = setting.keepsReplies || isCompared
        let connection = connections.make { slot in
            let reading = ReaderSetting(UInt64(slot), fromStart: true, keepsPayload: keepsPayload)
            return Connection(slot, recorded: recorded, reader: entry?.reader(reading) ?? TurnReader(reading))
        }
        if let recorded { primary[recorded] = connection }
        actions.append(.open(connection.slot))
        if var logIn = ClientLogIns.make(setting.protocolName, setting.logIn) {
            let first = logIn.begin()
            connection.logIn = logIn
            say(first, on: connection, at: now, &actions)
        }
        return connection
    }

    /// A word of the log-in's, which the reader hears as well.
    private mutating func say(
        _ bytes: [UInt8], on connection: Connection, at now: Timestamp, _ actions: inout [Action]
    ) {
        guard !bytes.isEmpty else { return }
        connection.reader.client(bytes.span, at: now) { _ in }
        actions.append(.send(connection.slot, bytes))
    }

    private mutating func close(_ connection: Connection, _ actions: inout [Action]) {
        connections.remove(connection.slot)
        connection.isOver = true
        actions.append(.close(connection.slot))
    }

    private mutating func take(
        _ request: RecordedRequest, of item: ReplayItem, at now: Timestamp, _ actions: inout [Action]
    ) {
        var told = ReplayedRequest(key: request.key, due: item.due, begun: max(now, item.due))
        told.expected = request.expected.map(ReplayedRequest.Expected.init)
        guard waitingBytes + request.bytes.count <= setting.waitingLimit else {
            told.outcome = .dropped
            finished.append(told)
            return
        }
        if told.due < horizon { openCount += 1 } else { unawaitedCount += 1 }
        lastBegun = max(lastBegun, told.due)
        let own = primary[item.connection] ?? open(for: item.connection, at: now, &actions)
        switch own.state {
        case .idle,
            .asked where request.isPipelined:
            send(request, told, on: own, at: now, &actions)
        case .loggingIn:
            hold(request, told, for: own)
        case .asked where setting.whenBusy == .further, .crowded where setting.whenBusy == .further:
            told.moved = true
            let further = spare.popLast() ?? open(for: nil, at: now, &actions)
            if further.state == .loggingIn {
                hold(request, told, for: further)
            } else {
                send(request, told, on: further, at: now, &actions)
            }
        case .asked, .crowded:
            told.waited = true
            hold(request, told, for: own)
        }
    }

    private mutating func hold(_ request: RecordedRequest, _ told: ReplayedRequest, for connection: Connection) {
        var told = told
        // It waits for the server's doing.
        told.begun = told.due
        waitingBytes += request.bytes.count
        connection.waiting.append(Held(request: request, told: told))
    }

    private mutating func send(
        _ request: RecordedRequest, _ told: ReplayedRequest, on connection: Connection, at now: Timestamp,
        _ actions: inout [Action]
    ) {
        var told = told
        told.sent = now
        sentCount += 1
        let bytes = isCompared ? correspondence?.rewrite(request) ?? request.bytes : request.bytes
        connection.outstanding.append(Asked(told: told, request: isCompared ? request : nil))
        // A reader that finds no sense in a recorded request says so; its reply then counts as malformed.
        var events: [WireEvent] = []
        connection.reader.asked(bytes.span, at: now) { Self.keep($0, in: &events) }
        actions.append(.send(connection.slot, bytes))
        if events.isEmpty { return }
        take(events, of: connection, at: now, &actions)
    }

    /// What the reader says of requests is known here.
    private static func keep(_ event: WireEvent, in events: inout [WireEvent]) {
        switch event {
        case .exchange, .lost: events.append(event)
        case .opened, .request, .recognised, .closed: return
        }
    }

    /// `heard` is when the bytes came, if that was before `now`.
    package mutating func received(
        _ bytes: Span<UInt8>, on slot: Slot, at now: Timestamp, heard: Timestamp? = nil, _ actions: inout [Action]
    ) {
        guard let connection = connections[slot] else { return }
        let state = connection.state
        // What other protocols say unasked is notices; of HTTP it is a second answer, or not HTTP.
        if state == .idle, setting.protocolName == .http {
            unsolicitedCount += 1
            end(connection, .cutOff(at: now))
            actions.append(.close(slot))
            return
        }
        var events: [WireEvent] = []
        swap(&events, &said)
        connection.reader.server(bytes, at: heard ?? now) { Self.keep($0, in: &events) }
        if state == .loggingIn { goOn(bytes, on: connection, at: now, &actions) }
        take(events, of: connection, at: now, &actions)
        // Mostly one, and this is cheaper than the general case.
        if events.count == 1 { _ = events.popLast() }
        if !events.isEmpty { events.removeAll(keepingCapacity: true) }
        swap(&events, &said)
    }

    /// The log-in takes what the server said.
    private mutating func goOn(
        _ bytes: Span<UInt8>, on connection: Connection, at now: Timestamp, _ actions: inout [Action]
    ) {
        guard var logIn = connection.logIn else { return }
        do throws(LogInFailure) {
            switch try logIn.received(bytes) {
            case .send(let answer):
                connection.logIn = logIn
                say(answer, on: connection, at: now, &actions)
            case .done:
                connection.logIn = nil
                sendNext(on: connection, at: now, &actions)
            }
        } catch {
            logInFailure = logInFailure ?? error
            for item in end(connection, .cutOff(at: now)) { finish(item.told, .cutOff(at: now)) }
            actions.append(.close(connection.slot))
        }
    }

    /// A connection that has become free goes on with what waited for it.
    private mutating func sendNext(on connection: Connection, at now: Timestamp, _ actions: inout [Action]) {
        if let next = connection.waiting.popFirst() {
            waitingBytes -= next.request.bytes.count
            send(next.request, next.told, on: connection, at: now, &actions)
        } else if connection.closesWhenIdle {
            close(connection, &actions)
        } else if connection.recorded == nil {
            spare.append(connection)
        }
    }

    private mutating func take(
        _ events: [WireEvent], of connection: Connection, at now: Timestamp, _ actions: inout [Action]
    ) {
        for event in events where !connection.isOver {
            switch event {
            case .exchange(_, let exchange):
                if conclude(exchange.reply, on: connection), connection.outstanding.isEmpty {
                    sendNext(on: connection, at: now, &actions)
                }
            case .lost:
                // Nothing that follows on this connection can be told apart.
                let recorded = connection.recorded
                let left = end(connection, .malformed(at: now))
                actions.append(.close(connection.slot))
                goOn(with: left, of: recorded, at: now, &actions)
            case .opened, .request, .recognised, .closed: continue
            }
        }
    }

    /// The connection's oldest request has its reply.
    private mutating func conclude(_ reply: Reply, on connection: Connection) -> Bool {
        guard let asked = connection.outstanding.popFirst() else { return false }
        var told = asked.told
        told.outcome = .answered(status: reply.status, isError: reply.isError, at: reply.passage.lastByte)
        answeredCount += 1
        let onLine = expected.isEmpty ? nil : expected.removeValue(forKey: told.key)
        if let onLine {
            expectedBytes -= onLine.bytes.count
            told.expected = ReplayedRequest.Expected(onLine)
        }
        if let request = asked.request {
            correspondence?.answered(request, clone: reply.bytes, onLine: (onLine ?? request.expected)?.bytes)
        }
        finish(told)
        onReply?(told.key, reply)
        return true
    }

    private mutating func finish(_ told: ReplayedRequest, _ outcome: ReplayedRequest.Outcome) {
        var told = told
        told.outcome = outcome
        finish(told)
    }

    private mutating func finish(_ told: ReplayedRequest) {
        finished.append(told)
        if told.due < horizon { openCount -= 1 } else { unawaitedCount -= 1 }
    }

    /// What the on-line server answered, when that is known only after the request was scheduled.
    package mutating func expect(_ reply: ExpectedReply, to key: RequestKey) {
        if correspondence?.onLineAnswered(key, reply.bytes) == true { return }
        if expected.count >= Self.expectedLimit || expectedBytes > setting.waitingLimit {
            expected.removeAll()
            expectedBytes = 0
        }
        expected[key] = reply
        expectedBytes += reply.bytes.count
    }

    /// The server closed the connection, or refused or reset it. The slot is gone; what waited for it goes on another.
    package mutating func ended(
        _ slot: Slot, at now: Timestamp, isReset: Bool = false, _ actions: inout [Action]
    ) {
        guard let connection = connections[slot] else { return }
        // A reply that is framed by the end of the connection is whole now; by a reset none is.
        var events: [WireEvent] = []
        if !isReset { connection.reader.serverClosed(at: now) { Self.keep($0, in: &events) } }
        for case .exchange(_, let exchange) in events { _ = conclude(exchange.reply, on: connection) }
        let isLoggingIn = connection.state == .loggingIn
        if isLoggingIn { logInFailure = logInFailure ?? .closed(setting.protocolName) }
        let recorded = connection.recorded
        let left = end(connection, .cutOff(at: now))
        if isLoggingIn {
            // Another connection would fare no better.
            for item in left { finish(item.told, .cutOff(at: now)) }
        } else {
            goOn(with: left, of: recorded, at: now, &actions)
        }
    }

    /// What waited for a connection that is gone goes on another.
    private mutating func goOn(
        with left: [Held], of recorded: UInt64?, at now: Timestamp,
        _ actions: inout [Action]
    ) {
        guard !left.isEmpty else { return }
        let next = open(for: recorded, at: now, &actions)
        for item in left {
            if next.state == .idle {
                send(item.request, item.told, on: next, at: now, &actions)
            } else {
                hold(item.request, item.told, for: next)
            }
        }
    }

    /// Forgets the connection; gives back what had not been sent on it.
    @discardableResult
    private mutating func end(
        _ connection: Connection, _ outcome: ReplayedRequest.Outcome
    ) -> [Held] {
        connections.remove(connection.slot)
        connection.isOver = true
        while let asked = connection.outstanding.popFirst() { finish(asked.told, outcome) }
        if let recorded = connection.recorded { primary.remove(recorded) }
        spare.removeAll { $0 === connection }
        var left: [Held] = []
        while let item = connection.waiting.popFirst() {
            waitingBytes -= item.request.bytes.count
            left.append(item)
        }
        return left
    }

    /// The replay is over: what is without a reply stays so.
    package mutating func finish() {
        for connection in connections.all {
            connections.remove(connection.slot)
            while let asked = connection.outstanding.popFirst() { finish(asked.told) }
            while let item = connection.waiting.popFirst() { finish(item.told) }
        }
        waitingBytes = 0
        correspondence?.finish()
    }
}
