package import Model

/// What a replay came to, for people and for programs.
package struct ReplayReport: Sendable, Encodable {
    package struct Times: Sendable, Encodable {
        package var mean, p50, p95, p99, p999, maximum: Double?

        package init(_ histogram: LatencyHistogram) {
            (mean, p50, p95) = (histogram[.mean], histogram[.p50], histogram[.p95])
            (p99, p999, maximum) = (histogram[.p99], histogram.percentile(0.999), histogram.maximum)
        }
    }

    /// When the first request was due, in seconds since 1970.
    package var start: Double
    package var seconds: Double
    package var protocolName: ApplicationProtocol
    package var target: String
    package var requests: RequestAccount
    /// Of those that failed: connections that ended before the reply, and replies that are not of the protocol.
    package var cutOff: Int
    package var malformed: Int
    /// Times that the target spoke where nothing was asked.
    package var unsolicited: Int
    package var comparison: ComparisonAccount
    package var throughput: Double
    package var responseTimes: Times
    /// Of the recorded exchanges that were replayed.
    package var recorded: Times
    /// How much later than due requests left.
    package var delays: Times

    package init(
        start: Timestamp, seconds: Double, protocolName: ApplicationProtocol, target: String, requests: RequestAccount,
        comparison: ComparisonAccount, cutOff: Int, malformed: Int, unsolicited: Int, responseTimes: LatencyHistogram,
        recorded: LatencyHistogram,
        delays: LatencyHistogram
    ) {
        self.start = Double(start.nanoseconds) / 1e9
        self.seconds = seconds
        self.protocolName = protocolName
        self.target = target
        self.requests = requests
        self.comparison = comparison
        self.cutOff = cutOff
        self.malformed = malformed
        self.unsolicited = unsolicited
        throughput = seconds > 0 ? Double(requests.answered) / seconds : 0
        self.responseTimes = Times(responseTimes)
        self.recorded = Times(recorded)
        self.delays = Times(delays)
    }

    /// Of the requests that were due, those that failed or were answered with another status than recorded.
    package var differingShare: Double {
        let due = requests.captured
        return due == 0
            ? 0
            : Double(requests.mismatched + cutOff + malformed + requests.dropped + requests.unanswered) / Double(due)
    }
}

extension ReplayReport {
    package func text() -> String {
        let account = requests
        var lines = [
            "\(account.captured) requests due in \(Format.significant(seconds)) s, \(account.sent) sent to \(target), "
                + "\(account.answered) answered (\(Format.significant(throughput))/s)"
        ]
        var odd: [String] = []
        let tell = { (count: Int, what: String) in if count > 0 { odd.append("\(count) \(what)") } }
        tell(account.mismatched, "answered with another status than recorded")
        tell(cutOff, "cut off")
        tell(malformed, "answered with what is not \(protocolName.rawValue)")
        tell(account.unanswered, "without a reply")
        tell(account.dropped, "dropped as the target did not take them")
        tell(account.lost, "lost when they were recorded")
        tell(account.unseen.dropped, "packets that the kernel dropped before they were seen")
        tell(account.unseen.gaps, "gaps in what was seen of the connections (\(account.unseen.missingBytes) bytes)")
        tell(account.moved, "moved to a further connection, as the reply before them was still out")
        tell(account.waited, "waited for the reply before them")
        tell(account.late, "left more than 20 ms late")
        tell(unsolicited, "unasked answers")
        tell(comparison.unknownStatements, "commands for statements that were prepared before the recording")
        lines.append(odd.isEmpty ? "all answered as recorded" : odd.joined(separator: "\n"))
        if let compared = comparison.text { lines.append(compared) }
        var table = TextTable(
            ["", "mean", "p50", "p95", "p99", "p99.9", "longest"], [.left] + Array(repeating: .right, count: 6))
        for (name, times) in [("response time", responseTimes), ("as recorded", recorded), ("left late by", delays)] {
            let figures = [times.mean, times.p50, times.p95, times.p99, times.p999, times.maximum]
            table.add([name] + figures.map { $0.map(Self.milliseconds) ?? "-" })
        }
        return lines.joined(separator: "\n") + "\n" + table.text
    }

    /// Down to a microsecond: how punctually requests leave is seen there.
    private static func milliseconds(_ seconds: Double) -> String {
        seconds < 0.001 ? "\(Format.significant(seconds * 1e6)) µs" : Format.milliseconds(seconds)
    }
}

extension ComparisonAccount {
    /// Nil when nothing was compared.
    package var text: String? {
        guard compared > 0 else { return nil }
        var line = "\(compared) replies compared: \(same) the same"
        if sameButForNoise > 0 { line += ", \(sameButForNoise) but for what always differs" }
        if differing > 0 {
            let most = kinds.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(5)
            line += ", \(differing) differ (" + most.map { "\($0.key): \($0.value)" }.joined(separator: ", ") + ")"
        }
        if uncompared > 0 { line += "; \(uncompared) without a recorded reply" }
        return substitutions > 0 ? line + "; \(substitutions) values of requests replaced by the target's own" : line
    }
}
