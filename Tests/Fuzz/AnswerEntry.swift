import Model
import Proxies
import Wire

/// A clone's connection to the out-proxy: whatever it sends, what it is told does not depend on how its bytes are cut,
/// comes in order, and ends with the end of the connection.
///
/// The first byte says how long pieces are, and whether the log-in of the protocol goes before the rest.
enum AnswerEntry {
    static func run(_ name: ApplicationProtocol, _ bytes: [UInt8]) throws(BrokenInvariant) {
        var input = FuzzInput(bytes)
        let setting = input.byte()
        let text = (setting & 1 == 0 ? logIn(name) : []) + input.rest()
        let cut = try said(name, text.pieces(of: Int(setting >> 1) + 1))
        // Where a turn of an unread protocol ends is known by its pieces.
        guard name != .tcp else { return }
        let whole = try said(name, [text[...]])
        try BrokenInvariant.unless(whole == cut, "the cutting changes what is said")
    }

    private struct Said: Equatable {
        var bytes: [UInt8] = []
        var closes = false
        var account = AnswerAccount()
    }

    private static func said(
        _ name: ApplicationProtocol, _ pieces: [ArraySlice<UInt8>]
    ) throws(BrokenInvariant) -> Said {
        var book = AnswerBook()
        for exchange in recorded[name] ?? [] { book.add(exchange, of: 1) }
        book.noteHeard(.distantFuture)
        var session = name.serverSession(AnswerPolicy())
        var shadow: Shadow?
        var said = Said()
        var due = Timestamp.distantPast
        let time = Timestamp(nanoseconds: 1_000_000_000)
        _ = session.opened(at: time)
        for piece in pieces {
            for reply in session.received(piece.span, at: time, book: &book, shadow: &shadow, account: &said.account) {
                try BrokenInvariant.unless(!said.closes, "something is said behind the end")
                try BrokenInvariant.unless(reply.due >= due, "an answer is due before the one before it")
                due = reply.due
                // Whether a client waits before its body is known by its pieces.
                if reply.bytes != goOn { said.bytes += reply.bytes }
                said.closes = reply.closes
            }
        }
        return said
    }

    private static let goOn = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

    private static func logIn(_ name: ApplicationProtocol) -> [UInt8] {
        switch name {
        case .postgresql: [0, 0, 0, 9, 0, 3, 0, 0, 0]
        case .mysql: [33, 0, 0, 1, 0, 2] + [UInt8](repeating: 0, count: 31)
        case .http, .redis, .tcp: []
        }
    }

    private static let recorded = Dictionary(
        uniqueKeysWithValues: ApplicationProtocol.allCases.map { ($0, exchanges($0)) })

    /// What the readers make of a few words of each protocol.
    private static func exchanges(_ name: ApplicationProtocol) -> [Exchange] {
        let prepared: [UInt8] = [
            12, 0, 0, 1, 0, 9, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 3, 0, 0, 2, 1, 2, 3, 5, 0, 0, 3, 0xfe, 0, 0, 2, 0,
        ]
        let turns: [([UInt8], [UInt8])] =
            switch name {
            case .http:
                [
                    (
                        Array("GET /1 HTTP/1.1\r\n\r\n".utf8),
                        Array("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na".utf8)
                    ),
                    (
                        Array("HEAD /1 HTTP/1.1\r\n\r\n".utf8),
                        Array("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n".utf8)
                    ),
                ]
            case .redis:
                [
                    (Array("*2\r\n$3\r\nGET\r\n$1\r\na\r\n".utf8), Array("$1\r\n1\r\n".utf8)),
                    (Array("*2\r\n$4\r\nKEYS\r\n$1\r\na\r\n".utf8), Array("~1\r\n:1\r\n".utf8)),
                ]
            case .mysql:
                [
                    (command([3] + Array("SELECT 1".utf8)), [7, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]),
                    (command([22] + Array("SELECT ?".utf8)), prepared),
                ]
            case .postgresql:
                [
                    (
                        PostgreSQLMessage("Q", Array("SELECT 1".utf8) + [0]).bytes,
                        PostgreSQLMessage("T", [0, 0]).bytes + PostgreSQLMessage("G", [0, 0, 0]).bytes
                            + PostgreSQLMessage("C", [0]).bytes + PostgreSQLMessage("Z", [0x49]).bytes
                    )
                ]
            case .tcp: [(Array("ask".utf8), Array("say".utf8)), (Array("end".utf8), Array("so".utf8))]
            }
        guard var reader = ProtocolTable.entry(name)?.reader(ReaderSetting(1, fromStart: false)) else { return [] }
        var exchanges: [Exchange] = []
        let emit = { (event: WireEvent) in if case .exchange(_, let exchange) = event { exchanges.append(exchange) } }
        let time = Timestamp(nanoseconds: 0)
        // From the middle a reader takes a question behind something that the server said.
        reader.server([0x20].span, at: time, emit: emit)
        for (question, answer) in turns {
            reader.client(question.span, at: time, emit: emit)
            reader.server(answer.span, at: time, emit: emit)
        }
        reader.serverClosed(at: time, emit: emit)
        return exchanges
    }

    private static func command(_ payload: [UInt8]) -> [UInt8] { [UInt8(payload.count), 0, 0, 0] + payload }
}
