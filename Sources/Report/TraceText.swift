import Foundation
package import Model
package import Wire

/// How times are written: ISO 8601 in UTC with nanoseconds.
package enum TimeText {
    package static func iso(_ time: Timestamp) -> String {
        let (day, rest) = time.nanoseconds.floored(by: 86_400_000_000_000)
        let (year, month, date) = civil(day)
        let (seconds, nanoseconds) = rest.floored(by: 1_000_000_000)
        return "\(digits(year, 4))-\(digits(month, 2))-\(digits(date, 2))T\(digits(seconds / 3600, 2)):"
            + "\(digits(seconds / 60 % 60, 2)):\(digits(seconds % 60, 2)).\(digits(nanoseconds, 9))Z"
    }

    private static func digits(_ value: Int64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }

    /// Days since 1970-01-01 to year, month and day (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
        let (era, day) = (days + 719_468).floored(by: 146_097)
        let yearOfEra = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
        let dayOfYear = day - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    /// Reads `2026-03-01T12:00:00.5Z`, with or without fraction and with Z or an offset; or `+30 s`, behind `start`.
    package static func parse(_ text: String, from start: Timestamp) throws(UnitError) -> Timestamp {
        let expected = UnitError(
            found: text, expected: "a time such as '2026-03-01T12:00:00Z' or '+30 s' from the trace's start")
        if text.hasPrefix("+") {
            let rest = String(text.dropFirst()).trimmingSpaces()
            if rest == "0" { return start }
            return start + (try Units.duration(rest))
        }
        // The fraction apart: dates of Foundation do not hold nanoseconds.
        var whole = text
        var fraction: Int64 = 0
        if let dot = text.firstIndex(of: ".") {
            let behind = text[text.index(after: dot)...].prefix { $0.isASCII && $0.isNumber }
            guard !behind.isEmpty, let value = Int64(behind.prefix(9)) else { throw expected }
            fraction = value
            for _ in 0..<max(0, 9 - behind.count) { fraction *= 10 }
            whole = String(text[..<dot] + text[behind.endIndex...])
        }
        guard let date = try? Date(whole, strategy: .iso8601), abs(date.timeIntervalSince1970) < 9e9 else {
            throw expected
        }
        return Timestamp(nanoseconds: Int64(date.timeIntervalSince1970.rounded()) * 1_000_000_000 + fraction)
    }
}

extension Int64 {
    /// The quotient rounded down, and what is left, which is never below zero.
    fileprivate func floored(by divisor: Int64) -> (Int64, Int64) {
        let (quotient, rest) = quotientAndRemainder(dividingBy: divisor)
        return rest < 0 ? (quotient - 1, rest + divisor) : (quotient, rest)
    }
}

/// What `whatif trace info` and the end of a capture say.
package enum TraceText {
    package static func info(_ path: String, _ header: TraceHeader, _ summary: TraceSummary, isClosed: Bool) -> String {
        var rows = [("trace", path), ("from", header.source), ("created", TimeText.iso(header.created))]
        rows.append(
            (
                "holds",
                (header.keepsPayload ? "payload" : "no payload") + (header.keepsPackets ? ", packets" : "")
                    + (header.redaction.map { ", redacted by rules \($0)" } ?? "")
            ))
        if !summary.isEmpty {
            rows.append(("first", TimeText.iso(summary.first)))
            rows.append(("last", "\(TimeText.iso(summary.last)) (\(Format.duration(summary.last - summary.first)))"))
        }
        rows.append(("connections", "\(summary.connections)"))
        for (name, traffic) in summary.traffic.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            rows.append(
                (
                    name.rawValue,
                    "\(traffic.exchanges) exchanges (\(traffic.errors) errors), "
                        + "\(Format.bytes(Int64(traffic.requestBytes))) asked, "
                        + "\(Format.bytes(Int64(traffic.replyBytes))) answered"
                ))
        }
        rows.append(("lost", lost(summary)))
        rows.append(("not seen", drops(summary.drops)))
        if header.keepsPackets {
            rows.append(("packets", "\(summary.packets) (\(Format.bytes(Int64(summary.packetBytes))))"))
        }
        if !isClosed { rows.append(("state", "not closed: it is being written, or its writer was interrupted")) }
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { "\($0)\(String(repeating: " ", count: width - $0.count))  \($1)" }.joined(separator: "\n")
    }

    private static func lost(_ summary: TraceSummary) -> String {
        let reasons = summary.lost.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key.rawValue) \($0.value)" }
        return reasons.isEmpty ? "nothing" : "\(summary.lostRequests) (\(reasons.joined(separator: ", ")))"
    }

    private static func drops(_ drops: TraceDrops) -> String {
        let parts = [
            (drops.packets, "packets dropped"), (drops.gaps, "gaps"), (drops.missingBytes, "bytes missing"),
            (drops.fragments, "fragmented datagrams"), (drops.evicted, "connections given up"),
        ].filter { $0.0 != 0 }.map { "\($0.0) \($0.1)" }
        return parts.isEmpty ? "nothing" : parts.joined(separator: ", ")
    }
}
