import Foundation
import Model
import OperatingSystem
import Testing
import Wire

@testable import Report

/// JSON and dates read by Python, which we did not write.
enum Python {
    static let isInstalled = (try? ChildProcess.run(["python3", "--version"]))?.status == 0
}

@Suite(.enabled(if: Python.isInstalled, "python3 is not installed (apt install python3)"))
struct TraceExportTests {
    private static let start: Int64 = 1_700_000_000_123_456_789

    private static let connection = TraceConnection(
        id: 7, client: Endpoint(IPAddress(v4: 0x0a00_0001), 40_000), server: Endpoint(IPAddress(v4: 0x0a00_0002), 80),
        protocolName: .http, opened: Timestamp(nanoseconds: start))

    private static func exchange(_ request: String, _ reply: [UInt8]) -> Exchange {
        let at = { (offset: Int64) in Timestamp(nanoseconds: start + offset) }
        let bytes = Array(request.utf8)
        return Exchange(
            .http,
            request: Request(
                number: 3, passage: Passage(firstByte: at(0), lastByte: at(1_000_000), byteCount: bytes.count),
                key: 0xab, label: "POST /a?b=c%20d", bytes: bytes),
            reply: Reply(
                passage: Passage(firstByte: at(3_500_000), lastByte: at(4_000_000), byteCount: reply.count),
                status: 200, bytes: reply))
    }

    private static let posted = exchange(
        "POST /a?b=c%20d HTTP/1.1\r\nHost: h\r\nCookie: x=y; z=1\r\nContent-Type: text/plain\r\n\r\n\u{e4}\"\\\u{1}",
        Array(
            "HTTP/1.1 200 Very OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\u{ff}\r\n0\r\n\r\n"
                .utf8))

    private static let binary = exchange(
        "GET / HTTP/1.1\r\n\r\n", Array("HTTP/1.1 200 OK\r\n\r\n".utf8) + [0xff, 0xfe])

    /// Python's reader of JSON, which we did not write: gives back the value at a path.
    private func python(_ text: String, _ expression: String) throws -> String {
        let file = "/tmp/whatif-export-\(getpid())-\(UInt64.random(in: 0 ... .max)).json"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        let program = "import json,sys; x=json.load(open(sys.argv[1],encoding='utf-8')); print((\(expression)))"
        return try ChildProcess.succeed(["python3", "-c", program, file]).trimmingCharacters(in: .newlines)
    }

    @Test func aLineOfJSON() throws {
        let line = try TraceJSON(withPayload: false).line(7, Self.posted, Self.connection)
        #expect(
            line == """
                {"client":"10.0.0.1:40000","connection":7,"endedByClose":false,"isError":false,"key":"00000000000000ab",\
                "number":3,"protocol":"http","replyBytes":83,"replyFirst":1700000000126956789,\
                "replyLast":1700000000127456789,"requestBytes":86,"requestFirst":1700000000123456789,\
                "requestLast":1700000000124456789,"responseSeconds":0.003,"server":"10.0.0.2:80","status":200,\
                "time":"2023-11-14T22:13:20.123456789Z"}
                """)
    }

    @Test func payloadOnlyWhenAsked() throws {
        let line = try TraceJSON(withPayload: true).line(7, Self.binary, nil)
        #expect(
            try python(line, "x['reply']['encoding'], x['request']['encoding'], 'client' in x")
                == "('base64', 'utf8', False)")
        #expect(
            try python(line, "__import__('base64').b64decode(x['reply']['data'])")
                == "b'HTTP/1.1 200 OK\\r\\n\\r\\n\\xff\\xfe'")
        #expect(
            try python(try TraceJSON(withPayload: true).line(7, Self.posted, nil), "ascii(x['request']['data'][-4:])")
                == "'\\xe4\"\\\\\\x01'")
    }

    @Test func anArchive() throws {
        let form = HAR(withPayload: true)
        let entries = try [Self.posted, Self.binary].map { try form.entry(7, $0, Self.connection) ?? "" }
        let text = HAR.start + entries.joined(separator: HAR.separator) + HAR.end
        // What the specification asks for, by section.
        let required = """
            all(set(k) <= set(v) for e in x['log']['entries'] for k, v in [
            (['startedDateTime','time','request','response','cache','timings'], e),
            (['method','url','httpVersion','cookies','headers','queryString','headersSize','bodySize'], e['request']),
            (['status','statusText','httpVersion','cookies','headers','content','redirectURL','headersSize','bodySize'],
            e['response']), (['size','mimeType'], e['response']['content']), (['send','wait','receive'], e['timings'])])
            """.replacing("\n", with: " ")
        #expect(try python(text, required) == "True")
        #expect(try python(text, "x['log']['version'], sorted(x['log']['creator'])") == "('1.2', ['name', 'version'])")
        #expect(
            try python(text, "[(e['time'],e['timings']['send'],e['timings']['wait']) for e in x['log']['entries']][0]")
                == "(4, 1, 2.5)")
        #expect(
            try python(text, "[e['request']['url'] for e in x['log']['entries']]")
                == "['http://h/a?b=c%20d', 'http://10.0.0.2:80/']")
        #expect(
            try python(text, "x['log']['entries'][0]['request']['queryString']") == "[{'name': 'b', 'value': 'c d'}]")
        #expect(
            try python(text, "[c['name']+'='+c['value'] for c in x['log']['entries'][0]['request']['cookies']]")
                == "['x=y', 'z=1']")
        #expect(try python(text, "ascii(x['log']['entries'][0]['response']['content'])").contains("'text': '\\xff'"))
        #expect(
            try python(text, "[e['response']['content'].get('encoding') for e in x['log']['entries']]")
                == "[None, 'base64']")
        #expect(try python(text, "x['log']['entries'][0]['response']['statusText']") == "Very OK")
        // Sums to the whole: headers and body as sent.
        #expect(
            try python(text, "[e['request']['headersSize']+e['request']['bodySize'] for e in x['log']['entries']]")
                == "[86, 18]")
    }

    @Test func archivesWithoutBodies() throws {
        let entry = try #require(try HAR(withPayload: false).entry(7, Self.posted, nil))
        #expect(try python(entry, "'postData' in x['request'], 'text' in x['response']['content']") == "(False, False)")
        var other = Self.posted
        other.protocolName = .redis
        #expect(try HAR(withPayload: true).entry(7, other, nil) == nil)
    }

    /// Python's dates as the oracle, from the year 1 to 9999 as far as 64 bits of nanoseconds go.
    @Test(
        arguments: [
            0, -1, 951_782_400_000_000_000, 951_868_799_999_999_999, 4_107_542_399_000_000_000, .max, .min,
            1_709_164_800_123_000_000,
        ] as [Int64])
    func times(_ nanoseconds: Int64) throws {
        let text = TimeText.iso(Timestamp(nanoseconds: nanoseconds))
        let program = """
            import datetime; n=\(nanoseconds); d=datetime.datetime(1970,1,1)+datetime.timedelta(seconds=n//10**9); \
            print(d.strftime('%Y-%m-%dT%H:%M:%S')+'.%09dZ' % (n%10**9))
            """
        #expect(try ChildProcess.succeed(["python3", "-c", program]).trimmingCharacters(in: .newlines) == text)
        if abs(nanoseconds / 2) < 1_000_000_000_000_000_000 {
            let read = try TimeText.parse(text, from: Timestamp(nanoseconds: 0))
            #expect(read.nanoseconds == nanoseconds)
        }
    }

    @Test func timesThatPeopleWrite() throws {
        let start = Timestamp(nanoseconds: 5)
        #expect(try TimeText.parse("+30 s", from: start).nanoseconds == 30_000_000_005)
        #expect(try TimeText.parse("+0", from: start) == start)
        #expect(try TimeText.parse("1970-01-01T01:00:00.25+01:00", from: start).nanoseconds == 250_000_000)
        for text in ["now", "30 s", "2026-13-01T00:00:00Z", "+", ""] {
            #expect(throws: UnitError.self) { try TimeText.parse(text, from: start) }
        }
    }
}
