import Model
import TestSupport
import Testing

@testable import Wire

/// Reading on another thread gives the same packets in the same order, and ends as reading itself does.
@Suite struct ReadAheadTests {
    private func packets(_ count: Int, _ length: Int) -> [[UInt8]] {
        (0..<count).map { number in
            [UInt8(number & 255), UInt8(number >> 8 & 255)] + [UInt8](repeating: 7, count: length - 2)
        }
    }

    private func read(_ ahead: ReadAhead, into all: inout [[UInt8]]) throws {
        while let batch = try ahead.next() {
            batch.forEach { packet, _ in all.append([UInt8](packet)) }
            ahead.reuse(batch)
        }
    }

    /// Batches that end inside what libpcap gives at once, and behind it.
    @Test(arguments: [(1, 60), (5000, 60), (12_000, 1000), (40, 65_000)]) func allInOrder(_ count: Int, _ length: Int)
        throws
    {
        let sent = packets(count, length)
        try CaptureFile.with(sent) { path in
            let ahead = try ReadAhead(try Capture.file(path))
            defer { ahead.stop() }
            var all: [[UInt8]] = []
            try read(ahead, into: &all)
            #expect(all == sent)
        }
    }

    @Test func whatComesBeforeAnErrorIsRead() throws {
        let sent = packets(9000, 100)
        try CaptureFile.with(sent, cut: 50) { path in
            let ahead = try ReadAhead(try Capture.file(path))
            defer { ahead.stop() }
            var all: [[UInt8]] = []
            #expect(throws: CaptureError.self) { try read(ahead, into: &all) }
            #expect(all == sent.dropLast())
        }
    }

    /// Nobody takes any more: the reader ends all the same.
    @Test func stoppedEarly() throws {
        try CaptureFile.with(packets(40_000, 200)) { path in
            let ahead = try ReadAhead(try Capture.file(path))
            #expect(try ahead.next() != nil)
            ahead.stop()
        }
    }
}

/// The table of connections against a dictionary.
@Suite struct FlowIndexTests {
    @Test(arguments: 1...4) func asADictionary(_ seed: Int) {
        var random = SeededGenerator(UInt64(seed))
        // Few hashes, so that runs of cells grow together and are torn apart.
        let hashes = (0..<400).map { _ in UInt64.random(in: 0..<40, using: &random) &* 0x1_0000_0001 }
        var index = FlowIndex()
        var model: Set<Int> = []
        for _ in 0..<5000 {
            let slot = Int.random(in: 0..<400, using: &random)
            if model.remove(slot) != nil {
                index.remove(hashes[slot], slot) { hashes[$0] }
            } else {
                model.insert(slot)
                index.insert(hashes[slot], slot) { hashes[$0] }
            }
            let asked = Int.random(in: 0..<400, using: &random)
            #expect((index.find(hashes[asked]) { $0 == asked } != nil) == model.contains(asked))
            #expect(index.count == model.count)
        }
    }
}
