package import Hypervisor
package import Model

/// CPU used by a domain between two readings, from libvirt's counter (the cgroup's, for a container).
package struct CPUMeter {
    private let domain: Domain
    private let start: Double
    private let startTime: Timestamp
    /// What was read in between.
    private var looks: [(time: Timestamp, cpu: Double)] = []

    package init(_ domain: Domain, at time: Timestamp) throws(HypervisorError) {
        self.domain = domain
        start = try domain.cpuSeconds()
        startTime = time
    }

    /// What lies nearer together says more of the moments of reading than of the work.
    private static let nearest = Duration.milliseconds(500)

    /// Reads in between; what cannot be read just then is left out.
    package mutating func look(at time: Timestamp) {
        guard time - (looks.last?.time ?? startTime) >= Self.nearest else { return }
        if let cpu = try? domain.cpuSeconds() { looks.append((time, cpu)) }
    }

    /// Half of the 95 % interval of the cores that were busy on average, by ten sections between the looks; nil without enough.
    package var half: Double? {
        let all = [(time: startTime, cpu: start)] + looks
        let sections = RunStatistics.sections
        guard looks.count >= sections else { return nil }
        let cores = (0..<sections).compactMap { section -> Double? in
            let from = all[looks.count * section / sections]
            let to = all[looks.count * (section + 1) / sections]
            let seconds = (to.time - from.time).seconds
            return seconds > 0 ? (to.cpu - from.cpu) / seconds : nil
        }
        return cores.count == sections ? RunStatistics.half(of: cores) : nil
    }

    /// Cores busy on average since the start.
    package func cores(at time: Timestamp) throws(HypervisorError) -> Double {
        let elapsed = (time - startTime).seconds
        return elapsed > 0 ? (try domain.cpuSeconds() - start) / elapsed : 0
    }
}

extension EnergyModel {
    /// The energy of a request by a linear model of dynamic power: P = busy cores × watts of a core (X. Fan, W.-D. Weber,
    /// L. A. Barroso, ISCA 2007, section 4). Idle power is not attributed to a domain.
    package func estimate(cpuUsed: Double, throughput: Double) -> EnergyEstimate? {
        guard throughput > 0, let core else { return nil }
        return EnergyEstimate(
            joulesPerRequest: cpuUsed * core / throughput,
            model: "linear: \(Format.significant(core)) W for each busy core, idle power not counted")
    }
}
