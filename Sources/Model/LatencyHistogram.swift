/// Counts of response times in log-linear buckets: any percentile with a relative error of at most 1/2048 (three
/// significant digits), mergeable, in memory that grows with the range of the values and never above 264 KiB.
///
/// The layout is that of G. Tene's HdrHistogram with a lowest discernible value of 1, 3 significant digits and a highest
/// trackable value of 2^42 - 1 (`counts_index_for` in HdrHistogram_c): values below 2048 have a bucket each, then the
/// values of a power of two share 1024 equal buckets. Values are nanoseconds; what is above the largest (about 73
/// minutes) is held in the last bucket and counted in `saturated`.
package struct LatencyHistogram: Sendable, Hashable {
    static let highestTrackable: Int64 = (1 << 42) - 1

    /// 1024 buckets each, empty until one of them is counted in.
    private var rows = [[UInt64]](repeating: [], count: layout.bucketCount >> layout.rowBits)
    package private(set) var count: UInt64 = 0
    package private(set) var saturated: UInt64 = 0
    /// In nanoseconds.
    private var sum: UInt128 = 0
    private var greatest: Int64 = 0

    package init() {}

    /// The middle of a bucket, so that the error is at most half a bucket either way.
    private static func middle(of values: ClosedRange<Int64>) -> Int64 {
        values.lowerBound + (values.upperBound - values.lowerBound + 1) / 2
    }

    package mutating func record(_ duration: Duration) {
        let nanoseconds = max(0, duration.nanoseconds)
        if nanoseconds > Self.highestTrackable { saturated += 1 }
        add(1, at: Self.layout.index(of: min(nanoseconds, Self.highestTrackable)))
        sum += UInt128(nanoseconds)
        greatest = max(greatest, nanoseconds)
    }

    private mutating func add(_ number: UInt64, at index: Int) {
        let row = index >> Self.layout.rowBits
        if rows[row].isEmpty { rows[row] = Array(repeating: 0, count: Self.layout.rowLength) }
        rows[row][index & (Self.layout.rowLength - 1)] += number
        count += number
    }

    /// Counts `number` values of which no more is known than their bucket.
    mutating func record(_ number: UInt64, at index: Int) {
        let values = Self.layout.values(at: index)
        add(number, at: index)
        sum += UInt128(number) * UInt128(Self.middle(of: values))
        greatest = max(greatest, values.upperBound)
    }

    package mutating func merge(_ other: LatencyHistogram) {
        for row in rows.indices where !other.rows[row].isEmpty {
            if rows[row].isEmpty {
                rows[row] = other.rows[row]
            } else {
                for column in 0..<Self.layout.rowLength { rows[row][column] += other.rows[row][column] }
            }
        }
        count += other.count
        saturated += other.saturated
        sum += other.sum
        greatest = max(greatest, other.greatest)
    }

    /// Exact mean in seconds; nil when empty.
    package var mean: Double? { count == 0 ? nil : Double(sum) / Double(count) / 1e9 }

    package var maximum: Double? { count == 0 ? nil : Double(greatest) / 1e9 }

    /// The buckets that are not empty, in order of their values.
    var buckets: [(index: Int, count: UInt64)] {
        rows.indices.flatMap { row in
            rows[row].indices.compactMap { column in
                rows[row][column] == 0 ? nil : (row << Self.layout.rowBits + column, rows[row][column])
            }
        }
    }

    /// The bucket, in nanoseconds, of the smallest recorded value that at least `quantile` of all values do not exceed;
    /// nil when empty.
    package func bucket(at quantile: Double) -> ClosedRange<Int64>? {
        guard count > 0 else { return nil }
        let share = max(0, min(1, quantile)) * Double(count)
        let wanted = max(1, UInt64(exactly: share.rounded(.up)).map { min(count, $0) } ?? count)
        var seen: UInt64 = 0
        for (row, counts) in rows.enumerated() {
            for (column, number) in counts.enumerated() where number > 0 {
                seen += number
                if seen >= wanted { return Self.layout.values(at: row << Self.layout.rowBits + column) }
            }
        }
        return nil
    }

    /// That value in seconds, with the error of half its bucket; nil when empty.
    package func percentile(_ quantile: Double) -> Double? {
        bucket(at: quantile).map { Double(min(Self.middle(of: $0), greatest)) / 1e9 }
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
