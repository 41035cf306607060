package import Model
import OperatingSystem
import Synchronization

/// Packets that were read and not looked at yet.
package struct PacketBatch: Sendable {
    /// Large enough that handing over costs nothing, small enough for a processor's cache.
    fileprivate static let size = 1 << 18

    private var bytes: [UInt8] = []
    private var packets: [(end: Int, time: Timestamp)] = []

    fileprivate var isFull: Bool { bytes.count >= Self.size }

    fileprivate mutating func append(_ packet: Span<UInt8>, _ time: Timestamp) {
        bytes.append(packet)
        packets.append((bytes.count, time))
    }

    fileprivate mutating func removeAll() {
        // A jumbo's room is given back.
        bytes.removeAll(keepingCapacity: bytes.capacity < 4 * Self.size)
        packets.removeAll(keepingCapacity: true)
    }

    package func forEach(_ body: (Span<UInt8>, Timestamp) -> Void) {
        let all = bytes.span
        var start = 0
        for packet in packets {
            body(all.extracting(start..<packet.end), packet.time)
            start = packet.end
        }
    }
}

/// Reads a capture file on a thread of its own, a few batches ahead of whoever looks at the packets: while one processor
/// reads, the other dissects. Not for live captures and pipes, whose packets are not to wait for a batch to fill.
package final class ReadAhead: Sendable {
    private static let batches = 4

    private let filled: Mailbox<PacketBatch?>
    private let emptied: Mailbox<PacketBatch>
    private let stopped = Atomic(false)
    private let thread = Mutex<WorkerThread?>(nil)
    private let waiting = Mutex<[PacketBatch?]>([])

    /// Takes the capture over: nobody else may use it any more.
    package init(_ capture: Capture) throws {
        filled = try Mailbox()
        emptied = try Mailbox()
        for _ in 0..<Self.batches { emptied.put(PacketBatch()) }
        // Used by the thread only, from here on.
        nonisolated(unsafe) let capture = capture
        let worker = try WorkerThread("read") { [self] in
            // Whoever waits is told, also of an error.
            defer { filled.put(nil) }
            try unsafe run(capture)
        }
        thread.withLock { $0 = worker }
    }

    private func run(_ capture: Capture) throws {
        var stock: [PacketBatch] = []
        var batch = PacketBatch()
        let refill = {
            while stock.isEmpty, !self.stopped.load(ordering: .acquiring) {
                stock = self.emptied.takeAll()
                if stock.isEmpty { self.emptied.wakeUp.wait(milliseconds: 100) }
            }
            return stock.popLast() ?? PacketBatch()
        }
        var hasMore = true
        while hasMore, !stopped.load(ordering: .acquiring) {
            // What came before an error is handed over too.
            defer {
                filled.put(batch)
                batch = refill()
            }
            hasMore = try capture.process { packet, time in
                batch.append(packet, time)
                if batch.isFull, !stopped.load(ordering: .acquiring) {
                    filled.put(batch)
                    batch = refill()
                }
            }
        }
    }

    /// The next packets; nil at the end. Throws what ended the reading early, after the packets before it.
    package func next() throws -> PacketBatch? {
        while true {
            let found: PacketBatch?? = waiting.withLock { waiting in
                if waiting.isEmpty { waiting = filled.takeAll() }
                return waiting.isEmpty ? nil : .some(waiting.removeFirst())
            }
            if let found {
                // The thread says what was wrong only when it has ended, which it does now.
                if found == nil { try thread.withLock { $0 }?.join() }
                return found
            }
            filled.wakeUp.wait(milliseconds: -1)
        }
    }

    /// Gives a batch back to be filled again.
    package func reuse(_ batch: consuming PacketBatch) {
        batch.removeAll()
        emptied.put(batch)
    }

    /// Ends the reading; what was read and not taken is gone.
    package func stop() {
        stopped.store(true, ordering: .releasing)
        // Its error has been thrown where it belongs, or is of what nobody wanted any more.
        try? thread.withLock { $0 }?.join()
    }
}
