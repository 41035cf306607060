import Model
import OperatingSystem
import Proxies
import Testing
import Wire

/// The out-proxy on loopback, asked by real clients: they are the oracle of each protocol.
@Suite struct OutProxyTests {
    private func psql(_ port: UInt16, _ sql: String) throws -> ProgramResult {
        try ChildProcess.run([
            "psql", "-X", "-A", "-t", "-d", "host=127.0.0.1 port=\(port) user=u dbname=d connect_timeout=60", "-c", sql,
        ])
    }

    @Test func psqlGetsTheRecordedAnswerWithoutASecret() throws {
        try OutProxy.serving(.postgresql, [Recorded.round("SELECT v FROM t", at: 0, says: "recorded")]) { port, loop in
            let result = try psql(port, "SELECT v FROM t")
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output == "recorded\n")
            #expect(Forwarding.answers(loop, of: 1).exact == 1)
        }
    }

    @Test func anotherValueIsAnsweredByTemplateAndCounted() throws {
        let recorded = Recorded.round("SELECT v FROM t WHERE id = 1", at: 0, says: "one")
        try OutProxy.serving(.postgresql, [recorded]) { port, loop in
            let result = try psql(port, "SELECT v FROM t WHERE id = 7")
            #expect(result.output == "one\n", "\(result.errors)")
            #expect(Forwarding.answers(loop, of: 1).template == 1)
        }
    }

    @Test func anUnknownStatementIsAnErrorThatDoesNotRepeatIt() throws {
        try OutProxy.serving(.postgresql, []) { port, loop in
            let result = try psql(port, "SELECT secret FROM vault")
            #expect(result.status != 0)
            #expect(result.errors.contains("no recorded answer"))
            #expect(!result.errors.contains("vault"))
            #expect(Forwarding.answers(loop, of: 1).unmatched == 1)
        }
    }

    /// psycopg is a real extended-protocol client: Parse, Bind, Describe, Execute, Sync.
    @Test func anExtendedClientGetsItsRow() throws {
        let program = """
            import socket, struct, sys
            def msg(t, b): return t + struct.pack('!i', len(b) + 4) + b
            s = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 60)
            b = struct.pack('!i', 196608) + b'user\\0u\\0\\0'
            s.sendall(struct.pack('!i', len(b) + 4) + b)
            sql = b'SELECT v FROM t WHERE id = $1\\0'
            s.sendall(msg(b'P', b'\\0' + sql + b'\\0\\0')
                + msg(b'B', b'\\0\\0\\0\\0' + b'\\0\\1' + struct.pack('!i', 1) + b'7' + b'\\0\\0')
                + msg(b'D', b'P\\0') + msg(b'E', b'\\0\\0\\0\\0\\0') + msg(b'S', b''))
            data, kinds, ready = b'', '', 0
            while ready < 2:
                data += s.recv(65536)
                kinds, rest, ready = '', data, 0
                while len(rest) >= 5 and len(rest) > struct.unpack('!i', rest[1:5])[0]:
                    n = struct.unpack('!i', rest[1:5])[0]
                    kinds += rest[:1].decode(); ready += rest[:1] == b'Z'
                    rest = rest[n + 1:]
            print(kinds.split('Z')[1])
            """
        let recorded = Recorded.round("SELECT v FROM t WHERE id = $1", ["7"], at: 0, says: "x")
        try OutProxy.serving(.postgresql, [recorded]) { port, loop in
            let result = try ChildProcess.run(["python3", "-c", program, "\(port)"])
            #expect(result.output == "12TDC\n", "\(result.errors)")
            #expect(Forwarding.answers(loop, of: 1).exact == 1)
        }
    }

    /// psycopg2 opens a transaction before its first statement, and reads a copy.
    @Test func psycopgRunsATransaction() throws {
        func message(_ type: Character, _ body: [UInt8]) -> [UInt8] { PostgreSQLMessage(type, body).bytes }
        let copied = Recorded.exchanges(
            .postgresql,
            [
                .client([0, 0, 0, 8, 0, 3, 0, 0]), .server(message("R", [0, 0, 0, 0]) + message("Z", [0x49])),
                .client(message("Q", Array("COPY t TO STDOUT".utf8) + [0])),
                .server(
                    message("H", [0, 0, 0]) + message("d", Array("row\n".utf8)) + message("c", [])
                        + message("C", Array("COPY 1".utf8) + [0]) + message("Z", [0x49])),
            ])
        let program = """
            import io, psycopg2, sys
            c = psycopg2.connect(host='127.0.0.1', port=sys.argv[1], user='u', password='p', dbname='d', connect_timeout=60)
            k = c.cursor()
            k.execute('SELECT v FROM t WHERE id=%s', (1,))
            print(k.fetchall(), c.status)
            copied = io.StringIO()
            k.copy_expert('COPY t TO STDOUT', copied)
            print(repr(copied.getvalue()))
            c.commit(); c.close()
            """
        let recorded = [Recorded.round("SELECT v FROM t WHERE id=1", at: 0, says: "x")] + copied
        try OutProxy.serving(.postgresql, recorded) { port, loop in
            let result = try ChildProcess.run(["/usr/bin/python3", "-c", program, "\(port)"])
            #expect(result.output == "[('x',)] 2\n'row\\n'\n", "\(result.errors)")
            let answers = Forwarding.answers(loop, of: 2)
            #expect(answers.exact == 2 && answers.unmatched == 0)
        }
    }

    @Test func aPortInUseSaysSo() throws {
        let port = OutProxy.nextPort()
        let first = try Sockets.listen(OutProxy.loopback, port)
        let error = try #require(throws: SystemError.self) { try Sockets.listen(OutProxy.loopback, port) }
        withExtendedLifetime(first) {}
        #expect(error.description == "cannot listen on 127.0.0.1:\(port): Address already in use")
    }
}
