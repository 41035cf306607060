import Foundation
import Glibc
import Model
import OperatingSystem
import Report
import Testing

/// `whatif replay` as a user runs it: a trace or live traffic against a server of another kind.
@Suite(.serialized) struct ReplayCommandTests {
    private static let folder = "/tmp/whatif-replay-tests"

    /// A server in Python that knows every page but one; `/large` is 48 MiB. It writes down what it was asked.
    private final class Server {
        let process: ChildProcess
        let port: UInt16
        private let log: String

        private let host: String

        init(without missing: String = "/missing", at host: String = "127.0.0.1") throws {
            self.host = host.contains(":") ? "[\(host)]" : host
            let log = "\(folder)/server-\(UUID().uuidString)"
            self.log = log
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let output = try Descriptor.open(log, O_RDWR | O_CREAT | O_EXCL)
            let program = """
                import http.server, os, socket, sys
                class Handler(http.server.BaseHTTPRequestHandler):
                    protocol_version = 'HTTP/1.1'
                    def do_GET(self):
                        found = self.path != sys.argv[1]
                        self.send_response(200 if found else 404)
                        body = b'ok' * (24 << 20 if self.path == '/large' else 1)
                        self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)
                        os.write(1, (self.path + '\\n').encode())  # At once: others answer beside it.
                    def log_message(self, *rest): pass
                http.server.ThreadingHTTPServer.address_family = socket.AF_INET6 if ':' in sys.argv[2] else socket.AF_INET
                server = http.server.ThreadingHTTPServer((sys.argv[2], 0), Handler)
                print(server.server_port, flush=True)
                server.serve_forever()
                """
            process = try ChildProcess(["python3", "-c", program, missing, host], output: output.raw)
            var found: UInt16?
            _ = Whatif.wait(seconds: 60) {
                let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
                if text.hasSuffix("\n") { found = UInt16(text.dropLast()) }
                return found != nil
            }
            port = try #require(found)
        }

        var address: String { "\(host):\(port)" }

        /// The paths, in the order in which they were answered.
        var asked: [String] {
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            return text.split(separator: "\n").dropFirst().map(String.init)
        }

        deinit { process.end() }
    }

    /// A trace of six requests, each on a connection of its own, all answered with 200.
    private func trace() throws -> String {
        try FileManager.default.createDirectory(atPath: Self.folder, withIntermediateDirectories: true)
        let (packets, path) = ("\(Self.folder)/trace.pcap", "\(Self.folder)/trace.wtrace")
        try ChildProcess.succeed([
            "python3", Whatif.root + "/Tools/benchmarks/traffic", packets, "--exchanges", "6", "--flows", "6", "--rate",
            "100",
        ])
        #expect(try Whatif.run("capture", "-r", packets, "-o", path, "--force").status == 0)
        return path
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test func aTraceIsPlayed() throws {
        defer { try? FileManager.default.removeItem(atPath: Self.folder) }
        let trace = try trace()
        let target = try Server()
        let log = "\(Self.folder)/replay.hlog"
        let result = try Whatif.run(
            "replay", trace, "--to", target.address, "--json", "--loop", "3", "--log", log, "--speed", "2")
        #expect(result.status == 0, "\(result.errors)")
        let said = try object(result.output)
        let requests = try #require(said["requests"] as? [String: Any])
        #expect(requests["captured"] as? Int == 18 && requests["sent"] as? Int == 18)
        #expect(requests["answered"] as? Int == 18 && requests["mismatched"] as? Int == 0)
        let times = try #require(said["responseTimes"] as? [String: Double])
        #expect(["mean", "p50", "p95", "p99", "p999", "maximum"].allSatisfy { times[$0] ?? 0 > 0 })
        let entries = try HistogramLog(String(contentsOfFile: log, encoding: .utf8)).entries
        #expect(entries.reduce(0) { $0 + $1.histogram.count } == 18)

        let fewer = try object(
            try Whatif.run("replay", trace, "--to", target.address, "--json", "--mix", "GET /items/*2=0").output)
        #expect((fewer["requests"] as? [String: Any])?["captured"] as? Int == 5)

        // A server that has not all of it.
        let other = try Server(without: "/items/000003")
        let differing = try Whatif.run("replay", trace, "--to", other.address)
        #expect(
            differing.status == 3 && differing.output.contains("1 answered with another status than recorded"),
            "\(differing.output)")

        // Nobody is there: everything is cut off, and the answer is no.
        let nobody = try Whatif.run("replay", trace, "--to", "127.0.0.1:9")
        #expect(nobody.status == 3 && nobody.output.contains("6 cut off"), "\(nobody.output)")
        let text = try Whatif.run("replay", trace, "--to", target.address)
        #expect(text.status == 0 && text.output.contains("all answered as recorded"), "\(text.output)")
    }

    /// A capture that ends before the last reply: what is whole is played, and the rest is told.
    @Test func aTraceThatEndsInAnExchange() throws {
        defer { try? FileManager.default.removeItem(atPath: Self.folder) }
        let (trace, target) = (try trace(), try Server())
        let (packets, cut) = ("\(Self.folder)/trace.pcap", "\(Self.folder)/cut.pcap")
        let frames = try ChildProcess.succeed([
            "tshark", "-n", "-r", packets, "-Y", "tcp.stream == 5 && tcp.len > 0", "-T", "fields", "-e", "frame.number",
        ]).split(separator: "\n").compactMap { Int($0) }
        #expect(frames.count >= 2)
        // The sixth client has asked, and has no reply.
        try ChildProcess.succeed(["tcpdump", "-r", packets, "-w", cut, "-c", "\(frames[1] - 1)"])
        #expect(try Whatif.run("capture", "-r", cut, "-o", trace, "--force").status == 0)
        let result = try Whatif.run("replay", trace, "--to", target.address, "--json")
        #expect(result.status == 0, "\(result.errors)")
        let requests = try #require(try object(result.output)["requests"] as? [String: Any])
        #expect(requests["captured"] as? Int == 5 && requests["answered"] as? Int == 5 && requests["lost"] as? Int == 1)
        let text = try Whatif.run("replay", trace, "--to", target.address).output
        #expect(text.contains("1 lost when they were recorded"), "\(text)")
    }

    /// A live replay that runs beside what a test does, and what it said when it was interrupted.
    private func playingLive(
        _ server: Server, to target: Server, _ options: [String] = [], _ body: (ChildProcess) throws -> Void
    ) throws -> (status: Int32, output: String) {
        let log = try Descriptor.open("\(Self.folder)/live.log", O_RDWR | O_CREAT | O_TRUNC)
        let output = try Descriptor.open("\(Self.folder)/live.json", O_RDWR | O_CREAT | O_TRUNC)
        Whatif.prepare()
        let replay = try ChildProcess(
            [
                Whatif.binary, "replay", "--interface", "lo", "--server", server.address, "--to", target.address,
                "--shift", "50 ms",
            ] + options, output: output.raw, errors: log.raw)
        defer { replay.end() }
        // It says when it listens.
        #expect(
            Whatif.wait(seconds: 60) {
                (try? String(contentsOfFile: "\(Self.folder)/live.log", encoding: .utf8))?.contains("listening") == true
            })
        try body(replay)
        kill(replay.pid, SIGINT)
        return (replay.wait(), try String(contentsOfFile: "\(Self.folder)/live.json", encoding: .utf8))
    }

    private func get(_ name: String, from server: Server) throws {
        _ = try ChildProcess.succeed([
            "curl", "--silent", "--output", "/dev/null", "http://\(server.address)/\(name)",
        ])
    }

    /// The kernel has no room for a while: what it dropped is told, and what comes later is played.
    @Test(.enabled(if: ProcessIdentity.isRoot, "listening needs root")) func packetsAreDropped() throws {
        try FileManager.default.createDirectory(atPath: Self.folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: Self.folder) }
        let (server, target) = (try Server(), try Server())
        let (status, text) = try playingLive(server, to: target) { replay in
            try get("before", from: server)
            #expect(Whatif.wait(seconds: 60) { target.asked == ["/before"] })
            // Nobody takes packets while the large page passes: the ring of 16 MiB is full long before its end.
            kill(replay.pid, SIGSTOP)
            try get("large", from: server)
            kill(replay.pid, SIGCONT)
            // The request for it was heard.
            #expect(Whatif.wait(seconds: 60) { target.asked.count == 2 })
            for _ in 0..<3 { try get("behind", from: server) }
            #expect(Whatif.wait(seconds: 60) { target.asked.count == 5 })
        }
        #expect(status == 0 && text.hasPrefix("5 requests due") && text.contains("5 answered"), "\(text)")
        #expect(text.contains("packets that the kernel dropped before they were seen"), "\(text)")
    }

    @Test(.enabled(if: ProcessIdentity.isRoot, "listening needs root")) func liveTrafficIsPlayed() throws {
        try FileManager.default.createDirectory(atPath: Self.folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: Self.folder) }
        let (server, target) = (try Server(), try Server())
        let (status, output) = try playingLive(server, to: target, ["--json"]) { _ in
            for name in ["a", "missing", "b"] { try get(name, from: server) }
        }
        #expect(status == 0)
        let said = try object(output)
        let requests = try #require(said["requests"] as? [String: Any])
        #expect(requests["captured"] as? Int == 3 && requests["answered"] as? Int == 3)
        #expect(requests["mismatched"] as? Int == 0 && requests["dropped"] as? Int == 0)
    }

    /// Who yields is heard and played by threads that the kernel runs on idle processors only (SCHED_IDLE is 5, sched(7)).
    @Test(.enabled(if: ProcessIdentity.isRoot, "listening needs root"), arguments: [false, true])
    func itsThreadsRunWhenTheyMay(_ yields: Bool) throws {
        try FileManager.default.createDirectory(atPath: Self.folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: Self.folder) }
        let (server, target) = (try Server(), try Server())
        var policies: [String: Int] = [:]
        let (status, text) = try playingLive(server, to: target, yields ? ["--yield"] : []) { replay in
            try get("a", from: server)
            #expect(Whatif.wait(seconds: 60) { target.asked == ["/a"] })
            let tasks = "/proc/\(replay.pid)/task"
            for task in try FileManager.default.contentsOfDirectory(atPath: tasks) {
                // Name in brackets, then the 3rd field of proc_pid_stat(5) and on; the policy is the 41st.
                let line = try String(contentsOfFile: "\(tasks)/\(task)/stat", encoding: .utf8)
                let name = line.split(separator: "(")[1].split(separator: ")")[0]
                policies[String(name)] = Int(line.split(separator: ")")[1].split(separator: " ")[38])
            }
        }
        #expect(status == 0 && text.contains("1 answered"), "\(text)")
        #expect(policies["replay"] == (yields ? 5 : 0) && policies["capture"] == (yields ? 5 : 0), "\(policies)")
    }

    /// Live, too, sessions are weighed: one is left out and one is doubled, and the copies are compared.
    @Test(.enabled(if: ProcessIdentity.isRoot, "listening needs root")) func aLiveMix() throws {
        try FileManager.default.createDirectory(atPath: Self.folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: Self.folder) }
        let (server, target) = (try Server(), try Server())
        let mix = ["--mix", "GET /a=0", "--mix", "GET /b=2", "--spread", "1 ms", "--json"]
        let (status, output) = try playingLive(server, to: target, mix) { _ in
            for name in ["a", "b", "c"] { try get(name, from: server) }
            #expect(Whatif.wait(seconds: 60) { target.asked.count == 3 })
        }
        #expect(status == 0 && target.asked.sorted() == ["/b", "/b", "/c"])
        let said = try object(output)
        let requests = try #require(said["requests"] as? [String: Any])
        #expect(requests["captured"] as? Int == 3 && requests["answered"] as? Int == 3)
        let comparison = try #require(said["comparison"] as? [String: Any])
        #expect(comparison["uncompared"] as? Int == 0, "\(comparison)")
    }

    /// The target and the on-line server may have addresses of either family.
    @Test func aTraceIsPlayedOverIPv6() throws {
        defer { try? FileManager.default.removeItem(atPath: Self.folder) }
        let (trace, target) = (try trace(), try Server(at: "::1"))
        let result = try Whatif.run("replay", trace, "--to", target.address, "--json")
        #expect(result.status == 0, "\(result.errors)")
        let said = try object(result.output)
        #expect((said["requests"] as? [String: Any])?["answered"] as? Int == 6 && target.asked.count == 6)
        #expect(said["target"] as? String == "[::1]:\(target.port)")
    }

    @Test(.enabled(if: ProcessIdentity.isRoot, "listening needs root")) func liveTrafficOfIPv6IsTracedAndPlayed() throws
    {
        try FileManager.default.createDirectory(atPath: Self.folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: Self.folder) }
        let (server, target) = (try Server(at: "::1"), try Server(at: "::1"))
        let packets = "\(Self.folder)/v6.pcap"
        let (status, output) = try {
            let capture = try ChildProcess([
                "tcpdump", "-i", "lo", "--immediate-mode", "-U", "-w", packets, "ip6 and tcp port \(server.port)",
            ])
            defer { capture.end() }
            #expect(Whatif.wait(seconds: 60) { FileManager.default.fileExists(atPath: packets) })
            return try playingLive(server, to: target, ["--json"]) { _ in
                for name in ["a", "b"] { try get(name, from: server) }
                #expect(Whatif.wait(seconds: 60) { target.asked == ["/a", "/b"] })
            }
        }()
        #expect(status == 0)
        #expect((try object(output)["requests"] as? [String: Any])?["answered"] as? Int == 2)
        // The same as a trace, by the server's name.
        let trace = "\(Self.folder)/v6.wtrace"
        #expect(try Whatif.run("capture", "-r", packets, "-s", "\(server.address)=http", "-o", trace).status == 0)
        let result = try Whatif.run("replay", trace, "--server", server.address, "--to", target.address)
        #expect(result.status == 0 && result.output.contains("all answered as recorded"), "\(result)")
        #expect(target.asked == ["/a", "/b", "/a", "/b"])
    }

    @Test(arguments: [
        (["x.wtrace"], "--to HOST:PORT is missing"), (["x.wtrace", "--to", "here"], "--to: found 'here'"),
        (["--to", "127.0.0.1:1"], "FILE.wtrace, or --interface"),
        (["x.wtrace", "--to", "[fe80::1]:80"], "is of one link only"),
        (["x.wtrace", "--to", "127.0.0.1:1", "--speed", "fast"], "--speed: found 'fast'"),
        (["x.wtrace", "--to", "127.0.0.1:1", "--mix", "GET"], "--mix: found 'GET', expected PATTERN=FACTOR"),
        (["x.wtrace", "--to", "127.0.0.1:1", "--busy", "no"], "--busy: found 'no', expected further or wait"),
        (["--to", "127.0.0.1:1", "-i", "lo"], "--server HOST:PORT is missing"),
        (["--to", "127.0.0.1:1", "-i", "lo", "--loop", "2"], "--loop: not of live traffic"),
        (["--to", "127.0.0.1:1", "-i", "lo", "--speed", "2"], "record a trace first (whatif capture --interface lo"),
        (["x.wtrace", "-i", "lo", "--to", "127.0.0.1:1"], "only one of them"),
    ])
    func whatIsWrongIsSaid(_ arguments: [String], _ words: String) throws {
        Whatif.prepare()
        let result = try ChildProcess.run([Whatif.binary, "replay"] + arguments)
        #expect(result.status == 2 && result.errors.contains(words), "\(result.errors)")
    }
}
