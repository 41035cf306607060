import Glibc
import OperatingSystem
import Synchronization
import Testing

/// A server that a suite starts for itself on loopback, in a folder of its own, by a user who may do nothing else.
///
/// A shell stands between: it ends the server and removes the folder when this process closes the pipe to it, which the
/// kernel does for one that is killed.
final class TestServer: Sendable {
    let folder: String
    let port: UInt16
    private let guardian: ChildProcess
    private let line: Mutex<Descriptor?>

    /// `script` is run by a shell with the folder as $1 and the port as $2; it ends in an `exec` of the server.
    init(_ script: String) throws {
        folder = try ChildProcess.succeed(["mktemp", "--directory"]).filter { $0 != "\n" }
        port = try Self.freePort()
        var user: [String] = []
        if getuid() == 0 {
            try ChildProcess.succeed(["chown", "nobody", folder])
            user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        }
        var ends: [CInt] = [0, 0]
        try check("make a pipe") { unsafe pipe(&ends) }
        let reading = Descriptor(owning: ends[0])
        line = Mutex(Descriptor(owning: ends[1]))
        guardian = try ChildProcess(
            ["sh", "-c", Self.guarding, "sh", folder] + user + ["sh", "-e", "-c", script, "sh", folder, "\(port)"],
            input: reading.raw)
    }

    /// Ends the server, or what prepares it when that is done with its step, and waits for the whole session.
    private static let guarding = """
        folder=$1; shift
        cd "$folder"
        setsid "$@" > "$folder/log" 2>&1 &
        read -r _
        kill -s TERM $!
        for _ in $(seq 500); do
            kill -s 0 -- -$! || break
            sleep 0.01
        done
        kill -s KILL -- -$!
        cd /
        rm -rf "$folder"
        """

    /// One that nobody had a moment ago.
    private static func freePort() throws -> UInt16 {
        let socket = try Sockets.listen(0x7f00_0001, 0)
        var name = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        try check("read the socket's port") {
            unsafe withUnsafeMutablePointer(to: &name) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe getsockname(socket.raw, $0, &size)
                }
            }
        }
        return UInt16(bigEndian: name.sin_port)
    }

    /// Polls until `ready` does not throw; what it threw last after a while.
    func wait(_ ready: (TestServer) throws -> Void) throws {
        let clock = SteadyClock()
        let deadline = clock.now + 30_000_000_000
        while true {
            do {
                return try ready(self)
            } catch {
                guard clock.now < deadline, !guardian.hasEnded else {
                    let log = try? ChildProcess.succeed(["tail", "-n", "5", folder + "/log"])
                    throw ProgramError(command: ["the test's server"], reason: "\(error); \(log ?? "")")
                }
            }
            usleep(10_000)
        }
    }

    func end() {
        line.withLock { $0 = nil }
        guardian.wait()
    }

    static func isInstalled(_ program: String) -> Bool {
        (try? ChildProcess.run(["sh", "-c", "command -v \(program)"]))?.status == 0
    }
}

/// One server for a whole suite: there before, gone after, whatever happens between.
struct TestServerTrait: SuiteTrait, TestScoping {
    @TaskLocal static var server: TestServer?

    let script: String
    let ready: @Sendable (TestServer) throws -> Void

    @concurrent func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        let server = try TestServer(script)
        defer { server.end() }
        try server.wait(ready)
        try await Self.$server.withValue(server) { try await function() }
    }
}
