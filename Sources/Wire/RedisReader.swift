package import Model

/// Pairs the commands and replies of one Redis connection; any number of them may be under way at once.
///
/// A command that the client wants no reply for (CLIENT REPLY) is no exchange and is not told. Behind MONITOR, SYNC and
/// PSYNC the connection carries no exchanges any more and is not followed.
package struct RedisReader: ConnectionReader {
    private struct Asked: Sendable {
        var request: Request
        var command: RedisCommand
    }

    private let connection: ConnectionID
    private let keepsPayload: Bool
    private let payloadLimit: Int
    private var commands: RESPParser
    private var replies: RESPParser
    private var requestCount = 0
    /// Commands whose replies are still out, oldest first.
    private var asked = Queue<Asked>()
    private var pendingBytes = 0
    private var silence = RedisSilence()
    private var subscriptions = RedisSubscriptions()
    /// Confirmations so far of the oldest command, and how many are still out.
    private var confirmed: Reply?
    private var confirmationsLeft = 0
    /// Messages are push types, and an array is a reply ("RESP3", Redis documentation of HELLO).
    private var isRESP3 = false
    private var clientInStep: Bool
    private var hasHeard = false
    private var serverInStep: Bool
    /// As in `HTTPReader`: without it, what looks like a command may be the rest of a lost one.
    private var serverSpoke: Bool
    private var serverIsDone = false
    private var isPipelined = false
    /// After a loss on a pipelined connection nobody can tell which reply is whose: no reply names its command.
    private var broken: LossReason?
    private var isOpaque = false

    /// Commands that may wait for replies at once: as many short ones as the buffers of both machines hold.
    private static let askedLimit = 1 << 20

    package init(_ setting: ReaderSetting) {
        connection = setting.connection
        keepsPayload = setting.keepsPayload
        payloadLimit = setting.payloadLimit
        commands = RESPParser(.commands, keepsPayload: setting.keepsPayload, messageLimit: setting.payloadLimit)
        replies = RESPParser(.replies, keepsPayload: setting.keepsPayload, messageLimit: setting.payloadLimit)
        clientInStep = setting.fromStart
        serverInStep = setting.fromStart
        serverSpoke = !setting.fromStart
    }

    package var retainedBytes: Int {
        pendingBytes + commands.retainedBytes + replies.retainedBytes + (confirmed?.bytes.count ?? 0)
            + asked.count * MemoryLayout<Asked>.stride
    }

    package mutating func client(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isOpaque, !bytes.isEmpty else { return }
        let mayStart = serverSpoke
        serverSpoke = false
        if let broken {
            if RESPParser.canStart(.commands, bytes) { emit(.lost(connection, count: 1, broken, time)) }
            return
        }
        if !clientInStep {
            guard mayStart, RESPParser.canStart(.commands, bytes) else { return }
            clientInStep = true
        }
        // A handshake of TLS (RFC 8446, section 5.1): Redis has it from the first byte or never.
        if !hasHeard, bytes[0] == 0x16 {
            isOpaque = true
            emit(.lost(connection, count: 1, .encrypted, time))
            return
        }
        hasHeard = true
        var position = 0
        do throws(RESPFailure) {
            while !isOpaque, let message = try commands.next(bytes, from: &position, at: time) {
                ask(message, at: time, emit: emit)
            }
        } catch {
            resynchronise(error == .tooLarge ? .tooLarge : .malformed, at: time, emit: emit)
        }
        if asked.count > Self.askedLimit || pendingBytes > payloadLimit {
            resynchronise(.tooLarge, at: time, emit: emit)
        }
    }

    private mutating func ask(_ message: RESPParser.Message, at time: Timestamp, emit: (WireEvent) -> Void) {
        let gist = commands.gist
        // An empty line or array: the server passes over it.
        guard gist.count > 0 else { return }
        let command = RedisCommand(gist)
        if silence.covers(command) { return }
        if command == .replicate {
            leave(with: asked.count + 1, at: time, emit: emit)
            return
        }
        let request = Request(
            number: requestCount, passage: message.passage, key: gist.key.value,
            label: keepsPayload ? String(decoding: gist.label, as: UTF8.self) : "", bytes: message.bytes)
        requestCount += 1
        asked.append(Asked(request: request, command: command))
        pendingBytes += request.bytes.count
        isPipelined = isPipelined || asked.count > 1
        emit(.request(connection, request))
    }

    package mutating func server(_ bytes: Span<UInt8>, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isOpaque, broken == nil, !bytes.isEmpty else { return }
        serverSpoke = true
        if !serverInStep {
            guard !asked.isEmpty else { return }
            guard RESPParser.canStart(.replies, bytes) else {
                resynchronise(.malformed, at: time, emit: emit)
                return
            }
            serverInStep = true
        }
        var position = 0
        do throws(RESPFailure) {
            while !isOpaque, let message = try replies.next(bytes, from: &position, at: time) {
                try accept(message, at: time, emit: emit)
            }
        } catch {
            resynchronise(error == .tooLarge ? .tooLarge : .malformed, at: time, emit: emit)
        }
    }

    private mutating func accept(
        _ message: RESPParser.Message, at time: Timestamp, emit: (WireEvent) -> Void
    ) throws(RESPFailure) {
        let isPush = message.type == 0x3e
        if isPush { isRESP3 = true }
        switch isPush || message.type == 0x2a && !isRESP3 ? RedisSubscriptions.Notice(replies.gist) : nil {
        case .message? where isPush || subscriptions.isActive || asked.first?.command.isForSubscribers == true:
            return
        case .confirmation(let kind, let begins, let told)?:
            var names = names(kind, begins: begins)
            if names == nil, finishConfirmed(emit: emit) { names = self.names(kind, begins: begins) }
            if let names, confirmed == nil { confirmationsLeft = subscriptions.confirmations(kind, names: names) }
            subscriptions.confirm(kind, told: told)
            // Without a command it was asked for before we listened, or a shard's channels were moved away.
            if names != nil { try confirm(message, emit: emit) }
        default:
            // Other pushes, such as invalidations, belong to no command either ("Client-side caching").
            if isPush { return }
            finishConfirmed(emit: emit)
            finish(reply(message), emit: emit)
        }
    }

    /// How many names the oldest command has, if it is the one that is confirmed.
    private func names(_ kind: RedisSubscriptions.Kind, begins: Bool) -> Int? {
        guard case .subscription(kind, begins, let names)? = asked.first?.command else { return nil }
        return names
    }

    /// Another reply says that there are no more confirmations: we expected as many as before a loss.
    @discardableResult
    private mutating func finishConfirmed(emit: (WireEvent) -> Void) -> Bool {
        guard let whole = confirmed else { return false }
        finish(whole, emit: emit)
        return true
    }

    /// One of the confirmations of the oldest command; the exchange is whole with the last.
    private mutating func confirm(
        _ message: RESPParser.Message, emit: (WireEvent) -> Void
    ) throws(RESPFailure) {
        var whole = reply(message)
        if var earlier = confirmed {
            confirmed = nil
            earlier.passage.lastByte = whole.passage.lastByte
            earlier.passage.byteCount += whole.passage.byteCount
            earlier.bytes += whole.bytes
            whole = earlier
        }
        confirmationsLeft -= 1
        if confirmationsLeft > 0 {
            confirmed = whole
            if whole.bytes.count > payloadLimit { throw .tooLarge }
        } else {
            finish(whole, emit: emit)
        }
    }

    private func reply(_ message: RESPParser.Message) -> Reply {
        // Simple and blob errors.
        Reply(passage: message.passage, isError: message.type == 0x2d || message.type == 0x21, bytes: message.bytes)
    }

    private mutating func finish(_ reply: Reply, emit: (WireEvent) -> Void) {
        // What comes unasked, as the refusal of a connection, is no exchange.
        guard let oldest = asked.popFirst() else { return }
        pendingBytes -= oldest.request.bytes.count
        confirmed = nil
        serverSpoke = !asked.isEmpty
        emit(.exchange(connection, Exchange(.redis, request: oldest.request, reply: reply)))
        if reply.isError { return }
        switch oldest.command {
        case .hello(let version): isRESP3 = version
        case .reset:
            isRESP3 = false
            subscriptions = RedisSubscriptions()
        case .monitor: leave(with: asked.count, at: reply.passage.lastByte, emit: emit)
        default: break
        }
    }

    /// No exchanges follow; commands that were sent already will not have their replies told apart.
    private mutating func leave(with count: Int, at time: Timestamp, emit: (WireEvent) -> Void) {
        if count > 0 { emit(.lost(connection, count: count, .cutOff, time)) }
        forget()
        isOpaque = true
    }

    package mutating func gap(fromClient: Bool, at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !isOpaque else { return }
        if !fromClient { serverSpoke = true }
        resynchronise(.gap, at: time, emit: emit)
    }

    private mutating func resynchronise(_ reason: LossReason, at time: Timestamp, emit: (WireEvent) -> Void) {
        let begun = asked.count + (commands.isBetweenMessages ? 0 : 1)
        emit(.lost(connection, count: max(1, begun), reason, time))
        if isPipelined { broken = reason }
        forget()
        // A silent server says nothing that could bring us back into step, until the reply to CLIENT REPLY ON.
        silence = RedisSilence()
        clientInStep = false
        serverInStep = false
    }

    private mutating func forget() {
        asked.removeAll()
        pendingBytes = 0
        confirmed = nil
        commands = RESPParser(.commands, keepsPayload: keepsPayload, messageLimit: payloadLimit)
        replies = RESPParser(.replies, keepsPayload: keepsPayload, messageLimit: payloadLimit)
    }

    package mutating func clientClosed(at time: Timestamp, emit: (WireEvent) -> Void) {
        loseBegun(at: time, emit: emit)
        // Sent when the server had already hung up.
        if serverIsDone { loseAsked(at: time, emit: emit) }
    }

    package mutating func serverClosed(at time: Timestamp, emit: (WireEvent) -> Void) {
        loseAsked(at: time, emit: emit)
        serverIsDone = true
    }

    package mutating func cutOff(at time: Timestamp, emit: (WireEvent) -> Void) {
        loseBegun(at: time, emit: emit)
        loseAsked(at: time, emit: emit)
    }

    /// A command that the client did not get to end.
    private mutating func loseBegun(at time: Timestamp, emit: (WireEvent) -> Void) {
        guard !commands.isBetweenMessages else { return }
        emit(.lost(connection, count: 1, .cutOff, time))
        commands = RESPParser(.commands, keepsPayload: keepsPayload, messageLimit: payloadLimit)
    }

    private mutating func loseAsked(at time: Timestamp, emit: (WireEvent) -> Void) {
        if !asked.isEmpty { emit(.lost(connection, count: asked.count, .cutOff, time)) }
        asked.removeAll()
        pendingBytes = 0
        confirmed = nil
    }
}
