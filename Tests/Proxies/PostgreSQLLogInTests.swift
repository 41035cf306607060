import Model
import Proxies
import Testing
import Wire

/// Against PostgreSQL itself, with a line of pg_hba.conf for each method.
@Suite(
    .enabled(if: TestServer.isInstalled("/usr/lib/postgresql/*/bin/initdb"), "PostgreSQL is missing: Tools/setup"),
    .postgresql)
struct PostgreSQLLogInTests {
    private func port() throws -> UInt16 { try #require(TestServerTrait.server).port }

    private func logIn(_ user: String, _ password: String?, _ database: String = "postgres") throws -> Dialogue {
        let credentials = Credentials(user: user, password: password, database: database)
        let logIn = try #require(ClientLogIns.make(.postgresql, credentials))
        return try Dialogue(.postgresql, port(), logIn)
    }

    @Test(arguments: [
        ("open", nil), ("open", "any"), ("plain", "in the clear"), ("digest", "hashed"), ("scram", "salted"),
        ("o'dd, =one", "p\u{e4}ssw\u{f6}rd \u{2713}"),
    ]) func everyMethodLogsIn(_ user: String, _ password: String?) throws {
        var dialogue = try logIn(user, password)
        let exchange = try dialogue.ask(PostgreSQLServer.query("SELECT current_user || current_database()"))
        let reply = String(decoding: exchange.first?.reply.bytes ?? [], as: UTF8.self)
        #expect(reply.contains(user + "postgres"))
    }

    @Test(arguments: [
        ("plain", "wrong", "postgres", "28P01"), ("digest", "wrong", "postgres", "28P01"),
        ("scram", "wrong", "postgres", "28P01"), ("scram", "", "postgres", "28P01"),
        ("unknown", "salted", "postgres", "28P01"), ("outside", nil, "postgres", "28000"),
        ("locked", "salted", "postgres", "28000"), ("full", "salted", "postgres", "53300"),
        ("scram", "salted", "missing", "3D000"), ("scram", "salted", "template1", "42501"),
    ]) func refusalsAreNamed(_ user: String, _ password: String?, _ database: String, _ code: String) throws {
        let failure = #expect(throws: LogInFailure.self) { try logIn(user, password, database) }
        #expect(failure?.code == code)
        #expect(failure?.severity == "FATAL")
        let text = try #require(failure).description
        #expect(text.hasPrefix("cannot log in to PostgreSQL: "))
        #expect(text.contains("(FATAL, SQLSTATE \(code)); "))
        #expect(!text.contains("salted") && !text.contains("wrong"))
    }

    @Test(arguments: ["plain", "digest", "scram"]) func aPasswordThatIsMissingIsNamed(_ user: String) {
        let failure = #expect(throws: LogInFailure.self) { try logIn(user, nil) }
        #expect(failure?.reason == "the server asks for a password and there is none")
    }

    /// The second log-in of the same credentials does not derive the key again; a changed password is seen nevertheless.
    @Test func credentialsAreUsedAgain() throws {
        let credentials = Credentials(user: "scram", password: "salted", database: "postgres")
        for _ in 0..<3 { _ = try Dialogue(.postgresql, port(), PostgreSQLLogIn(credentials)) }
    }
}
