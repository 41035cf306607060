import Proxies

/// Messages written as people read them: a line a header, an empty line, the body.
enum Messages {
    static func request(_ line: String, _ headers: [String] = [], body: String = "") -> [UInt8] {
        let length = body.isEmpty ? [] : ["Content-Length: \(body.utf8.count)"]
        return message([line + " HTTP/1.1", "Host: shop"] + headers + length, body)
    }

    static func form(_ line: String, _ headers: [String] = [], _ body: String) -> [UInt8] {
        request(line, headers + ["Content-Type: application/x-www-form-urlencoded"], body: body)
    }

    static func reply(_ status: Int, _ headers: [String] = [], body: String = "") -> [UInt8] {
        message(["HTTP/1.1 \(status) X"] + headers + ["Content-Length: \(body.utf8.count)"], body)
    }

    static func html(_ headers: [String] = [], _ body: String) -> [UInt8] {
        reply(200, ["Content-Type: text/html; charset=utf-8"] + headers, body: body)
    }

    static func json(_ body: String, _ headers: [String] = []) -> [UInt8] {
        reply(200, ["Content-Type: application/json"] + headers, body: body)
    }

    private static func message(_ lines: [String], _ body: String) -> [UInt8] {
        Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)
    }
}

/// A server's replies, on-line and by the clone: what each makes for itself is written `{name}`.
struct Replay {
    var map: SessionMap
    private let made: [String: (onLine: String, clone: String)]

    init(_ made: [String: (onLine: String, clone: String)], rules: SessionMap = SessionMap()) {
        self.made = made
        map = rules
    }

    private func filled(_ text: [UInt8], _ side: ((onLine: String, clone: String)) -> String) -> [UInt8] {
        var text = String(decoding: text, as: UTF8.self)
        for (name, values) in made { text = text.replacing("{\(name)}", with: side(values)) }
        return Array(text.utf8)
    }

    func onLine(_ text: [UInt8]) -> [UInt8] { filled(text, \.onLine) }
    func clone(_ text: [UInt8]) -> [UInt8] { filled(text, \.clone) }

    /// The recorded request got this reply from both.
    mutating func answer(_ request: [UInt8], _ reply: [UInt8], on connection: UInt64 = 1) {
        map.learn(request: onLine(request), onLine: onLine(reply), clone: clone(reply), of: connection)
    }

    /// What is sent to the clone for a recorded request, as text.
    mutating func sent(_ request: [UInt8], on connection: UInt64 = 1) -> String {
        String(decoding: map.rewrite(onLine(request), of: connection).bytes, as: UTF8.self)
    }

    /// The request as the clone's own client would send it, but for its length.
    func own(_ request: [UInt8]) -> String {
        let text = String(decoding: clone(request), as: UTF8.self)
        guard let range = text.firstRange(of: "Content-Length: "), let end = text.firstRange(of: "\r\n\r\n") else {
            return text
        }
        let body = text[end.upperBound...]
        return text[..<range.upperBound] + "\(body.utf8.count)" + text[end.lowerBound...]
    }
}
