import Model
import OperatingSystem
import Proxies
import Testing
import Wire

/// What a MySQL server and its client say, packet by packet.
private enum Text {
    static func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    static func packets(from sequence: UInt8 = 1, _ payloads: [[UInt8]]) -> [UInt8] {
        payloads.enumerated().flatMap { little($1.count, 3) + [sequence &+ UInt8($0)] + $1 }
    }

    static func text(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }
    static let column: [UInt8] =
        text("def") + text("") + text("t") + text("t") + text("c") + text("c") + [
            12, 45, 0, 255, 0, 0, 0, 253, 0, 0, 0, 0, 0,
        ]
    /// As MariaDB says it to a client that can take it: with the type's name.
    static let extendedColumn: [UInt8] = column.dropLast(13) + text("\u{0}\u{4}json") + column.suffix(13)
    static let eof: [UInt8] = [0xfe, 0, 0, 2, 0]
    static let okAtEnd: [UInt8] = [0xfe, 0, 0, 2, 0, 0, 0]
    static let ok: [UInt8] = [0, 1, 0, 2, 0, 0, 0]

    static func command(_ command: MySQLCommand, _ body: [UInt8] = []) -> [UInt8] {
        packets(from: 0, [[command.rawValue] + body])
    }
    static func query(_ sql: String) -> [UInt8] { command(.query, Array(sql.utf8)) }
    static func prepare(_ sql: String) -> [UInt8] { command(.prepare, Array(sql.utf8)) }
    static func execute(_ number: Int, _ value: Int, hasTypes: Bool = true) -> [UInt8] {
        command(
            .execute,
            little(number, 4) + [0, 1, 0, 0, 0, 0, hasTypes ? 1 : 0] + (hasTypes ? [3, 0] : []) + little(value, 4))
    }
    static func prepared(_ number: Int, columns: Int, parameters: Int) -> [UInt8] {
        [0] + little(number, 4) + little(columns, 2) + little(parameters, 2) + [0, 0, 0]
    }

    static let deprecateEOF = 1 << 24
    static let lenient = 1 << 9 | 1 << 15 | 1 << 19

    static func logIn(_ capabilities: Int, plugin: String = "mysql_native_password") -> [UInt8] {
        let head = little(capabilities, 4) + little(1 << 24, 4) + [45] + [UInt8](repeating: 0, count: 23)
        return packets(from: 1, [head + Array("tier".utf8) + [0, 0] + Array(plugin.utf8) + [0]])
    }

    /// The server's greeting with all that it could do.
    static var greeting: [UInt8] {
        let head = [10] + Array("8.0.36".utf8) + [0] + little(7, 4) + [UInt8](repeating: 0x41, count: 8) + [0]
        return packets(
            from: 0,
            [
                head + [255, 255, 45, 2, 0, 255, 255, 21] + [UInt8](repeating: 0, count: 10)
                    + [UInt8](repeating: 0x42, count: 12) + [0] + Array("mysql_native_password".utf8) + [0]
            ])
    }
}

@Suite struct MySQLSessionTests {
    private func exchanges(_ capabilities: Int = 0, _ turns: [([UInt8], [UInt8])]) -> [Exchange] {
        Recorded.exchanges(
            .mysql,
            [
                .server(Text.greeting), .client(Text.logIn(Text.lenient | capabilities)),
                .server(Text.packets(from: 2, [Text.ok])),
            ] + turns.flatMap { [.client($0.0), .server($0.1)] })
    }

    private func connected(_ exchanges: [Exchange]) -> AskedSession {
        var session = AskedSession(.mysql, exchanges)
        _ = session.session.opened(at: Recorded.at(0))
        _ = session.ask(Text.logIn(Text.lenient))
        return session
    }

    /// The answers as our own reader of MySQL finds them whole: it is told nothing but the bytes.
    private func read(_ session: inout AskedSession, _ commands: [[UInt8]]) -> [[UInt8]] {
        var turns: [Recorded.Turn] = [
            .server(session.session.opened(at: Recorded.at(0)).flatMap(\.bytes)), .client(Text.logIn(Text.lenient)),
            .server(session.ask(Text.logIn(Text.lenient)).flatMap(\.bytes)),
        ]
        for command in commands { turns += [.client(command), .server(session.ask(command).flatMap(\.bytes))] }
        return Recorded.exchanges(.mysql, turns).map(\.reply.bytes)
    }

    private static let rows = [Text.text("a"), [0xfb]]
    private static let result = Text.packets([[1], Text.column, Text.eof] + rows + [Text.eof])

    /// However the recorded connection framed its results, the clone's gets them in the framing it was offered.
    @Test(arguments: [
        (0, result), (Text.deprecateEOF, Text.packets([[1], Text.column] + rows + [Text.okAtEnd])),
        (Text.deprecateEOF, Text.packets([[1], Text.extendedColumn] + rows + [Text.okAtEnd])),
        // With session states, and with the byte that says that definitions follow.
        (Text.deprecateEOF, Text.packets([[1, 1], Text.column] + rows + [[0xfe, 0, 0, 2, 0x40, 0, 0, 0, 2, 1, 1]])),
    ])
    func resultsAreToldInTheFramingThatWasOffered(_ capabilities: Int, _ recorded: [UInt8]) {
        var session = AskedSession(.mysql, exchanges(capabilities, [(Text.query("SELECT c"), recorded)]))
        #expect(read(&session, [Text.query("SELECT c")]) == [Self.result])
        #expect(session.account.exact == 1)
    }

    @Test func severalResultsAndErrorsStayWhole() {
        let more: [UInt8] = [0xfe, 0, 0, 0x0a, 0]
        let several = Text.packets([[1], Text.column] + Self.rows + [more + [0, 0], Text.ok])
        let converted = Text.packets([[1], Text.column, Text.eof] + Self.rows + [more, Text.ok])
        let failed = Text.packets([[0xff, 0x28, 4] + Array("#42000No".utf8)])
        let recorded = exchanges(
            Text.deprecateEOF, [(Text.query("CALL p"), several), (Text.query("SELECT bad"), failed)])
        var session = AskedSession(.mysql, recorded)
        #expect(read(&session, [Text.query("CALL p"), Text.query("SELECT bad")]) == [converted, failed])
    }

    @Test func aStatesTextIsCutFromAnOK() {
        let text = "Rows matched: 1"
        let tracked = Text.packets([[0, 1, 0, 2, 0x40, 0, 0] + Text.text(text) + [2, 1, 1]])
        var session = AskedSession(.mysql, exchanges(1 << 23, [(Text.query("UPDATE t"), tracked)]))
        #expect(
            read(&session, [Text.query("UPDATE t")]) == [Text.packets([[0, 1, 0, 2, 0, 0, 0] + Array(text.utf8)])])
    }

    /// The clone's statements have other numbers than the recorded ones, and none was ever recorded twice alike.
    @Test func statementsAreFoundByTheirText() {
        let sql = "SELECT c FROM t WHERE id=?"
        let binaryRow: [UInt8] = [0, 0, 1, 0x61]
        let recorded = exchanges(
            Text.deprecateEOF,
            [
                (
                    Text.prepare("SELECT other"),
                    Text.packets([Text.prepared(41, columns: 1, parameters: 0), Text.column])
                ),
                (
                    Text.prepare(sql),
                    Text.packets([Text.prepared(42, columns: 1, parameters: 1), Text.column, Text.column])
                ),
                (Text.execute(42, 7), Text.packets([[1], Text.column, binaryRow, Text.okAtEnd])),
                (Text.execute(42, 8, hasTypes: false), Text.packets([[1], Text.column, Text.okAtEnd])),
            ])
        #expect(recorded.count == 4)
        var session = connected(recorded)
        let prepared = session.ask(Text.prepare(sql)).flatMap(\.bytes)
        #expect(
            prepared
                == Text.packets([
                    Text.prepared(1, columns: 1, parameters: 1), Text.column, Text.eof, Text.column, Text.eof,
                ]))
        let none = Text.packets([[1], Text.column, Text.eof, Text.eof])
        #expect(session.ask(Text.execute(1, 8)).flatMap(\.bytes) == none)
        #expect(
            session.ask(Text.execute(1, 7, hasTypes: false)).flatMap(\.bytes)
                == Text.packets([[1], Text.column, Text.eof, binaryRow, Text.eof]))
        #expect(session.account.exact == 3)
        #expect(session.ask(Text.execute(1, 9, hasTypes: false)).count == 1)
        #expect(session.account.template == 1)
        // Closed, it is unknown.
        #expect(session.ask(Text.command(.closeStatement, [1, 0, 0, 0])).isEmpty)
        #expect(session.ask(Text.execute(1, 7)).first?.bytes[4] == 0xff)
    }

    @Test func theConnectionsOwnCommandsNeedNoRecording() {
        var session = connected([])
        let ok = Text.packets([[0, 0, 0, 2, 0, 0, 0]])
        for command in [
            Text.command(.ping), Text.command(.initDatabase, [0x61]), Text.command(.resetConnection),
            Text.command(.changeUser, Array("u\0\0d\0".utf8)), Text.query("SET NAMES utf8mb4"),
        ] {
            #expect(session.ask(command).map(\.bytes) == [ok])
        }
        #expect(session.ask(Text.command(.setOption, [0, 0])).map(\.bytes) == [Text.packets([Text.eof])])
        #expect(session.ask(Text.query("BEGIN")).map(\.bytes) == [Text.packets([[0, 0, 0, 3, 0, 0, 0]])])
        let refused = session.ask(Text.query("SELECT secret")).flatMap(\.bytes)
        #expect(refused[4] == 0xff && !String(decoding: refused, as: UTF8.self).contains("secret"))
        #expect(session.account.total == 1 && session.account.unmatched == 1)
        #expect(session.ask(Text.command(.quit)).map(\.closes) == [true])
    }

    /// A client that answers with another plugin is asked to use ours, and then believed.
    @Test func logInsOfAnyKindAreTaken() {
        var session = AskedSession(.mysql)
        let asked = session.ask(Text.logIn(Text.lenient, plugin: "caching_sha2_password")).flatMap(\.bytes)
        #expect(asked[3] == 2 && asked[4] == 0xfe)
        let taken = session.ask(Text.packets(from: 3, [[UInt8](repeating: 1, count: 20)])).flatMap(\.bytes)
        #expect(taken == Text.packets(from: 4, [[0, 0, 0, 2, 0, 0, 0]]))
    }

    @Test(arguments: [[UInt8](repeating: 0x41, count: 40), [1, 0, 0, 5, 3], [0, 0, 0, 0]])
    func malformedPacketsCloseWithAnError(_ bytes: [UInt8]) {
        var session = connected(exchanges(0, [(Text.query("SELECT c"), Self.result)]))
        // A packet of that length may still come: then the next one tells.
        var replies = session.ask(bytes)
        if replies.isEmpty { replies = session.ask([UInt8](repeating: 0x41, count: 5_000_000)) }
        #expect(replies.map(\.closes) == [true] && replies.first?.bytes[4] == 0xff)
        #expect(session.ask(Text.query("SELECT c")).isEmpty && session.account.total == 0)
    }

    /// The mariadb command and PyMySQL are the oracles.
    @Test func clientsAreAnswered() throws {
        let recorded = exchanges(
            Text.deprecateEOF,
            [
                (
                    Text.query("SELECT c FROM t WHERE id=1"),
                    Text.packets([[1], Text.column] + Self.rows + [Text.okAtEnd])
                ),
                (Text.query("INSERT INTO t VALUES(1)"), Text.packets([Text.ok])),
            ])
        try OutProxy.serving(.mysql, recorded) { port, loop in
            let line = ["-h127.0.0.1", "-P\(port)", "-uu", "-psecret", "-N", "-B", "--connect-timeout=60", "-e"]
            let result = try ChildProcess.run(["mariadb", "--no-defaults"] + line + ["SELECT c FROM t WHERE id=5"])
            #expect(result.output == "a\nNULL\n", "\(result.errors)")
            let unknown = try ChildProcess.run(["mariadb", "--no-defaults"] + line + ["SHOW secrets"])
            #expect(unknown.errors.contains("ERROR 1105 (HY000)"))
            let program = """
                import pymysql, sys
                c = pymysql.connect(host='127.0.0.1', port=int(sys.argv[1]), user='u', password='p', database='d',
                    connect_timeout=60, read_timeout=60)
                k = c.cursor()
                print(k.execute('SELECT c FROM t WHERE id=%s', (1,)), k.fetchall(), k.description[0][0])
                print(k.execute('INSERT INTO t VALUES(%s)', (1,)))
                c.ping(); c.commit(); c.close()
                """
            let python = try ChildProcess.run(["/usr/bin/python3", "-c", program, "\(port)"])
            #expect(python.output == "2 (('a',), (None,)) c\n1\n", "\(python.errors)")
            let answers = Forwarding.answers(loop, of: 4)
            #expect(answers.exact == 2 && answers.template == 1)
        }
    }
}
