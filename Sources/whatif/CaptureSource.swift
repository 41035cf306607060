import Glibc
import Model
import OperatingSystem
import Synchronization
import Wire

/// An interface to listen at, and whose packets.
struct CapturePost {
    var interface: String
    var setting: CaptureSetting
}

/// Where packets come from: interfaces, a file, or standard input.
final class CaptureSource {
    private let captures: [Capture]
    private let isLive: Bool
    private let source: String?
    private let relay: StandardInputRelay?
    let description: String

    init(listeningAt posts: [CapturePost]) throws {
        isLive = true
        source = nil
        relay = nil
        captures = try posts.map { try Capture.live(interface: $0.interface, $0.setting) }
        description = "interface " + posts.map(\.interface).joined(separator: ", ")
    }

    init(file: String, _ interrupt: InterruptSignal) throws {
        isLive = false
        source = file
        relay = file == "-" ? try StandardInputRelay(interrupt) : nil
        captures = [try Capture.file(file)]
        description = file == "-" ? "standard input" : "file \(file)"
    }

    /// Feeds the session until there is no more, its limits are reached, or a signal comes; then ends its trace, also
    /// when the source broke off.
    func run(into session: inout CaptureSession, until interrupt: InterruptSignal) throws {
        do {
            if isLive { try listen(&session, interrupt) } else { try read(&session, interrupt) }
        } catch let error as CaptureError {
            try session.finish(statistics)
            // What was cut off by the interruption is no error of the source.
            if !interrupt.hasCome { throw error }
            return
        }
        try session.finish(statistics)
    }

    private var statistics: CaptureStatistics {
        captures.reduce(CaptureStatistics()) { $0 + $1.statistics() }
    }

    private func listen(_ session: inout CaptureSession, _ interrupt: InterruptSignal) throws {
        var loop = try CaptureLoop(captures, SteadyClock(), end: interrupt.descriptor.raw)
        session.begin(at: loop.now)
        while try !session.isFull {
            guard try loop.turn({ _, packet, link, time in session.accept(packet, link, at: time) }) else { return }
            try session.tick(at: loop.now) { self.statistics }
        }
    }

    private func read(_ session: inout CaptureSession, _ interrupt: InterruptSignal) throws {
        guard let capture = captures.first else { return }
        if source == "-" {
            while try drain(capture, &session), try !session.isFull, relay != nil || !interrupt.hasCome {
                try session.tick(at: session.present) { CaptureStatistics() }
            }
            return
        }
        let link = capture.link
        let ahead = try ReadAhead(capture)
        defer { ahead.stop() }
        while let batch = try ahead.next(), try !session.isFull, !interrupt.hasCome {
            batch.forEach { packet, time in session.accept(packet, link, at: time) }
            ahead.reuse(batch)
            try session.tick(at: session.present) { CaptureStatistics() }
        }
    }

    @discardableResult
    private func drain(_ capture: Capture, _ session: inout CaptureSession) throws -> Bool {
        let link = capture.link
        return try capture.process { packet, time in session.accept(packet, link, at: time) }
    }
}

/// Stands between standard input and libpcap, whose reading no signal ends: at an interruption libpcap sees the end of
/// its input. A file or a device behind standard input needs none.
final class StandardInputRelay {
    private let thread: WorkerThread?

    init(_ interrupt: InterruptSignal) throws {
        let input = Descriptor(owning: try check("read standard input") { fcntl(0, F_DUPFD_CLOEXEC, 3) })
        let poller = try Poller()
        // Regular files cannot be polled, and always have something.
        guard (try? poller.add(input.raw, token: 0)) != nil else {
            thread = nil
            return
        }
        try poller.add(interrupt.descriptor.raw, token: 1)
        var ends: [Int32] = [-1, -1]
        try check("make a pipe") { unsafe pipe(&ends) }
        let output = Descriptor(owning: ends[1])
        let other = Descriptor(owning: ends[0])
        try check("make a pipe") { fcntl(output.raw, F_SETFD, FD_CLOEXEC) }
        try check("put a pipe before standard input") { dup2(other.raw, 0) }
        let sending = Sending(output)
        thread = try WorkerThread("input") {
            // The pipe ends with the thread's work, and not only when the thread is gone.
            defer { sending.end() }
            while true {
                let events = try poller.wait(nanoseconds: nil)
                if events.contains(where: { $0.token == 1 }) { return }
                let bytes = try input.readSome()
                if bytes.isEmpty { return }
                try sending.send(bytes)
            }
        }
    }

    /// The pipe's end that is written to; once it is let go libpcap sees the end of the file.
    private final class Sending: Sendable {
        private let output: Mutex<Descriptor?>

        init(_ output: Descriptor) { self.output = Mutex(output) }

        func send(_ bytes: [UInt8]) throws { try output.withLock { $0 }?.writeAll(bytes) }
        func end() { output.withLock { $0 = nil } }
    }
}
