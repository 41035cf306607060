import Model

/// A cell in a line of CSV, behind its allocation: what it shows, and what that rests on.
enum CellFields {
    static let heading =
        ["state"] + Metric.allCases.flatMap { [$0.rawValue, "\($0.rawValue)-lower", "\($0.rawValue)-upper"] }
        + [
            "started", "window", "sent", "predicted-metric", "predicted", "predicted-lower", "predicted-upper",
            "energy-model", "reasons",
        ]

    /// Times in seconds, the beginning since 1970; what was predicted is what was interpolated before it was measured.
    static func of(_ cell: Cell) -> [String] {
        var fields = [cell.state]
        for metric in Metric.allCases { fields += numbers(cell.estimate(metric)) }
        let measurement = cell.measurement
        fields += [
            measurement.map { "\(Double($0.started.nanoseconds) / 1e9)" } ?? "",
            measurement.map { "\($0.window)" } ?? "", measurement.map { "\($0.requests.sent)" } ?? "",
        ]
        fields += [cell.check?.metric.rawValue ?? ""] + numbers(cell.check?.predicted)
        return fields + [measurement?.energy?.model ?? "", reasons(cell)]
    }

    private static func numbers(_ estimate: Estimate?) -> [String] {
        estimate.map { ["\($0.value)", "\($0.lower)", "\($0.upper)"] } ?? ["", "", ""]
    }

    /// Why it is invalid, in one field.
    private static func reasons(_ cell: Cell) -> String {
        if case .invalid(_, let reasons) = cell.content { reasons.joined(separator: "; ") } else { "" }
    }
}
