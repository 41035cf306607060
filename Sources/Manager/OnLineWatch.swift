import Experimenter
import Hypervisor
package import Model
package import OperatingSystem
import Wire

/// Watches a tier's response times on the wire for a while: how a change is verified by its effect.
package enum OnLineWatch {
    /// Nil when too few requests came to say anything.
    package static func observe(
        _ file: ServiceFile, for duration: Duration, interrupt: InterruptSignal
    ) throws -> ResponseTimes? {
        guard let tier = file.tier(file.campaign.tier),
            let post = try ListeningPost.all(of: tier, try Node(connect: file.connect)).first
        else { throw ActuatorError.noDomain(file.campaign.tier) }
        let tap = OnLineTap()
        let clock = SteadyClock()
        try tap.start(interface: post.interface, clock: clock, servers: post.servers, nextTiers: [])
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
