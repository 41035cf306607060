import Foundation
import Proxies
import Testing

@Suite struct ReplyComparisonTests {
    private static let request = Messages.request("GET /items/7", ["Cookie: sid=k2m8p5q1r7s3t9u4"])

    private func compare(_ onLine: [UInt8], _ clone: [UInt8]) -> ReplyVerdict {
        ReplyComparison().compare(request: Self.request, onLine: onLine, clone: clone, of: 1, knowing: SessionMap())
    }

    @Test(arguments: [
        (Messages.reply(200), Messages.reply(404), ReplyDifference.status(onLine: 200, clone: 404)),
        (Messages.html([], "a"), Messages.reply(200, ["Content-Type: text/plain"], body: "a"), .header("content-type")),
        (Messages.reply(200, ["Set-Cookie: a=1"]), Messages.reply(200, ["Set-Cookie: b=1"]), .header("set-cookie")),
        (Messages.reply(200, ["Cache-Control: no-store"]), Messages.reply(200), .header("cache-control")),
        (Messages.reply(302, ["Location: /a"]), Messages.reply(302, ["Location: /b"]), .header("location")),
        (
            Messages.json("{\"a\":[{\"b\":1},{\"b\":2}]}"), Messages.json("{\"a\":[{\"b\":1},{\"b\":3}]}"),
            .json("a[].b")
        ),
        (Messages.json("{\"a\":1}"), Messages.json("{\"a\":\"1\"}"), .json("a")),
        (Messages.json("{\"a\":true}"), Messages.json("{\"a\":false}"), .json("a")),
        (Messages.json("{\"a\":{}}"), Messages.json("{\"a\":[]}"), .json("a")),
        (Messages.json("{\"a\":1,\"b\":[]}"), Messages.json("{\"a\":1}"), .json("b")),
        (Messages.html([], "a\nb\nc"), Messages.html([], "a\nx\nc"), .text(lines: [2])),
        (Messages.html([], "a\nb\nc\n"), Messages.html([], "a\nc\n"), .text(lines: [2])),
        (Messages.html([], "a"), Messages.html([], ""), .body(onLine: 1, clone: 0)),
        (
            Messages.reply(200, ["Content-Type: image/png"], body: "ab"),
            Messages.reply(200, ["Content-Type: image/png"], body: "abc"), .body(onLine: 2, clone: 3)
        ),
    ])
    func whatDiffersIsNamed(_ onLine: [UInt8], _ clone: [UInt8], _ difference: ReplyDifference) {
        #expect(compare(onLine, clone) == .differs([difference]))
        #expect(compare(onLine, onLine) == .same)
    }

    /// What tells of the time and the machine, the order of members, and how a text is written.
    @Test(arguments: [
        (
            Messages.reply(200, ["Date: a", "ETag: b", "Server: c", "Set-Cookie: s=1"]),
            Messages.reply(200, ["Set-Cookie: s=2", "Date: b", "Age: 7"])
        ),
        (Messages.json("{\"a\": 1, \"b\": [\"\\u00e9\"]}"), Messages.json("{\"b\":[\"é\"],\"a\":1}")),
    ])
    func whatMeansNothingDoesNotCount(_ onLine: [UInt8], _ clone: [UInt8]) {
        #expect(compare(onLine, clone) == .same)
    }

    /// Values that the map knows to be counterparts are no difference, in any text.
    @Test func counterpartsDoNotDiffer() {
        var map = SessionMap()
        let pages = ["k2m8p5q1 42 a&#43;b", "z9x7c5v3 57 a&#45;b"].map { page in
            let words = page.split(separator: " ")
            return Messages.html(
                ["Location: /items/\(words[1])", "X-CSRF-Token: \(words[0])"],
                "<a href=\"/items/\(words[1])\">Item \(words[1])</a>\n<input type=hidden name=t value=\"\(words[2])\">")
        }
        map.learn(request: Self.request, onLine: pages[0], clone: pages[1], of: 1)
        let compare = { (other: [UInt8]) in
            ReplyComparison().compare(request: Self.request, onLine: pages[0], clone: other, of: 1, knowing: map)
        }
        #expect(compare(pages[1]) == .same)
        // Not so in another session, nor for another value.
        let other = Messages.request("GET /items/7", ["Cookie: sid=another0another1"])
        #expect(
            ReplyComparison().compare(request: other, onLine: pages[0], clone: pages[1], of: 2, knowing: map)
                == .differs([.header("location"), .text(lines: [1, 2])]))
        let third = String(decoding: pages[1], as: UTF8.self).replacing("Item 57", with: "Item 58")
        #expect(compare(Array(third.utf8)) == .differs([.text(lines: [1])]))
    }

    @Test func noiseIsLearnedByRouteAndKept() throws {
        let page = { (time: String, price: String, rest: String) in
            Messages.html(["Content-Language: \(price)"], "<p>\nMade at \(time) by node \(price)\n\(rest)\n</p>")
        }
        let list = { (time: Int, price: Int) in Messages.json("{\"now\":[{\"t\":\(time)}],\"price\":\(price)}") }
        var noise = ReplyNoise()
        let map = SessionMap()
        let asJSON = Messages.request("GET /api/7")
        noise.learn(
            request: Self.request, first: page("12:00", "7", "x"), second: page("12:01", "8", "x"), of: 1, knowing: map)
        noise.learn(request: asJSON, first: list(1, 5), second: list(2, 5), of: 1, knowing: map)
        let stored = try JSONDecoder().decode(ReplyNoise.self, from: JSONEncoder().encode(noise))
        #expect(stored == noise)
        let comparison = ReplyComparison(noise: stored)
        let compare = { (request: [UInt8], onLine: [UInt8], clone: [UInt8]) in
            comparison.compare(request: request, onLine: onLine, clone: clone, of: 1, knowing: map)
        }
        let other = Messages.request("GET /items/8")
        #expect(compare(other, page("13:10", "1", "y"), page("13:11", "2", "y")) == .sameButForNoise)
        #expect(compare(other, page("13:10", "1", "y"), page("13:11", "2", "z")) == .differs([.text(lines: [3])]))
        #expect(
            compare(Messages.request("POST /items/8"), page("1", "1", ""), page("2", "1", ""))
                == .differs([.text(lines: [2])]))
        #expect(compare(asJSON, list(3, 5), list(4, 6)) == .differs([.json("price")]))
        #expect(compare(asJSON, list(3, 5), list(4, 5)) == .sameButForNoise)
        #expect(compare(asJSON, list(3, 5), Messages.reply(500)) != .sameButForNoise)
    }
}
