import Hypervisor
package import Model
package import OperatingSystem
import Synchronization
import Wire

/// Why a service cannot be watched.
package enum WatchError: Error, Sendable, CustomStringConvertible {
    case protocolNotRead(ApplicationProtocol, tier: String)

    package var description: String {
        switch self {
        case .protocolNotRead(let name, let tier):
            "tier \(tier) serves \(name.rawValue), which this version does not read; it reads "
                + ProtocolTable.all.map(\.name.rawValue).joined(separator: ", ")
        }
    }
}

/// Listens on the interfaces of all domains of a service, each tier at its own. Production is only listened to.
///
/// One thread reads all captures; whoever made the watch closes its intervals.
package final class ServiceWatch: Sendable {
    /// One domain's interface. Used by the thread only, once it has been started.
    private final class Listener {
        let capture: Capture
        var dissector: Dissector

        init(_ capture: Capture, _ servers: [WatchedServer]) {
            self.capture = capture
            dissector = Dissector(servers, keepsPayload: false)
        }
    }

    private let state: Mutex<TierWatch>
    private let stopped = Atomic(false)
    private let thread = Mutex<WorkerThread?>(nil)
    private let clock: SteadyClock

    /// Finds the domains and begins to listen. Needs CAP_NET_RAW in the network namespace of the domains' node.
    package init(_ file: ServiceFile, clock: SteadyClock) throws {
        self.clock = clock
        let posts = try ListeningPost.all(of: file, try Node(connect: file.connect))
        let listeners = try posts.map { post in
            Listener(
                try Capture.live(interface: post.interface, CaptureSetting(CaptureFilter(post.servers))), post.servers)
        }
        let sources = posts.map { post in file.tiers.firstIndex { $0.name == post.tier } ?? 0 }
        state = Mutex(
            TierWatch(
                tiers: file.tiers.map(\.name), sources: sources, entry: file.entryTier?.name, sla: file.sla,
                start: Timestamp(nanoseconds: clock.now)))
        // Opened here, so that what is wrong is thrown to the caller; afterwards only the thread uses them.
        nonisolated(unsafe) let handedOver = listeners
        let worker = try WorkerThread("watch") { [self] in try unsafe run(handedOver) }
        thread.withLock { $0 = worker }
    }

    private func run(_ listeners: [Listener]) throws {
        var loop = try CaptureLoop(listeners.map(\.capture), clock)
        var events: [(event: WireEvent, source: Int)] = []
        while !stopped.load(ordering: .acquiring) {
            _ = try loop.turn { place, packet, link, time in
                listeners[place].dissector.accept(packet, link: link, at: time) { events.append(($0, place)) }
            }
            let unseen = zip(listeners, loop.statistics).map { Unseen(dropped: $1.lost) + $0.dissector.unseen }
            state.withLock { state in
                for (event, source) in events { state.take(event, from: source) }
                for (source, total) in unseen.enumerated() { state.unseen(total, at: source) }
            }
            events.removeAll(keepingCapacity: true)
        }
    }

    /// Ends the interval now: a row for every tier. Throws what ended the listening early.
    package func closeInterval() throws -> [TierInterval] {
        try thread.withLock { $0 }?.throwFailure()
        return state.withLock { $0.close(at: Timestamp(nanoseconds: clock.now)) }
    }

    package var totals: [TierInterval] { state.withLock { $0.totals } }

    /// Ends the listening and throws what went wrong in it.
    package func stop() throws {
        stopped.store(true, ordering: .releasing)
        try thread.withLock { $0 }?.join()
    }
}
