import Foundation
import Model
import OperatingSystem
import Store
import TestSupport
import Testing

/// A folder for one test, removed behind it.
final class TemporaryFolder {
    let path: String
    init() throws {
        path = NSTemporaryDirectory() + "whatif-test-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite struct MatrixStoreTests {
    private func record(_ id: String, started: Int64) -> CampaignRecord {
        var record = CampaignRecord(
            id: id, service: "auction", tier: "app", domain: "app1", connect: "lxc:///system", node: "lab",
            started: Timestamp(nanoseconds: started), sla: SLA(.p95, below: .milliseconds(50), over: .seconds(60)),
            goal: .cheapest, onLine: Allocation([.cpu: 0.2]), matrix: ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4, 0.6])]))
        record.matrix[Allocation([.cpu: 0.2])] = Surface.cell(0.2, p95: 0.1)
        record.matrix[Allocation([.cpu: 0.4])] = Cell(
            Allocation([.cpu: 0.4]), .interpolated([.p95: Estimate(0.08, lower: 0.04, upper: 0.12)]))
        return record
    }

    @Test func whatIsSavedIsReadBackWhole() throws {
        let folder = try TemporaryFolder()
        let store = try MatrixStore(folder.path + "/m.db")
        var saved = record("a", started: 1)
        try store.save(saved)
        saved.state = .done
        saved.answer = Answer(.nothingMeets, reasons: ["x"])
        try store.save(saved)
        #expect(try MatrixStore(folder.path + "/m.db").campaign("a") == saved)
        #expect(try store.campaign("b") == nil)
    }

    @Test func theLatestIsTheDefault() throws {
        let folder = try TemporaryFolder()
        let store = try MatrixStore(folder.path + "/m.db")
        #expect(try store.campaign(nil) == nil)
        try store.save(record("new", started: 2))
        try store.save(record("old", started: 1))
        #expect(try store.campaign(nil)?.id == "new")
        #expect(try store.campaigns().records.map(\.id) == ["new", "old"])
        #expect(try store.latestDone(service: "auction", tier: "app") == nil)
        var done = record("old", started: 1)
        done.state = .done
        try store.save(done)
        #expect(try store.latestDone(service: "auction", tier: "app")?.id == "old")
    }

    /// The schema's promise to operators, kept by the sqlite3 shell.
    @Test func cellsCanBeAskedByHand() throws {
        let folder = try TemporaryFolder()
        try MatrixStore(folder.path + "/m.db").save(record("a", started: 1))
        let output = try ChildProcess.succeed([
            "sqlite3", folder.path + "/m.db", "SELECT cpu, state FROM cell WHERE p95 < 0.09 ORDER BY cpu",
        ])
        #expect(output == "0.4|interpolated\n")
        var several = record("b", started: 2)
        several.matrix = ResultMatrix(axes: [
            Axis(.memory, [1e8, 2e8]), Axis(.software, [.asIs, .name("tuned")]),
            Axis(.processors, [.name("0"), .name("0-1")]),
        ])
        try MatrixStore(folder.path + "/m.db").save(several)
        let rows = try ChildProcess.succeed([
            "sqlite3", folder.path + "/m.db",
            "SELECT cpu, cpu_set, memory, software, disk_read FROM cell WHERE campaign = 'b' ORDER BY number LIMIT 3",
        ])
        #expect(rows == "|0|100000000.0|as-is|\n|0-1|100000000.0|as-is|\n|0|100000000.0|tuned|\n")
        #expect(try MatrixStore(folder.path + "/m.db").campaign("b") == several)
    }

    /// A store of before there were other axes.
    @Test func aStoreOfAnEarlierVersionIsRead() throws {
        let folder = try TemporaryFolder()
        let old = record("a", started: 1)
        try MatrixStore(folder.path + "/m.db").save(old)
        let columns = [
            "shares", "vcpus", "cpu_set", "memory", "disk_read", "disk_write", "network", "frequency", "load", "mix",
        ]
        try ChildProcess.succeed(
            ["sqlite3", folder.path + "/m.db"],
            input: (columns + ["node", "variant", "software"]).map { "ALTER TABLE cell DROP COLUMN \($0);" }.joined()
                + "PRAGMA user_version = 1;")
        let store = try MatrixStore(folder.path + "/m.db")
        #expect(try store.campaign("a") == old)
        try store.save(old)
    }

    @Test func aDamagedRecordIsSaid() throws {
        let folder = try TemporaryFolder()
        let store = try MatrixStore(folder.path + "/m.db")
        try store.save(record("a", started: 1))
        try ChildProcess.succeed(["sqlite3", folder.path + "/m.db", "UPDATE campaign SET record = '{\"id\":'"])
        let error = try #require(throws: StoreError.self) { try store.campaign("a") }
        #expect(error.description.contains("damaged"))
        // One damaged record does not hide the others.
        try store.save(record("b", started: 2))
        let (records, damaged) = try store.campaigns()
        #expect(records.map(\.id) == ["b"] && damaged.count == 1)
    }

    @Test func aFileOfANewerVersionIsRefused() throws {
        let folder = try TemporaryFolder()
        _ = try MatrixStore(folder.path + "/m.db")
        try ChildProcess.succeed(["sqlite3", folder.path + "/m.db", "PRAGMA user_version = 99"])
        let error = try #require(throws: StoreError.self) { try MatrixStore(folder.path + "/m.db") }
        #expect(error.description.contains("newer version"))
    }

    @Test func whatIsNoDatabaseIsRefused() throws {
        let folder = try TemporaryFolder()
        try String(repeating: "no database at all ", count: 100)
            .write(toFile: folder.path + "/m.db", atomically: true, encoding: .utf8)
        #expect(throws: StoreError.self) { try MatrixStore(folder.path + "/m.db") }
    }
}

@Suite struct JournalTests {
    @Test func entriesLiveFromRecordToClose() throws {
        let folder = try TemporaryFolder()
        let journal = try Journal(folder.path + "/j.db")
        let entry = try journal.record(
            .bridge, "wib000001", clone: "000001", owner: "c", node: "lab", connect: "lxc:///system", original: "app1",
            at: Timestamp(nanoseconds: 5))
        let second = try journal.record(
            .subvolume, "/v/whatif-000001", clone: "000001", owner: "c", node: nil, connect: "lxc:///system",
            original: "app1", at: Timestamp(nanoseconds: 6))
        #expect(try Journal(folder.path + "/j.db").entries() == [entry, second])
        try journal.close(entry)
        try journal.close(entry)
        #expect(try journal.entries() == [second])
    }

    /// An entry is on the disk when `record` returns: another process, here the shell, sees it at once.
    @Test func anEntryIsThereForOthersAtOnce() throws {
        let folder = try TemporaryFolder()
        let journal = try Journal(folder.path + "/j.db")
        _ = try journal.record(
            .domain, "whatif-000001", clone: "000001", owner: "c", node: nil, connect: "x", original: "app1",
            at: Timestamp(nanoseconds: 5))
        #expect(
            try ChildProcess.succeed(["sqlite3", folder.path + "/j.db", "SELECT identifier FROM entry"])
                == "whatif-000001\n")
    }
}

@Suite struct FileLockTests {
    @Test func aLockIsHeldOnceAndGivenBack() throws {
        let folder = try TemporaryFolder()
        var lock = try FileLock.take(folder.path + "/l")
        #expect(lock != nil)
        #expect(try FileLock.take(folder.path + "/l") == nil)
        withExtendedLifetime(lock) {}
        lock = nil
        #expect(try FileLock.take(folder.path + "/l") != nil)
        // Removed while held: a new holder has a file of its own.
        let held = try FileLock.take(folder.path + "/l")
        try FileManager.default.removeItem(atPath: folder.path + "/l")
        #expect(try FileLock.take(folder.path + "/l") != nil)
        withExtendedLifetime(held) {}
    }
}
