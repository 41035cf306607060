import Exploration
import Glibc
import Model

/// One simulated service: its tiers in a chain, each a station of processors that its requests share. Pure.
///
/// A tier's response time is that of an M/M/m station by Sakasegawa's approximation (1977: waiting = s ρ^(√(2(m+1))−1) / (m (1−ρ)),
/// exact for m = 1), with as many servers as its quota has processors, slowed down where that is less than one. What comes
/// above the capacity queues up and has to be worked off.
struct SimulatedService {
    struct Station {
        let work: Double
        var node: Int
        var quota: Double
        /// Of the quota, what the node really gives.
        var share = 1.0
        var backlog = 0.0
        /// Seconds, and requests answered, in the last second.
        var response = 0.0
        var answered = 0.0

        /// Above this the formula says nothing any more, and the backlog tells.
        private static let full = 0.99

        static func response(work: Double, processors: Double, rate: Double) -> Double {
            let servers = max(1, processors)
            let service = work / min(1, processors)
            let use = min(full, rate * work / processors)
            let waiting = service * pow(use, (2 * (servers + 1)).squareRoot() - 1) / (servers * (1 - use))
            return service + waiting
        }

        /// One second with so many requests. Returns those that go on to the next tier.
        mutating func step(_ rate: Double) -> Double {
            let processors = quota * share
            guard processors > 0 else {
                backlog += rate
                (response, answered) = (backlog > 0 ? Self.longest : 0, 0)
                return 0
            }
            let capacity = processors / work
            answered = min(backlog + rate, capacity)
            backlog = max(0, backlog + rate - capacity)
            // Users that have waited for that long do not come again.
            backlog = min(backlog, capacity * Self.longest)
            response = Self.response(work: work, processors: processors, rate: rate) + backlog / capacity
            return answered
        }

        static let longest = 30.0

        /// Processors it could use.
        func demand(_ rate: Double) -> Double { min(quota, (rate + backlog) * work) }
    }

    let file: SimulationFile.Service
    var stations: [Station]
    /// The last of the SLA's window: requests, and the sum of their response times.
    private var window: [(count: Double, sum: Double)] = []
    /// Since the last check, by tier.
    private var since: [(requests: Double, busy: Double)]
    var random: SplitMix64

    init(_ file: SimulationFile.Service, nodes: [Int], seed: UInt64) {
        self.file = file
        stations = zip(file.tiers, nodes).map { Station(work: $0.work ?? 0, node: $1, quota: $0.cpu) }
        since = Array(repeating: (0, 0), count: stations.count)
        random = SplitMix64(seed: seed)
    }

    func rate(at time: Duration) -> Double {
        guard let index = file.load.lastIndex(where: { $0.at <= time }) else { return 0 }
        let change = file.load[index]
        let before = index > 0 ? file.load[index - 1].rate : change.rate
        guard change.over > .zero else { return change.rate }
        return before + (change.rate - before) * min(1, (time - change.at).seconds / change.over.seconds)
    }

    mutating func step(_ rate: Double, noise: Double) {
        var flow = rate
        for index in stations.indices { flow = stations[index].step(flow) }
        // Tiers wait for those behind them.
        var behind = 0.0
        let factor = exp(noise * random.normal())
        for index in stations.indices.reversed() {
            behind += stations[index].response * factor
            // What waits in a tier behind has no reply yet.
            since[index].requests += flow
            since[index].busy += behind * flow
        }
        window.append((flow, behind * flow))
        let seconds = max(1, Int(file.sla.over.seconds))
        if window.count > seconds { window.removeFirst(window.count - seconds) }
    }

    /// The SLA's figure; response times of such a station are exponential.
    var reading: SLAReading {
        let (count, sum) = window.reduce((0, 0)) { ($0.0 + $1.count, $0.1 + $1.sum) }
        let seen = Duration.seconds(window.count)
        guard count >= 1 else {
            // A tier that hangs answers nothing: what waits has waited longer than any limit.
            let hangs = stations.contains { $0.backlog > 0 }
            return SLAReading(
                state: hangs ? .violated : .tooFew, value: hangs ? Station.longest : nil, requests: 0, seen: seen)
        }
        let value = sum / count * Self.factor(file.sla.statistic)
        var state = SLAState.tooFew
        if UInt64(count) >= file.sla.statistic.leastCount { state = file.sla.isMet(by: value) ? .meets : .violated }
        return SLAReading(state: state, value: value, requests: UInt64(count), seen: seen)
    }

    /// Requests, and the sum of their response times.
    var lastSecond: (count: Double, sum: Double)? { window.last }

    /// Of an exponential distribution, over its mean.
    static func factor(_ statistic: ResponseStatistic) -> Double {
        switch statistic {
        case .mean: 1
        case .p50: log(2)
        case .p95: log(20)
        case .p99: log(100)
        }
    }

    /// What was used since this was asked last.
    mutating func use() -> [TierUse] {
        defer { since = Array(repeating: (0, 0), count: since.count) }
        return file.tiers.indices.map { index in
            let calls = file.tiers.indices.contains(index + 1) ? [file.tiers[index + 1].name] : []
            return TierUse(
                file.tiers[index].name, calls: calls, requests: since[index].requests, busy: since[index].busy)
        }
    }

    /// Of a tier with another quota at the rate of the moment, the tiers behind it as they are.
    func response(of tier: Int, quota: Double, rate: Double) -> Double {
        stations[tier...].indices.reduce(0) { sum, index in
            let station = stations[index]
            return sum
                + (index == tier
                    ? Station.response(work: station.work, processors: quota, rate: rate) : station.response)
        }
    }
}
