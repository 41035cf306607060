import Foundation
import Model
package import Wire

/// HTTP exchanges as an HTTP Archive, version 1.2 (softwareishard.com/blog/har-12-spec), which browsers and load tools
/// read. Written entry by entry: `start`, the entries with `separator` between, `end`.
package struct HAR {
    private struct Entry: Encodable {
        var startedDateTime: String
        var time: Double
        var request: Request
        var response: Response
        var cache = Empty()
        var timings: Timings
        var serverIPAddress: String?
        var connection: String
    }

    private struct Empty: Encodable {}
    private struct Pair: Encodable { var name, value: String }

    private struct Request: Encodable {
        var method, url, httpVersion: String
        var cookies, headers, queryString: [Pair]
        var postData: PostData?
        var headersSize, bodySize: Int
    }

    private struct PostData: Encodable {
        var mimeType: String
        var params: [Pair] = []
        var text: String
        var comment: String?
    }

    private struct Response: Encodable {
        var status: Int
        var statusText, httpVersion: String
        var cookies, headers: [Pair]
        var content: Content
        var redirectURL: String
        var headersSize, bodySize: Int
    }

    private struct Content: Encodable {
        var size: Int
        var mimeType: String
        var text: String?
        var encoding: String?
    }

    /// Milliseconds. Blocked, DNS, connect and TLS are not seen here: -1 by the specification.
    private struct Timings: Encodable {
        var blocked = -1.0
        var dns = -1.0
        var connect = -1.0
        var send, wait, receive: Double
        var ssl = -1.0
    }

    package static let start = #"{"log":{"version":"1.2","creator":{"name":"whatif","version":"1"},"entries":["# + "\n"
    package static let separator = ",\n"
    package static let end = "\n]}}\n"

    private let encoder = JSONEncoder()
    private let withPayload: Bool

    /// Request lines and headers are always there; bodies only `withPayload`.
    package init(withPayload: Bool) {
        self.withPayload = withPayload
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    }

    /// Nil when the exchange is none of HTTP, or its bytes were not kept.
    package func entry(_ id: ConnectionID, _ exchange: Exchange, _ connection: TraceConnection?) throws -> String? {
        guard exchange.protocolName == .http, !exchange.request.bytes.isEmpty else { return nil }
        let (asked, answered) = (exchange.request.passage, exchange.reply.passage)
        let timings = Timings(
            send: milliseconds(asked.lastByte - asked.firstByte),
            wait: milliseconds(answered.firstByte - asked.lastByte),
            receive: milliseconds(answered.lastByte - answered.firstByte))
        let entry = Entry(
            startedDateTime: TimeText.iso(asked.firstByte), time: timings.send + timings.wait + timings.receive,
            request: request(exchange.request, connection), response: response(exchange.reply), timings: timings,
            serverIPAddress: connection.map { "\($0.server.address)" }, connection: "\(id)")
        return String(decoding: try encoder.encode(entry), as: UTF8.self)
    }

    /// A reply may begin before its request has ended: such a phase took no time.
    private func milliseconds(_ duration: Duration) -> Double { max(0, duration.milliseconds) }

    private func request(_ asked: Wire.Request, _ connection: TraceConnection?) -> Request {
        let message = HARMessage(asked.bytes)
        let target = message.word(1)
        let host = message.value("host") ?? connection.map { "\($0.server)" } ?? "unknown"
        let url = target.hasPrefix("/") ? "http://\(host)\(target)" : target
        var post: PostData?
        if withPayload, !message.body.isEmpty {
            let payload = TraceJSON.Payload(message.body)
            post = PostData(mimeType: message.value("content-type") ?? "", text: payload.data)
            // The specification has no encoding for what is posted.
            if payload.encoding != "utf8" { post?.comment = payload.encoding }
        }
        return Request(
            method: message.word(0), url: url, httpVersion: message.word(2),
            cookies: cookies(message, "cookie"), headers: pairs(message), queryString: query(target), postData: post,
            headersSize: message.headLength, bodySize: max(0, asked.passage.byteCount &- message.headLength))
    }

    private func response(_ reply: Reply) -> Response {
        let message = HARMessage(reply.bytes)
        var content = Content(size: message.body.count, mimeType: message.value("content-type") ?? "")
        if withPayload, !message.body.isEmpty {
            let payload = TraceJSON.Payload(message.body)
            content.text = payload.data
            if payload.encoding != "utf8" { content.encoding = payload.encoding }
        }
        return Response(
            status: reply.status, statusText: message.word(2), httpVersion: message.word(0),
            cookies: cookies(message, "set-cookie"), headers: pairs(message), content: content,
            redirectURL: message.value("location") ?? "", headersSize: message.headLength,
            bodySize: max(0, reply.passage.byteCount &- message.headLength))
    }

    private func pairs(_ message: HARMessage) -> [Pair] { message.headers.map { Pair(name: $0.name, value: $0.value) } }

    /// Of Set-Cookie the first part is the cookie, the others are its attributes.
    private func cookies(_ message: HARMessage, _ header: String) -> [Pair] {
        message.headers.filter { $0.name.lowercased() == header }.flatMap { field in
            let parts = field.value.split(separator: ";")
            return (header == "cookie" ? parts[...] : parts.prefix(1)).map { pair(String($0)) }
        }
    }

    private func query(_ target: String) -> [Pair] {
        guard let mark = target.firstIndex(of: "?") else { return [] }
        let text = target[target.index(after: mark)...].prefix { $0 != "#" }
        return text.split(separator: "&").map { part in
            let raw = pair(String(part))
            return Pair(name: plain(raw.name), value: plain(raw.value))
        }
    }

    private func pair(_ text: String) -> Pair {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let value = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
        return Pair(name: (parts.first ?? "").trimmingCharacters(in: .whitespaces), value: value)
    }

    private func plain(_ text: String) -> String {
        text.replacing("+", with: " ").removingPercentEncoding ?? text
    }
}
