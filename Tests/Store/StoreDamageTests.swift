import Foundation
import Model
import OperatingSystem
import Store
import TestSupport
import Testing

/// Files that are not what was left behind: each is named, with what is wrong and the way out, and nothing is read from it
/// that was not written.
@Suite struct StoreDamageTests {
    /// A sound store of some campaigns, closed.
    private func sound(_ path: String) throws -> [CampaignRecord] {
        var random = SeededGenerator(11)
        let records = (0..<3).map { number in
            var record = Sample.record("c\(number)", started: Int64(number))
            record.matrix = Sample.wide(100)
            for cell in record.matrix.cells { record.matrix[cell.allocation] = Sample.cell(cell.allocation, &random) }
            return record
        }
        let store = try MatrixStore(path)
        for record in records { try store.save(record) }
        return records
    }

    private func write(_ bytes: [UInt8], _ path: String) throws { try Data(bytes).write(to: URL(filePath: path)) }

    private func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }

    private func refusal(_ path: String) throws -> String {
        let error = try #require(throws: StoreError.self) { try MatrixStore(path) }
        #expect(error.description.contains(path) && error.wayOut != nil)
        return error.description
    }

    @Test func whatIsNoDatabaseIsSaid() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        for text in ["no database at all ", "x"] {
            let before = Array(String(repeating: text, count: 100).utf8)
            try write(before, path)
            #expect(try refusal(path).contains("it is no SQLite database; put a copy back"))
            #expect(try bytes(path) == before)
        }
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        #expect(try refusal(path).contains("it is no file"))
    }

    @Test(arguments: ["CREATE TABLE entry (id INTEGER);", "PRAGMA user_version = 2; CREATE TABLE moz_places (id);"])
    func aDatabaseOfSomethingElseIsLeftAlone(_ sql: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        try ChildProcess.succeed(["sqlite3", path], input: sql)
        let before = try bytes(path)
        #expect(try refusal(path).contains("it is a database of something else (the tables "))
        #expect(try bytes(path) == before)
    }

    @Test func aFileOfANewerVersionIsRefused() throws {
        let folder = try TemporaryFolder()
        _ = try sound(folder.path + "/m.db")
        try ChildProcess.succeed(["sqlite3", folder.path + "/m.db"], input: "PRAGMA user_version = 99;")
        #expect(
            try refusal(folder.path + "/m.db").contains("newer version (schema 99, known up to 6); use that version"))
    }

    @Test(arguments: [0.02, 0.3, 0.7, 0.99]) func aTruncatedFileIsSaid(_ part: Double) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        _ = try sound(path)
        let whole = try bytes(path)
        try write(Array(whole.prefix(Int(Double(whole.count) * part))), path)
        let words = try refusal(path)
        #expect(words.contains("damaged") || words.contains("no SQLite database"), "\(words)")
    }

    @Test func aPageOfGarbageIsSaid() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        _ = try sound(path)
        var (whole, random) = (try bytes(path), SeededGenerator(5))
        for index in 3 * 16_384..<4 * 16_384 { whole[index] = UInt8.random(in: 0...255, using: &random) }
        try write(whole, path)
        #expect(try refusal(path).contains(".recover | sqlite3 NEW.db"))
    }

    /// What a hand, or a disk, changed within a row is no damage to SQLite.
    @Test(arguments: [
        "UPDATE campaign SET record = '{\"id\":' WHERE id = 'c1';",
        "UPDATE campaign SET service = 'other' WHERE id = 'c1';",
        "UPDATE campaign SET record = replace(record, '\"app1\"', '\"app2\"') WHERE id = 'c1';",
        "UPDATE cell SET p95 = p95 * 1.0000001 WHERE id >> 24 = 2 AND p95 IS NOT NULL;",
        "UPDATE cell SET memory = 5 WHERE id = (2 << 24) + 50;",
        "UPDATE cell SET state = 'blank' WHERE id >> 24 = 2 AND state = 'interpolated';",
        "UPDATE detail SET cell = replace(cell, '0', '1') WHERE id >> 24 = 2;",
        "DELETE FROM detail WHERE id >> 24 = 2;", "DELETE FROM cell WHERE id = (2 << 24) + 99;",
        "DELETE FROM cell WHERE id = 2 << 24;",
        "UPDATE campaign SET cells = 99, blank = blank - 1 WHERE id = 'c1';",
    ])
    func aRowThatIsNotWhatWasWrittenIsSaid(_ sql: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        let records = try sound(path)
        try ChildProcess.succeed(["sqlite3", path], input: sql)
        let store = try MatrixStore(path)
        let error = try #require(throws: StoreError.self) { try store.campaign("c1") }
        #expect(error.isDamage && error.description.contains("read campaign c1") && error.wayOut != nil)
        // It does not hide the others.
        let (found, damaged) = try store.campaigns()
        #expect(found == [records[2], records[0]] && damaged.count == 1)
        #expect(try store.findings().count == 1)
        // Saved again, it is whole.
        try store.save(records[1])
        #expect(try store.campaign("c1") == records[1] && store.findings().isEmpty)
    }

    /// What only queries read: the campaign itself is whole.
    @Test(arguments: [
        "DELETE FROM span WHERE first_cell = 2 << 24;", "DELETE FROM block WHERE first_cell = 2 << 24;",
        "UPDATE block SET memory_max = memory_max / 2 WHERE first_cell = 2 << 24;",
        "UPDATE span SET memory_min = memory_max WHERE first_cell = 2 << 24;",
        "UPDATE span SET cells = cells - 1 WHERE first_cell = 2 << 24;",
    ])
    func anIndexThatIsNotOfItsCellsIsSaid(_ sql: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        let records = try sound(path)
        #expect(try MatrixStore(path).findings().isEmpty)
        #expect(try ChildProcess.succeed(["sqlite3", path], input: sql + " SELECT changes();") == "1\n")
        let store = try MatrixStore(path)
        #expect(try store.campaign("c1") == records[1])
        let findings = try store.findings()
        #expect(findings.count == 1 && findings[0].contains("read campaign c1"), "\(findings)")
    }

    @Test func aLostLogIsSaid() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        let records = try sound(path)
        // As a crash leaves it: copied while it is open, with what was written last in the log only.
        let store = try MatrixStore(path)
        try store.save(Sample.record("last", started: 9))
        let copy = folder.path + "/copy.db"
        for end in ["", "-wal", "-shm"] { try FileManager.default.copyItem(atPath: path + end, toPath: copy + end) }
        withExtendedLifetime(store) {}
        #expect(try MatrixStore(copy).campaigns().records.map(\.id) == ["last", "c2", "c1", "c0"])
        for end in ["", "-wal", "-shm"] {
            try? FileManager.default.removeItem(atPath: copy + end)
            if end != "-wal" { try FileManager.default.copyItem(atPath: path + end, toPath: copy + end) }
        }
        #expect(try refusal(copy).contains("its write-ahead log \(copy)-wal is missing"))
        // The way out that it names.
        try FileManager.default.removeItem(atPath: copy + "-shm")
        #expect(try MatrixStore(copy).campaigns().records.map(\.id) == records.reversed().map(\.id))
    }

    /// Bytes changed anywhere: whatever is still read is what was written, and what is not is said.
    @Test func noDamageIsReadAsSomethingElse() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/m.db"
        let records = try sound(path)
        let whole = try bytes(path)
        var random = SeededGenerator(2026)
        var said = 0
        for round in 0..<150 {
            var damaged = whole
            for _ in 0..<(round % 3 == 0 ? 1 : Int.random(in: 1...40, using: &random)) {
                // Headers of pages more often than their share.
                let place = Int.random(in: 0..<whole.count, using: &random)
                let start = random.once(in: 3) ? place / 16_384 * 16_384 + place % 100 : place
                damaged[start] = random.once(in: 4) ? 0 : UInt8.random(in: 0...255, using: &random)
            }
            let file = folder.path + "/\(round).db"
            try write(damaged, file)
            do throws(StoreError) {
                let (found, errors) = try MatrixStore(file).campaigns()
                for record in found { #expect(records.contains(record), "round \(round)") }
                #expect(found.count + errors.count == records.count, "round \(round)")
                if !errors.isEmpty { said += 1 }
            } catch {
                #expect(error.description.contains(file))
                said += 1
            }
            for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: file + end) }
        }
        // Most bytes matter; those of free space do not.
        #expect(said > 75)
    }
}
