/// Counts of response times in log-linear buckets: any percentile with a relative error of at most 1/2048 (three
/// significant digits), in constant memory, and mergeable.
///
/// Layout after G. Tene's HdrHistogram: the values of one power of two share 2048 equal buckets. Values are nanoseconds;
/// everything above the largest (about 73 minutes) is held in the last bucket and counted in `saturated`.
package struct LatencyHistogram: Sendable, Hashable {
    private static let precisionBits = 11
    private static let highestBit = 42

    private var counts: [UInt64]
    package private(set) var count: UInt64 = 0
    package private(set) var saturated: UInt64 = 0
    private var sum = 0.0
    private var greatest: Int64 = 0

    package init() {
        let octaves = Self.highestBit - Self.precisionBits
        counts = Array(repeating: 0, count: (octaves + 1) << Self.precisionBits)
    }

    /// The bucket of a value: the value itself below 2^11, then 2^11 buckets for each power of two.
    private static func index(of nanoseconds: Int64) -> Int {
        let value = UInt64(nanoseconds)
        let bit = 63 - (value | 1).leadingZeroBitCount
        guard bit >= precisionBits else { return Int(value) }
        let shift = bit - precisionBits
        let mantissa = Int(value >> UInt64(shift)) - (1 << precisionBits)
        return ((shift + 1) << precisionBits) + mantissa
    }

    /// The middle of a bucket, so that the error is at most half a bucket either way.
    private static func value(at index: Int) -> Double {
        let octave = index >> precisionBits
        guard octave > 0 else { return Double(index) }
        let mantissa = index & ((1 << precisionBits) - 1)
        let width = Double(UInt64(1) << UInt64(octave - 1))
        return (Double((1 << precisionBits) + mantissa) + 0.5) * width
    }

    package mutating func record(_ duration: Duration) {
        let nanoseconds = max(0, duration.nanoseconds)
        let top = (Int64(1) << Int64(Self.highestBit)) - 1
        if nanoseconds > top { saturated += 1 }
        counts[Self.index(of: min(nanoseconds, top))] += 1
        count += 1
        sum += Double(nanoseconds)
        greatest = max(greatest, nanoseconds)
    }

    package mutating func merge(_ other: LatencyHistogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        count += other.count
        saturated += other.saturated
        sum += other.sum
        greatest = max(greatest, other.greatest)
    }

    /// Exact mean in seconds; nil when empty.
    package var mean: Double? { count == 0 ? nil : sum / Double(count) / 1e9 }

    package var maximum: Double? { count == 0 ? nil : Double(greatest) / 1e9 }

    /// The smallest recorded value that at least `quantile` of all values do not exceed, in seconds; nil when empty.
    package func percentile(_ quantile: Double) -> Double? {
        guard count > 0 else { return nil }
        let wanted = max(1, min(count, UInt64((quantile * Double(count)).rounded(.up))))
        var seen: UInt64 = 0
        for (index, bucket) in counts.enumerated() where bucket > 0 {
            seen += bucket
            if seen >= wanted { return min(Self.value(at: index), Double(greatest)) / 1e9 }
        }
        return maximum
    }

    package subscript(statistic: ResponseStatistic) -> Double? {
        switch statistic {
        case .mean: mean
        case .p50: percentile(0.50)
        case .p95: percentile(0.95)
        case .p99: percentile(0.99)
        }
    }
}
