import Model
import Proxies
import Testing
import Wire

/// Against Redis itself, with a password and a user.
@Suite(.enabled(if: TestServer.isInstalled("redis-server"), "redis-server is missing: Tools/setup"), .redis)
struct RedisLogInTests {
    private func logIn(
        _ user: String, _ password: String?, _ database: String? = nil, version: Int? = nil
    ) throws -> Dialogue {
        let port = try #require(TestServerTrait.server).port
        let credentials = Credentials(user: user, password: password, database: database)
        return try Dialogue(.redis, port, RedisLogIn(credentials, version: version))
    }

    @Test(
        arguments: [
            ("", "secret", nil, nil), ("default", "secret", nil, nil), ("alice", "wonder", "3", nil),
            ("alice", "wonder", nil, 3), ("", "secret", "1", 2),
        ] as [(String, String, String?, Int?)]) func logsIn(
            _ user: String, _ password: String, _ database: String?, _ version: Int?
        ) throws
    {
        var dialogue = try logIn(user, password, database, version: version)
        let exchange = try dialogue.ask(Array("CLIENT LIST\r\n".utf8))
        let reply = String(decoding: exchange.first?.reply.bytes ?? [], as: UTF8.self)
        #expect(reply.contains(" db=\(database ?? "0") "))
        #expect(reply.contains(" user=\(user.isEmpty ? "default" : user) "))
    }

    @Test(
        arguments: [
            ("", "wrong", nil, nil, "WRONGPASS"), ("alice", "secret", nil, nil, "WRONGPASS"),
            ("bob", "wonder", nil, 3, "WRONGPASS"), ("alice", "wonder", "9", nil, "ERR"),
            ("caged", "wonder", "1", nil, "NOPERM"), ("", nil, "1", nil, "NOAUTH"),
            ("alice", "wonder", nil, 9, "NOPROTO"),
        ] as [(String, String?, String?, Int?, String)]) func refusalsAreNamed(
            _ user: String, _ password: String?, _ database: String?, _ version: Int?, _ code: String
        ) throws
    {
        let failure = #expect(throws: LogInFailure.self) { try logIn(user, password, database, version: version) }
        #expect(failure?.code == code)
        let text = try #require(failure).description
        #expect(text.hasPrefix("cannot log in to Redis: ") && text.contains("(\(code)); "))
        #expect(!text.contains("the server refuses") && !text.contains("wonder"))
    }
}
