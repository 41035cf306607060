import Model
import Proxies
import Testing
import Wire

/// What servers do that no server at hand does, and what holds of all log-ins.
@Suite struct ClientLogInTests {
    private static let credentials = Credentials(user: "clerk", password: "p4ss!", database: "shop")

    private func fails(_ logIn: any ClientLogIn, _ bytes: [UInt8]) -> LogInFailure? {
        var logIn = logIn
        _ = logIn.begin()
        do throws(LogInFailure) {
            _ = try logIn.received(bytes.span)
            return nil
        } catch {
            return error
        }
    }

    @Test func whoNeedsOne() {
        #expect(ApplicationProtocol.allCases.allSatisfy { ClientLogIns.make($0, nil) == nil })
        let needs = ApplicationProtocol.allCases.filter { ClientLogIns.make($0, Self.credentials) != nil }
        #expect(needs == [.postgresql, .mysql, .redis])
        #expect(ClientLogIns.make(.redis, Credentials(user: "")) == nil)
    }

    @Test func thePasswordIsNotDescribed() {
        #expect("\(Self.credentials)" == "user 'clerk', database 'shop', with a password")
        #expect(!String(reflecting: [Self.credentials]).contains("p4ss!"))
        #expect(Credentials(user: "clerk").description == "user 'clerk', no password")
    }

    /// PostgreSQL documentation, 55.7: AuthenticationKerberosV5, AuthenticationGSS, AuthenticationSSPI, and SASL with
    /// nothing but channel binding.
    @Test(
        arguments: [
            [0, 0, 0, 2], [0, 0, 0, 7], [0, 0, 0, 9], [0, 0, 0, 10] + Array("SCRAM-SHA-256-PLUS\u{0}\u{0}".utf8),
        ] as [[UInt8]]) func methodsOfPostgreSQLThatAreNotThere(_ body: [UInt8])
    {
        let failure = fails(PostgreSQLLogIn(Self.credentials), PostgreSQLMessage("R", body).bytes)
        #expect(failure?.remedy.contains("pg_hba.conf") == true)
    }

    /// The server may not leave out its proof.
    @Test func anAdmissionInTheMiddleOfSCRAMIsRefused() throws {
        var logIn = PostgreSQLLogIn(Self.credentials)
        _ = logIn.begin()
        let mechanisms = PostgreSQLMessage("R", [0, 0, 0, 10] + Array("SCRAM-SHA-256\u{0}\u{0}".utf8)).bytes
        guard case .send(let first) = try logIn.received(mechanisms.span) else {
            Issue.record("it is done at once")
            return
        }
        #expect(String(decoding: first, as: UTF8.self).contains("n,,n=,r="))
        let failure = fails(logIn, PostgreSQLMessage("R", [0, 0, 0, 0]).bytes)
        #expect(failure?.reason == "the server does not prove that it knows the password")
    }

    /// What a server writes is not repeated, only codes that are codes.
    @Test func textsOfServersAreNotQuoted() {
        let body = Array("SFATAL: p4ss!\u{0}Vp4ss!\u{0}Cp4ss!\u{0}Mpassword p4ss! is wrong\u{0}\u{0}".utf8)
        let postgresql = fails(PostgreSQLLogIn(Self.credentials), PostgreSQLMessage("E", body).bytes)
        let text = Array("#p4ss! p4ss!".utf8)
        let mysql = fails(MySQLLogIn(Self.credentials), [UInt8(text.count + 3), 0, 0, 0, 0xff, 1, 2] + text)
        let redis = fails(RedisLogIn(Self.credentials), Array("-p4ss! is wrong\r\n".utf8))
        for failure in [postgresql, mysql, redis] {
            #expect(failure?.description.contains("the server refuses") == true)
            #expect(failure?.description.contains("p4ss!") == false)
        }
        #expect(mysql?.code == "513")
    }

    @Test(
        arguments: [
            (.postgresql, "HTTP/1.1 400 Bad Request\r\n\r\n"), (.mysql, "HTTP/1.1 400 Bad Request\r\n\r\n"),
            (.redis, "HTTP/1.1 400 Bad Request\r\n\r\n"), (.redis, ":1\r\n"), (.mysql, "\u{1}\u{0}\u{0}\u{0}\u{9}"),
            (.postgresql, "Z\u{0}\u{0}\u{0}\u{5}I"),
        ] as [(ApplicationProtocol, String)]) func anotherProtocolIsNamed(_ name: ApplicationProtocol, _ said: String)
        throws
    {
        let failure = fails(try #require(ClientLogIns.make(name, Self.credentials)), Array(said.utf8))
        #expect(failure?.remedy.contains("check the protocol and the port") == true)
    }

    /// Nobody fills our memory before we are in.
    @Test func noticesWithoutEndAreCutShort() {
        let notice = PostgreSQLMessage("N", [UInt8](repeating: 1, count: 1000)).bytes
        let failure = fails(PostgreSQLLogIn(Self.credentials), (0..<2000).flatMap { _ in notice })
        #expect(failure?.reason == "the server says more than a log-in takes")
    }

    /// Texts end with a NUL in these protocols: one inside must not begin a field of its own.
    @Test func aNULEndsAName() {
        var logIn = PostgreSQLLogIn(Credentials(user: "a\u{0}replication\u{0}true"))
        #expect(!String(decoding: logIn.begin(), as: UTF8.self).contains("replication"))
    }

    @Test(arguments: [
        ("alice", "x", nil, "*3\r\n$4\r\nAUTH\r\n$5\r\nalice\r\n$1\r\nx\r\n"),
        ("", "x", nil, "*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n"),
        ("", "\u{e4}", 3, "*5\r\n$5\r\nHELLO\r\n$1\r\n3\r\n$4\r\nAUTH\r\n$7\r\ndefault\r\n$2\r\n\u{e4}\r\n"),
        ("", nil, 2, "*2\r\n$5\r\nHELLO\r\n$1\r\n2\r\n"), ("", nil, nil, "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n"),
    ]) func commandsOfRedis(_ user: String, _ password: String?, _ version: Int?, _ expected: String) {
        var logIn = RedisLogIn(Credentials(user: user, password: password), version: version)
        #expect(String(decoding: logIn.begin(), as: UTF8.self) == expected)
    }

    /// Whatever follows the last word of the log-in is the caller's.
    @Test func theRestIsHandedBack() throws {
        var redis = RedisLogIn(Self.credentials)
        #expect(try redis.received(Array("+O".utf8).span) == .send([]))
        let selection = Array("*2\r\n$6\r\nSELECT\r\n$4\r\nshop\r\n".utf8)
        #expect(try redis.received(Array("K\r\n".utf8).span) == .send(selection))
        #expect(try redis.received(Array("+OK\r\n+PO".utf8).span) == .done(rest: Array("+PO".utf8)))
        var postgresql = PostgreSQLLogIn(Self.credentials)
        let admitted = PostgreSQLMessage("R", [0, 0, 0, 0]).bytes + PostgreSQLMessage("Z", [0x49]).bytes
        #expect(try postgresql.received((admitted + [0x4e, 0]).span) == .done(rest: [0x4e, 0]))
    }
}
