import Cloning
import Hypervisor
import Model
import OperatingSystem
import Proxies
import Synchronization

/// What every experiment of a campaign shares.
struct Workbench {
    let specification: CampaignSpecification
    let domain: Domain
    let original: DomainDescription
    let tier: Tier
    /// What the SLA limits.
    let statistic: ResponseStatistic
    let server: Endpoint
    let caller: IPAddress
    let scope: SandboxScope
    /// What the domain has on-line of resources that are no axis, and what the names on the axes mean.
    let base: Allocation
    let meanings: Meanings
    let tap: OnLineTap
    /// What is played instead of the live traffic; nil plays that.
    let recorded: RecordedTraffic?
    let maker: CloneMaker
    let clock: SteadyClock
    let interrupt: InterruptSignal
    /// What differed between the control clone's replies and the on-line ones, which is not the allocation's doing.
    let noise: LearnedNoise
    /// The experiment at this bench was given up.
    let abandonment = Abandonment()
    /// What the experiment before left for the next one.
    let kept: KeptSandbox
    /// The end of a container's console, for a clone that does not boot.
    let consoleEnd: @Sendable (String) -> String

    var now: Timestamp { Timestamp(nanoseconds: clock.now) }

    /// By the names of the domains that are cloned.
    var volumeSites: [String: VolumeSite] {
        get throws {
            var sites = [original.name: try VolumeSite(tier.storage)]
            for domain in scope.joined + scope.behind {
                sites[domain.original.name] = try VolumeSite(domain.tier.storage)
            }
            return sites
        }
    }
}

/// Whoever asked for an experiment may want it no more.
final class Abandonment: Sendable {
    private let flag = Atomic(false)

    var isAsked: Bool {
        get { flag.load(ordering: .acquiring) }
        set { flag.store(newValue, ordering: .releasing) }
    }
}

/// The experiment was given up, and what it had made is gone.
struct Abandoned: Error {}

/// What became of the requests of one experiment.
final class ReplayedLog: Sendable {
    private let requests = Mutex<[ReplayedRequest]>([])

    var all: [ReplayedRequest] { requests.withLock { $0 } }

    /// Forgets what has ended.
    func clear() { requests.withLock { $0.removeAll() } }

    func add(_ ended: [ReplayedRequest]) { if !ended.isEmpty { requests.withLock { $0 += ended } } }
}

/// What the control found, held for all experiments of a campaign.
final class LearnedNoise: Sendable {
    private let noise = Mutex(ReplyNoise())

    var value: ReplyNoise {
        get { noise.withLock { $0 } }
        set { noise.withLock { $0 = newValue } }
    }
}
