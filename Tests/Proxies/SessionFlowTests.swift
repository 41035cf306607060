import Proxies
import Testing

/// Whole log-ins as known frameworks do them: the clone gets the requests that its own client would have sent.
@Suite struct SessionFlowTests {
    private func expect(_ replay: inout Replay, _ request: [UInt8], on connection: UInt64 = 1) {
        let sent = replay.sent(request, on: connection)
        #expect(sent == replay.own(request))
    }

    /// Flask: a signed cookie that is another in every reply, and a hidden field.
    @Test func flask() {
        var replay = Replay([
            "s1": ("eyJjc3JmIjoiYTEifQ.Z0aa.x1y2z3AAAA", "eyJjc3JmIjoiYjIifQ.Z0bb.k9l8m7BBBB"),
            "s2": ("eyJ1c2VyIjoxfQ.Z0ac.q1w2e3CCCC", "eyJ1c2VyIjoxfQ.Z0bd.o0p9i8DDDD"),
            "csrf": ("IjM4ZTk5Yjg0.Z0aa.abcDEF123", "Ijk3NTQzMjEw.Z0bb.xyzUVW789"),
            "order": ("42", "57"),
        ])
        replay.answer(
            Messages.request("GET /login"),
            Messages.html(
                ["Set-Cookie: session={s1}; HttpOnly; Path=/"],
                "<form method=post><input id=csrf_token name=csrf_token type=hidden value=\"{csrf}\"></form>"))
        let login = Messages.form(
            "POST /login", ["Cookie: session={s1}"], "csrf_token={csrf}&user=ann&password=secret7")
        expect(&replay, login)
        replay.answer(login, Messages.reply(302, ["Location: /", "Set-Cookie: session={s2}; HttpOnly; Path=/"]))
        let buy = Messages.form("POST /orders", ["Cookie: theme=dark; session={s2}"], "item=42")
        #expect(replay.sent(buy).hasSuffix("\r\n\r\nitem=42"))
        replay.answer(buy, Messages.reply(303, ["Location: http://shop/orders/{order}?from=42"]))
        // Another connection of the same user.
        expect(&replay, Messages.request("GET /orders/{order}?from=42", ["Cookie: session={s2}"]), on: 2)
    }

    /// Django: a long-lived CSRF cookie, a field that is masked anew each time, and an id in the redirect.
    @Test func django() {
        var replay = Replay([
            "cookie": ("Kk3vXbQ0mZp1RtYw8sLa", "Uu7dHjN2cVf6GhJk4oPz"),
            "masked": ("aQ1sW2dE3fR4gT5hY6jU7kI8lO9", "zX0cV9bN8mM7aS6dF5gH4jK3lP2"),
            "session": ("5m0v2q8x1c7n4b6z", "9k3j1h7g5f2d8s4a"), "poll": ("18", "23"),
        ])
        replay.answer(
            Messages.request("GET /accounts/login/?next=/polls/"),
            Messages.html(
                ["Set-Cookie: csrftoken={cookie}; SameSite=Lax"],
                "<input type='hidden' name='csrfmiddlewaretoken' value='{masked}'>"))
        let login = Messages.form(
            "POST /accounts/login/", ["Cookie: csrftoken={cookie}"], "csrfmiddlewaretoken={masked}&username=ann")
        expect(&replay, login)
        replay.answer(
            login, Messages.reply(302, ["Location: /polls/{poll}/", "Set-Cookie: sessionid={session}; HttpOnly"]))
        expect(
            &replay,
            Messages.request(
                "GET /polls/{poll}/results/?n=18&next=%2Fpolls%2F{poll}%2F",
                ["Cookie: csrftoken={cookie}; sessionid={session}", "Referer: http://shop/polls/{poll}/"]))
    }

    /// Rails: base64 tokens in a meta element and a form, percent-encoded when they are sent, and in a header by scripts.
    @Test func rails() {
        var replay = Replay([
            "token": ("aB3+dE6/gH9kLmN0pQ==", "zY8/xW5+vU2tSrQ1oP=="),
            "encoded": ("aB3%2BdE6%2FgH9kLmN0pQ%3D%3D", "zY8%2FxW5%2BvU2tSrQ1oP%3D%3D"),
            "session": ("dFhK%2FeW5jU8l--vQ1%3D--a0b1c2", "mNq2%2BxYz7rT--wE9%3D--d3e4f5"), "post": ("7", "9"),
        ])
        replay.answer(
            Messages.request("GET /posts/new"),
            Messages.html(
                ["Set-Cookie: _blog_session={session}; path=/; HttpOnly"],
                """
                <meta name="csrf-param" content="authenticity_token" /><meta name="csrf-token" content="{token}" />
                <form action="/posts"><input type="hidden" name="authenticity_token" value="{token}" /></form>
                """))
        let create = Messages.form(
            "POST /posts", ["Cookie: _blog_session={session}"], "authenticity_token={encoded}&post%5Btitle%5D=7")
        expect(&replay, create)
        replay.answer(create, Messages.reply(302, ["Location: http://shop/posts/{post}"]))
        expect(
            &replay,
            Messages.request("DELETE /posts/{post}.json", ["X-CSRF-Token: {token}", "Cookie: _blog_session={session}"]))
    }

    /// PHP: the session in a cookie or in the URL, and ids in the query.
    @Test func php() {
        var replay = Replay([
            "sid": ("k2m8p5q1r7s3t9u4v6w0", "a9b1c7d3e5f2g8h4i6j0"), "art": ("311", "298"),
            "xsrf": ("eyJpdiI6IjFhMmI%3D", "eyJpdiI6IjljOGQ%3D"), "plain": ("eyJpdiI6IjFhMmI=", "eyJpdiI6IjljOGQ="),
        ])
        replay.answer(
            Messages.request("GET /index.php"),
            Messages.html(
                ["Set-Cookie: PHPSESSID={sid}; path=/", "Set-Cookie: XSRF-TOKEN={xsrf}"],
                "<a href=\"/edit.php?article_id={art}&amp;PHPSESSID={sid}\">edit</a> 311"))
        expect(&replay, Messages.request("GET /edit.php?article_id={art}&PHPSESSID={sid}", ["Cookie: PHPSESSID={sid}"]))
        expect(
            &replay,
            Messages.request("POST /api", ["X-XSRF-TOKEN: {plain}", "Cookie: PHPSESSID={sid}; XSRF-TOKEN={xsrf}"]))
    }

    /// Spring: `;jsessionid=` in paths, entity tags, and no cookie at all.
    @Test func spring() {
        var replay = Replay([
            "sid": ("0A1B2C3D4E5F60718293A4B5C6D7E8F9", "F9E8D7C6B5A493827160F5E4D3C2B1A0"),
            "tag": ("33a64df551425fcc", "77b81ef0a99d01ab"), "csrf": ("4bfd1575-3ad1-4d21", "0e9a66c2-77aa-41bb"),
        ])
        let first = Messages.request("GET /owners")
        replay.answer(
            first,
            Messages.html(
                ["ETag: W/\"{tag}\""],
                "<form action=\"/owners/new;jsessionid={sid}\"><input name=\"_csrf\" type=\"hidden\" value=\"{csrf}\"/>"
            ))
        expect(&replay, Messages.form("POST /owners/new;jsessionid={sid}", [], "lastName=Davis&_csrf={csrf}"), on: 9)
        expect(&replay, Messages.request("GET /owners", ["If-None-Match: \"other\", W/\"{tag}\""]))
    }

    /// A JSON API: a bearer token out of a body, ids in bodies, members and paths.
    @Test func bearer() {
        var replay = Replay([
            "jwt": ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOjF9.c2ln-1_A", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOjF9.dGVz-9_Z"),
            "cart": ("1001", "2002"), "line": ("\"a-3\"", "\"a-5\""),
        ])
        replay.answer(
            Messages.request("POST /api/login"), Messages.json("{\"access_token\": \"{jwt}\", \"expires\": 3600}"))
        let headers = ["Authorization: Bearer {jwt}", "Content-Type: application/json"]
        let create = Messages.request("POST /api/carts", headers, body: "{\"quantity\": 1001}")
        expect(&replay, create)
        replay.answer(
            create,
            Messages.json("{\"id\": {cart}, \"lines\": [{\"line_id\": {line}}], \"self\": \"/api/carts/{cart}\"}"))
        expect(&replay, Messages.request("GET /api/carts/{cart}", headers))
        expect(
            &replay,
            Messages.request(
                "PUT /api/carts/{cart}/lines", headers,
                body: "{\"id\":{cart}, \"line_id\": {line} , \"n\":1001, \"t\": \"a-3\"}"))
    }
}
