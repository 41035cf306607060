import Glibc
import Model
import OperatingSystem
import TestSupport
import Testing

@testable import Wire

/// Traces on disk: written, interrupted, damaged, gone on with.
@Suite struct TraceFileTests {
    private let fixture: TraceFixture

    init() throws { fixture = try TraceFixture() }

    @Test(arguments: 0..<8) func whatIsWrittenIsRead(_ seed: UInt64) throws {
        var script = TraceScript(seed)
        let blocks = (0..<6).map { _ in script.records(150) }
        let reader = try TraceReader(try fixture.write("a", blocks))
        let read = try reader.all()
        #expect(read == blocks.flatMap { $0 })
        #expect(reader.isClosed && reader.complaint == nil && reader.header == TraceFixture.header)
    }

    /// Every record's connection is named in its own block.
    @Test func aBlockCanBeReadAlone() throws {
        var script = TraceScript(1)
        let path = try fixture.write("a", (0..<20).map { _ in script.records(60) })
        let reader = try TraceReader(path)
        var spoken = 0
        while let record = try reader.next() {
            guard let id = record.connection else { continue }
            spoken += 1
            #expect(reader.connections[id] != nil)
        }
        #expect(spoken > 1000)
    }

    @Test func longOnesTooAndPackets() throws {
        var script = TraceScript(2, longest: 100_000)
        var header = TraceFixture.header
        header.keepsPackets = true
        let packets = (0..<50).map { number in
            TraceRecord.packet(
                TracePacket(
                    link: 1, time: Timestamp(nanoseconds: Int64(number)), originalLength: 2000,
                    bytes: [UInt8](repeating: UInt8(number), count: 1500)))
        }
        let events = script.records(40)
        let path = try fixture.write("a", [events, packets], header)
        let all = try TraceReader(path).all()
        #expect(all == events + packets)
        let onlyPackets = try TraceReader(path, .packets).all()
        #expect(onlyPackets == packets)
        let onlyEvents = try TraceReader(path, .events).all()
        #expect(onlyEvents == events)
    }

    @Test func onlyItsOwnerReadsIt() throws {
        let path = try fixture.write("a", [])
        var status = stat()
        unsafe stat(path, &status)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    @Test func nothingIsOverwrittenUnasked() throws {
        let path = try fixture.write("a", [])
        let error = #expect(throws: TraceError.self) { try TraceWriter.create(path, TraceFixture.header) }
        #expect(error?.kind == .exists)
        // A link is not followed, and not replaced.
        let link = fixture.path("link")
        unsafe symlink(path, link)
        #expect(throws: TraceError.self) { try TraceWriter.create(link, TraceFixture.header, replacing: true) }
        #expect(throws: TraceError.self) { try TraceWriter.append(link) }
        #expect(throws: TraceError.self) { try TraceWriter.create("/dev/null", TraceFixture.header, replacing: true) }
        let writer = try TraceWriter.create(path, TraceFixture.header, replacing: true)
        let other = #expect(throws: TraceError.self) { try TraceWriter.append(path) }
        #expect(other?.kind == .busy)
        try writer.close()
    }

    /// The index says what a scan finds.
    @Test func theIndexEqualsAScan() throws {
        var script = TraceScript(3)
        let blocks = (0..<12).map { _ in script.records(80) }
        let closed = try TraceReader(try fixture.write("a", blocks))
        let open = try TraceReader(try fixture.write("b", blocks, closes: false))
        #expect(closed.isClosed && !open.isClosed)
        let scanned = try open.scan()
        let index = try closed.scan()
        #expect(scanned == index)
        #expect(index.summary.exchanges > 400 && index.summary.highestConnection > 0)
        let count = blocks.joined().count { if case .exchange = $0 { true } else { false } }
        #expect(index.summary.exchanges == count)
    }

    @Test func onlyTheBlocksOfAWindowAreRead() throws {
        let blocks = (0..<50).map { number in
            [TraceRecord.drops(TraceDrops(), Timestamp(nanoseconds: Int64(number) * 1000))]
        }
        for closes in [true, false] {
            let path = try fixture.write("a", blocks, closes: closes)
            var window = TraceWindow()
            window.from = Timestamp(nanoseconds: 10_000)
            window.to = Timestamp(nanoseconds: 13_000)
            let read = try TraceReader(path, window).all()
            #expect(read == blocks[10..<13].flatMap { $0 })
        }
    }

    /// Wherever the writer was stopped: what was whole is read, and how much is not is said.
    @Test func everyTruncation() throws {
        var script = TraceScript(4, longest: 20)
        let blocks = (0..<4).map { _ in script.records(6) }
        let bytes = try TraceFixture.bytes(try fixture.write("a", blocks))
        let headerLength = TraceFixture.header.bytes.count
        var ends = [headerLength]
        let whole = try #require(try TraceReader(fixture.path("a")).index)
        ends = whole.entries.dropFirst().map { Int($0.offset) }
        for length in 0..<bytes.count {
            let path = try fixture.write("b", bytes: Array(bytes.prefix(length)))
            guard length >= headerLength else {
                #expect(throws: TraceError.self) { try TraceReader(path) }
                continue
            }
            let reader = try TraceReader(path)
            let read = try reader.all()
            let blocksEnd = Int(try #require(TraceIndex.offset(inTrailer: Array(bytes.suffix(24)))))
            let wholeBlocks = ends.count { $0 <= length } + (length >= blocksEnd ? 1 : 0)
            try #require(read == blocks.prefix(wholeBlocks).flatMap { $0 }, "\(length)")
            let end = ([headerLength] + ends + [blocksEnd]).last { $0 <= length } ?? headerLength
            try #require(reader.unread == Int64(length - end), "\(length)")
            #expect(!reader.isClosed)
            #expect((reader.complaint != nil) == (length > end))
        }
    }

    /// A changed bit is found, or changes nothing that is read; nothing is ever read wrongly.
    @Test(arguments: [true, false]) func everyFlippedBit(_ closes: Bool) throws {
        var script = TraceScript(5, longest: 10)
        let blocks = (0..<3).map { _ in script.records(4) }
        let bytes = try TraceFixture.bytes(try fixture.write("a", blocks, closes: closes))
        let path = fixture.path("b")
        let file = try Descriptor.create(path)
        for place in bytes.indices {
            var changed = bytes
            changed[place] ^= 1 << UInt8(place % 8)
            try file.truncate(to: 0)
            try file.writeAll(changed)
            do {
                let reader = try TraceReader(path)
                let read = try reader.all()
                let isPart = read.allSatisfy { record in blocks.joined().contains(record) }
                try #require(isPart && (reader.complaint != nil || !reader.isClosed), "\(place)")
                try #require(reader.isClosed || read == Array(blocks.joined().prefix(read.count)), "\(place)")
            } catch let error as TraceError {
                try #require(error.kind != .system(0) && place < TraceFixture.header.bytes.count, "\(place)")
            }
        }
    }

    /// Damage inside a closed trace costs one block.
    @Test func damageIsPassedOver() throws {
        var script = TraceScript(6)
        let blocks = (0..<5).map { _ in script.records(30) }
        let path = try fixture.write("a", blocks)
        let index = try #require(try TraceReader(path).index)
        for place in [index.entries[2].offset + 2, index.entries[2].offset + 60] {
            var bytes = try TraceFixture.bytes(path)
            bytes[Int(place)] ^= 8
            let reader = try TraceReader(try fixture.write("b", bytes: bytes))
            let read = try reader.all()
            #expect(read == (blocks[0...1] + blocks[3...4]).flatMap { $0 })
            #expect(reader.damaged == 1 && reader.complaint == "1 damaged blocks were passed over")
        }
    }

    @Test func aNewerVersionIsRefused() throws {
        var bytes = try TraceFixture.bytes(try fixture.write("a", []))
        bytes[8] = 2
        let path = try fixture.write("b", bytes: bytes)
        let error = #expect(throws: TraceError.self) { try TraceReader(path) }
        #expect(error?.kind == .newer)
        #expect(error?.description.hasSuffix("read it with the program that wrote it, or a newer one") == true)
        let other = #expect(throws: TraceError.self) {
            try TraceReader(try fixture.write("c", bytes: Array("GET /".utf8)))
        }
        #expect(other?.kind == .notATrace)
        #expect(throws: TraceError.self) { try TraceReader("/dev/zero") }
    }

    /// A newer minor version may add to the header, and block types.
    @Test func aNewerMinorVersionIsRead() throws {
        var header = Array(TraceFixture.header.bytes.dropLast(4))
        header += [1, 2, 3]
        header[10] = 1
        header[12] += 3
        var bytes = TraceEncoder()
        bytes.raw(header)
        bytes.little32(CRC32C.of(header.span))
        let later = TraceBlockHeader(
            type: 42, payload: [1, 2, 3], count: 1, first: Timestamp(nanoseconds: 0), last: Timestamp(nanoseconds: 0))
        let reader = try TraceReader(try fixture.write("a", bytes: bytes.bytes + later.bytes + [1, 2, 3]))
        let read = try reader.all()
        #expect(read == [] && reader.unknownBlocks == 1 && reader.header == TraceFixture.header)
        #expect(reader.complaint == "1 blocks and 0 records of a newer version were passed over")
    }

    @Test(arguments: [0, 1, 7, 60, 400]) func appendingAfterACrash(_ cut: Int) throws {
        var script = TraceScript(7)
        let first = (0..<3).map { _ in script.records(50) }
        let path = try fixture.write("a", first, closes: cut == 0)
        let bytes = try TraceFixture.bytes(path)
        if cut > 0 { _ = try fixture.write("a", bytes: Array(bytes.dropLast(cut))) }
        let kept = try TraceReader(path).all()
        #expect(cut == 0 ? kept == first.flatMap { $0 } : kept.count < 150)

        // The numbers of a new capture begin at 1 again.
        var other = TraceScript(8)
        let more = other.records(50)
        let writer = try TraceWriter.append(path)
        let highest = writer.summary.highestConnection
        for record in more { try writer.write(record) }
        try writer.close()
        let reader = try TraceReader(path)
        let read = try reader.all()
        #expect(read == kept + more.map { $0.renumbered { $0 + highest } })
        #expect(reader.isClosed && reader.complaint == nil)
        var expected = TraceSummary()
        for record in read { expected.add(record) }
        #expect(reader.index?.summary == expected)
    }

    @Test func appendingDoesNotLoseWhatIsBehindDamage() throws {
        var script = TraceScript(9)
        var bytes = try TraceFixture.bytes(
            try fixture.write("a", (0..<3).map { _ in script.records(20) }, closes: false))
        bytes[TraceFixture.header.bytes.count + 50] ^= 1
        let path = try fixture.write("a", bytes: bytes)
        let error = #expect(throws: TraceError.self) { try TraceWriter.append(path) }
        #expect(error?.kind == .damaged)
        #expect(try TraceFixture.bytes(path) == bytes)
    }

    @Test func aRedactedTraceIsNotGoneOnWith() throws {
        var header = TraceFixture.header
        header.redaction = "0123456789abcdef"
        let path = try fixture.write("a", [], header)
        let error = #expect(throws: TraceError.self) { try TraceWriter.append(path) }
        #expect(error?.kind == .refused)
        #expect(try TraceReader(path).header.redaction == "0123456789abcdef")
    }

    @Test func withoutPayloadThereIsNone() throws {
        var script = TraceScript(10)
        var header = TraceFixture.header
        header.keepsPayload = false
        for record in try TraceReader(try fixture.write("a", [script.records(100)], header)).all() {
            guard case .exchange(_, let exchange) = record else { continue }
            #expect(exchange.request.bytes.isEmpty && exchange.request.label.isEmpty && exchange.reply.bytes.isEmpty)
        }
    }

    @Test func mergingKeepsOrderAndTellsConnectionsApart() throws {
        let scripts = (0..<3).map { number -> [TraceRecord] in
            var script = TraceScript(UInt64(20 + number))
            return script.records(200)
        }
        let readers = try scripts.enumerated().map { number, records in
            try TraceReader(try fixture.write("\(number)", [records]))
        }
        var merge = try TraceMerge(readers)
        var merged: [TraceRecord] = []
        while let record = try merge.next() { merged.append(record) }
        let path = try fixture.write("merged", [merged])
        let read = try TraceReader(path).all()
        #expect(read.count == 600)
        var opened: Set<ConnectionID> = []
        for record in read {
            if case .connection(let connection, _) = record { #expect(opened.insert(connection.id).inserted) }
            if let id = record.connection { #expect(opened.contains(id)) }
        }
        // Each trace's own order stays, and as far as it was one of time, so is that of the whole.
        for records in scripts {
            let times = Set(records.map(\.time))
            #expect(read.filter { times.contains($0.time) }.map(\.time).count >= records.count)
        }
        let steps = zip(read, read.dropFirst()).count { $1.time < $0.time }
        let own = scripts.reduce(0) { sum, records in
            sum + zip(records, records.dropFirst()).count { $1.time < $0.time }
        }
        #expect(steps <= own)
    }
}

/// The short form of fuzzing: seeded. A trap ends the test run.
@Suite struct TraceFuzzTests {
    private let fixture: TraceFixture

    init() throws { fixture = try TraceFixture() }

    private static let patience = max(1, unsafe getenv("WHATIF_FUZZ").flatMap { unsafe Int(String(cString: $0)) } ?? 1)

    @Test func spoiltFiles() throws {
        var script = TraceScript(30, longest: 50)
        let bytes = try TraceFixture.bytes(try fixture.write("a", (0..<4).map { _ in script.records(20) }))
        var random = SeededGenerator(31)
        let path = fixture.path("b")
        let file = try Descriptor.create(path)
        for _ in 0..<600 * Self.patience {
            try file.truncate(to: 0)
            try file.writeAll(random.mutate(bytes, with: bytes))
            guard let reader = try? TraceReader(path) else { continue }
            var count = 0
            while let record = try? reader.next(), count < 10_000 {
                count += 1
                _ = record.description
            }
            try #require(count < 10_000)
            if let index = reader.index { #expect(index.entries.count < 100) }
        }
    }

    /// Behind the checksums: what a hostile writer can put into a block.
    @Test func spoiltPayloads() throws {
        var script = TraceScript(32, longest: 50)
        var encoder = TraceEncoder()
        var records = TraceRecordEncoder()
        for record in script.records(30) { records.encode(record, to: &encoder) }
        var index = TraceIndex()
        for record in script.records(50) { index.summary.add(record) }
        index.add(
            TraceBlockHeader(
                type: 1, payload: [], count: 1, first: Timestamp(nanoseconds: 5), last: Timestamp(nanoseconds: 6)),
            exchanges: 5, at: 90)
        var random = SeededGenerator(33)
        for _ in 0..<3000 * Self.patience {
            var cursor = TraceRecordCursor(random.mutate(encoder.bytes, with: encoder.bytes))
            var summary = TraceSummary()
            var count = 0
            while let record = try? cursor.next() {
                summary.add(record)
                count += 1
            }
            try #require(count <= encoder.bytes.count)
            _ = try? TraceIndex(random.mutate(index.encoded()), end: 5000)
            _ = try? TraceHeader.read(random.mutate(TraceFixture.header.bytes))
        }
    }
}
