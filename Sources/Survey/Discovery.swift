package import Hypervisor
package import Model
package import OperatingSystem
import Wire

/// Listens at the interfaces of a node's running domains. Needs CAP_NET_RAW. Production is only listened to.
package enum Discovery {
    package struct Result: Sendable {
        package var flows: [ObservedFlow] = []
        package var unseen = Unseen()
        package var listened = Duration.zero
    }

    /// The running domains that have an interface on the node's side, by name.
    package static func domains(_ node: Node) throws -> [ObservedDomain] {
        try node.domains().filter(\.isActive).sorted { $0.name < $1.name }.flatMap { domain in
            try domain.description().interfaces.compactMap { interface in
                interface.device.map { device in
                    ObservedDomain(
                        name: domain.name, interface: device,
                        addresses: interface.addresses.isEmpty ? domain.leasedAddresses : interface.addresses)
                }
            }
        }
    }

    /// Listens for `duration`, or until the interrupt comes; what was heard by then is the result.
    package static func listen(
        to domains: [ObservedDomain], for duration: Duration, interrupt: InterruptSignal,
        progress: (Double, Int) -> Void
    ) throws -> Result {
        var posts = try domains.map { domain in
            Post(
                domain: domain,
                capture: try Capture.live(interface: domain.interface, CaptureSetting(.everything)))
        }
        let poller = try Poller()
        for (index, post) in posts.enumerated() { try poller.add(post.capture.descriptor, token: UInt64(index)) }
        try poller.add(interrupt.descriptor.raw, token: UInt64(posts.count))
        let clock = SteadyClock()
        let began = clock.now
        var now = began
        var told = began
        while now - began < duration.nanoseconds, !interrupt.hasCome {
            _ = try poller.wait(nanoseconds: min(100_000_000, duration.nanoseconds - (now - began)))
            for post in posts { try post.read() }
            now = clock.now
            if now - told > 500_000_000 {
                told = now
                progress(Double(now - began) / 1e9, posts.reduce(0) { $0 + $1.exchanges })
            }
        }
        var result = Result()
        result.listened = .nanoseconds(now - began)
        for post in posts {
            post.end()
            result.unseen = result.unseen + post.unseen
        }
        result.flows = ObservedFlow.merge(posts.map { ($0.domain, $0.survey) })
        posts = []
        return result
    }

    /// One interface and what is heard there.
    private final class Post {
        let domain: ObservedDomain
        let capture: Capture
        private(set) var survey = TrafficSurvey()
        private(set) var exchanges = 0
        private var dissector = Dissector(.everything, keepsPayload: false)

        init(domain: ObservedDomain, capture: Capture) {
            self.domain = domain
            self.capture = capture
        }

        var unseen: Unseen { Unseen(dropped: capture.statistics().lost) + dissector.unseen }

        func read() throws {
            var events: [WireEvent] = []
            _ = try capture.process { packet, time in
                dissector.accept(packet, link: capture.link, at: time) { events.append($0) }
            }
            take(events)
        }

        /// What is still open is told too, with what was not seen of it.
        func end() {
            var events: [WireEvent] = []
            dissector.finish(at: .distantFuture) { events.append($0) }
            // An exchange under way when we stop listening is not lost on the wire.
            take(events.filter { if case .lost(_, _, .cutOff, _) = $0 { false } else { true } })
        }

        private func take(_ events: [WireEvent]) {
            for event in events {
                if case .exchange = event { exchanges += 1 }
                survey.take(event)
            }
        }
    }
}
