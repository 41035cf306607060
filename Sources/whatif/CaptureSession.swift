import Model
import Report
import Wire

/// When a capture ends by itself.
struct CaptureLimits {
    var duration: Duration?
    var bytes: Int64?
}

/// Where a capture's events go: into its figures, and into a trace when there is one.
private struct CaptureSink {
    let writer: TraceWriter?
    var recorder: TraceRecorder
    var count = CaptureCount()
    /// What went wrong while a packet was taken: there it could not be thrown.
    var failure: TraceError?

    mutating func take(_ event: WireEvent) {
        count.take(event)
        guard let writer else { return }
        recorder.record(event) { Self.put($0, writer, &failure) }
    }

    mutating func put(_ record: TraceRecord) {
        if let writer { Self.put(record, writer, &failure) }
    }

    private static func put(_ record: TraceRecord, _ writer: TraceWriter, _ failure: inout TraceError?) {
        guard failure == nil else { return }
        do throws(TraceError) { try writer.write(record) } catch { failure = error }
    }
}

/// One capture's way from packets to its trace, or only to its figures. Used by one thread.
struct CaptureSession: ~Copyable {
    private let limits: CaptureLimits
    private var dissector: Dissector
    private var sink: CaptureSink
    private let keepsPackets: Bool
    private var start: Timestamp?
    /// Of the latest packet or tick.
    private(set) var present = Timestamp(nanoseconds: 0)
    private var lastTick = Timestamp.distantPast

    /// Without `writer`, nothing is recorded. Without `servers`, every connection is read, and its protocol found by what
    /// is said.
    init(_ writer: TraceWriter?, _ servers: [WatchedServer], _ limits: CaptureLimits) {
        self.limits = limits
        dissector = Dissector(
            servers.isEmpty ? .everything : .servers(servers), keepsPayload: writer?.header.keepsPayload ?? false)
        sink = CaptureSink(writer: writer, recorder: TraceRecorder(servers))
        keepsPackets = writer?.header.keepsPackets ?? false
    }

    var count: CaptureCount { sink.count }

    mutating func begin(at time: Timestamp) {
        start = time
        present = time
    }

    mutating func accept(_ packet: Span<UInt8>, _ link: LinkType, at time: Timestamp) {
        if start == nil { start = time }
        present = time
        // The rest of what was read at once, behind the end.
        if sink.failure != nil || isLate { return }
        if keepsPackets {
            sink.put(
                .packet(
                    TracePacket(
                        link: UInt16(truncatingIfNeeded: link.rawValue), time: time, originalLength: packet.count,
                        bytes: [UInt8](packet))))
        }
        dissector.accept(packet, link: link, at: time) { sink.take($0) }
    }

    private var isLate: Bool {
        guard let duration = limits.duration, let start else { return false }
        return present - start >= duration
    }

    /// A limit is reached.
    var isFull: Bool {
        get throws {
            if let failure = sink.failure { throw failure }
            return isLate || limits.bytes.map { (sink.writer?.byteCount ?? 0) >= $0 } ?? false
        }
    }

    /// Once a second: what was missed is recorded, what is there is written, and the user sees where we are.
    mutating func tick(at time: Timestamp, _ statistics: () -> CaptureStatistics) throws {
        present = time
        guard time - lastTick >= .seconds(1) else { return }
        lastTick = time
        note(statistics())
        try sink.writer?.flush()
        let size = sink.writer.map { " (\(Format.bytes($0.byteCount)))" } ?? ""
        Terminal.passing("  \(CaptureText.line(sink.count))\(size)")
    }

    private mutating func note(_ statistics: CaptureStatistics) {
        sink.count.unseen = Unseen(dropped: statistics.lost) + dissector.unseen
        if let drops = sink.recorder.drops(dissector.counters, statistics, at: present) { sink.put(drops) }
    }

    mutating func finish(_ statistics: CaptureStatistics) throws {
        dissector.finish(at: present) { sink.take($0) }
        note(statistics)
        if let failure = sink.failure { throw failure }
        try sink.writer?.close()
    }
}
