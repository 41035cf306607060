/// What a cell holds of. The raw value is the name in commands and files.
package enum Metric: String, Hashable, Codable, CaseIterable, Sendable, CodingKeyRepresentable {
    case throughput, mean, p50, p95, p99
    case cpuUsed = "cpu-used"
    case energy
    /// The share of requests that fail where on-line they do not: a status of 500 or above, or cut off.
    case errors
    /// The share of replies that say something else than on-line, but for what differs between any two replies.
    case differing

    package init(_ statistic: ResponseStatistic) {
        self =
            switch statistic {
            case .mean: .mean
            case .p50: .p50
            case .p95: .p95
            case .p99: .p99
            }
    }

    package func format(_ value: Double) -> String {
        switch self {
        case .throughput: Format.significant(value) + "/s"
        case .mean, .p50, .p95, .p99: Format.milliseconds(value)
        case .cpuUsed, .errors, .differing: Format.percent(value)
        case .energy: Format.significant(value * 1e3) + " mJ"
        }
    }

    /// A limit with its unit, in as many digits as it takes: what is shown is read as the same limit again.
    func formatLimit(_ value: Double) -> String {
        switch self {
        case .throughput: Format.exact(value) + "/s"
        case .mean, .p50, .p95, .p99: Format.exact(value * 1e3) + " ms"
        case .cpuUsed, .errors, .differing: Format.exact(value * 100, least: 0) + "%"
        case .energy: Format.exact(value * 1e3) + " mJ"
        }
    }

    /// Reads a limit for this metric: `50 ms`, `40/s`, `35%`, `80 mJ`.
    package func parse(_ text: String) throws(UnitError) -> Double {
        switch self {
        case .mean, .p50, .p95, .p99: return try Units.duration(text).seconds
        case .cpuUsed, .errors, .differing: return try Units.fraction(text)
        case .throughput:
            guard let (number, unit) = Units.split(text), unit == "/s" else {
                throw UnitError(found: text, expected: "a rate such as '40/s'")
            }
            return number
        case .energy:
            guard let (number, unit) = Units.split(text), let scale = ["mJ": 1e-3, "J": 1][unit] else {
                throw UnitError(found: text, expected: "an energy per request such as '80 mJ'")
            }
            return number * scale
        }
    }
}

extension Metric {
    /// Its place among `allCases`.
    package var place: Int {
        switch self {
        case .throughput: 0
        case .mean: 1
        case .p50: 2
        case .p95: 3
        case .p99: 4
        case .cpuUsed: 5
        case .energy: 6
        case .errors: 7
        case .differing: 8
        }
    }

    /// Whether it is a part of a whole: from 0, which is usual, to 1.
    /// Of responses: positive, and skewed to the right.
    package var isTime: Bool { [.mean, .p50, .p95, .p99].contains(self) }

    package var isShare: Bool { self == .errors || self == .differing }

    /// By its place: cells are kept by the million, and the raw value would be hashed as a text.
    package func hash(into hasher: inout Hasher) { hasher.combine(place) }
}
