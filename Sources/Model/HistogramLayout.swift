/// Which values share a bucket: HdrHistogram's rule for a unit and a number of significant digits (HdrHistogram_c
/// `hdr_calculate_bucket_config`, `counts_index_for` and `hdr_value_at_index`).
///
/// The first row of buckets, and the second, are one unit wide; each row after them covers the next power of two with
/// as many buckets, twice as wide.
struct HistogramLayout: Hashable, Sendable {
    /// Buckets in a row, as a power of two.
    let rowBits: Int
    /// Width of the first buckets, as a power of two.
    let unitBits: Int
    private let highest: Int64

    /// Nil when there is no such layout, or none that reaches to `highest` with room for a row.
    init?(digits: Int, unit: Int64, highest: Int64) {
        // Twice 10^digits has to fit into two rows.
        let bits = [1: 4, 2: 7, 3: 10, 4: 14, 5: 17]
        guard let rowBits = bits[digits], unit >= 1, unit <= highest >> Int64(rowBits + 1) else { return nil }
        self.rowBits = rowBits
        unitBits = 63 - unit.leadingZeroBitCount
        self.highest = highest
    }

    fileprivate init(rowBits: Int, highest: Int64) {
        (self.rowBits, unitBits, self.highest) = (rowBits, 0, highest)
    }

    var rowLength: Int { 1 << rowBits }
    var bucketCount: Int { index(of: highest) + 1 }

    func index(of value: Int64) -> Int {
        let units = value >> Int64(unitBits)
        let shift = max(0, 63 - (units | 1).leadingZeroBitCount - rowBits)
        return (shift << rowBits) + Int(units >> Int64(shift))
    }

    /// For an index below `bucketCount`.
    func values(at index: Int) -> ClosedRange<Int64> {
        let shift = max(0, (index >> rowBits) - 1)
        let width = Int64(shift + unitBits)
        let lowest = Int64(index - (shift << rowBits)) << width
        return lowest...(lowest + (1 << width) - 1)
    }
}

extension LatencyHistogram {
    /// Three significant digits of nanoseconds, to about 73 minutes.
    static let layout = HistogramLayout(rowBits: 10, highest: highestTrackable)
}
