package import Model
package import Wire

/// From what the wire says to figures per tier and interval. Pure: events and times in, rows out.
///
/// A source is one domain's interface; every tier is counted at its own domains only, so that a request that passes
/// two interfaces counts once. An exchange belongs to the interval in which its reply was heard.
package struct TierWatch: Sendable {
    private struct Heard: Sendable {
        var interval: TierInterval
        var total: TierInterval

        mutating func close(at time: Timestamp, waiting: Int) {
            interval.length = time - interval.start
            interval.waiting = waiting
            total.length = time - total.start
            total.waiting = waiting
            total.histogram.merge(interval.histogram)
            total.errors += interval.errors
            total.lost += interval.lost
            total.encrypted += interval.encrypted
            total.unseen = total.unseen + interval.unseen
        }
    }

    private struct Source: Sendable {
        let tier: Int
        /// When the requests without a reply were complete, by connection.
        var waiting: [ConnectionID: [Timestamp]] = [:]
        var unseen = Unseen()

        mutating func answered(_ id: ConnectionID) {
            // A reply may come before the end of its request.
            if waiting[id]?.isEmpty == false { waiting[id]?.removeFirst() }
        }
    }

    private var tiers: [Heard]
    private var sources: [Source]
    private var window: SLAWindow
    private let entry: Int?

    /// `sources` says for each source which of `tiers` it is of; `entry` is the tier that the SLA is about.
    package init(tiers: [String], sources: [Int], entry: String?, sla: SLA, start: Timestamp) {
        self.tiers = tiers.map {
            Heard(interval: TierInterval(tier: $0, start: start), total: TierInterval(tier: $0, start: start))
        }
        self.sources = sources.map { Source(tier: $0) }
        self.entry = tiers.firstIndex { $0 == entry }
        window = SLAWindow(sla)
    }

    package mutating func take(_ event: WireEvent, from source: Int) {
        let tier = sources[source].tier
        switch event {
        case .opened, .recognised: break
        case .request(let id, let request): sources[source].waiting[id, default: []].append(request.passage.lastByte)
        case .exchange(let id, let exchange):
            sources[source].answered(id)
            tiers[tier].interval.histogram.record(exchange.responseTime)
            if exchange.reply.isError { tiers[tier].interval.errors += 1 }
        case .lost(_, _, .encrypted, _): tiers[tier].interval.encrypted += 1
        case .lost(let id, let count, _, _):
            sources[source].waiting[id] = nil
            tiers[tier].interval.lost += count
        case .closed(let id, _, _): sources[source].waiting[id] = nil
        }
    }

    /// What has not been seen at a source since the start.
    package mutating func unseen(_ total: Unseen, at source: Int) {
        let tier = sources[source].tier
        tiers[tier].interval.unseen = tiers[tier].interval.unseen + (total - sources[source].unseen)
        sources[source].unseen = total
    }

    /// Ends the interval, and begins the next: a row for every tier, in the order of the service file.
    package mutating func close(at time: Timestamp) -> [TierInterval] {
        for index in tiers.indices {
            let waits = sources.filter { $0.tier == index }.flatMap { $0.waiting.values.joined() }.map { time - $0 }
            tiers[index].close(at: time, waiting: waits.count)
            guard index == entry else { continue }
            window.add(tiers[index].interval.histogram, tiers[index].interval.start, time)
            tiers[index].interval.sla = window.reading(waits: waits)
            tiers[index].total.sla = tiers[index].interval.sla
        }
        let rows = tiers.map(\.interval)
        for index in tiers.indices {
            tiers[index].interval = TierInterval(tier: tiers[index].interval.tier, start: time)
        }
        return rows
    }

    /// All closed intervals as one; the SLA is that of the last.
    package var totals: [TierInterval] { tiers.map(\.total) }
}
