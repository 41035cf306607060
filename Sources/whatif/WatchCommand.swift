import Arguments
import Glibc
import Manager
import Model
import OperatingSystem
import Report
import Store

/// `whatif watch FILE.yaml`
enum WatchCommand: Command {
    static let schema = CommandSchema(
        "watch", "Show what passes on the wire of every tier: rate, errors, response times, SLA.",
        discussion: """
            Listens at the interfaces of the service's domains; changes nothing. Each tier is counted at its own domains, and
            a request belongs to the interval in which its reply was complete. The SLA is that of the tier that no other
            calls, over the SLA's own window: 'meets', 'violated' or 'too few requests'; a request that has waited longer
            than the limit counts before its reply. 'lost' are requests that could not be heard whole, 'dropped' packets that
            the kernel had to drop, 'waiting' requests without a reply yet.
            On a terminal a table is redrawn in place, elsewhere there is a line per tier and interval. A summary of the
            whole time comes last. Needs root. With '--for', exit code 3 when the SLA is violated at the end; Ctrl-C ends it
            with exit code 0.

            '--json' writes one object a line, per tier and interval: tier, start (seconds since 1970), seconds, requests,
            rate, errors, lost, dropped, gaps, missingBytes, encrypted, waiting, mean, p50, p95, p99, p999, maximum (seconds, null without requests), sla,
            slaValue, slaSeconds (what of the window was seen; null but for the SLA's tier). The summary is then on standard
            error. '--log' writes HdrHistogram's log format 1.3, nanoseconds tagged by tier, for the usual tools.
            """,
        operands: [.init("FILE.yaml", "The service file.")],
        options: [
            .value("for", "DURATION", "How long, such as '5 min' (default: until Ctrl-C)."),
            .value("every", "DURATION", "Length of an interval (default 1 s, at least 100 ms)."),
            .flag("json", "One JSON object a line, per tier and interval."),
            .value("log", "FILE.hlog", "Write the histograms of every interval to a file, which is replaced."),
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let file = try Inputs.serviceFile(arguments.operand(0) ?? "")
        let duration = try Inputs.duration(arguments, "for")
        let every = try Inputs.duration(arguments, "every") ?? .seconds(1)
        guard every >= .milliseconds(100) else { throw UsageError("--every: expected 100 ms or more") }
        try Inputs.requireRoot("listening at the domains")
        let state = try StateDirectory.standard()
        let clock = SteadyClock()
        let start = Timestamp(nanoseconds: clock.now)
        // Opened before the node is entered, and a file that cannot be written is known before anything is heard.
        let log = try arguments.value("log").map { try HistogramFile($0, start: start) }
        try Inputs.enter(node: file.node, state)
        let interrupt = try InterruptSignal()
        let watch = try ServiceWatch(file, clock: clock)
        var view = WatchView(file, asJSON: arguments.flag("json"))
        defer { view.end() }

        var next = Timestamp(nanoseconds: clock.now)
        let end = duration.map { next + $0 } ?? .distantFuture
        var isInterrupted = false
        while next < end && !isInterrupted {
            next = min(next + every, end)
            let left = next - Timestamp(nanoseconds: clock.now)
            // A step that is over already, because the machine stood still, is made up for by a longer interval.
            guard left > .zero || next == end else { continue }
            isInterrupted = interrupt.wait(seconds: left.seconds) == .interrupted
            let rows = try watch.closeInterval()
            for row in rows {
                try log?.add(
                    HistogramLogEntry(tag: row.tier, start: row.start, length: row.length, histogram: row.histogram))
            }
            // Nobody reads any more: the same as being told to end.
            if try !view.show(rows) { isInterrupted = true }
        }
        try watch.stop()
        view.summary(watch.totals)
        let isViolated = watch.totals.contains { $0.sla?.state == .violated }
        return isViolated && !isInterrupted ? .no : .done
    }
}

/// Where the rows are shown.
private struct WatchView {
    private let file: ServiceFile
    private let asJSON: Bool
    private var screen: Screen?

    init(_ file: ServiceFile, asJSON: Bool) {
        self.file = file
        self.asJSON = asJSON
        screen = Screen.isThere && !asJSON ? Screen() : nil
    }

    /// False when nobody reads any more.
    mutating func show(_ rows: [TierInterval]) throws -> Bool {
        if var screen {
            defer { self.screen = screen }
            return screen.draw(table(rows, "the last \(Self.length(rows))"))
        }
        return try rows.allSatisfy { row in
            Terminal.print(asJSON ? try WatchRecord(row).line() : WatchText.line(row))
        }
    }

    private func table(_ rows: [TierInterval], _ period: String) -> String {
        let sla = WatchText.sla(rows, file.sla).map { "\n" + $0 } ?? ""
        let advice = WatchText.advice(rows).map { "\n" + $0 } ?? ""
        return "\(file.service), \(period)\n\(WatchText.table(rows))\(sla)\(advice)"
    }

    mutating func summary(_ totals: [TierInterval]) {
        end()
        let text = table(totals, "all of \(Self.length(totals))")
        if asJSON { Terminal.note(text) } else { Terminal.print(text) }
    }

    mutating func end() {
        screen?.end()
        screen = nil
    }

    private static func length(_ rows: [TierInterval]) -> String {
        let length = rows.first?.length ?? .zero
        return Format.duration(.milliseconds(Int64((length.seconds * 10).rounded()) * 100))
    }
}
