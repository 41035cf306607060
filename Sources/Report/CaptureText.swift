import Model
package import Wire

/// What a capture heard, for people.
package enum CaptureText {
    package static func line(_ count: CaptureCount) -> String {
        var text = "\(count.exchanges) exchanges on \(count.connections) connections; lost: "
        let lost = LossReason.allCases.compactMap { reason in count.lost[reason].map { "\(reason.rawValue) \($0)" } }
        text += lost.isEmpty ? "nothing" : lost.joined(separator: ", ")
        if !count.unseen.isNothing {
            text += "; not seen: \(count.unseen.dropped) packets dropped, \(count.unseen.gaps) gaps of "
            text += "\(count.unseen.missingBytes) bytes"
        }
        if (count.lost[.encrypted] ?? 0) > 0 {
            text += "; what is encrypted is read behind what ends the encryption: capture there"
        }
        return text
    }

    package static func table(_ count: CaptureCount) -> String {
        var table = TextTable(
            ["protocol", "exchanges", "errors", "mean", "p50", "p95", "p99", "p99.9"],
            [.left] + Array(repeating: .right, count: 7))
        for traffic in count.traffic.sorted(by: { $0.protocolName.rawValue < $1.protocolName.rawValue }) {
            let time = { (seconds: Double?) in seconds.map(Format.milliseconds) ?? "–" }
            let times = traffic.responseTimes
            table.add(
                [traffic.protocolName.rawValue, "\(traffic.exchanges)", "\(traffic.errors)", time(times.mean)]
                    + [0.5, 0.95, 0.99, 0.999].map { time(times.percentile($0)) })
        }
        return table.text
    }
}

/// The same for other programs: times in seconds. Fields stay what they are; later versions may add some.
package struct CaptureRecord: Encodable {
    private struct Traffic: Encodable {
        var exchanges, errors: Int
        var mean, p50, p95, p99, p999: Double?
    }

    private let exchanges: Int
    private let connections: Int
    private let lost: [String: Int]
    private let notSeen: Unseen
    private let protocols: [String: Traffic]
    private let trace: String?

    /// `trace`: the file that holds it.
    package init(_ count: CaptureCount, trace: String? = nil) {
        self.trace = trace
        exchanges = count.exchanges
        connections = count.connections
        lost = Dictionary(count.lost.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: +)
        notSeen = count.unseen
        protocols = Dictionary(
            count.traffic.map { traffic in
                let times = traffic.responseTimes
                return (
                    traffic.protocolName.rawValue,
                    Traffic(
                        exchanges: traffic.exchanges, errors: traffic.errors, mean: times.mean,
                        p50: times.percentile(0.5), p95: times.percentile(0.95), p99: times.percentile(0.99),
                        p999: times.percentile(0.999))
                )
            }, uniquingKeysWith: { first, _ in first })
    }
}
