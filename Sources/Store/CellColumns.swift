package import Model

extension Resource {
    /// Its column in the table `cell`.
    package var column: String {
        switch self {
        case .cpu, .shares, .vcpus, .memory, .network, .frequency, .node, .variant, .software, .load, .mix: rawValue
        case .processors: "cpu_set"
        case .diskRead: "disk_read"
        case .diskWrite: "disk_write"
        case .withCPU: "with_cpu"
        }
    }
}

extension Metric {
    /// Its column in the table `cell`; the bounds of its interval are beside it as `…_lower` and `…_upper`.
    package var column: String { self == .cpuUsed ? "cpu_used" : rawValue }
}

/// Where what stands in a row of `cell`, counted from 0: `id`, `state`, the resources, the metrics, their bounds, `hash`.
enum CellColumns {
    static let id = 0
    static let state = 1
    static let resources = 2
    static let metrics = resources + Resource.allCases.count
    static let bounds = metrics + Metric.allCases.count
    static let hash = bounds + 2 * Metric.allCases.count
    static let count = hash + 1

    /// Those of which a block keeps the least and the greatest.
    static let summarized = resources..<bounds

    static let names: [String] =
        ["id", "state"] + Resource.allCases.map(\.column) + Metric.allCases.map(\.column)
        + Metric.allCases.flatMap { ["\($0.column)_lower", "\($0.column)_upper"] } + ["hash"]

    /// The integer key of a cell: its campaign's key, and its number within that.
    static let numberBits: Int64 = 24
    static let largestNumber: Int64 = 1 << numberBits - 1
    /// Of a row of `cell`, in SQL.
    static let number = "(cell.id & \(largestNumber))"
    static func id(_ campaign: Int64, _ number: Int) -> Int64 { campaign << numberBits | Int64(number) }

    /// Cells that a row of `block` summarizes, in a matrix with these axes. Neighbours are alike, so that most blocks can be
    /// passed over by their least and greatest; where the values of the slower axes change, a block ends, so that a
    /// condition on these leaves out whole blocks. Of fewer cells, the blocks themselves would take the time.
    static func blockSize(_ axes: [Axis]) -> Int {
        let (usual, largest) = (256, 512)
        var aligned = 1
        for axis in axes.reversed() {
            if aligned * axis.values.count > largest { break }
            aligned *= max(1, axis.values.count)
        }
        return aligned * max(1, usual / aligned)
    }

    /// Cells that a row of `span` summarizes, in a matrix with these axes: those of so many neighbouring blocks.
    static func spanSize(_ axes: [Axis]) -> Int { 16 * blockSize(axes) }
}
