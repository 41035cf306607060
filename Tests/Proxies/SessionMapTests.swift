import Model
import Proxies
import TestSupport
import Testing

@Suite struct SessionMapTests {
    private static let made = ["sid": ("k2m8p5q1r7s3t9u4", "a9b1c7d3e5f2g8h4"), "order": ("42", "57")]

    /// A user with a session cookie, an order and a hidden field.
    private func replay() -> Replay {
        var replay = Replay(Self.made.mapValues { (onLine: $0.0, clone: $0.1) })
        replay.answer(Messages.request("GET /"), Messages.html(["Set-Cookie: sid={sid}"], "x"))
        replay.answer(
            Messages.request("POST /orders", ["Cookie: sid={sid}"]), Messages.reply(303, ["Location: /orders/{order}"]))
        return replay
    }

    private static let cookie = "Cookie: sid={sid}"

    /// Each request has a 42 or the token where it is none of ours to change.
    @Test(arguments: [
        Messages.request("GET /items/42", [cookie]), Messages.request("GET /orders?page=42", [cookie]),
        Messages.form("POST /orders", [cookie], "quantity=42"),
        Messages.request("POST /a", [cookie, "Content-Type: text/plain"], body: "order 42, k2m8p5q1r7s3t9u4"),
        Messages.request(
            "POST /a", [cookie, "Content-Type: application/json"], body: "{\"t\": \"see k2m8p5q1r7s3t9u4\"}"),
        Messages.request("POST /a", [cookie, "Content-Type: application/json"], body: "{\"n\": 42"),
        Messages.request(
            "POST /a", [cookie, "Content-Type: multipart/form-data; boundary=b"],
            body: "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nk2m8p5q1r7s3t9u4\r\n--b--"),
        Messages.request("GET /a", [cookie, "User-Agent: 42"]),
        Messages.request("GET /a?q=xk2m8p5q1r7s3t9u4", [cookie]),
    ])
    func onlyWholeValuesInTheirPlacesChange(_ request: [UInt8]) throws {
        var replay = replay()
        let recorded = replay.onLine(request)
        let result = replay.map.rewrite(recorded, of: 1)
        let expected = String(decoding: recorded, as: UTF8.self)
            .replacing("sid=k2m8p5q1r7s3t9u4", with: "sid=a9b1c7d3e5f2g8h4")
        #expect(String(decoding: result.bytes, as: UTF8.self) == expected)
        #expect(result.substitutions == 1)
    }

    @Test func anotherSessionIsNotTouched() {
        var replay = replay()
        for request in [
            Messages.request("GET /orders/42", ["Cookie: sid=zz99yy88xx77ww66"]), Messages.request("GET /orders/42"),
            Messages.request("GET /orders/42", ["Authorization: Bearer k2m8p5q1r7s3t9u5"]),
        ] {
            let result = replay.map.rewrite(request, of: 1)
            #expect(result.bytes == request && result.substitutions == 0)
        }
    }

    /// Two users whom the map knows: each has an order that the other may ask for.
    @Test func whatOneUserIsGivenIsNotPutIntoAnothersRequests() {
        var replay = Replay([
            "a": ("k2m8p5q1r7s3t9u4", "a9b1c7d3e5f2g8h4"), "b": ("z2m8p5q1r7s3t9u5", "y9b1c7d3e5f2g8h5"),
            "x": ("42", "57"), "y": ("43", "58"),
        ])
        for (user, order) in [("a", "x"), ("b", "y")] {
            replay.answer(Messages.request("GET /"), Messages.html(["Set-Cookie: sid={\(user)}"], "x"))
            let request = Messages.request("POST /orders", ["Cookie: sid={\(user)}"])
            replay.answer(request, Messages.reply(303, ["Location: /orders/{\(order)}"]))
        }
        for (user, path, expected) in [("a", "42", "57"), ("a", "43", "43"), ("b", "43", "58"), ("b", "42", "42")] {
            let sent = replay.sent(Messages.request("GET /orders/\(path)", ["Cookie: sid={\(user)}"]))
            #expect(sent.hasPrefix("GET /orders/\(expected) "))
        }
    }

    /// A user whose cookie the clone has too, as it was given out before.
    @Test func aSessionFromBeforeIsKnownByItsCookies() {
        var replay = Replay(["order": (onLine: "42", clone: "57")])
        let cookie = "Cookie: lang=de; sid=p1o2i3u4z5t6"
        replay.answer(Messages.request("POST /orders", [cookie]), Messages.reply(303, ["Location: /orders/{order}"]))
        #expect(replay.sent(Messages.request("GET /orders/42", [cookie]), on: 5).hasPrefix("GET /orders/57 "))
        #expect(
            replay.sent(Messages.request("GET /orders/42", ["Cookie: sid=q1o2i3u4z5t6"])).hasPrefix("GET /orders/42 "))
    }

    /// Without a cookie what is short is known on its connection only.
    @Test func withoutCookiesAConnectionIsASession() {
        var replay = Replay(["order": (onLine: "42", clone: "57")])
        replay.answer(Messages.request("POST /orders"), Messages.reply(303, ["Location: /orders/{order}"]))
        #expect(replay.sent(Messages.request("GET /orders/42")).hasPrefix("GET /orders/57 "))
        #expect(replay.sent(Messages.request("GET /orders/42"), on: 2).hasPrefix("GET /orders/42 "))
    }

    /// The clone did not set the cookie that the on-line server set: it gets the last it has set itself.
    @Test func aCookieTheCloneDoesNotKnowBecomesItsLast() {
        var replay = replay()
        let request = replay.onLine(Messages.request("GET /next", [Self.cookie]))
        let reply = Messages.reply(200, ["Set-Cookie: sid=n7e6w5v4a3l2u1e0"])
        replay.map.note(request: request, reply: reply, of: 1)
        let next = Messages.request("GET /", ["Cookie: sid=n7e6w5v4a3l2u1e0"])
        #expect(replay.sent(next).contains("sid=a9b1c7d3e5f2g8h4\r\n"))
        // Once both agree, it is left alone.
        replay.map.learn(request: request, onLine: reply, clone: reply, of: 1)
        #expect(replay.map.rewrite(next, of: 1).substitutions == 0)
    }

    /// A list that is shifted by one would make every element its neighbour.
    @Test func shiftedListsTeachNothing() {
        var map = SessionMap()
        let request = Messages.request("GET /orders")
        map.learn(
            request: request, onLine: Messages.html([], "<a href=/o/42>a</a><a href=/o/41>a</a><a href=/o/40>a</a>"),
            clone: Messages.html([], "<a href=/o/41>a</a><a href=/o/40>a</a><a href=/o/39>a</a>"), of: 1)
        map.learn(
            request: request, onLine: Messages.json("{\"items\":[{\"id\":5},{\"id\":6}]}"),
            clone: Messages.json("{\"items\":[{\"id\":7}]}"), of: 1)
        #expect(map.rewrite(Messages.request("GET /o/41"), of: 1).substitutions == 0)
        #expect(map.rewrite(Messages.request("GET /items/5"), of: 1).substitutions == 0)
    }

    @Test func chunkedBodiesBecomeOneChunkAndKeepTheirTrailers() {
        var replay = replay()
        let head =
            "POST /a HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
        let sent = replay.sent(Array((head + "8\r\nt=k2m8p5\r\nA\r\nq1r7s3t9u4\r\n0\r\nX: 1\r\n\r\n").utf8))
        #expect(sent == head + "12\r\nt=a9b1c7d3e5f2g8h4\r\n0\r\nX: 1\r\n\r\n")
    }

    @Test func rulesFindWhatLookingDoesNot() throws {
        let rules = [
            SessionRule(
                name: "cart", from: .pattern(try SessionPattern("cart = '([^']+)'")), to: .header("X-Cart")),
            SessionRule(name: "page", from: .header("X-Page"), to: .query("p")),
            SessionRule(
                name: "step", from: .json(try #require(JSONPath("flow.steps[0]"))),
                to: .json(try #require(JSONPath("answer[].step")))),
        ]
        var replay = Replay(
            ["cart": ("c-1", "c-2"), "page": ("one", "two"), "step": ("first", "begin")],
            rules: SessionMap(rules: rules))
        let ask = Messages.request("GET /")
        replay.answer(ask, Messages.html(["X-Page: {page}"], "<script>cart = '{cart}';</script>"))
        replay.answer(ask, Messages.json("{\"flow\":{\"steps\":[\"{step}\",\"first\"]}}"))
        let request = Messages.request(
            "POST /?p={page}&q=one", ["x-cart: {cart}", "X-Other: c-1", "Content-Type: application/json"],
            body: "{\"answer\":[{\"step\":\"{step}\",\"name\":\"first\"}]}")
        #expect(replay.sent(request) == replay.own(request))
    }

    /// A clone's value must not end a header and begin another.
    @Test func aLineEndGoesIntoNoHeader() throws {
        let rule = SessionRule(name: "cart", from: .json(try #require(JSONPath("c"))), to: .header("X-Cart"))
        var map = SessionMap(rules: [rule])
        let request = Messages.request("GET /", ["X-Cart: one"])
        let (one, two) = (Messages.json("{\"c\":\"one\"}"), Messages.json("{\"c\":\"two\\r\\nX: y\"}"))
        map.learn(request: request, onLine: one, clone: two, of: 1)
        #expect(map.valueCount > 0 && map.rewrite(request, of: 1).bytes == request)
    }

    @Test func memoryIsBoundedAndTheOldestGoes() {
        var limits = SessionMap.Limits()
        limits.values = 100
        var map = SessionMap(limits: limits)
        let token = { (side: String, number: Int) in "\(side)q\(1_000_000 + number)Xy" }
        for number in 0..<1000 {
            map.learn(
                request: Messages.request("GET /"),
                onLine: Messages.reply(200, ["X-CSRF-Token: " + token("a", number)]),
                clone: Messages.reply(200, ["X-CSRF-Token: " + token("b", number)]), of: 1)
        }
        #expect(map.valueCount <= 100 && map.byteCount < 100 * 300)
        let request = { (number: Int) in Messages.request("GET /", ["X-CSRF-Token: " + token("a", number)]) }
        #expect(map.rewrite(request(999), of: 1).substitutions == 1)
        #expect(map.rewrite(request(1), of: 1).substitutions == 0)
    }

    /// Two replies that are the same teach nothing, whatever stands in them; then requests stay as they are.
    @Test func withNothingToReplaceRequestsStayAsTheyAre() {
        var random = SeededGenerator(7)
        var replay = replay()
        let pieces = [
            "GET /", "POST /orders/", "42", "?", "id=", "%2F", "&", ";", "\r\n", "\r\n\r\n", "Cookie: sid=",
            " HTTP/1.1",
            "Content-Type: application/json", "{\"id\": [", "\"a\\u00e9\"", "}", "<input type=hidden name=a value=",
            ">",
            "Content-Length: 3", "a1b2c3d4e5f6", "Transfer-Encoding: chunked", "\"", "=", "Set-Cookie: s=",
        ]
        for _ in 0..<3000 {
            let text = (0..<Int.random(in: 1...20, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }
            let request = Messages.request("POST /a" + text.joined().replacing("\r\n", with: ""), text)
            var same = SessionMap()
            same.learn(
                request: request, onLine: Messages.html(text, text.joined()), clone: Messages.html(text, text.joined()),
                of: 1)
            #expect(same.valueCount == 0)
            #expect(replay.map.rewrite(request, of: 77).bytes == request)
        }
    }

    /// Damaged messages of all kinds are read or passed over.
    @Test func damageNeverTraps() {
        var random = SeededGenerator(11)
        var replay = replay()
        let texts = [
            Messages.request("GET /orders/42;a=b?x=%41&y=+", [Self.cookie, "If-None-Match: \"a\", \"b\""]),
            Messages.json("{\"id\": 42, \"items\": [{\"a\": \"b\\u00e9\\n\"}, [], {}], \"u\": \"/orders/42\"}"),
            Messages.html(
                ["Location: /orders/42"], "<a href='/x?id=4&amp;b'><!-- --><script>x</script><input name=a value=b>"),
        ]
        for _ in 0..<3000 {
            var (first, second) = (texts.randomElement(using: &random) ?? [], texts.randomElement(using: &random) ?? [])
            for _ in 0..<3 {
                first[Int.random(in: 0..<first.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                second.remove(at: Int.random(in: 0..<second.count, using: &random))
            }
            replay.map.learn(request: first, onLine: second, clone: first, of: 1)
            let result = replay.map.rewrite(second, of: 1)
            #expect(result.substitutions > 0 || result.bytes == second)
            _ = ReplyComparison().compare(request: first, onLine: first, clone: second, of: 1, knowing: replay.map)
        }
    }
}
