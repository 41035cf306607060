import Foundation
import Model
import OperatingSystem
import Store
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
