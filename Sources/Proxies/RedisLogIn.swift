import Model
import Wire

/// Logs in to Redis (Redis documentation, "AUTH", "HELLO", "SELECT"). A recorded AUTH could be replayed as it is, unless
/// the trace is redacted or the capture began behind it.
package struct RedisLogIn: ClientLogIn {
    private enum State: Sendable { case authentication, selection, over }

    private static let replyLimit = 1 << 16

    private let credentials: Credentials
    /// HELLO switches to it; nil leaves the connection with what it begins with, RESP2.
    private let version: Int?
    private var state: State
    private var replies = RESPParser(.replies, keepsPayload: true, messageLimit: RedisLogIn.replyLimit)

    package init(_ credentials: Credentials, version: Int? = nil) {
        self.credentials = credentials
        self.version = version
        let needsNone = credentials.user.isEmpty && credentials.password == nil && version == nil
        state = needsNone ? .selection : .authentication
    }

    /// An empty user is the one of servers before 6.0 and of `requirepass`, which later ones call `default`.
    package mutating func begin() -> [UInt8] {
        if state == .selection { return selection }
        let user = credentials.user
        var words = version.map { ["HELLO", "\($0)"] } ?? []
        if !user.isEmpty || credentials.password != nil {
            words.append("AUTH")
            if !user.isEmpty || version != nil { words.append(user.isEmpty ? "default" : user) }
            words.append(credentials.password ?? "")
        }
        return Self.command(words)
    }

    private var selection: [UInt8] { Self.command(["SELECT", credentials.database ?? "0"]) }

    private static func command(_ words: [String]) -> [UInt8] {
        let count = "*\(words.count)\r\n"
        return words.reduce(into: Array(count.utf8)) { $0 += Array("$\($1.utf8.count)\r\n\($1)\r\n".utf8) }
    }

    package mutating func received(_ bytes: Span<UInt8>) throws(LogInFailure) -> LogInStep {
        var position = 0
        var sent: [UInt8] = []
        while state != .over, let reply = try next(bytes, &position) {
            if reply.type == 0x2d || reply.type == 0x21 { throw .redis(reply.bytes, isSelection: state == .selection) }
            // OK, or what the server tells of itself after HELLO.
            guard [0x2b, 0x2a, 0x25].contains(reply.type) else { throw .malformed(.redis) }
            if state == .authentication, credentials.database != nil {
                state = .selection
                sent += selection
            } else {
                state = .over
            }
        }
        return state == .over ? .done(rest: [UInt8](bytes.extracting(position..<bytes.count))) : .send(sent)
    }

    private mutating func next(_ bytes: Span<UInt8>, _ position: inout Int) throws(LogInFailure) -> RESPParser.Message?
    {
        do throws(RESPFailure) {
            return try replies.next(bytes, from: &position, at: .distantPast)
        } catch {
            throw error == .tooLarge ? .tooLong(.redis) : .malformed(.redis)
        }
    }
}

extension LogInFailure {
    /// A simple error begins with its code, a blob error with a length and a line end before it ("RESP protocol").
    fileprivate static func redis(_ reply: [UInt8], isSelection: Bool) -> LogInFailure {
        var text = reply.dropFirst()
        if reply.first == 0x21 { text = text.drop { $0 != 0x0a }.dropFirst() }
        let word = text.prefix { (0x41...0x5a).contains($0) }.prefix(16)
        let code = word.isEmpty ? nil : String(decoding: word, as: UTF8.self)
        let (reason, remedy) =
            switch code {
            case "WRONGPASS": ("the user or the password is not right, or the user is off", "check both")
            case "NOAUTH": ("the server wants a password", "give one")
            case "NOPERM": ("this user may not use what a log-in needs", "allow it in the clone's ACL")
            case "NOPROTO": ("the server does not have the recorded version of RESP", "replay to a newer release")
            case "LOADING": ("the server is still loading its data", "wait for it and try again")
            case "DENIED": ("the server is in protected mode", "set a password or switch the mode off in the clone")
            case "ERR" where isSelection: ("there is no such database", "give a number below the server's `databases`")
            case "ERR":
                ("the server has no password for this user, or no such command", "leave the credentials out")
            default: ("the server refuses", "see the server's own log in the clone")
            }
        return LogInFailure(.redis, code: code, reason, remedy: remedy)
    }
}
