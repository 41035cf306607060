import Model
import Report
import Wire

/// When a capture ends by itself.
struct CaptureLimits {
    var duration: Duration?
    var bytes: Int64?
}

/// One capture's way from packets to its trace, or only to its figures. Used by one thread.
final class CaptureSession {
    /// Nil when nothing is recorded.
    let writer: TraceWriter?
    private let limits: CaptureLimits
    private var dissector: Dissector
    private var recorder: TraceRecorder
    private(set) var count = CaptureCount()
    /// What went wrong while a packet was taken: there it could not be thrown.
    private var failure: TraceError?
    private var start: Timestamp?
    /// Of the latest packet or tick.
    private(set) var present = Timestamp(nanoseconds: 0)
    private var lastTick = Timestamp.distantPast

    /// Without `servers`, every connection is read, and its protocol found by what is said.
    init(_ writer: TraceWriter?, _ servers: [WatchedServer], _ limits: CaptureLimits) {
        self.writer = writer
        self.limits = limits
        dissector = Dissector(
            servers.isEmpty ? .everything : .servers(servers), keepsPayload: writer?.header.keepsPayload ?? false)
        recorder = TraceRecorder(servers)
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
        if writer?.header.keepsPackets == true {
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

    private func take(_ event: WireEvent) {
        count.take(event)
        if writer != nil { recorder.record(event) { put($0) } }
    }

    private func put(_ record: TraceRecord) {
        guard failure == nil, let writer else { return }
        do throws(TraceError) { try writer.write(record) } catch { failure = error }
    }

    /// A limit is reached.
    var isFull: Bool {
        get throws {
            if let failure { throw failure }
            return isLate || limits.bytes.map { (writer?.byteCount ?? 0) >= $0 } ?? false
        }
    }

    /// Once a second: what was missed is recorded, what is there is written, and the user sees where we are.
    func tick(at time: Timestamp, _ statistics: () -> CaptureStatistics) throws {
        present = time
        guard time - lastTick >= .seconds(1) else { return }
        lastTick = time
        note(statistics())
        try writer?.flush()
        Terminal.passing("  \(CaptureText.line(count))" + (writer.map { " (\(Format.bytes($0.byteCount)))" } ?? ""))
    }

    private func note(_ statistics: CaptureStatistics) {
        count.unseen = Unseen(dropped: statistics.lost) + dissector.unseen
        if let drops = recorder.drops(dissector.counters, statistics, at: present) { put(drops) }
    }

    func finish(_ statistics: CaptureStatistics) throws {
        dissector.finish(at: present) { take($0) }
        note(statistics)
        if let failure { throw failure }
        try writer?.close()
    }
}
