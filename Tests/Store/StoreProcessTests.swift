import Foundation
import Model
import OperatingSystem
import Store
import Testing

/// Several real processes at one file.
@Suite struct StoreProcessTests {
    /// Beside the tests' own bundle, as Swift builds both.
    private static let cells = Bundle.main.bundleURL.appending(path: "cells").path

    private func start(_ path: String, _ name: String, _ times: Int) throws -> ChildProcess {
        try ChildProcess([Self.cells, "save", path, name, "\(times)"], errors: 2)
    }

    @Test func twoProcessesWriteAndAThirdReads() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        // Both make the file.
        let writers = try ["a", "b"].map { try start(path, $0, 60) }
        let store = try MatrixStore(path)
        var seen: [String: Int] = [:]
        var ends: [Int32?] = [nil, nil]
        repeat {
            // The last look is behind the last write.
            ends = zip(writers, ends).map { $1 ?? $0.poll() }
            for id in ["a", "b"] {
                guard let record = try store.campaign(id) else { continue }
                let filled = record.matrix.cells.count { $0.state == "interpolated" }
                // Never less than before, and never a part: the cells are filled in their order.
                #expect(filled >= seen[id, default: 0])
                #expect(record.matrix.cells.prefix(filled).allSatisfy { $0.state == "interpolated" })
                seen[id] = filled
            }
        } while ends.contains(nil)
        #expect(ends == [0, 0] && seen == ["a": 60, "b": 60])
        #expect(try store.findings().isEmpty)
    }

    /// Whatever moment it is killed at, what was saved before is there, whole.
    @Test(arguments: [1, 5, 20]) func aKilledWriterLeavesAWholeStore(_ saves: Int) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        let writer = try start(path, "a", 100_000)
        let store = try MatrixStore(path)
        var filled = 0
        while filled < saves, writer.poll() == nil {
            filled = try store.campaign("a")?.matrix.cells.count { $0.state != "blank" } ?? 0
        }
        kill(writer.pid, SIGKILL)
        #expect(writer.wait() == 128 + SIGKILL)
        let after = try #require(try MatrixStore(path).campaign("a"))
        #expect(after.matrix.cells.count { $0.state != "blank" } >= filled)
        #expect(try store.findings().isEmpty)
        try store.save(after)
    }

    /// A writer that waits for another one in vain says so.
    @Test func aFileThatIsHeldIsSaid() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        let store = try MatrixStore(path, patience: .milliseconds(20))
        let other = try MatrixStore(path)
        try store.save(Sample.record("a", started: 1))
        let holder = try HeldStore(path)
        let error = try #require(throws: StoreError.self) { try store.save(Sample.record("b", started: 1)) }
        #expect(error.description.contains("another process is writing to it; run this again when that has ended"))
        // Readers are not kept.
        #expect(try other.campaign("a") != nil)
        holder.end()
        try store.save(Sample.record("b", started: 1))
    }
}

/// The sqlite3 shell, in the middle of a transaction.
private final class HeldStore {
    private let child: ChildProcess
    private let input: Pipe

    init(_ path: String) throws {
        input = Pipe()
        let output = Pipe()
        child = try ChildProcess(
            ["sqlite3", path], input: input.fileHandleForReading.fileDescriptor,
            output: output.fileHandleForWriting.fileDescriptor)
        input.fileHandleForWriting.write(Data("BEGIN IMMEDIATE;\nSELECT 'held';\n".utf8))
        _ = output.fileHandleForReading.availableData
    }

    func end() {
        try? input.fileHandleForWriting.close()
        child.wait()
    }
}
