import Cloning
import Experimenter
import Glibc
import Hypervisor
import Model
import OperatingSystem
import Store

/// Clones that belong to no campaign, with an owner in the journal of their own: they go together.
final class KeptClones {
    struct Made {
        let clone: Clone
        /// How long it took to make.
        let seconds: Double
    }

    let owner: String
    private let lock: FileLock
    private let state: StateDirectory
    private let journal: Journal
    private let maker: CloneMaker
    private let original: DomainDescription
    private let clock: SteadyClock
    private var plans: [SandboxPlan] = []
    private(set) var made: [Made] = []

    init(
        of original: DomainDescription, on node: Node, _ nodeName: String?, _ state: StateDirectory,
        _ journal: Journal, _ clock: SteadyClock
    ) throws {
        owner = JournalOwner.newName(at: Timestamp(nanoseconds: clock.now))
        guard let lock = try FileLock.take(state.lock(owner)) else { throw CampaignError.busy(owner) }
        self.lock = lock
        self.state = state
        self.journal = journal
        self.original = original
        self.clock = clock
        maker = CloneMaker(node: node, nodeName: nodeName, journal: journal, owner: owner, clock: clock)
        try journal.register(
            JournalOwner(name: owner, requester: ProcessIdentity.requester, purpose: "clone of \(original.name)"))
    }

    deinit { withExtendedLifetime(lock) { _ = unsafe unlink(state.lock(owner)) } }

    @discardableResult
    func make(
        from source: CloneSource, on site: VolumeSite, by way: CaptureWay?, neighbours: [IPAddress],
        _ allocation: Allocation
    ) throws -> Clone {
        let begun = clock.now
        let plan = try maker.plan(original, from: source, by: way, on: [original.name: site])
        plans.append(plan)
        let clone = try maker.make(plan, neighbours: neighbours, capture: made.first?.clone.capture, allocation)
        made.append(Made(clone: clone, seconds: Double(clock.now - begun) / 1e9))
        return clone
    }

    func requireRoom() throws { try maker.requireRoom() }

    /// The same while something else is waited for: a storage that does not answer just now is asked again.
    func watchRoom() throws {
        do { try requireRoom() } catch  where !RoomWatch.isShortage(error) { return }
    }

    func keep(until time: Timestamp) throws { try journal.keep(owner, until: time) }

    func remove() throws {
        try journal.release(owner)
        for plan in plans.reversed() { try maker.remove(plan) }
        try journal.forget(owner)
    }
}
