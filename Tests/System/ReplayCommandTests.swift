import Foundation
import Glibc
import Model
import OperatingSystem
import Report
import Testing

/// `whatif replay` as a user runs it: a trace or live traffic against a server of another kind.
@Suite(.serialized) struct ReplayCommandTests {
    private static let folder = "/tmp/whatif-replay-tests"

    /// Python's own HTTP server, which answers GET of its folder's files.
    private final class Server {
        let process: ChildProcess
        let port: UInt16

        init(without missing: String = "/missing") throws {
            let log = "\(folder)/server-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let output = try Descriptor.open(log, O_RDWR | O_CREAT | O_EXCL)
            defer { unsafe unlink(log) }
            let program = """
                import http.server, sys
                class Handler(http.server.BaseHTTPRequestHandler):
                    protocol_version = 'HTTP/1.1'
                    def do_GET(self):
                        found = self.path != sys.argv[1]
                        self.send_response(200 if found else 404)
                        self.send_header('Content-Length', '2'); self.end_headers(); self.wfile.write(b'ok')
                    def log_message(self, *rest): pass
                server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
                print(server.server_port, flush=True)
                server.serve_forever()
                """
            process = try ChildProcess(["python3", "-c", program, missing], output: output.raw)
            var found: UInt16?
            _ = Whatif.wait(seconds: 20) {
                let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
                if text.hasSuffix("\n") { found = UInt16(text.dropLast()) }
                return found != nil
            }
            port = try #require(found)
        }

        var address: String { "127.0.0.1:\(port)" }

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

    @Test(.enabled(if: ProcessIdentity.isRoot, "listening needs root")) func liveTrafficIsPlayed() throws {
        try FileManager.default.createDirectory(atPath: Self.folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: Self.folder) }
        let (server, target) = (try Server(), try Server())
        let log = try Descriptor.open("\(Self.folder)/live.log", O_RDWR | O_CREAT | O_TRUNC)
        let output = try Descriptor.open("\(Self.folder)/live.json", O_RDWR | O_CREAT | O_TRUNC)
        Whatif.prepare()
        let replay = try ChildProcess(
            [
                Whatif.binary, "replay", "--interface", "lo", "--server", server.address, "--to", target.address,
                "--shift", "50 ms", "--json",
            ], output: output.raw, errors: log.raw)
        defer { replay.end() }
        // It says when it listens.
        #expect(
            Whatif.wait(seconds: 20) {
                (try? String(contentsOfFile: "\(Self.folder)/live.log", encoding: .utf8))?.contains("listening") == true
            })
        for name in ["a", "missing", "b"] {
            _ = try ChildProcess.succeed([
                "curl", "--silent", "--output", "/dev/null", "http://\(server.address)/\(name)",
            ])
        }
        kill(replay.pid, SIGINT)
        #expect(replay.wait() == 0)
        let said = try object(try String(contentsOfFile: "\(Self.folder)/live.json", encoding: .utf8))
        let requests = try #require(said["requests"] as? [String: Any])
        #expect(requests["captured"] as? Int == 3 && requests["answered"] as? Int == 3)
        #expect(requests["mismatched"] as? Int == 0 && requests["dropped"] as? Int == 0)
    }

    @Test(arguments: [
        (["x.wtrace"], "--to HOST:PORT is missing"), (["x.wtrace", "--to", "here"], "--to: found 'here'"),
        (["--to", "127.0.0.1:1"], "FILE.wtrace, or --interface"),
        (["x.wtrace", "--to", "127.0.0.1:1", "--speed", "fast"], "--speed: found 'fast'"),
        (["x.wtrace", "--to", "127.0.0.1:1", "--mix", "GET"], "--mix: found 'GET', expected PATTERN=FACTOR"),
        (["x.wtrace", "--to", "127.0.0.1:1", "--busy", "no"], "--busy: found 'no', expected further or wait"),
        (["--to", "127.0.0.1:1", "-i", "lo"], "--server HOST:PORT is missing"),
        (["--to", "127.0.0.1:1", "-i", "lo", "--loop", "2"], "--loop: live traffic comes once"),
        (["x.wtrace", "-i", "lo", "--to", "127.0.0.1:1"], "only one of them"),
    ])
    func whatIsWrongIsSaid(_ arguments: [String], _ words: String) throws {
        Whatif.prepare()
        let result = try ChildProcess.run([Whatif.binary, "replay"] + arguments)
        #expect(result.status == 2 && result.errors.contains(words), "\(result.errors)")
    }
}
