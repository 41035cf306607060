import Glibc
import Model
import OperatingSystem
import TestSupport
import Testing

@testable import Wire

@Suite struct RedactionTests {
    private static let secret = "hunter2hunter2"
    private let fixture: TraceFixture

    init() throws { fixture = try TraceFixture() }

    private func exchange(
        _ name: ApplicationProtocol, _ request: [UInt8], _ reply: [UInt8] = [], label: String = ""
    ) -> Exchange {
        let time = Timestamp(nanoseconds: 1_700_000_000_000_000_000)
        return Exchange(
            name,
            request: Request(
                number: 0, passage: Passage(firstByte: time, lastByte: time, byteCount: request.count), key: 42,
                label: label, bytes: request),
            reply: Reply(
                passage: Passage(firstByte: time, lastByte: time, byteCount: reply.count), status: 200, bytes: reply))
    }

    private func redact(_ exchange: Exchange, _ rules: RedactionRules = RedactionRules()) -> Exchange {
        let redacted = Redaction(rules).apply(to: exchange)
        #expect(redacted.request.bytes.count == exchange.request.bytes.count)
        #expect(redacted.reply.bytes.count == exchange.reply.bytes.count)
        #expect(redacted.request.label.utf8.count == exchange.request.label.utf8.count)
        return redacted
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test(arguments: [
        (
            "GET /a?x=1&token=abc&y=2 HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer abc\r\n\r\n",
            "GET /a?x=1&token=xxx&y=2 HTTP/1.1\r\nHost: h\r\nAuthorization: xxxxxxxxxx\r\n\r\n"
        ),
        // Names in any case and encoded, folded values, a bare line feed.
        (
            "GET /a?%54oken=abc HTTP/1.1\nCOOKIE: a=b;\n\tc=d\nX: y\n\n",
            "GET /a?%54oken=xxx HTTP/1.1\nCOOKIE: xxxx\n\txxx\nX: y\n\n"
        ),
        // In URLs that headers hold.
        (
            "GET http://u:p@h/ HTTP/1.1\r\nReferer: http://h/?password=abc#token=q\r\n\r\n",
            "GET http://xxx@h/ HTTP/1.1\r\nReferer: http://h/?password=xxx#token=x\r\n\r\n"
        ),
        // Forms.
        (
            "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 16\r\n\r\nuser=a&password=",
            "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 16\r\n\r\nuser=a&password="
        ),
        (
            "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nuser=a&password=b&c=d",
            "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nuser=a&password=x&c=d"
        ),
        // A trailer.
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;e=abc\r\nabc\r\n0\r\nX-Api-Key: abc\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3      \r\nabc\r\n0\r\nX-Api-Key: xxx\r\n\r\n"
        ),
        // What is no HTTP is not let through.
        ("\u{1}secret", "xxxxxxx"), ("GET / HTTP/1.1\r\nNo end: abc", "GET / HTTP/1.1\r\nxxxxxxxxxxx"),
    ])
    func http(_ before: String, _ after: String) {
        #expect(text(redact(exchange(.http, Array(before.utf8))).request.bytes) == after)
    }

    @Test func oneCookieByName() {
        var rules = RedactionRules()
        rules.headers = []
        rules.cookies = ["sid"]
        let redacted = redact(
            exchange(
                .http, Array("GET / HTTP/1.1\r\nCookie: a=b; sid=abc\r\n\r\n".utf8),
                Array("HTTP/1.1 200 OK\r\nSet-Cookie: sid=abc; Path=/\r\n\r\n".utf8)), rules)
        #expect(text(redacted.request.bytes) == "GET / HTTP/1.1\r\nCookie: a=b; sid=xxx\r\n\r\n")
        #expect(text(redacted.reply.bytes) == "HTTP/1.1 200 OK\r\nSet-Cookie: sid=xxx; Path=/\r\n\r\n")
    }

    @Test func bodiesOnlyWhenAsked() {
        let reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        let before = exchange(.http, Array("GET / HTTP/1.1\r\n\r\n".utf8), Array(reply.utf8), label: "GET /")
        #expect(redact(before) == before)
        var rules = RedactionRules()
        rules.bodies = .drop
        #expect(text(redact(before, rules).reply.bytes) == reply.replacing("hello", with: "xxxxx"))
    }

    @Test(arguments: [
        (
            "SELECT 'it''s', 12.5e-3, t1.c2 FROM \"a'b\" WHERE x=$1",
            "SELECT 'xxxxx', 00.0e-0, t1.c2 FROM \"a'b\" WHERE x=$1"
        ),
        ("SELECT E'a\\'b', X'1F', 0xff, $$a'b$$, $t$q$$t$", "SELECT E'xxxx', X'00', 0x00, $$xxx$$, $t$xx$t$"),
        ("SELECT 'a\\' -- don't 'b\n, 'c'", "SELECT 'xx' --xxxxxxxxx\n, 'x'"),
        ("/* a /* 'b' */ c */ SELECT 'open", "/*xxxxxxxxxxxxxxx*/ SELECT 'xxxx"),
        ("INSERT INTO t VALUES (-1,'ä')", "INSERT INTO t VALUES (-0,'xx')"),
    ])
    func postgreSQLStatements(_ before: String, _ after: String) {
        let message = PostgreSQLMessage("Q", Array(before.utf8) + [0])
        let redacted = redact(exchange(.postgresql, message.bytes, label: before))
        #expect(redacted.request.label == after)
        #expect(redacted.request.bytes == PostgreSQLMessage("Q", Array(after.utf8) + [0]).bytes)
        #expect(redacted.request.key != 42)
    }

    @Test(arguments: [
        ("SELECT \"a\\\"b\", 'c\\'d', `n'1`", "SELECT \"xxxx\", 'xxxx', `n'1`"),
        ("SELECT /*!50000 'a' */ 1 # it's\n", "SELECT /*!00000 'x' */ 0 #xxxxx\n"),
    ])
    func mySQLStatements(_ before: String, _ after: String) {
        let packet = { (text: String) in [UInt8(text.utf8.count + 1), 0, 0, 0, 3] + Array(text.utf8) }
        let redacted = redact(exchange(.mysql, packet(before), label: before))
        #expect(redacted.request.label == after && redacted.request.bytes == packet(after))
    }

    @Test func boundValuesAndErrors() {
        let sql = "SELECT $1, $2, $3"
        let parse = PostgreSQLMessage("P", [0] + Array(sql.utf8) + [0, 0, 0])
        let bind = { (text: String, number: String, binary: [UInt8]) in
            PostgreSQLMessage(
                "B",
                [0, 0] + big16(3) + big16(0) + big16(0) + big16(1) + big16(4) + big32(UInt32(text.utf8.count))
                    + Array(text.utf8) + big32(UInt32(number.utf8.count)) + Array(number.utf8) + big32(4) + binary
                    + big32(.max) + big16(0))
        }
        let error = { (text: String) in
            PostgreSQLMessage(
                "E", Array("SERROR".utf8) + [0] + Array("C22P02".utf8) + [0] + Array("M\(text)".utf8) + [0, 0])
        }
        let redacted = redact(
            exchange(
                .postgresql, parse.bytes + bind("abc", "-12.5", [1, 2, 3, 4]).bytes, error("bad: \"abc\"").bytes,
                label: sql))
        #expect(redacted.request.bytes == parse.bytes + bind("xxx", "-00.0", [0, 0, 0, 0]).bytes)
        #expect(redacted.reply.bytes == error("xxxxxxxxxx").bytes)
    }

    @Test func rowsOnlyWhenAsked() {
        let row = { (text: String) in PostgreSQLMessage("D", big16(1) + big32(3) + Array(text.utf8)).bytes }
        let before = exchange(.postgresql, PostgreSQLMessage("S").bytes, row("abc"), label: "x")
        #expect(redact(before).reply.bytes == row("abc"))
        var rules = RedactionRules()
        rules.bodies = .drop
        #expect(redact(before, rules).reply.bytes == row("xxx"))
    }

    @Test(arguments: [
        ("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\nabc\r\n", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\nxxx\r\n"),
        ("*2\r\n$4\r\nAUTH\r\n$3\r\nabc\r\n", "*2\r\n$4\r\nAUTH\r\n$3\r\nxxx\r\n"),
        (
            "*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n$2\r\nEX\r\n$2\r\n60\r\n",
            "*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nx\r\n$2\r\nEX\r\n$2\r\n00\r\n"
        ),
        ("SET k abc\r\n", "SET k xxx\r\n"), ("*2\r\n$99\r\nGET", "xxxxxxxxxxxx"),
    ])
    func redis(_ before: String, _ after: String) {
        let redacted = redact(
            exchange(.redis, Array(before.utf8), Array("*2\r\n$3\r\nabc\r\n:1\r\n+OK\r\n".utf8), label: "SET k"))
        #expect(text(redacted.request.bytes) == after)
        #expect(text(redacted.reply.bytes) == "*2\r\n$3\r\nxxx\r\n:1\r\n+OK\r\n")
        #expect(redacted.request.label == "SET k")
    }

    /// Of whatever protocol: the secret is nowhere in the file, not in the bytes, not in the label.
    @Test func nothingOfItIsInTheFile() throws {
        let secret = Self.secret
        let statement = "INSERT INTO users VALUES ('\(secret)', 0)"
        let exchanges = [
            exchange(
                .http,
                Array("GET /?token=\(secret) HTTP/1.1\r\nCookie: sid=\(secret)\r\nX-API-KEY:\(secret)\r\n\r\n".utf8),
                Array("HTTP/1.1 302 Found\r\nSet-Cookie: sid=\(secret)\r\nLocation: /?session=\(secret)\r\n\r\n".utf8),
                label: "GET /?token=\(secret)"),
            exchange(
                .postgresql, PostgreSQLMessage("Q", Array(statement.utf8) + [0]).bytes,
                PostgreSQLMessage("E", Array("MKey (\(secret)) exists".utf8) + [0, 0]).bytes, label: statement),
            exchange(
                .mysql, [UInt8(statement.utf8.count + 1), 0, 0, 0, 3] + Array(statement.utf8),
                [UInt8(9 + secret.utf8.count), 0, 0, 1, 0xff, 1, 4] + Array("#23000\(secret)".utf8), label: statement),
            exchange(
                .redis, Array("*2\r\n$4\r\nAUTH\r\n$14\r\n\(secret)\r\n".utf8),
                Array("-ERR no \(secret)\r\n".utf8), label: "AUTH \(secret)"),
        ]
        let redaction = Redaction(RedactionRules())
        let packet = TraceRecord.packet(
            TracePacket(
                link: 1, time: Timestamp(nanoseconds: 1), originalLength: 14, bytes: Array(secret.utf8)))
        let before = exchanges.map { TraceRecord.exchange(1, $0) } + [packet]
        let path = try fixture.write("a", [before])
        let redacted = try fixture.write("b", [before.compactMap { redaction.apply(to: $0) }])
        #expect(text(try TraceFixture.bytes(path)).contains(secret))
        let bytes = try TraceFixture.bytes(redacted)
        // Nor a piece of it.
        for start in 0...secret.utf8.count - 5 {
            let piece = Array(secret.utf8)[start..<start + 5]
            #expect(!bytes.indices.contains { bytes[$0...].starts(with: piece) })
        }
        let read = try TraceReader(redacted).all()
        #expect(read.count == 4)
    }

    @Test func keysCannotBeGuessed() {
        let before = exchange(.http, Array("GET /?token=a HTTP/1.1\r\n\r\n".utf8), label: "GET /?token=a")
        let other = exchange(.http, Array("GET /?x=a HTTP/1.1\r\n\r\n".utf8), label: "GET /?x=a")
        #expect(redact(before).request.key != 42)
        #expect(redact(before).request.key == redact(before).request.key)
        #expect(redact(other).request.key == 42)
        // Without payload nobody knows what was asked.
        #expect(redact(exchange(.http, [])).request.key != 42)
    }

    @Test func theDigestIsOfTheRulesAndNotOfTheirOrder() {
        var rules = RedactionRules()
        let digest = rules.digest
        #expect(digest.count == 16)
        rules.headers = rules.headers.reversed().map { $0.uppercased() }
        #expect(rules.digest == digest)
        rules.headers.removeLast()
        #expect(rules.digest != digest)
    }

    /// Foreign bytes never trap, whatever protocol they are said to be.
    @Test func fuzz() {
        var random = SeededGenerator(40)
        let texts =
            [
                "POST /?token=a HTTP/1.1\r\nCookie: a=b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n",
                "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\nabc\r\n", "SELECT 'a', $t$b$t$, 0x1 /* c */ -- d\n",
            ].map { Array($0.utf8) } + [
                PostgreSQLMessage("Q", Array("SELECT 'a'\0".utf8)).bytes
                    + PostgreSQLMessage("B", [0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 65, 0, 0]).bytes,
                [5, 0, 0, 0, 3, 0x27, 97, 0x27, 59],
            ]
        var rules = RedactionRules()
        rules.bodies = .drop
        let redaction = Redaction(rules)
        for _ in 0..<2000 {
            let request = random.mutate(texts.randomElement(using: &random) ?? [], with: texts[0])
            let reply = random.mutate(texts.randomElement(using: &random) ?? [], with: texts[1])
            for name in ApplicationProtocol.allCases {
                let before = exchange(name, request, reply, label: text(request))
                let after = redaction.apply(to: before)
                #expect(after.request.bytes.count == request.count && after.reply.bytes.count == reply.count)
            }
        }
    }
}
