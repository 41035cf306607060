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
        let captures = try domains.map { try Capture.live(interface: $0.interface, CaptureSetting(.everything)) }
        let posts = domains.map { Post(domain: $0) }
        var loop = try CaptureLoop(captures, SteadyClock(), end: interrupt.descriptor.raw)
        let began = loop.now
        var (now, told) = (began, began)
        while now - began < duration {
            guard try loop.turn({ place, packet, link, time in posts[place].take(packet, link, at: time) }) else {
                break
            }
            now = loop.now
            if now - told > .milliseconds(500) {
                told = now
                progress((now - began).seconds, posts.reduce(0) { $0 + $1.exchanges })
            }
        }
        var result = Result()
        result.listened = now - began
        for (post, statistics) in zip(posts, loop.statistics) {
            post.end()
            result.unseen = result.unseen + post.unseen + Unseen(dropped: statistics.lost)
        }
        result.flows = ObservedFlow.merge(posts.map { ($0.domain, $0.survey) })
        return result
    }

    /// One interface and what is heard there.
    private final class Post {
        let domain: ObservedDomain
        private(set) var survey = TrafficSurvey()
        private(set) var exchanges = 0
        private var dissector = Dissector(.everything, keepsPayload: false)

        init(domain: ObservedDomain) { self.domain = domain }

        var unseen: Unseen { dissector.unseen }

        func take(_ packet: Span<UInt8>, _ link: LinkType, at time: Timestamp) {
            var events: [WireEvent] = []
            dissector.accept(packet, link: link, at: time) { events.append($0) }
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
