import Exploration
import Glibc
import Model

/// A campaign in simulated time: the real driver and the real decision, on measurements that are drawn from the model. Each takes
/// its window and what a clone takes beside it; the control comes first.
struct SimulatedCampaign {
    let tier: Int
    private let driver: Driver
    private let length: Duration
    private let overhead: Duration
    private let deadline: Timestamp
    private(set) var record: CampaignRecord
    /// Without the control.
    private(set) var experiments = 0
    private var current: (allocation: Allocation, ends: Timestamp, rates: Double, seconds: Double)?
    private var random: SplitMix64

    init(
        _ id: String, _ service: SimulationFile.Service, _ tier: ManagedTier, limit: Double, onLine: Double,
        _ file: SimulationFile, at time: Timestamp, seed: UInt64
    ) throws {
        self.tier = service.tiers.firstIndex { $0.name == tier.name } ?? 0
        (length, overhead) = (file.experiment, file.overhead)
        deadline = time + (length + overhead) * 12
        let sla = SLA(service.sla.statistic, below: .nanoseconds(Int64(limit * 1e9)), over: service.sla.over)
        record = CampaignRecord(
            id: id, service: service.name, tier: tier.name, domain: "\(service.name)-\(tier.name)",
            connect: "simulated",
            node: nil, started: time, sla: sla, goal: .cheapest, search: SearchSpecification(),
            onLine: Allocation([.cpu: onLine]), matrix: ResultMatrix(axes: tier.axes))
        driver = try Driver(record.matrix, goal: .cheapest, sla: sla)
        random = SplitMix64(seed: seed)
        begin(record.onLine, at: time)
    }

    private mutating func begin(_ allocation: Allocation, at time: Timestamp) {
        current = (allocation, time + length + overhead, 0, 0)
    }

    /// After a restart, what was under way begins again.
    mutating func beginAgain(at time: Timestamp) { if let current { begin(current.allocation, at: time) } }

    /// One second. True when it has come to its end.
    mutating func step(_ service: SimulatedService, rate: Double, at time: Timestamp) throws -> Bool {
        guard var running = current else { return true }
        running.rates += rate
        running.seconds += 1
        current = running
        if time < running.ends { return false }
        let mean = running.rates / running.seconds
        guard let measurement = measurement(running.allocation, service, rate: mean, at: time) else {
            // Nobody asked.
            record.state = .failed
            return true
        }
        if record.control == nil {
            record.control = ControlResult(
                allocation: running.allocation, measurement: measurement, limits: ControlLimits())
        } else {
            experiments += 1
        }
        if record.matrix[running.allocation] != nil {
            record.matrix[running.allocation] = Cell(running.allocation, .measured(measurement))
        }
        switch try driver.next(record.matrix, timeLeft: deadline - time, duration: length + overhead) {
        case .measure(let allocation, _, _):
            begin(allocation, at: time)
            return false
        case .wait: return false
        case .finish(let conclusion):
            record.conclusion = conclusion
            record.matrix = try driver.filled(record.matrix)
            record.state = .done
            record.finished = time
            record.answer = Decision.answer(record)
            return true
        }
    }

    /// Requests whose response times make up one measurement at most.
    private static let sample = 2000

    private mutating func measurement(
        _ allocation: Allocation, _ service: SimulatedService, rate: Double, at time: Timestamp
    ) -> Measurement? {
        let quota = allocation[.cpu]?.number ?? 0
        let clone = times(service.response(of: tier, quota: quota, rate: rate), rate, before: time)
        let stations = service.stations[tier...]
        let onLine = times(stations.reduce(0) { $0 + $1.response }, rate, before: time)
        guard let clone, var onLine else { return nil }
        // The control sees the same requests as the on-line tier at the same moment: only its deviation is of interest, and that
        // is none here.
        if record.control == nil { onLine = clone }
        return Measurement(
            started: time, window: length.seconds, clone: clone, onLine: onLine, requests: RequestAccount(),
            answers: AnswerAccount(), cpuUsed: min(quota, rate * service.stations[tier].work),
            onLineCPUUsed: min(service.stations[tier].quota, rate * service.stations[tier].work), energy: nil)
    }

    private mutating func times(_ mean: Double, _ rate: Double, before time: Timestamp) -> ResponseTimes? {
        let count = min(Self.sample, Int(rate * length.seconds))
        guard count > 0 else { return nil }
        let samples = (0..<count).map { index in
            ResponseSample(
                due: time - length + length * (Double(index) / Double(count)),
                response: .nanoseconds(Int64(min(-mean * log(1 - random.unit()), 1e6) * 1e9)))
        }
        return ResponseTimes(samples, answered: Int(rate * length.seconds), window: length)
    }
}
