import Glibc
import Model
import OperatingSystem
import Proxies
import Testing
import Wire

/// PostgreSQL itself answers what nothing recorded does, as its clients find.
@Suite(
    .enabled(if: TestServer.isInstalled("/usr/lib/postgresql/*/bin/initdb"), "PostgreSQL is missing: Tools/setup"),
    .postgresql, .serialized)
struct PostgreSQLForwardTests {
    private static let credentials = Credentials(user: "postgres", database: "somewhere else")

    private func port() throws -> UInt16 { try #require(TestServerTrait.server).port }

    /// Straight to the server.
    private func ask(_ sql: String) throws -> String {
        var dialogue = try Dialogue(
            .postgresql, port(), PostgreSQLLogIn(Credentials(user: "postgres", database: "postgres")))
        return try Self.rows(dialogue.ask(PostgreSQLServer.query(sql)))
    }

    private static func rows(_ exchanges: [Exchange]) -> String {
        exchanges.compactMap { if case .postgresql(let round) = $0.detail { round } else { nil } }
            .flatMap(\.outcomes).map { outcome in
                if outcome.isError { return "error" }
                return outcome.rows.map { row in
                    String(decoding: row.body.dropFirst(6), as: UTF8.self)
                }.joined(separator: ",")
            }.joined(separator: ";")
    }

    private func psycopg(_ port: UInt16, _ program: String) throws -> String {
        let begin = """
            import io, os, psycopg2, sys
            c = psycopg2.connect(host='127.0.0.1', port=sys.argv[1], user='u', dbname='postgres', connect_timeout=60,
                                 options='-c timezone=UTC', application_name='under test')
            k = c.cursor()
            def ask(sql):
                k.execute(sql)
                return k.fetchall()[0][0] if k.description else k.statusmessage

            """
        let result = try ChildProcess.run(["/usr/bin/python3", "-c", begin + program, "\(port)"])
        return result.output + result.errors
    }

    private func client(_ port: UInt16) throws -> Dialogue {
        try Dialogue(.postgresql, port, PostgreSQLLogIn(Credentials(user: "u", database: "postgres")))
    }

    private func message(_ type: Character, _ parts: [UInt8]...) -> [UInt8] {
        PostgreSQLMessage(type, parts.flatMap { $0 }).bytes
    }

    private func text(_ text: String) -> [UInt8] { Array(text.utf8) + [0] }

    private static func done(_ sql: String, _ tag: String) -> Exchange {
        let round = PostgreSQLRound(
            calls: [PostgreSQLCall(sql: sql)],
            outcomes: [PostgreSQLOutcome(completion: PostgreSQLMessage("C", Array(tag.utf8) + [0]))],
            transactionStatus: 0x49, asked: Recorded.at(0), answerBegan: Recorded.at(0), answered: Recorded.at(0))
        return Recorded.round(round)
    }

    /// What the recording answered has been done too, in the transaction of this connection and by its settings.
    @Test func theServerIsInTheRightState() throws {
        _ = try ask("DROP TABLE IF EXISTS states; CREATE TABLE states (v text)")
        let recorded = [
            Self.done("BEGIN", "BEGIN"), Self.done("INSERT INTO states VALUES ('x')", "INSERT 0 1"),
            Recorded.round("SELECT 'recorded'", at: 0, says: "recorded"),
        ]
        try Forwarding.serving(.postgresql, recorded, to: port(), Self.credentials) { port, loop in
            let said = try psycopg(
                port,
                """
                print(ask("INSERT INTO states VALUES ('x')"), ask("SELECT 'recorded'"), ask('SELECT count(*) FROM states'))
                print(ask('SHOW application_name'), ask('SHOW timezone'), ask('SELECT current_database()'))
                c.rollback()
                print(ask('SELECT count(*) FROM states'))
                """)
            #expect(said == "INSERT 0 1 recorded 1\nunder test UTC postgres\n0\n")
            let answers = Forwarding.answers(loop, of: 10)
            // ROLLBACK was not recorded either.
            #expect(answers.exact == 4 && answers.forwarded == 6 && answers.unmatched == 0, "\(answers)")
        }
        #expect(try ask("SELECT count(*) FROM states") == "0")
    }

    /// Prepared under a name by a recorded answer, executed by the server.
    @Test func whatWasPreparedIsThere() throws {
        let row = message("T", [0, 1], text("v"), [0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 255, 255, 255, 255, 255, 255, 0, 0])
        let prepare = message("P", text("s"), text("SELECT 'for ' || $1"), [0, 0]) + message("D", [0x53], text("s"))
        let bind = { (value: String) in
            message("B", [0], text("s"), [0, 0, 0, 1, 0, 0, 0, UInt8(value.utf8.count)], Array(value.utf8), [0, 0])
        }
        let execute = message("E", [0], [0, 0, 0, 0])
        let (sync, flush) = (message("S"), message("H"))
        let recorded = Recorded.exchanges(
            .postgresql,
            [
                .client([0, 0, 0, 8, 0, 3, 0, 0]), .server(message("R", [0, 0, 0, 0]) + message("Z", [0x49])),
                .client(prepare + sync),
                .server(message("1") + message("t", [0, 1, 0, 0, 0, 25]) + row + message("Z", [0x49])),
                .client(bind("a") + execute + sync),
                .server(
                    message("2") + message("D", [0, 1, 0, 0, 0, 1, 0x61]) + message("C", text("SELECT 1"))
                        + message("Z", [0x49])),
            ])
        try Forwarding.serving(.postgresql, recorded, to: port(), Self.credentials) { port, loop in
            var client = try client(port)
            #expect(try Self.rows(client.ask(prepare + sync + bind("a") + execute + sync)) == "a")
            #expect(try Self.rows(client.ask(bind("b") + execute + sync)) == "for b")
            // Prepared by the server, in parts that end with a Flush; an error is passed over up to Sync.
            let other = message("P", text("o"), text("SELECT 'of ' || $1"), [0, 0]) + message("D", [0x53], text("o"))
            let bindOther = message("B", [0], text("o"), [0, 0, 0, 1, 0, 0, 0, 1, 0x7a], [0, 0])
            #expect(try Self.rows(client.ask(other + flush + bindOther + execute + flush + sync)) == "of z")
            let wrong = message("P", text("w"), text("SELECT nothing"), [0, 0]) + message("D", [0x53], text("w"))
            let error = try client.ask(wrong + flush + bind("c") + execute + flush + sync)
            #expect(Self.rows(error) == "error")
            #expect(try Self.rows(client.ask(bind("d") + execute + sync)) == "for d")
            let answers = Forwarding.answers(loop, of: 7)
            #expect(answers.exact == 2 && answers.unmatched == 0, "\(answers)")
        }
    }

    @Test func dataAreCopiedBothWays() throws {
        _ = try ask("DROP TABLE IF EXISTS copies; CREATE TABLE copies (v text)")
        try Forwarding.serving(.postgresql, to: port(), Self.credentials) { port, loop in
            let said = try psycopg(
                port,
                """
                k.copy_expert('COPY copies FROM STDIN', io.StringIO('a\\nb\\n'))
                c.commit()
                out = io.StringIO()
                k.copy_expert('COPY copies TO STDOUT', out)
                print(repr(out.getvalue()))
                try: k.copy_expert('COPY missing FROM STDIN', io.StringIO('a\\n'))
                except psycopg2.Error as e: print(e.pgcode)
                c.rollback()
                print(ask('SELECT count(*) FROM copies'))
                """)
            #expect(said == "'a\\nb\\n'\n42P01\n2\n")
            let answers = Forwarding.answers(loop, of: 8)
            #expect(answers.forwarded == answers.total, "\(answers)")
        }
    }

    /// The clone hangs up behind a question that the recording has answered: it is asked all the same.
    @Test func whatWasAskedLastIsDone() throws {
        _ = try ask("DROP TABLE IF EXISTS lasts; CREATE TABLE lasts (v text)")
        let recorded = [Self.done("INSERT INTO lasts VALUES ('x')", "INSERT 0 1")]
        try Forwarding.serving(.postgresql, recorded, to: port(), Self.credentials) { port, _ in
            let said = try psycopg(
                port, "c.autocommit = True; print(ask(\"INSERT INTO lasts VALUES ('x')\"), flush=True); os._exit(0)")
            #expect(said == "INSERT 0 1\n")
            try Forwarding.wait { try ask("SELECT count(*) FROM lasts") == "1" }
            #expect(try ask("SELECT count(*) FROM lasts") == "1")
        }
    }

    /// Nobody else is there to ask: an error, and recorded answers go on.
    @Test func aShadowThatDiesTakesNothingElse() throws {
        let recorded = [Recorded.round("SELECT 'recorded'", at: 0, says: "recorded")]
        try Forwarding.serving(.postgresql, recorded, to: port(), Self.credentials) { port, loop in
            var client = try client(port)
            #expect(try Self.rows(client.ask(PostgreSQLServer.query("SELECT 1"))) == "1")
            let end = PostgreSQLServer.query("SELECT pg_terminate_backend(pg_backend_pid())")
            #expect(try Self.rows(client.ask(end)) == "error")
            #expect(try Self.rows(client.ask(PostgreSQLServer.query("SELECT 'recorded'"))) == "recorded")
            #expect(try Self.rows(client.ask(PostgreSQLServer.query("SELECT 1"))) == "error")
            // What every server answers alike needs none.
            #expect(try Self.rows(client.ask(PostgreSQLServer.query("SET application_name = 'x'"))) == "")
            let answers = Forwarding.answers(loop, of: 4)
            #expect(answers.exact == 1 && answers.forwarded == 1 && answers.unmatched == 2, "\(answers)")
        }
    }

    @Test func aShadowThatLagsIsNotWaitedFor() throws {
        let recorded = [Recorded.round("SELECT 'recorded'", at: 0, says: "recorded")]
        let policy = Forwarding.policy(.milliseconds(50))
        try Forwarding.serving(.postgresql, recorded, to: port(), Self.credentials, policy) { port, loop in
            var client = try client(port)
            var said = ""
            // The first may have to wait for the log-in.
            Forwarding.wait {
                said = (try? Self.rows(client.ask(PostgreSQLServer.query("SELECT 1")))) ?? ""
                return said == "1"
            }
            #expect(said == "1")
            #expect(try Self.rows(client.ask(PostgreSQLServer.query("SELECT pg_sleep(0.3)"))) == "error")
            #expect(try Self.rows(client.ask(PostgreSQLServer.query("SELECT 'recorded'"))) == "recorded")
            // It catches up, and its late answers are nobody's.
            Forwarding.wait {
                said = (try? Self.rows(client.ask(PostgreSQLServer.query("SELECT 2")))) ?? ""
                return said == "2"
            }
            #expect(said == "2" && Forwarding.answers(loop, of: 4).unmatched > 0)
        }
    }

    @Test func aRefusedLogInIsTold() throws {
        let wrong = Credentials(user: "scram", password: "wrong")
        let recorded = [Recorded.round("SELECT 'recorded'", at: 0, says: "recorded")]
        try Forwarding.serving(.postgresql, recorded, to: port(), wrong) { port, loop in
            var client = try client(port)
            #expect(try Self.rows(client.ask(PostgreSQLServer.query("SELECT 1"))) == "error")
            #expect(try Self.rows(client.ask(PostgreSQLServer.query("SELECT 'recorded'"))) == "recorded")
            let failure = try #require(loop.progress.forwardFailure)
            #expect(failure.code == "28P01" && !failure.description.contains("wrong"))
            #expect(Forwarding.answers(loop, of: 2).unmatched == 1)
        }
    }
}
