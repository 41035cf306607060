import Model

/// The response times of the last `over` of an SLA. Pure.
///
/// It moves in steps of a sixtieth of `over`, or of an interval where that is longer: what is kept does not grow with
/// the window. It is never shorter than `over` once that much was seen, and longer by one step at most.
struct SLAWindow: Sendable {
    private struct Slice: Sendable {
        let start: Timestamp
        var end: Timestamp
        var histogram: LatencyHistogram
    }

    private let sla: SLA
    private var slices: [Slice] = []

    init(_ sla: SLA) { self.sla = sla }

    mutating func add(_ histogram: LatencyHistogram, _ start: Timestamp, _ end: Timestamp) {
        if let last = slices.last, end - last.start <= sla.over / 60 {
            slices[slices.count - 1].histogram.merge(histogram)
            slices[slices.count - 1].end = end
        } else {
            slices.append(Slice(start: start, end: end, histogram: histogram))
        }
        while slices.count > 1, end - slices[1].start >= sla.over { slices.removeFirst() }
    }

    /// `waits` are those of requests without a reply until now. One that has waited longer than the limit counts with
    /// its wait: its response time will be longer still, and a tier that hangs would otherwise look like one that is not
    /// used. Shorter waits say nothing yet.
    func reading(waits: [Duration]) -> SLAReading {
        var all = LatencyHistogram()
        for slice in slices { all.merge(slice.histogram) }
        for wait in waits where wait > sla.limit { all.record(wait) }
        let value = all[sla.statistic]
        var state = SLAState.tooFew
        if let value, all.count >= sla.statistic.leastCount { state = sla.isMet(by: value) ? .meets : .violated }
        let seen = slices.first.flatMap { first in slices.last.map { $0.end - first.start } } ?? .zero
        return SLAReading(state: state, value: value, requests: all.count, seen: seen)
    }
}
