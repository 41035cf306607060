import Wire

/// The replies of a PostgreSQL server to one part after the other, each sent when the one before is answered: up to
/// ReadyForQuery, or, behind Flush, to the answer of the last message (PostgreSQL documentation, 55.2.3).
///
/// `PostgreSQLReader` knows whole rounds only; a client that flushes waits for less.
struct PostgreSQLReplies: ShadowReplies {
    private enum Copy: Sendable { case simple, extended }
    private struct Broken: Error {}

    private static let replyLimit = 64 << 20

    private var client = PostgreSQLFramer(expectsStartup: false)
    private var server = PostgreSQLFramer(expectsStartup: false)
    /// The types of messages of the part under way that are not answered.
    private var asked = Queue<UInt8>()
    private var isUnderWay = false
    private var reply: [UInt8] = []
    /// After an error the server passes over everything up to Sync.
    private var skips = false
    /// The client's data is awaited.
    private var copy: Copy?

    mutating func sent(logIn bytes: [UInt8]) {}
    mutating func received(logIn bytes: Span<UInt8>) {}
    mutating func received(behindLogIn bytes: Span<UInt8>) -> ShadowHeard { received(bytes) }
    mutating func ended() -> ShadowHeard { ShadowHeard() }

    mutating func sent(_ bytes: [UInt8]) -> ShadowHeard {
        var heard = ShadowHeard()
        client.append(bytes.span)
        do {
            while let message = try client.next() {
                // Copy data have no answer of their own.
                if !message.is("d") { asked.append(message.type) }
            }
            if !asked.isEmpty {
                isUnderWay = true
                finish(&heard)
            }
        } catch {
            heard.isBroken = true
        }
        return heard
    }

    mutating func received(_ bytes: Span<UInt8>) -> ShadowHeard {
        var heard = ShadowHeard()
        server.append(bytes)
        do {
            while let message = try server.next() {
                try accept(message, &heard)
                if reply.count > Self.replyLimit { throw Broken() }
            }
        } catch {
            heard.isBroken = true
        }
        return heard
    }

    private mutating func accept(_ message: PostgreSQLMessage, _ heard: inout ShadowHeard) throws(Broken) {
        switch Character(UnicodeScalar(message.type)) {
        // Notices, parameters and notifications come at any time.
        case "N", "S", "A":
            if isUnderWay { reply += message.bytes }
            return
        // Data that the client is still sending may be refused.
        case _ where !isUnderWay && copy == nil: throw Broken()
        default: reply += message.bytes
        }
        switch Character(UnicodeScalar(message.type)) {
        case "1": try answer("P")
        case "2": try answer("B")
        case "3": try answer("C")
        case "T", "n": if !isAsking("Q") { try answer("D") }
        case "C", "I", "s":
            if copy == .extended {
                try answer("c")
                copy = nil
            } else if !isAsking("Q"), copy == nil {
                try answer("E")
            }
        case "E": refuse()
        case "G":
            copy = isAsking("Q") ? .simple : .extended
            // A Sync or Flush behind it is not heeded (55.2.6).
            asked.removeAll()
        case "Z":
            skips = false
            copy = nil
            _ = asked.popFirst()
        case "W": throw Broken()
        // Parameters, rows, data that are copied out, the result of a function.
        case "t", "D", "H", "d", "c", "V": return
        default: throw Broken()
        }
        finish(&heard)
    }

    private func isAsking(_ type: Character) -> Bool { asked.first == type.asciiValue }

    private mutating func answer(_ type: Character) throws(Broken) {
        guard isAsking(type) else { throw Broken() }
        _ = asked.popFirst()
    }

    private mutating func refuse() {
        // ReadyForQuery follows.
        if copy == .simple || ["Q", "F", "S"].contains(where: isAsking) { return }
        skips = true
        copy = nil
    }

    /// Ends the part if nothing more is said to it.
    private mutating func finish(_ heard: inout ShadowHeard) {
        while let type = asked.first {
            let message = Character(UnicodeScalar(type))
            switch message {
            case "H": break
            case "S" where copy != nil: break
            case "S": return
            case _ where skips: break
            // Behind a copy that has failed the rest of the data means nothing.
            case "c", "f": if copy != nil { return }
            default: return
            }
            _ = asked.popFirst()
        }
        guard isUnderWay else { return }
        isUnderWay = false
        // What was passed over has no answer, not even an empty one.
        heard.replies.append(skips && reply.isEmpty ? nil : ShadowReply(reply))
        reply = []
    }
}
