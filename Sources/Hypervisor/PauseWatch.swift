import CLibvirt
import Glibc
import OperatingSystem
import Synchronization

/// Listens to when a domain stops and goes on, for as long as this lives. A connection of its own, with events.
final class PauseWatch: Sendable {
    /// What a callback of libvirt puts down.
    private final class Log: Sendable {
        struct State {
            /// When the domain last stopped.
            var stopped: Int64?
            var longest: Int64 = 0
            var count = 0
            var isPaused = false
        }

        let clock = SteadyClock()
        let state = Mutex(State())
        let changed: WakeUp

        init() throws(SystemError) { changed = try WakeUp() }

        func take(_ event: virDomainEventType) {
            let now = clock.now
            state.withLock { state in
                switch event {
                case VIR_DOMAIN_EVENT_SUSPENDED where !state.isPaused:
                    (state.stopped, state.isPaused) = (now, true)
                case VIR_DOMAIN_EVENT_RESUMED where state.isPaused:
                    state.longest = max(state.longest, now - (state.stopped ?? now))
                    state.count += 1
                    state.isPaused = false
                default: break
                }
            }
            changed.signal()
        }
    }

    private let log: Log
    private let node: Node
    private let callback: Int32

    init(_ domain: Domain) throws(HypervisorError) {
        let doing = "listen to \(domain.name)"
        do throws(SystemError) {
            try EventLoop.start()
            log = try Log()
        } catch {
            throw HypervisorError(doing, error)
        }
        node = try Node(connect: domain.node.uri)
        guard let own = try node.domain(domain.name) else {
            throw HypervisorError(doing, message: "it is gone", cause: .noDomain)
        }
        let take: virConnectDomainEventCallback = { _, _, event, _, opaque in
            if let opaque = unsafe opaque {
                unsafe Unmanaged<Log>.fromOpaque(opaque).takeUnretainedValue().take(
                    virDomainEventType(rawValue: UInt32(bitPattern: event)))
            }
            return 0
        }
        callback = unsafe virConnectDomainEventRegisterAny(
            node.handle, own.handle, Int32(VIR_DOMAIN_EVENT_ID_LIFECYCLE.rawValue),
            unsafeBitCast(take, to: virConnectDomainEventGenericCallback.self),
            Unmanaged.passRetained(log).toOpaque(),
            { opaque in if let opaque = unsafe opaque { unsafe Unmanaged<Log>.fromOpaque(opaque).release() } })
        guard callback >= 0 else { throw HypervisorError(doing) }
    }

    deinit { unsafe virConnectDomainEventDeregisterAny(node.handle, callback) }

    /// How long the domain was stopped, the longest time of several; one that has not ended counts up to now.
    var pause: Duration {
        log.state.withLock { state in
            let open = state.isPaused ? log.clock.now - (state.stopped ?? log.clock.now) : 0
            return .nanoseconds(max(state.longest, open))
        }
    }

    var hasPaused: Bool { log.state.withLock { $0.count > 0 || $0.isPaused } }
    var isPaused: Bool { log.state.withLock { $0.isPaused } }

    /// Waits until it was stopped and goes on again; false when the time is over before.
    func waitForResumption(until deadline: Int64) -> Bool {
        while true {
            if log.state.withLock({ $0.count > 0 && !$0.isPaused }) { return true }
            let left = deadline - log.clock.now
            if left <= 0 { return false }
            log.changed.wait(milliseconds: CInt(clamping: left / 1_000_000 + 1))
            log.changed.clear()
        }
    }
}
