import Model
import Wire

/// What a shadow heard: a reply for each question that is done, in order.
struct ShadowHeard: Sendable {
    /// Nil for a question that the server passed over.
    var replies: [ShadowReply?] = []
    /// Nothing that follows can be told apart.
    var isBroken = false
    /// The server will end the connection, or it carries something else from here on.
    var hangsUp = false
}

/// Cuts what a server says into the replies to what was sent.
protocol ShadowReplies: Sendable {
    /// Both sides of the log-in.
    mutating func sent(logIn bytes: [UInt8])
    mutating func received(logIn bytes: Span<UInt8>)
    /// What came with the log-in's last word.
    mutating func received(behindLogIn bytes: Span<UInt8>) -> ShadowHeard
    mutating func sent(_ bytes: [UInt8]) -> ShadowHeard
    mutating func received(_ bytes: Span<UInt8>) -> ShadowHeard
    mutating func ended() -> ShadowHeard
}

extension ApplicationProtocol {
    var shadowReplies: any ShadowReplies {
        if self == .postgresql { return PostgreSQLReplies() }
        let setting = ReaderSetting(0, fromStart: true)
        return ReaderReplies(
            reader: ProtocolTable.entry(self)?.reader(setting) ?? TurnReader(setting), isHTTP: self == .http)
    }
}

/// By the reader that reads production: an exchange is a reply.
private struct ReaderReplies: ShadowReplies {
    var reader: any ConnectionReader
    let isHTTP: Bool
    private static let time = Timestamp.distantPast

    init(reader: any ConnectionReader, isHTTP: Bool) {
        self.reader = reader
        self.isHTTP = isHTTP
    }

    mutating func sent(logIn bytes: [UInt8]) { reader.client(bytes.span, at: Self.time) { _ in } }
    mutating func received(logIn bytes: Span<UInt8>) { reader.server(bytes, at: Self.time) { _ in } }
    /// The reader has them.
    mutating func received(behindLogIn bytes: Span<UInt8>) -> ShadowHeard { ShadowHeard() }

    mutating func sent(_ bytes: [UInt8]) -> ShadowHeard {
        var heard = ShadowHeard()
        reader.client(bytes.span, at: Self.time) { [isHTTP] in Self.take($0, isHTTP, &heard) }
        return heard
    }

    mutating func received(_ bytes: Span<UInt8>) -> ShadowHeard {
        var heard = ShadowHeard()
        reader.server(bytes, at: Self.time) { [isHTTP] in Self.take($0, isHTTP, &heard) }
        return heard
    }

    mutating func ended() -> ShadowHeard {
        var heard = ShadowHeard()
        reader.serverClosed(at: Self.time) { [isHTTP] in Self.take($0, isHTTP, &heard) }
        heard.isBroken = false
        return heard
    }

    private static func take(_ event: WireEvent, _ isHTTP: Bool, _ heard: inout ShadowHeard) {
        switch event {
        case .exchange(_, let exchange):
            let bytes = exchange.reply.bytes
            heard.replies.append(ShadowReply(bytes, endsConnection: exchange.reply.endedByClose))
            if isHTTP, let head = HTTPHeadText(bytes) {
                heard.hangsUp = exchange.reply.status == 101 || head.list("connection", has: "close")
            }
        case .lost: heard.isBroken = true
        case .opened, .request, .recognised, .closed: break
        }
    }
}
