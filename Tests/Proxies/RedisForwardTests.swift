import Model
import OperatingSystem
import Proxies
import Testing
import Wire

/// Redis itself answers what nothing recorded does.
@Suite(.enabled(if: TestServer.isInstalled("redis-server"), "redis-server is missing: Tools/setup"), .redis)
struct RedisForwardTests {
    private func command(_ words: String) -> [UInt8] {
        let words = words.split(separator: " ")
        return Array(("*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()).utf8)
    }

    @Test func theServerIsInTheRightState() throws {
        let port = try #require(TestServerTrait.server).port
        let recorded = Recorded.exchanges(
            .redis,
            [
                .client(command("GET a")), .server(Array("$8\r\nrecorded\r\n".utf8)),
                .client(command("SET k 7")), .server(Array("+OK\r\n".utf8)),
            ])
        let credentials = Credentials(user: "", password: "secret")
        try Forwarding.serving(.redis, recorded, to: port, credentials) { port, loop in
            var client = try Dialogue(.redis, port)
            let ask = { (client: inout Dialogue, words: [String]) in
                try client.ask(words.flatMap { command($0) }, exchanges: words.count)
                    .map { String(decoding: $0.reply.bytes, as: UTF8.self) }.joined()
            }
            // The clone's own password is production's; its database is what it chooses.
            #expect(try ask(&client, ["AUTH other", "SELECT 2"]) == "+OK\r\n+OK\r\n")
            #expect(try ask(&client, ["GET a", "SET k 7", "INCR k"]) == "$8\r\nrecorded\r\n+OK\r\n:8\r\n")
            let transaction = try ask(&client, ["MULTI", "INCR k", "GET a", "EXEC"])
            #expect(transaction == "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:9\r\n$-1\r\n")
            #expect(try ask(&client, ["HELLO 3 AUTH default other", "HGETALL none"]).hasSuffix("%0\r\n"))
            #expect(try ask(&client, ["RESET", "GET k", "SELECT 2", "STRLEN k"]) == "+RESET\r\n$-1\r\n+OK\r\n:1\r\n")
            let answers = Forwarding.answers(loop, of: 7)
            #expect(answers.exact == 2 && answers.forwarded == 5 && answers.unmatched == 0, "\(answers)")
        }
    }

    /// Behind what cannot be followed there are recorded answers only.
    @Test func aFeedEndsTheShadow() throws {
        let port = try #require(TestServerTrait.server).port
        try Forwarding.serving(.redis, to: port, Credentials(user: "", password: "secret")) { port, loop in
            var client = try Dialogue(.redis, port)
            #expect(try client.ask(command("GET k")).first?.reply.isError == false)
            #expect(try client.ask(command("MONITOR")).first?.reply.isError == true)
            let answers = Forwarding.answers(loop, of: 2)
            #expect(answers.forwarded == 1 && answers.unmatched == 1)
        }
    }
}
