package import Model
import Wire

/// HTTP/1.1 as the server speaks it (RFC 9112). Recorded replies are sent as they were, framing included, so that a
/// chunked one stays chunked; a connection is kept as long as both the clone's request and the recorded reply keep it.
package struct HTTPDialogue: ServerDialogue {
    package enum Context: Sendable {
        case request(isLast: Bool)
        /// The client waits to be told before it sends a body (RFC 9110, section 10.1.1).
        case expectation
        case malformed(tooLarge: Bool)
    }

    /// A request's body that is kept; longer ones are refused.
    private static let bodyLimit = 64 << 20

    private var parser = HTTPParser(.requests, keeping: .all, messageLimit: HTTPDialogue.bodyLimit)
    /// The beginning of a request, until its header section is whole.
    private var head: [UInt8] = []
    private var isHeadKnown = false

    package init() {}

    package mutating func take(_ bytes: Span<UInt8>, at now: Timestamp) -> [Step<Context>] {
        var steps: [Step<Context>] = []
        var position = 0
        do throws(HTTPFailure) {
            while position < bytes.count {
                let start = position
                let message = try parser.next(bytes, from: &position, at: now)
                guard let message else {
                    if expects(bytes.extracting(start..<position)) { steps.append(Step(.expectation)) }
                    break
                }
                (head, isHeadKnown) = ([], false)
                let text = HTTPHeadText(message.bytes)
                let isOld = text?.startLine.suffix(3).elementsEqual("1.0".utf8) == true
                let isLast =
                    text?.list("connection", has: "close") == true
                    || isOld && text?.list("connection", has: "keep-alive") != true
                steps.append(
                    Step(
                        .request(isLast: isLast), asks: HTTPQuestions.question(message.bytes),
                        forward: .message(message.bytes, .once)))
            }
        } catch {
            steps.append(Step(.malformed(tooLarge: error == .tooLarge)))
        }
        return steps
    }

    /// Whether these bytes end the header section of a request that waits before its body.
    private mutating func expects(_ bytes: Span<UInt8>) -> Bool {
        guard !isHeadKnown else { return false }
        head.append(bytes)
        guard let text = HTTPHeadText(head) else { return false }
        defer { (head, isHeadKnown) = ([], true) }
        return text.list("expect", has: "100-continue") && text.end == head.count
    }

    package func wording(of context: Context, lookUp: (Question) -> RecordedAnswer?) -> Wording {
        switch context {
        case .request: Wording(Self.status("400 Bad Request", "the request is malformed"), closes: true)
        case .expectation: Wording(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
        case .malformed(let tooLarge):
            tooLarge
                ? Wording(Self.status("413 Content Too Large", "the request is too large"), closes: true)
                : Wording(Self.status("400 Bad Request", "the request is malformed"), closes: true)
        }
    }

    package func wording(
        of context: Context, from recorded: RecordedAnswer, _ match: AnswerMatch,
        lookUp: (Question) -> RecordedAnswer?
    ) -> Wording? {
        wording(of: context, ShadowReply(recorded.bytes, endsConnection: recorded.endsConnection))
    }

    package func wording(of context: Context, forwarded reply: ShadowReply) -> Wording? { wording(of: context, reply) }

    private func wording(of context: Context, _ reply: ShadowReply) -> Wording? {
        guard case .request(let isLast) = context, let head = HTTPHeadText(reply.bytes) else { return nil }
        let status = head.startLine.split(separator: 0x20).dropFirst().first ?? []
        // Behind an upgrade another protocol is spoken, which was not recorded.
        let isUpgrade = status.elementsEqual("101".utf8)
        return Wording(
            reply.bytes,
            closes: isLast || reply.endsConnection || isUpgrade || head.list("connection", has: "close"))
    }

    package func refusal(of context: Context) -> Wording {
        guard case .request(let isLast) = context else { return Wording(closes: true) }
        return Wording(Self.status("502 Bad Gateway", "no recorded answer for this request"), closes: isLast)
    }

    private static func status(_ line: String, _ text: String) -> [UInt8] {
        let body = "What-if: \(text)\n"
        return Array(
            "HTTP/1.1 \(line)\r\nContent-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
    }
}
