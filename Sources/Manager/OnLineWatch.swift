import Experimenter
import Hypervisor
package import Model
package import OperatingSystem

/// Watches a tier's response times on the wire for a while: how a change is verified by its effect.
package enum OnLineWatch {
    /// Nil when too few requests came to say anything.
    package static func observe(
        _ file: ServiceFile, for duration: Duration, interrupt: InterruptSignal
    ) throws -> ResponseTimes? {
        let node = try Node(connect: file.connect)
        guard let tier = file.tier(file.campaign.tier), let name = tier.domains.first,
            let domain = try node.domain(name)
        else { throw ActuatorError.noDomain(file.campaign.tier) }
        guard let interface = try domain.description().interfaces.first, let device = interface.device,
            let address = interface.addresses.first(where: { $0.v4 != nil })
        else { throw CampaignError.notRunning(name) }
        let tap = OnLineTap()
        let clock = SteadyClock()
        try tap.start(interface: device, clock: clock, server: Endpoint(address, tier.serves.port), nextTiers: [])
        defer { try? tap.stop() }
        let start = Timestamp(nanoseconds: clock.now)
        if interrupt.wait(seconds: duration.seconds) == .interrupted { throw Interrupted() }
        let end = Timestamp(nanoseconds: clock.now)
        // The last requests' replies come a little later.
        if interrupt.wait(seconds: 1) == .interrupted { throw Interrupted() }
        try tap.throwFailure()
        return tap.responseTimes(start..<end)
    }
}
