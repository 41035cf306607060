import Foundation
import OperatingSystem
import Testing

/// The commands on traces as a user runs them, on a capture of real programs; needs no rights.
@Suite struct TraceCommandTests {
    private let directory = "/tmp/whatif-trace-commands-\(getpid())-\(UInt64.random(in: 0 ... .max))/"
    private let captures = Whatif.root + "/Tests/Wire/Captures/"

    init() throws { try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true) }

    private func whatif(_ arguments: String...) throws -> ProgramResult {
        try ChildProcess.run([Whatif.binary] + arguments)
    }

    private func expect(_ code: Int32, _ words: String, _ arguments: String...) throws {
        let result = try ChildProcess.run([Whatif.binary] + arguments)
        #expect(
            result.status == code && (words.isEmpty || result.errors.contains(words)), "\(arguments): \(result.errors)")
    }

    @Test func fromPacketsToExports() throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (a, b, c) = (directory + "a.wtrace", directory + "b.wtrace", directory + "c.wtrace")
        let capture = captures + "pipelined-requests.pcap"
        try expect(
            0, "5 exchanges on 1 connections; lost: nothing", "capture", "-o", a, "-r", capture, "--keep-packets")
        try expect(2, "choose another name, or replace it with --force", "capture", "-o", a, "-r", capture)
        try expect(0, "7 exchanges", "capture", "-o", b, "-r", captures + "zero-length-bodies-with-drops.pcap")
        let info = try whatif("trace", "info", b, "--json")
        let object = try JSONSerialization.jsonObject(with: Data(info.output.utf8)) as? [String: Any]
        #expect(object?["exchanges"] as? Int == 7 && object?["isClosed"] as? Bool == true)
        #expect(object?["lost"] as? [String: Int] == ["gap": 3])
        #expect((object?["notSeen"] as? [String: Int])?["missingBytes"] == 3091)

        try expect(0, "", "trace", "merge", a, b, "-o", c)
        try expect(2, "is the trace that is read", "trace", "redact", c, "-o", c, "--force")
        let lines = try whatif("trace", "export", c, "--format", "json").output.split(separator: "\n")
        #expect(lines.count == 12)
        let cut = try whatif("trace", "cut", c, "-o", directory + "d.wtrace", "--connection", "2")
        #expect(cut.status == 0)
        #expect(try whatif("trace", "info", directory + "d.wtrace").output.contains("7 exchanges"))

        try expect(1, "it holds no packets to export", "trace", "export", b, "--format", "pcap")
        let packets = directory + "a.pcap"
        try expect(0, "", "trace", "export", a, "--format", "pcap", "-o", packets)
        let again = directory + "again.wtrace"
        try expect(0, "5 exchanges on 1 connections", "capture", "-o", again, "-r", packets)
        try expect(2, "--format: found 'xml', expected json, har or pcap", "trace", "export", a, "--format", "xml")
        try expect(2, "--from: found 'now'", "trace", "cut", a, "-o", "x", "--from", "now")
        try expect(1, "it is not a trace", "trace", "info", capture)
        try expect(2, "say from where, once", "capture", "-o", directory + "x", "-i", "lo", "-r", "a.pcap")
        try expect(2, "expected ADDRESS:PORT=PROTOCOL", "capture", "-r", "-", "--server", "a:1=http")
        #expect(!FileManager.default.fileExists(atPath: directory + "x"))
    }
}
