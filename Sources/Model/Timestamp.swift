/// A point on the wall clock: nanoseconds since 1970-01-01 00:00 UTC, as libpcap stamps packets.
///
/// Plain 64 bits, because every packet carries one; good until the year 2262.
package struct Timestamp: Hashable, Comparable, Sendable, Codable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static func < (a: Timestamp, b: Timestamp) -> Bool { a.nanoseconds < b.nanoseconds }
    package static func + (a: Timestamp, b: Duration) -> Timestamp {
        .init(nanoseconds: a.nanoseconds &+ b.nanoseconds)
    }
    package static func - (a: Timestamp, b: Duration) -> Timestamp {
        .init(nanoseconds: a.nanoseconds &- b.nanoseconds)
    }
    package static func - (a: Timestamp, b: Timestamp) -> Duration { .nanoseconds(a.nanoseconds &- b.nanoseconds) }

    package static let distantPast = Timestamp(nanoseconds: .min / 2)
    package static let distantFuture = Timestamp(nanoseconds: .max / 2)
}

extension Duration {
    /// Whole nanoseconds; a duration beyond 292 years is held at the limit.
    package var nanoseconds: Int64 {
        // Most are below nine seconds, and a division of 128 bits takes ten times as long.
        if let few = Int64(exactly: attoseconds) { return few / 1_000_000_000 }
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        return product &+ attoseconds / 1_000_000_000
    }

    package var seconds: Double { Double(nanoseconds) / 1e9 }

    package var milliseconds: Double { Double(nanoseconds) / 1e6 }
}
