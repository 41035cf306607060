import TestSupport
@testable import Wire

/// Random HTTP/1 conversations whose exchanges are known beforehand.
struct HTTPScript {
    private(set) var turns: [Conversation.Turn] = []
    private(set) var exchanges: [PlainExchange] = []
    /// The last reply has no length of its own.
    private(set) var endsWithClose = false
    /// For each turn, the exchanges it carries a part of.
    private(set) var numbers: [Range<Int>] = []

    /// `pipelined` is how many requests a client may send at once.
    init(exchanges count: Int, pipelined: Int, endsWithClose: Bool, _ random: inout SeededGenerator) {
        var number = 0
        while number < count {
            let burst = min(count - number, Int.random(in: 1...pipelined, using: &random))
            var asked: [UInt8] = []
            var answered: [UInt8] = []
            for _ in 0..<burst {
                let isLast = endsWithClose && number == count - 1
                let (request, reply) = add(number, isLast: isLast, &random)
                asked += request
                answered += reply
                number += 1
            }
            turns += [.init(.client, asked), .init(.server, answered)]
            numbers += [number - burst..<number, number - burst..<number]
        }
        self.endsWithClose = endsWithClose
    }

    /// A client that asks on while it is answered, with at most `ahead` requests out; a turn is one message.
    init(exchanges count: Int, ahead: Int, _ random: inout SeededGenerator) {
        var replies: [[UInt8]] = []
        var answered = 0
        while answered < count {
            let mayAsk = replies.count < count && replies.count - answered < ahead
            if mayAsk, answered == replies.count || random.once(in: 2) {
                let (request, reply) = add(replies.count, isLast: false, &random)
                turns.append(.init(.client, request))
                numbers.append(replies.count..<replies.count + 1)
                replies.append(reply)
            } else {
                turns.append(.init(.server, replies[answered]))
                numbers.append(answered..<answered + 1)
                answered += 1
            }
        }
    }

    private mutating func add(
        _ number: Int, isLast: Bool, _ random: inout SeededGenerator
    ) -> (request: [UInt8], reply: [UInt8]) {
        let method = ["GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"].randomElement(using: &random) ?? "GET"
        let target = "/exchange/\(number)?q=\(String(repeating: "x", count: Int.random(in: 0...60, using: &random)))"
        var head = ["\(method) \(target) HTTP/1.1", "Host: tier.example"]
        var body: [UInt8] = []
        if method == "POST" || method == "PUT" { body = frame(Self.body(&random), &head, &random) }
        let request = Self.lines(head) + body

        var status = [200, 200, 201, 204, 206, 302, 304, 404, 500].randomElement(using: &random) ?? 200
        if isLast { status = 200 }
        var replyHead = ["HTTP/1.1 \(status) Whatever", "Server: test"]
        var reply: [UInt8] = []
        if isLast {
            if method != "HEAD" { reply = Self.body(&random) }
        } else if method == "HEAD" || status == 304 {
            // A length that no body follows.
            replyHead.append("Content-Length: \(Int.random(in: 0...5000, using: &random))")
        } else if status != 204 {
            reply = frame(Self.body(&random), &replyHead, &random)
        }
        reply = Self.lines(replyHead) + reply
        exchanges.append(
            PlainExchange(
                method: method, target: target, request: request, status: status, replyLength: reply.count,
                endedByClose: isLast && method != "HEAD"))
        let interim = random.once(in: 4) ? Self.lines(["HTTP/1.1 100 Continue"]) : []
        return (request, interim + reply)
    }

    /// A body that is framed by its length or by chunks.
    private func frame(_ body: [UInt8], _ head: inout [String], _ random: inout SeededGenerator) -> [UInt8] {
        guard random.once(in: 2) else {
            head.append("Content-Length: \(body.count)")
            return body
        }
        head.append("Transfer-Encoding: chunked")
        var framed: [UInt8] = []
        for chunk in random.cut(body, longest: 300) {
            let size = random.once(in: 3) ? "\(String(chunk.count, radix: 16));a=\"b\"" : String(chunk.count, radix: 16)
            framed += Array("\(size)\r\n".utf8) + chunk + [0x0d, 0x0a]
        }
        let trailer = random.once(in: 3) ? "X-Sum: 1\r\n" : ""
        return framed + Array("0\r\n\(trailer)\r\n".utf8)
    }

    private static func lines(_ lines: [String]) -> [UInt8] {
        Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    /// Up to a kilobyte of anything, also of what looks like other messages.
    private static func body(_ random: inout SeededGenerator) -> [UInt8] {
        var body: [UInt8] = []
        let length = Int.random(in: 0...1200, using: &random)
        while body.count < length {
            switch Int.random(in: 0..<4, using: &random) {
            case 0: body += Array("GET /inside HTTP/1.1\r\nHost: inside\r\n\r\n".utf8)
            case 1: body += Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8)
            case 2: body += Array("some words of text ".utf8)
            default: body += (0..<40).map { _ in UInt8.random(in: 0...255, using: &random) }
            }
        }
        return body
    }
}
