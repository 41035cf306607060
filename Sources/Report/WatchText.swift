import Foundation
package import Model

/// Watched tiers for people: a table to redraw, or a line per tier.
package enum WatchText {
    package static func table(_ rows: [TierInterval]) -> String {
        var table = TextTable(
            [
                "tier", "rate", "requests", "errors", "lost", "dropped", "gaps", "waiting", "mean", "p50", "p95", "p99",
                "p99.9", "SLA",
            ], [.left] + Array(repeating: .right, count: 12) + [.left])
        for row in rows {
            let show = { (quantile: Double) in time(row.histogram.percentile(quantile)) }
            table.add([
                row.tier, Format.significant(row.rate) + "/s", "\(row.requests)", "\(row.errors)", "\(row.lost)",
                "\(row.unseen.dropped)", "\(row.unseen.gaps)", "\(row.waiting)", time(row.histogram.mean), show(0.50),
                show(0.95), show(0.99),
                show(0.999), row.sla.map(\.state.rawValue) ?? "",
            ])
        }
        return table.text
    }

    /// What to do about connections that cannot be read; nil when there are none.
    package static func advice(_ rows: [TierInterval]) -> String? {
        let tiers = rows.filter { $0.encrypted > 0 }
        guard !tiers.isEmpty else { return nil }
        let counts = tiers.map { "\($0.encrypted) connections to \($0.tier)" }.joined(separator: ", ")
        return "encrypted: \(counts); what they say is read behind what ends the encryption: watch there"
    }

    /// `SLA p95 < 40.0 ms: meets, 31.2 ms over 60 s (1203 requests)`
    package static func sla(_ rows: [TierInterval], _ sla: SLA) -> String? {
        guard let row = rows.first(where: { $0.sla != nil }), let reading = row.sla else { return nil }
        return "SLA \(sla) at \(row.tier): \(reading.state.rawValue), \(time(reading.value)) over "
            + "\(Format.duration(whole(reading.seen))) (\(reading.requests) requests)"
    }

    package static func line(_ row: TierInterval) -> String {
        let show = { (quantile: Double) in time(row.histogram.percentile(quantile)) }
        let moment = Date(timeIntervalSince1970: (Double(row.start.nanoseconds) / 1e9).rounded())
        return "\(moment.formatted(.iso8601)) \(row.tier) \(Format.significant(row.rate))/s, \(row.errors) errors, "
            + "\(row.lost) lost, \(row.unseen.dropped) dropped, \(row.unseen.gaps) gaps, \(row.waiting) waiting; mean \(time(row.histogram.mean)), "
            + "p50 \(show(0.50)), p95 \(show(0.95)), p99 \(show(0.99)), p99.9 \(show(0.999))"
            + (row.sla.map { "; SLA \($0.state.rawValue)" } ?? "")
    }

    private static func time(_ seconds: Double?) -> String { seconds.map(Format.milliseconds) ?? "–" }

    /// A second, where there is one: intervals are never exact.
    private static func whole(_ duration: Duration) -> Duration {
        duration < .seconds(1) ? duration : .seconds(Int64(duration.seconds.rounded()))
    }
}

/// A watched tier for other programs: one JSON object a line. Times in seconds, `start` since 1970 (UTC); every key is
/// always there, and a figure that there is not is null.
package struct WatchRecord: Encodable {
    private enum CodingKeys: String, CodingKey {
        case tier, start, seconds, requests, rate, errors, lost, dropped, gaps, missingBytes, encrypted, waiting, mean,
            p50, p95,
            p99, p999, maximum
        case sla, slaValue, slaSeconds
    }

    private let row: TierInterval

    package init(_ row: TierInterval) { self.row = row }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(row.tier, forKey: .tier)
        try container.encode(Double(row.start.nanoseconds / 1_000_000) / 1e3, forKey: .start)
        try container.encode(row.length.seconds, forKey: .seconds)
        try container.encode(row.requests, forKey: .requests)
        try container.encode(row.rate, forKey: .rate)
        try container.encode(row.errors, forKey: .errors)
        try container.encode(row.lost, forKey: .lost)
        try container.encode(row.unseen.dropped, forKey: .dropped)
        try container.encode(row.unseen.gaps, forKey: .gaps)
        try container.encode(row.unseen.missingBytes, forKey: .missingBytes)
        try container.encode(row.encrypted, forKey: .encrypted)
        try container.encode(row.waiting, forKey: .waiting)
        // `encode` and not `encodeIfPresent`: an optional that is nil is written as null.
        try container.encode(row.histogram.mean, forKey: .mean)
        try container.encode(row.histogram.percentile(0.5), forKey: .p50)
        try container.encode(row.histogram.percentile(0.95), forKey: .p95)
        try container.encode(row.histogram.percentile(0.99), forKey: .p99)
        try container.encode(row.histogram.percentile(0.999), forKey: .p999)
        try container.encode(row.histogram.maximum, forKey: .maximum)
        try container.encode(row.sla?.state, forKey: .sla)
        try container.encode(row.sla?.value, forKey: .slaValue)
        try container.encode(row.sla?.seen.seconds, forKey: .slaSeconds)
    }

    /// Without a line break inside.
    package func line() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
