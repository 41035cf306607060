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
    package var throughput: Double
    package var responseTimes: Times
    /// Of the recorded exchanges that were replayed.
    package var recorded: Times
    /// How much later than due requests left.
    package var delays: Times

    package init(
        start: Timestamp, seconds: Double, protocolName: ApplicationProtocol, target: String, requests: RequestAccount,
        cutOff: Int, malformed: Int, unsolicited: Int, responseTimes: LatencyHistogram, recorded: LatencyHistogram,
        delays: LatencyHistogram
    ) {
        self.start = Double(start.nanoseconds) / 1e9
        self.seconds = seconds
        self.protocolName = protocolName
        self.target = target
        self.requests = requests
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
        tell(account.moved, "moved to a further connection, as the reply before them was still out")
        tell(account.waited, "waited for the reply before them")
        tell(account.late, "left more than 20 ms late")
        tell(unsolicited, "unasked answers")
        lines.append(odd.isEmpty ? "all answered as recorded" : odd.joined(separator: "\n"))
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
