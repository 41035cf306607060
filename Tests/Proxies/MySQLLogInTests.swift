import Model
import Proxies
import Testing
import Wire

/// Against MariaDB itself.
@Suite(.enabled(if: TestServer.isInstalled("mariadbd"), "mariadbd is missing: Tools/setup"), .mariadb)
struct MySQLLogInTests {
    private func port() throws -> UInt16 { try #require(TestServerTrait.server).port }

    private func logIn(
        _ user: String, _ password: String?, _ database: String? = nil, options: MySQLLogIn.Options = []
    ) throws -> Dialogue {
        let credentials = Credentials(user: user, password: password, database: database)
        return try Dialogue(.mysql, port(), MySQLLogIn(credentials, options: options))
    }

    @Test(
        arguments: [
            ("native", "hashed", nil, []), ("native", "hashed", "shop", [.deprecatesEOF]), ("bare", nil, "shop", []),
            ("bare", "", nil, [.deprecatesEOF]),
        ] as [(String, String?, String?, MySQLLogIn.Options)]) func logsIn(
            _ user: String, _ password: String?, _ database: String?, _ options: MySQLLogIn.Options
        ) throws
    {
        var dialogue = try logIn(user, password, database, options: options)
        // Two statements and a procedure's results, as recorded clients may send them.
        let exchange = try dialogue.ask(MySQLPacket.query("SELECT CONCAT(USER(), '/', DATABASE()); SELECT 2"))
        let reply = String(decoding: exchange.first?.reply.bytes ?? [], as: UTF8.self)
        #expect(exchange.first?.reply.isError == false)
        #expect(database.map { reply.contains("\(user)@127.0.0.1/\($0)") } ?? true)
        // In step afterwards too.
        #expect(try dialogue.ask(MySQLPacket.make(.ping)).first?.reply.isError == false)
    }

    @Test(arguments: [
        ("native", "wrong", nil, "1045"), ("native", nil, nil, "1045"), ("unknown", "hashed", nil, "1045"),
        ("native", "hashed", "closed", "1044"), ("native", "hashed", "missing", "1044"),
        ("locked", "hashed", nil, "4151"),
    ]) func refusalsAreNamed(_ user: String, _ password: String?, _ database: String?, _ code: String) throws {
        let failure = #expect(throws: LogInFailure.self) { try logIn(user, password, database) }
        #expect(failure?.code == code)
        let text = try #require(failure).description
        #expect(text.hasPrefix("cannot log in to MySQL: ") && text.contains("(error \(code)); "))
        #expect(!text.contains("the server refuses") && !text.contains("hashed"))
    }

    /// The server asks to change to a method that is too weak to answer.
    @Test func aMethodThatIsNotThereIsNamed() {
        let failure = #expect(throws: LogInFailure.self) { try logIn("old", "hashed") }
        #expect(failure?.reason.contains("mysql_old_password") == true)
    }

    /// MariaDB has none: what was recorded with them would be read as statements.
    @Test func queryAttributesNeedAServerThatHasThem() {
        let failure = #expect(throws: LogInFailure.self) { try logIn("native", "hashed", options: .hasAttributes) }
        #expect(failure?.reason.contains("query attributes") == true)
    }

    /// On the clone's connection the same statement has another number, and gives the same rows by it.
    @Test func preparedStatementsAreFoundByTheirNewNumbers() throws {
        let prepare = MySQLPacket.make(.prepare, Array("SELECT CONCAT('got ', ?)".utf8))
        var recorded = try logIn("native", "hashed", "shop")
        var clone = try logIn("native", "hashed", "shop")
        _ = try clone.ask(MySQLPacket.make(.prepare, Array("SELECT 1".utf8)))
        let recordedReply = try #require(try recorded.ask(prepare).first).reply.bytes
        let cloneReply = try #require(try clone.ask(prepare).first).reply.bytes
        #expect(recordedReply != cloneReply)
        var map = MySQLStatementMap()
        map.learn(recorded: recordedReply, clone: cloneReply)

        let number = Array(recordedReply[5..<9])
        // A value in pieces, then the execution with one parameter of type BLOB.
        let request =
            MySQLPacket.make(.sendLongData, number + [0, 0] + Array("the ".utf8))
            + MySQLPacket.make(.sendLongData, number + [0, 0] + Array("value".utf8))
            + MySQLPacket.make(.execute, number + [0, 1, 0, 0, 0, 0, 1, 252, 0])
        let rewritten = map.rewrite(request)
        #expect(rewritten.unknownCount == 0)
        let expected = try #require(try recorded.ask(request).first).reply.bytes
        #expect(String(decoding: expected, as: UTF8.self).contains("got the value"))
        #expect(try clone.ask(rewritten.bytes).first?.reply.bytes == expected)

        // An unknown number is an error of the server, not another statement's rows.
        let unknown = map.rewrite(MySQLPacket.make(.execute, [77, 0, 0, 0, 0, 1, 0, 0, 0]))
        #expect(unknown.unknownCount == 1)
        #expect(try clone.ask(unknown.bytes).first?.reply.status == 1243)
    }
}
