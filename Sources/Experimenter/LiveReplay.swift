package import Model
package import OperatingSystem
package import Proxies
import Synchronization
import Wire

/// A server's live traffic played against another, a time shift later. The on-line server is only listened to; when the
/// replay falls behind, the copy is dropped and counted.
package struct LiveReplay: Sendable {
    package let server: Endpoint
    package let protocolName: ApplicationProtocol
    private let shape: ReplayShape
    private let shift: Duration
    private let yields: Bool
    /// Inputs that may wait to be taken by the loop.
    private static let room = 65_536
    private static let drainLimit = Duration.seconds(5)

    /// `yields`: the copy runs on processors that are idle, and is late or lost where none is.
    package init(
        of server: Endpoint, _ protocolName: ApplicationProtocol, _ shape: ReplayShape, shift: Duration, yields: Bool
    ) {
        self.server = server
        self.protocolName = protocolName
        self.shape = shape
        self.shift = shift
        self.yields = yields
    }

    /// What the capture has come to; written by its thread.
    private final class Heard: Sendable {
        struct Counts {
            var captured = 0
            var lost = 0
            var given = 0
            var refused = 0
            var unseen = Unseen()
        }

        let counts = Mutex(Counts())
        let isStopped = Atomic(false)
    }

    /// Until `limit` or a signal. Needs CAP_NET_RAW. `progress` is called about four times a second.
    package func run(
        listeningAt interface: String, to target: Endpoint, _ setting: InProxySetting, slack: Duration,
        limit: Duration?,
        interrupt: InterruptSignal,
        progress: (_ counter: ReplayCounter, _ sent: Int, _ start: Timestamp) throws -> Void
    ) throws -> ReplayOutcome {
        let clock = SteadyClock()
        let watched = [WatchedServer(server, protocolName)]
        // Opened here, so that what is wrong is thrown before anything is sent; afterwards only the thread uses it.
        nonisolated(unsafe) let capture = try Capture.live(
            interface: interface, CaptureSetting(CaptureFilter(watched)))
        let counter = ReplayCounter(clock)
        let loop = try ReplayLoop(
            setting, target: target, source: nil, slack: slack, clock: clock, onEnd: { counter.add($0) })
        let heard = Heard()
        // The on-line server may run on these processors too: the copy waits for it, not the other way round.
        let giveWay = { @Sendable [yields] () throws in
            if yields { try WorkerThread.runWhenIdle() } else { WorkerThread.giveWay() }
        }
        let replaying = try WorkerThread("replay") {
            try giveWay()
            try loop.run()
        }
        let capturing = try WorkerThread("capture") {
            try giveWay()
            // A mix's rules look at labels.
            let requestsOnly = !shape.keepsReplies && shape.mix.isEmpty
            try unsafe listen(
                capture, Dissector(watched, requestsOnly: requestsOnly), clock, heard, loop.inputs)
        }
        let start = Timestamp(nanoseconds: clock.now)
        try progress(counter, 0, start)
        let end = limit.map { start + $0 } ?? .distantFuture
        defer { withExtendedLifetime(capturing) {} }
        do {
            while Timestamp(nanoseconds: clock.now) < end {
                let left = (end - Timestamp(nanoseconds: clock.now)).seconds
                if interrupt.wait(seconds: min(0.25, left)) == .interrupted { break }
                try replaying.throwFailure()
                try capturing.throwFailure()
                if let failure = loop.progress.logInFailure { throw failure }
                try progress(counter, loop.progress.sent, start)
            }
            heard.isStopped.store(true, ordering: .releasing)
            try capturing.join()
            let deadline = Timestamp(nanoseconds: clock.now) + shift + Self.drainLimit
            let given = heard.counts.withLock { $0.given }
            while Timestamp(nanoseconds: clock.now) < deadline {
                let progress = loop.progress
                if progress.taken == given, progress.isDrained { break }
                _ = interrupt.wait(seconds: 0.01)
            }
            loop.stop()
            try replaying.join()
        } catch {
            heard.isStopped.store(true, ordering: .releasing)
            loop.stop()
            try? capturing.join()
            try? replaying.join()
            throw error
        }
        if let failure = loop.progress.logInFailure { throw failure }
        let counts = heard.counts.withLock { $0 }
        return ReplayOutcome(
            start: start, end: Timestamp(nanoseconds: clock.now), tally: counter.tally,
            lastInterval: counter.takeInterval(), unsolicited: loop.progress.unsolicited,
            comparison: loop.outcome.comparison, noise: loop.outcome.noise, lost: counts.lost,
            refused: counts.refused, unseen: counts.unseen)
    }

    private func listen(
        _ capture: Capture, _ dissector: consuming Dissector, _ clock: SteadyClock, _ heard: Heard,
        _ inputs: Mailbox<ReplayInput>
    ) throws {
        var loop = try CaptureLoop([capture], clock)
        var schedule = LiveSchedule(of: server, shape, shift: shift)
        var batch: [ReplayInput] = []
        while !heard.isStopped.load(ordering: .acquiring) {
            _ = try loop.turn { _, packet, link, time in
                dissector.accept(packet, link: link, at: time) { schedule.take($0, into: &batch) }
            }
            let refused = batch.isEmpty ? 0 : inputs.put(contentsOf: batch, room: Self.room)
            let given = batch.count - refused
            batch.removeAll(keepingCapacity: true)
            let unseen = Unseen(dropped: capture.statistics().lost) + dissector.unseen
            heard.counts.withLock {
                $0.captured = schedule.captured
                $0.lost = schedule.lost
                $0.given += given
                $0.refused += refused
                $0.unseen = unseen
            }
        }
    }
}
