import Model
import OperatingSystem
import Proxies
import Testing
import Wire

@Suite struct CachingSHA2Tests {
    private func withServer(
        _ kind: CachingSHA2Server.Kind, password: String = "p4ss, longer than the nonce",
        _ body: (CachingSHA2Server) throws -> Void
    ) throws {
        let folder = try ChildProcess.succeed(["mktemp", "--directory"]).filter { $0 != "\n" }
        defer { _ = try? ChildProcess.run(["rm", "-r", folder]) }
        if case .full = kind { try CachingSHA2Server.makeKey(in: folder) }
        try body(CachingSHA2Server(kind, password: password, folder: folder))
    }

    /// To the end of the log-in; the reader of the protocol hears it all, and is in step behind it.
    private func talk(_ server: CachingSHA2Server, _ logIn: MySQLLogIn) throws -> CachingSHA2Server {
        var server = server
        var logIn = logIn
        #expect(logIn.begin().isEmpty)
        var reader = MySQLReader.entry.reader(ReaderSetting(0, fromStart: true))
        var events: [WireEvent] = []
        let time = Timestamp(nanoseconds: 0)
        var said = server.greeting
        while true {
            reader.server(said.span, at: time) { events.append($0) }
            switch try logIn.received(said.span) {
            case .send(let packet):
                reader.client(packet.span, at: time) { events.append($0) }
                said = try server.accept(packet)
            case .done(let rest):
                #expect(rest.isEmpty && events.isEmpty)
                reader.client(MySQLPacket.query("SELECT 1").span, at: time) { events.append($0) }
                #expect(events.count == 1)
                return server
            }
        }
    }

    private func credentials(_ password: String?, _ database: String? = nil) -> Credentials {
        Credentials(user: "clerk", password: password, database: database)
    }

    @Test(arguments: [
        CachingSHA2Server.Kind.cached, .full, .changed(to: "mysql_native_password"),
        .changed(to: "caching_sha2_password"),
    ]) func logsIn(_ kind: CachingSHA2Server.Kind) throws {
        try withServer(kind) { server in
            let done = try talk(server, MySQLLogIn(credentials(server.password, "shop")))
            // HandshakeResponse41: the flags, 16 MiB, utf8mb4, and the names in their places.
            #expect(Array(done.response.prefix(4)) == [0x0d, 0xa2, 0x0f, 0x00])
            #expect(Array(done.response[4..<9]) == [0, 0, 0, 1, 45])
            #expect(String(decoding: done.response[32..<38], as: UTF8.self) == "clerk\u{0}")
            let rest = String(decoding: done.response.suffix(30), as: UTF8.self)
            #expect(rest.contains("shop\u{0}"))
            #expect(rest.hasSuffix("_password\u{0}"))
        }
    }

    @Test func capabilitiesThatWereAskedFor() throws {
        try withServer(.cached) { server in
            let options: MySQLLogIn.Options = [.deprecatesEOF, .hasAttributes]
            let done = try talk(server, MySQLLogIn(credentials(server.password), options: options))
            #expect(Array(done.response.prefix(4)) == [0x05, 0xa2, 0x0f, 0x09])
        }
    }

    @Test(arguments: [
        CachingSHA2Server.Kind.cached, .full, .changed(to: "mysql_native_password"),
        .changed(to: "caching_sha2_password"),
    ]) func aWrongPasswordIsNamed(_ kind: CachingSHA2Server.Kind) throws {
        try withServer(kind) { server in
            let failure = #expect(throws: LogInFailure.self) { try talk(server, MySQLLogIn(credentials("other"))) }
            #expect(failure?.code == "1045")
            #expect(
                failure?.description
                    == "cannot log in to MySQL: the user or the password is not right (error 1045); check both")
        }
    }

    @Test func aPasswordThatIsMissingIsNamed() throws {
        try withServer(.full) { server in
            let failure = #expect(throws: LogInFailure.self) { try talk(server, MySQLLogIn(credentials(nil))) }
            #expect(failure?.reason == "the server asks for a password and there is none")
        }
    }

    /// A password is never sent as it is, whatever the server asks for.
    @Test(arguments: ["mysql_clear_password", "sha256_password", "what-is-this"])
    func methodsThatAreRefused(_ plugin: String) throws {
        try withServer(.changed(to: plugin)) { server in
            let failure = #expect(throws: LogInFailure.self) { try talk(server, MySQLLogIn(credentials("p4ss"))) }
            #expect(failure?.remedy.contains("caching_sha2_password") == true)
            #expect(failure?.description.contains("what-is-this") == false)
        }
    }

    /// In place of its key the server may send anything.
    @Test func aKeyThatIsNoneIsNamed() throws {
        var logIn = MySQLLogIn(credentials("p4ss"))
        let server = CachingSHA2Server(.full, password: "p4ss", folder: "")
        _ = try logIn.received(server.greeting.span)
        #expect(
            try logIn.received(MySQLPacket.make([1, 4], sequence: 2).span) == .send(MySQLPacket.make([2], sequence: 3)))
        let failure = #expect(throws: LogInFailure.self) {
            try logIn.received(MySQLPacket.make([1] + Array("no key".utf8), sequence: 4).span)
        }
        #expect(failure?.reason.contains("cannot read the server's public key") == true)
    }

    /// Methods one after the other, without end.
    @Test func changesWithoutEndAreCutShort() throws {
        var logIn = MySQLLogIn(credentials("p4ss"))
        let server = CachingSHA2Server(.cached, password: "p4ss", folder: "")
        _ = try logIn.received(server.greeting.span)
        let change = [0xfe] + Array("mysql_native_password\u{0}".utf8) + CachingSHA2Server.otherNonce + [0]
        let failure = #expect(throws: LogInFailure.self) {
            for sequence in UInt8(2)..<100 { _ = try logIn.received(MySQLPacket.make(change, sequence: sequence).span) }
        }
        #expect(failure?.reason == "the server says more than a log-in takes")
    }
}
