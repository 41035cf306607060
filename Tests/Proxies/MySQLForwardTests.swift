import Model
import OperatingSystem
import Proxies
import Testing
import Wire

/// MariaDB itself answers what nothing recorded does.
@Suite(.enabled(if: TestServer.isInstalled("mariadbd"), "mariadbd is missing: Tools/setup"), .mariadb)
struct MySQLForwardTests {
    private static let credentials = Credentials(user: "native", password: "hashed")
    private static let ok: [UInt8] = [0, 0, 0, 2, 0, 0, 0]

    /// The texts of all rows, as they are told.
    private func ask(_ client: inout Dialogue, _ command: [UInt8]) throws -> [UInt8] {
        try client.ask(command).first?.reply.bytes ?? []
    }

    private func query(_ client: inout Dialogue, _ sql: String) throws -> String {
        let reply = try ask(&client, MySQLPacket.query(sql))
        if reply.count > 4, reply[4] == 0xff { return "error" }
        return String(decoding: reply.map { $0 < 0x20 ? 0x20 : $0 }, as: UTF8.self)
    }

    private func execute(_ number: UInt8, _ value: String) -> [UInt8] {
        let head: [UInt8] = [number, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 253, 0, UInt8(value.utf8.count)]
        return MySQLPacket.make(.execute, head + Array(value.utf8))
    }

    /// Exchanges of a recorded connection, in the framing of old.
    private func recorded(_ turns: [(command: [UInt8], reply: [[UInt8]])]) -> [Exchange] {
        Recorded.exchanges(
            .mysql,
            // From the middle a reader takes a question behind something that the server said.
            [.server([0])]
                + turns.flatMap { turn -> [Recorded.Turn] in
                    let reply = turn.reply.enumerated().flatMap { MySQLPacket.make($1, sequence: UInt8($0 + 1)) }
                    return [.client(turn.command), .server(reply)]
                }, fromStart: false)
    }

    @Test func theServerIsInTheRightState() throws {
        let port = try #require(TestServerTrait.server).port
        let recorded = recorded([
            (MySQLPacket.query("SET @a = 'set before'"), [Self.ok]),
            (MySQLPacket.query("SELECT 'recorded'"), [Self.ok]),
        ])
        #expect(recorded.count == 2)
        try Forwarding.serving(.mysql, recorded, to: port, Self.credentials) { port, loop in
            var client = try Dialogue(.mysql, port, MySQLLogIn(Credentials(user: "u", database: "shop")))
            #expect(try ask(&client, MySQLPacket.query("SET @a = 'set before'")).count == 11)
            #expect(try query(&client, "SELECT @a, DATABASE()").contains("set before shop"))
            #expect(try ask(&client, MySQLPacket.query("SELECT 'recorded'")).count == 11)
            #expect(try query(&client, "SELECT nothing") == "error")
            #expect(try ask(&client, MySQLPacket.make(.initDatabase, Array("closed".utf8))).count == 11)
            #expect(try ask(&client, MySQLPacket.make(.resetConnection)).count == 11)
            #expect(try query(&client, "SELECT IFNULL(@a, 'is gone')").contains("is gone"))
            let answers = Forwarding.answers(loop, of: 5)
            #expect(answers.exact == 2 && answers.forwarded == 3 && answers.unmatched == 0, "\(answers)")
        }
    }

    /// The clone has its number from the recording's answer, the server has given another.
    @Test func aStatementKeepsTheClonesNumber() throws {
        let port = try #require(TestServerTrait.server).port
        let column = { (name: String) in
            [3] + Array("def".utf8) + [0, 0, 0, UInt8(name.utf8.count)] + Array(name.utf8)
                + [0, 12, 45, 0, 255, 0, 0, 0, 253, 0, 0, 0, 0, 0]
        }
        let sql = "SELECT CONCAT('for ', ?)"
        let recorded = recorded([
            (MySQLPacket.query("PREPARE own FROM 'SELECT 1'"), [Self.ok]),
            (
                MySQLPacket.make(.prepare, Array(sql.utf8)),
                [
                    [0, 9, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0], column("?"), [0xfe, 0, 0, 2, 0], column("c"),
                    [0xfe, 0, 0, 2, 0],
                ]
            ),
        ])
        #expect(recorded.count == 2)
        try Forwarding.serving(.mysql, recorded, to: port, Self.credentials) { port, loop in
            var client = try Dialogue(.mysql, port, MySQLLogIn(Credentials(user: "u", database: "shop")))
            // It takes the server's first number.
            #expect(try ask(&client, MySQLPacket.query("PREPARE own FROM 'SELECT 1'")).count == 11)
            for (number, value) in [(UInt8(1), "a"), (2, "b")] {
                let text = number == 1 ? sql : sql + " AS d"
                let prepared = try ask(&client, MySQLPacket.make(.prepare, Array(text.utf8)))
                #expect(prepared.count > 9 && prepared[4] == 0 && prepared[5] == number)
                let row = try ask(&client, execute(number, value))
                #expect(String(decoding: row, as: UTF8.self).contains("for " + value))
            }
            let row = try ask(&client, execute(1, "again"))
            #expect(String(decoding: row, as: UTF8.self).contains("for again"))
            let answers = Forwarding.answers(loop, of: 6)
            #expect(answers.exact == 2 && answers.forwarded == 4 && answers.unmatched == 0, "\(answers)")
        }
    }

    /// What was done in a transaction is gone with it.
    @Test func transactionsAreThoseOfTheServer() throws {
        let port = try #require(TestServerTrait.server).port
        try Forwarding.serving(.mysql, to: port, Self.credentials) { port, loop in
            var client = try Dialogue(.mysql, port, MySQLLogIn(Credentials(user: "u", database: "shop")))
            for sql in ["CREATE TABLE t (v INT)", "BEGIN", "INSERT INTO t VALUES (7)", "COMMIT"] {
                #expect(try query(&client, sql) != "error")
            }
            #expect(try query(&client, "SELECT CONCAT('value ', v) FROM t").contains("value 7"))
            #expect(Forwarding.answers(loop, of: 5).forwarded == 5)
        }
    }
}
