import Experimenter
import Model
import OperatingSystem
import Store
import Synchronization

/// A campaign on a thread of its own, so that services are heard meanwhile. Its events wait to be taken.
final class RunningCampaign {
    private final class Mailbox: Sendable {
        let events = Mutex<[CampaignEvent]>([])
        let outcome = Mutex<Result<CampaignRecord, any Error>?>(nil)
    }

    /// Which service it is for, and which decision.
    let ward: Int
    let decision: String
    /// Signalled when there is something to take.
    let ended: WakeUp
    private let stop: WakeUp
    private let mailbox = Mailbox()
    private let thread: WorkerThread

    init(
        _ file: ServiceFile, ward: Int, decision: String, _ beginning: Campaign.Beginning, state: StateDirectory
    ) throws {
        (self.ward, self.decision) = (ward, decision)
        let (ended, stop, mailbox) = (try WakeUp(), try WakeUp(), mailbox)
        (self.ended, self.stop) = (ended, stop)
        thread = try WorkerThread("campaign") {
            let campaign = Campaign(file, state: state, interrupt: InterruptSignal(stop)) { event in
                mailbox.events.withLock { $0.append(event) }
                // What passes is not worth waking anybody.
                if case .phase = event { return }
                ended.signal()
            }
            let outcome = Result { try campaign.run(beginning) }
            mailbox.outcome.withLock { $0 = outcome }
            ended.signal()
        }
    }

    func events() -> [CampaignEvent] {
        mailbox.events.withLock { events in
            defer { events = [] }
            return events
        }
    }

    /// Nil while it runs.
    var outcome: Result<CampaignRecord, any Error>? { mailbox.outcome.withLock { $0 } }

    /// Tells it to clean up and end.
    func interrupt() { stop.signal() }

    /// Waits until it has ended.
    func join() { try? thread.join() }
}
