package import Model
import Wire

/// Redis as the server speaks it, RESP2 and RESP3 (Redis serialization protocol specification). What concerns only the
/// connection (HELLO, AUTH, SELECT, CLIENT, PING, the queueing of a transaction) is answered without the recording.
///
/// A recorded answer is sent as it was: on a connection that did not ask for RESP3, one that has its types does not fit.
package struct RedisDialogue: ServerDialogue {
    package enum Context: Sendable {
        case own(RedisOwnAnswer)
        case command
        /// CLIENT REPLY has silenced the server: what is asked has no answer.
        case silent
        case malformed
    }

    private var parser = RESPParser(.commands, keepsPayload: true)
    private var transaction = RedisTransaction()
    /// As the client asked, and as the answers stand: commands may be well ahead of them.
    private var silence = (isOff: false, skipsNext: false)
    private var isRESP3 = false

    package init() {}

    package mutating func take(_ bytes: Span<UInt8>, at now: Timestamp) -> [Step<Context>] {
        var steps: [Step<Context>] = []
        var position = 0
        do throws(RESPFailure) {
            while let message = try parser.next(bytes, from: &position, at: now) {
                guard let command = RedisWords(message.bytes) else { throw .malformed }
                if !command.words.isEmpty { steps.append(step(command, Self.forward(command, message.bytes))) }
            }
        } catch {
            steps.append(Step(.malformed))
        }
        return steps
    }

    /// Who the client is and whether it listens is between it and us; in which version it speaks is not.
    private static func forward(_ command: RedisWords, _ bytes: [UInt8]) -> Forward? {
        switch command.name {
        case "AUTH", "QUIT": return nil
        case "CLIENT" where command.upper(1) == "REPLY": return nil
        case "HELLO":
            guard ["2", "3"].contains(command.upper(1)) else { return nil }
            return .message(Array("*2\r\n$5\r\nHELLO\r\n$1\r\n\(command.upper(1))\r\n".utf8), .once)
        case "RESET": return .connection(Introduction())
        case "MONITOR", "SYNC", "PSYNC": return .end
        default: return .message(bytes, .once)
        }
    }

    private mutating func step(_ command: RedisWords, _ forward: Forward?) -> Step<Context> {
        let isQueued = transaction.isOpen
        let isSilent = silence.isOff || silence.skipsNext
        silence.skipsNext = false
        if !isQueued, command.name == "CLIENT", command.upper(1) == "REPLY" {
            return Step(reply(as: command.upper(2)), forward: forward)
        }
        let question = transaction.question(command)
        if isSilent { return Step(.silent, forward: forward) }
        if isQueued, transaction.isOpen, command.name != "QUIT" { return Step(.own(.queued), forward: forward) }
        if let own = RedisOwnAnswer(command) { return Step(.own(own), forward: forward) }
        return Step(.command, asks: question, forward: forward)
    }

    /// CLIENT REPLY: only ON is answered.
    private mutating func reply(as order: String) -> Context {
        switch order {
        case "OFF": silence.isOff = true
        case "SKIP": silence.skipsNext = !silence.isOff
        default:
            silence = (false, false)
            return .own(.ok)
        }
        return .silent
    }

    package mutating func wording(of context: Context, lookUp: (Question) -> RecordedAnswer?) -> Wording {
        switch context {
        case .own(let answer):
            switch answer {
            case .hello(let version): isRESP3 = version.map { $0 == 3 } ?? isRESP3
            case .reset: isRESP3 = false
            default: break
            }
            return Wording(answer.bytes(isRESP3: isRESP3), closes: answer == .quit)
        case .silent: return Wording()
        case .command, .malformed: return Wording(Array("-ERR Protocol error\r\n".utf8), closes: true)
        }
    }

    package func wording(
        of context: Context, from recorded: RecordedAnswer, _ match: AnswerMatch,
        lookUp: (Question) -> RecordedAnswer?
    ) -> Wording? {
        wording(recorded.bytes)
    }

    package func wording(of context: Context, forwarded reply: ShadowReply) -> Wording? { wording(reply.bytes) }

    private func wording(_ bytes: [UInt8]) -> Wording? {
        guard isRESP3 || bytes.first.map({ !Self.newTypes.contains($0) }) == true else { return nil }
        return Wording(bytes)
    }

    /// RESP3: _ # , ( ! = % ~ | >
    private static let newTypes: Set<UInt8> = [0x5f, 0x23, 0x2c, 0x28, 0x21, 0x3d, 0x25, 0x7e, 0x7c, 0x3e]

    package func refusal(of context: Context) -> Wording {
        Wording(Array("-ERR What-if: no recorded answer for this command\r\n".utf8))
    }
}

/// What a server says about the connection itself.
package enum RedisOwnAnswer: Sendable, Hashable {
    case ok, queued, pong, quit, reset, identifier, noName
    case echo([UInt8])
    case hello(version: Int?)
    case noProtocol

    /// Nil for what the next tier is asked.
    init?(_ command: RedisWords) {
        switch command.name {
        case "PING": self = command.words.count > 1 ? .echo(command.words[1]) : .pong
        case "ECHO" where command.words.count == 2: self = .echo(command.words[1])
        case "AUTH", "SELECT", "MULTI", "DISCARD", "READONLY", "READWRITE", "ASKING": self = .ok
        case "QUIT": self = .quit
        case "RESET": self = .reset
        case "HELLO":
            let version = command.words.count > 1 ? Int(command.upper(1)) ?? 0 : nil
            self = version == nil || version == 2 || version == 3 ? .hello(version: version) : .noProtocol
        case "CLIENT":
            switch command.upper(1) {
            case "ID": self = .identifier
            case "GETNAME": self = .noName
            case "LIST", "INFO", "TRACKINGINFO", "GETREDIR", "KILL", "UNBLOCK": return nil
            default: self = .ok
            }
        default: return nil
        }
    }

    func bytes(isRESP3: Bool) -> [UInt8] {
        switch self {
        case .ok, .quit: Array("+OK\r\n".utf8)
        case .queued: Array("+QUEUED\r\n".utf8)
        case .pong: Array("+PONG\r\n".utf8)
        case .reset: Array("+RESET\r\n".utf8)
        case .identifier: Array(":1\r\n".utf8)
        case .noName: Array((isRESP3 ? "_\r\n" : "$-1\r\n").utf8)
        case .echo(let word): Array("$\(word.count)\r\n".utf8) + word + [0x0d, 0x0a]
        case .noProtocol: Array("-NOPROTO unsupported protocol version\r\n".utf8)
        case .hello:
            Array(
                ((isRESP3 ? "%7" : "*14") + "\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n"
                    + "$5\r\nproto\r\n:\(isRESP3 ? 3 : 2)\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n"
                    + "$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n").utf8)
        }
    }
}
