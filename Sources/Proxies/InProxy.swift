package import Model
package import Wire

/// Names a recorded request: its connection and its place on it.
package struct RequestKey: Hashable, Sendable {
    package let connection: UInt64
    package let number: Int

    package init(connection: UInt64, number: Int) {
        self.connection = connection
        self.number = number
    }
}

/// Something to replay at its time.
package struct ReplayItem: Sendable {
    package enum Kind: Sendable {
        case open
        case request(RequestKey, HTTPVerb, [UInt8])
        case close
    }

    package let connection: UInt64
    package let due: Timestamp
    package let kind: Kind

    package init(connection: UInt64, due: Timestamp, kind: Kind) {
        self.connection = connection
        self.due = due
        self.kind = kind
    }
}

/// What became of one replayed request.
package struct ReplayedRequest: Sendable {
    package enum Outcome: Sendable, Hashable {
        case answered(status: Int, at: Timestamp)
        /// The connection was refused, reset or closed before the reply was whole.
        case cutOff(at: Timestamp)
        case waiting
    }

    package let key: RequestKey
    package let due: Timestamp
    package let sent: Timestamp
    package let moved: Bool
    package var outcome: Outcome

    package init(key: RequestKey, due: Timestamp, sent: Timestamp, moved: Bool, outcome: Outcome) {
        self.key = key
        self.due = due
        self.sent = sent
        self.moved = moved
        self.outcome = outcome
    }
}

/// The in-proxy's decisions (open loop): which connection carries which request when, and how long the answers took from
/// the moment the requests were due. Values in, values out; `ReplayLoop` owns the sockets.
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
        var reply = HTTPParser(.replies, keeping: .heads)
        /// Index in `log` of the request whose reply is out.
        var outstanding: Int?
        var verb = HTTPVerb.other
        var closesWhenIdle = false
    }

    /// Reply heads are handed to whoever needs them (a load generator's cookies); nil keeps nothing.
    package var onReply: (@Sendable (RequestKey, Int, [UInt8]) -> Void)?

    private var queue: [ReplayItem] = []
    private var queueStart = 0
    private var connections: [Slot: Connection] = [:]
    private var primary: [UInt64: Slot] = [:]
    private var spare: [Slot] = []
    private var nextSlot: Slot = 0
    package private(set) var log: [ReplayedRequest] = []
    package private(set) var answeredCount = 0

    package init() {}

    /// Puts an item in its place by time; items of equal time keep their order.
    package mutating func schedule(_ item: ReplayItem) {
        var place = queue.count
        while place > queueStart, queue[place - 1].due > item.due { place -= 1 }
        queue.insert(item, at: place)
    }

    package var nextDue: Timestamp? { queueStart < queue.count ? queue[queueStart].due : nil }

    /// Requests that were sent and are not answered.
    package var waitingCount: Int { connections.values.count { $0.outstanding != nil } }

    /// Everything that is due by `now`.
    package mutating func due(at now: Timestamp) -> [Action] {
        var actions: [Action] = []
        while queueStart < queue.count, queue[queueStart].due <= now {
            let item = queue[queueStart]
            queueStart += 1
            switch item.kind {
            case .open:
                if primary[item.connection] == nil { _ = open(for: item.connection, &actions) }
            case .request(let key, let verb, let bytes):
                send(key, verb, bytes, on: item.connection, due: item.due, at: now, &actions)
            case .close:
                guard let slot = primary.removeValue(forKey: item.connection) else { continue }
                connections[slot]?.recorded = nil
                if connections[slot]?.outstanding == nil {
                    close(slot, &actions)
                } else {
                    connections[slot]?.closesWhenIdle = true
                }
            }
        }
        if queueStart > 1024 {
            queue.removeSubrange(..<queueStart)
            queueStart = 0
        }
        return actions
    }

    private mutating func open(for recorded: UInt64?, _ actions: inout [Action]) -> Slot {
        let slot = nextSlot
        nextSlot += 1
        connections[slot] = Connection(recorded: recorded)
        if let recorded { primary[recorded] = slot }
        actions.append(.open(slot))
        return slot
    }

    private mutating func close(_ slot: Slot, _ actions: inout [Action]) {
        connections[slot] = nil
        actions.append(.close(slot))
    }

    private mutating func send(
        _ key: RequestKey, _ verb: HTTPVerb, _ bytes: [UInt8], on recorded: UInt64, due: Timestamp, at now: Timestamp,
        _ actions: inout [Action]
    ) {
        var moved = false
        let slot: Slot
        if let own = primary[recorded], let connection = connections[own] {
            // The reply before is still out here though it was not on-line: waiting would hide the delay.
            if connection.outstanding != nil {
                moved = true
                slot = spare.popLast() ?? open(for: nil, &actions)
            } else {
                slot = own
            }
        } else {
            slot = open(for: recorded, &actions)
        }
        connections[slot]?.outstanding = log.count
        connections[slot]?.verb = verb
        log.append(ReplayedRequest(key: key, due: due, sent: now, moved: moved, outcome: .waiting))
        actions.append(.send(slot, bytes))
    }

    package mutating func received(_ bytes: Span<UInt8>, on slot: Slot, at now: Timestamp) -> [Action] {
        guard var connection = connections[slot] else { return [] }
        var messages: [HTTPParser.Message] = []
        var position = 0
        do throws(HTTPFailure) {
            while let message = try connection.reply.next(
                bytes, from: &position, at: now, answering: connection.verb)
            {
                messages.append(message)
            }
        } catch {
            connections[slot] = connection
            ended(slot, at: now)
            return [.close(slot)]
        }
        connections[slot] = connection
        var actions: [Action] = []
        for message in messages where message.status >= 200 || message.status == 101 {
            answered(message, on: slot, &actions)
        }
        return actions
    }

    private mutating func answered(_ message: HTTPParser.Message, on slot: Slot, _ actions: inout [Action]) {
        guard var connection = connections[slot], let index = connection.outstanding else { return }
        log[index].outcome = .answered(status: message.status, at: message.lastByte)
        answeredCount += 1
        onReply?(log[index].key, message.status, message.bytes)
        connection.outstanding = nil
        connections[slot] = connection
        if connection.closesWhenIdle {
            close(slot, &actions)
        } else if connection.recorded == nil {
            spare.append(slot)
        }
    }

    /// The clone closed the connection or refused it. The slot is gone.
    package mutating func ended(_ slot: Slot, at now: Timestamp) {
        guard connections[slot] != nil else { return }
        // A reply that is framed by the end of the connection is whole now.
        var ignored: [Action] = []
        if let last = connections[slot]?.reply.close() { answered(last, on: slot, &ignored) }
        if let index = connections[slot]?.outstanding { log[index].outcome = .cutOff(at: now) }
        if let recorded = connections[slot]?.recorded { primary[recorded] = nil }
        connections[slot] = nil
        spare.removeAll { $0 == slot }
    }
}
