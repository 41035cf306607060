import Model
import Report
import Wire

/// When a capture ends by itself.
struct CaptureLimits {
    var duration: Duration?
    var bytes: Int64?
}

/// One capture's way from packets to its trace. Used by one thread.
final class CaptureSession {
    let writer: TraceWriter
    private let limits: CaptureLimits
    private var dissector: Dissector
    private var recorder: TraceRecorder
    /// What went wrong while a packet was taken: there it could not be thrown.
    private var failure: TraceError?
    private var start: Timestamp?
    /// Of the latest packet or tick.
    private(set) var present: Timestamp
    private var lastTick = Timestamp.distantPast

    init(_ writer: TraceWriter, _ servers: [WatchedServer], _ limits: CaptureLimits) {
        self.writer = writer
        self.limits = limits
        dissector = Dissector(servers)
        recorder = TraceRecorder(servers)
        present = writer.header.created
    }

    func begin(at time: Timestamp) {
        start = time
        present = time
    }

    func accept(_ packet: Span<UInt8>, _ link: LinkType, at time: Timestamp) {
        if start == nil { start = time }
        present = time
        // The rest of what was read at once, behind the end.
        if failure != nil || isLate { return }
        if writer.header.keepsPackets {
            put(
                .packet(
                    TracePacket(
                        link: UInt16(truncatingIfNeeded: link.rawValue), time: time, originalLength: packet.count,
                        bytes: [UInt8](packet))))
        }
        dissector.accept(packet, link: link, at: time) { take($0) }
    }

    private var isLate: Bool {
        guard let duration = limits.duration, let start else { return false }
        return present - start >= duration
    }

    private func take(_ event: WireEvent) { if let record = recorder.record(event) { put(record) } }

    private func put(_ record: TraceRecord) {
        guard failure == nil else { return }
        do throws(TraceError) { try writer.write(record) } catch { failure = error }
    }

    /// A limit is reached.
    var isFull: Bool {
        get throws {
            if let failure { throw failure }
            return isLate || limits.bytes.map { writer.byteCount >= $0 } ?? false
        }
    }

    /// Once a second: what was missed is recorded, what is there is written, and the user sees where we are.
    func tick(at time: Timestamp, _ statistics: CaptureStatistics) throws {
        present = time
        guard time - lastTick >= .seconds(1) else { return }
        lastTick = time
        if let drops = recorder.drops(dissector.counters, statistics, at: time) { put(drops) }
        try writer.flush()
        Terminal.passing("  \(TraceText.line(writer.summary)) (\(Format.bytes(writer.byteCount)))")
    }

    func finish(_ statistics: CaptureStatistics) throws {
        dissector.finish(at: present) { take($0) }
        if let drops = recorder.drops(dissector.counters, statistics, at: present) { put(drops) }
        if let failure { throw failure }
        try writer.close()
    }
}
