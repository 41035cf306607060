import Cloning
import Model
import OperatingSystem
import Proxies

/// What clones and the proxies around them are made of.
struct SandboxParts {
    let maker: CloneMaker
    let plan: SandboxPlan
    /// What the first experiment asks for.
    let allocation: Allocation
    /// What differs in its replies is taken for noise, so that nothing else can be told from them.
    let learnsNoise: Bool
    /// What is heard: the campaign's, or of a trace one of its own.
    let tap: OnLineTap
    let player: TracePlayer?
    /// What became of every request, as it ends.
    let replayed: ReplayedLog
    let subscription: Subscription
    let thread: SandboxThread

    var loop: ReplayLoop { thread.loop }

    func listen() throws {
        tap.subscribe(subscription)
        try player?.start()
    }

    func throwFailure() throws {
        try thread.throwFailure()
        try tap.throwFailure()
        try maker.requireRoom()
    }

    /// Removes all that was made.
    func end() throws {
        tap.unsubscribe(subscription)
        defer {
            try? player?.stop()
            _ = try? thread.stop()
        }
        try maker.remove(plan)
    }
}

/// Clones under load and the proxies around them: those of one experiment, or of several in turn.
///
/// It is told all that happens on-line from its beginning to its end, between experiments as well, so that what its clones
/// keep does not fall behind.
@dynamicMemberLookup
final class LiveSandbox {
    private let parts: SandboxParts
    let clones: ClonedTiers
    /// From when its clones heard of requests until they answered.
    var bootTime: Duration?
    /// How many experiments it has served.
    var served = 0
    /// Its proxies were told to end.
    private(set) var isStopped = false

    init(_ parts: SandboxParts, _ clones: ClonedTiers) { (self.parts, self.clones) = (parts, clones) }

    subscript<Part>(dynamicMember part: KeyPath<SandboxParts, Part>) -> Part { parts[keyPath: part] }

    /// Whether a further experiment can be made in it. Of a trace each begins with what was when it was recorded.
    func serves(_ next: Allocation) -> Bool {
        parts.player == nil && !parts.learnsNoise && next.fits(clonesOf: parts.allocation)
    }

    func listen() throws { try parts.listen() }

    func throwFailure() throws { try parts.throwFailure() }

    /// What waits for a reply stays waiting.
    func stop() throws {
        isStopped = true
        try parts.thread.stop()
    }

    func end() throws { try parts.end() }
}

/// A place for the sandbox that the experiment before left at a bench.
final class KeptSandbox {
    private var sandbox: LiveSandbox?
    /// Whether clones may be used again at all.
    private(set) var isOpen: Bool

    init(isOpen: Bool) { self.isOpen = isOpen }

    func keep(_ sandbox: LiveSandbox) { self.sandbox = sandbox }

    func take() -> LiveSandbox? {
        defer { sandbox = nil }
        return sandbox
    }

    func serves(_ allocation: Allocation) -> Bool { sandbox?.serves(allocation) ?? false }

    /// Removes it, if there is one.
    func end() throws { try take()?.end() }

    /// From now on clones are fresh.
    func close() throws {
        isOpen = false
        try end()
    }
}

extension Allocation {
    /// Clones are given these while they run; who differs in another value needs clones of its own.
    private static let settable: Set<Resource> = [
        .cpu, .withCPU, .shares, .diskRead, .diskWrite, .network, .frequency,
    ]

    /// Whether clones that were made for `first` can be given this.
    func fits(clonesOf first: Allocation) -> Bool {
        values.filter { !Self.settable.contains($0.key) } == first.values.filter { !Self.settable.contains($0.key) }
    }
}
