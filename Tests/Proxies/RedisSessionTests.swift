import Model
import OperatingSystem
import Proxies
import Testing
import Wire

@Suite struct RedisSessionTests {
    private static func command(_ words: [String]) -> String {
        "*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
    }

    private func command(_ words: String...) -> String { Self.command(words) }

    private static func exchanges(_ turns: [([String], String)]) -> [Exchange] {
        Recorded.exchanges(
            .redis, turns.flatMap { [.client(Array(command($0.0).utf8)), .server(Array($0.1.utf8))] })
    }

    private static let recorded = exchanges([
        (["SET", "user:1", "a"], "+OK\r\n"), (["GET", "user:1"], "$1\r\na\r\n"),
        (["MGET", "a", "b"], "*2\r\n$-1\r\n:1\r\n"),
        (["GET", "counter"], "$1\r\n5\r\n"), (["GET", "counter"], "$1\r\n6\r\n"),
        (["HGETALL", "h"], "%1\r\n$1\r\nk\r\n$1\r\nv\r\n"),
    ])

    @Test func aPipelineIsAnsweredInItsOrder() {
        var session = AskedSession(.redis, Self.recorded)
        let asked = command("GET", "counter") + command("PING") + command("get", "counter") + command("GET", "user:1")
        #expect(session.say(asked) == "$1\r\n5\r\n+PONG\r\n$1\r\n6\r\n$1\r\na\r\n")
        #expect(session.account.exact == 3)
        // Another key of the same pattern, and another number of keys, which is no such pattern.
        #expect(session.say(command("GET", "user:77")) == "$1\r\na\r\n")
        #expect(session.account.template == 1)
        #expect(session.say(command("MGET", "a", "b", "c")).hasPrefix("-ERR What-if"))
        #expect(session.account.unmatched == 1)
    }

    @Test func theConnectionsOwnCommandsNeedNoRecording() {
        var session = AskedSession(.redis)
        #expect(session.say(command("AUTH", "user", "secret") + command("SELECT", "3")) == "+OK\r\n+OK\r\n")
        #expect(session.say(command("CLIENT", "SETNAME", "x") + command("PING", "hi")) == "+OK\r\n$2\r\nhi\r\n")
        #expect(session.say("ping\r\n") == "+PONG\r\n")
        #expect(session.say(command("CLIENT", "REPLY", "SKIP") + command("PING") + command("PING")) == "+PONG\r\n")
        #expect(
            session.say(command("CLIENT", "REPLY", "OFF") + command("GET", "x") + command("CLIENT", "REPLY", "ON"))
                == "+OK\r\n")
        #expect(session.account.total == 0)
        #expect(session.ask(Array(command("QUIT").utf8)).last?.closes == true)
    }

    /// The types of RESP3 are for a connection that asked for them.
    @Test func anAnswerFitsTheVersionOfTheConnection() {
        var old = AskedSession(.redis, Self.recorded)
        #expect(old.say(command("HGETALL", "h")).hasPrefix("-ERR"))
        var new = AskedSession(.redis, Self.recorded)
        #expect(new.say(command("HELLO", "3")).hasPrefix("%7\r\n"))
        #expect(new.say(command("HGETALL", "h")) == "%1\r\n$1\r\nk\r\n$1\r\nv\r\n")
        #expect(new.say(command("HELLO", "4")).hasPrefix("-NOPROTO"))
    }

    /// EXEC asks for all that was queued: the same word alone is another question.
    @Test func aTransactionIsOneQuestion() {
        func transaction(_ key: String) -> String {
            command("MULTI") + command("INCR", key) + command("GET", key) + command("EXEC")
        }
        let exchanges = Self.exchanges(
            ["a", "b"].flatMap { key in
                [
                    (["MULTI"], "+OK\r\n"), (["INCR", key], "+QUEUED\r\n"), (["GET", key], "+QUEUED\r\n"),
                    (["EXEC"], "*2\r\n:1\r\n$1\r\n\(key)\r\n"),
                ]
            })
        var session = AskedSession(.redis, exchanges)
        let queued = "+OK\r\n+QUEUED\r\n+QUEUED\r\n"
        #expect(session.say(transaction("b")) == queued + "*2\r\n:1\r\n$1\r\nb\r\n")
        #expect(session.say(transaction("a")) == queued + "*2\r\n:1\r\n$1\r\na\r\n")
        #expect(session.account.exact == 2)
        #expect(session.say(command("MULTI") + command("DISCARD")) == "+OK\r\n+OK\r\n")
    }

    @Test(arguments: ["*1\r\n:1\r\n", "*x\r\n", "\u{1}\r\n"])
    func malformedCommandsCloseWithAnError(_ text: String) {
        var session = AskedSession(.redis, Self.recorded)
        let replies = session.ask(Array((text + command("GET", "counter")).utf8))
        #expect(replies.map(\.closes) == [true])
        #expect(replies.first?.bytes == Array("-ERR Protocol error\r\n".utf8))
        #expect(session.account.total == 0)
    }

    /// redis-cli and redis-py are the oracles.
    @Test func clientsAreAnswered() throws {
        let transaction = Self.exchanges([
            (["MULTI"], "+OK\r\n"), (["INCRBY", "n", "1"], "+QUEUED\r\n"), (["EXEC"], "*1\r\n:8\r\n"),
        ])
        try OutProxy.serving(.redis, Self.recorded + transaction) { port, loop in
            func cli(_ arguments: [String]) throws -> String {
                try ChildProcess.run(["redis-cli", "-p", "\(port)"] + arguments).output
            }
            #expect(try cli(["GET", "counter"]) == "6\n")
            #expect(try cli(["-3", "-a", "secret", "--no-auth-warning", "HGETALL", "h"]).contains("k"))
            #expect(try cli(["LRANGE", "a", "0", "1"]).contains("no recorded answer"))
            let program = """
                import redis, sys
                r = redis.Redis('127.0.0.1', int(sys.argv[1]), db=2, password='secret', socket_timeout=60)
                p = r.pipeline(transaction=False)
                p.get('counter'); p.set('user:1', 'a'); p.mget('a', 'b')
                print(p.execute())
                t = r.pipeline()
                t.incr('n')
                print(t.execute())
                """
            let result = try ChildProcess.run(["/usr/bin/python3", "-c", program, "\(port)"])
            #expect(result.output == "[b'6', True, [None, 1]]\n[8]\n", "\(result.errors)")
        }
    }
}
