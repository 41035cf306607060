package import Model

/// What a direction or the colour of a figure can stand for.
package enum Quantity: Hashable, Sendable {
    case metric(Metric)
    case axis(Resource)
    /// By the prices of the campaign; without any, the place of a cell in the order of cost, from 1.
    case cost(isPriced: Bool)

    /// As it is written on the command line.
    package var name: String {
        switch self {
        case .metric(let metric): metric.rawValue
        case .axis(let resource): resource.rawValue
        case .cost: Self.costName
        }
    }

    static let costName = "cost"

    /// As a figure calls it.
    var heading: String {
        switch self {
        case .metric(.throughput): "throughput"
        case .metric(.mean): "mean response time"
        case .metric(.p50): "median response time"
        case .metric(.p95): "p95 response time"
        case .metric(.p99): "p99 response time"
        case .metric(.cpuUsed): "CPU used"
        case .metric(.energy): "energy per request"
        case .metric(.errors): "requests that fail"
        case .metric(.differing): "replies that differ"
        case .axis(.cpu): "CPU quota"
        case .axis(.shares): "CPU weight"
        case .axis(.vcpus): "virtual processors"
        case .axis(.processors): "processors"
        case .axis(.memory): "memory"
        case .axis(.diskRead): "disk reads"
        case .axis(.diskWrite): "disk writes"
        case .axis(.network): "network rate"
        case .axis(.frequency): "core frequency"
        case .axis(.node): "node"
        case .axis(.variant): "variant"
        case .axis(.software): "software"
        case .axis(.load): "load"
        case .axis(.mix): "mix of requests"
        case .axis(.withCPU): "CPU quota of the others"
        case .cost(let isPriced): isPriced ? "cost" : "place in the order of cost"
        }
    }

    /// Of two figures the higher is the better one; of what costs, the lower.
    var prefersHigher: Bool { self == .metric(.throughput) }

    /// Whether what differs by factors is usual, so that powers of two are round numbers.
    var countsInPowersOfTwo: Bool {
        switch self {
        case .axis(.memory), .axis(.shares), .axis(.diskRead), .axis(.diskWrite), .axis(.network): true
        default: false
        }
    }

    func format(_ value: Double) -> String {
        switch self {
        case .metric(let metric): metric.format(value)
        case .axis(let resource): resource.format(.number(value))
        case .cost(let isPriced): isPriced ? Format.significant(value) : Format.decimal(value, 0)
        }
    }
}

/// A unit that numbers on an axis are written in, so that they are short.
struct DisplayUnit: Hashable, Sendable {
    let symbol: String
    /// Of the quantity's own unit.
    let size: Double

    private static let none = DisplayUnit(symbol: "", size: 1)

    /// A value in this unit, with the digits that tables show.
    func shown(_ value: Double) -> Double { size < 1 ? value * (1 / size).rounded() : value / size }

    /// For values of this range, both ends in the quantity's own unit.
    init(_ quantity: Quantity, _ range: ClosedRange<Double>) {
        self =
            switch quantity {
            case .metric(.throughput): DisplayUnit(symbol: "requests/s", size: 1)
            case .metric(.mean), .metric(.p50), .metric(.p95), .metric(.p99): Self.seconds(range.upperBound)
            case .metric(.energy):
                range.upperBound < 10 ? DisplayUnit(symbol: "mJ", size: 1e-3) : DisplayUnit(symbol: "J", size: 1)
            case .metric(.cpuUsed), .axis(.cpu), .axis(.withCPU):
                range.upperBound <= 10
                    ? DisplayUnit(symbol: "% of one core", size: 0.01) : DisplayUnit(symbol: "cores", size: 1)
            case .metric(.errors): DisplayUnit(symbol: "% of requests", size: 0.01)
            case .metric(.differing): DisplayUnit(symbol: "% of replies", size: 0.01)
            case .axis(.load): DisplayUnit(symbol: "% of on-line", size: 0.01)
            case .axis(.memory): Self.bytes(range, suffix: "")
            case .axis(.diskRead), .axis(.diskWrite), .axis(.network): Self.bytes(range, suffix: "/s")
            case .axis(.frequency):
                range.lowerBound >= 1e9 ? DisplayUnit(symbol: "GHz", size: 1e9) : DisplayUnit(symbol: "MHz", size: 1e6)
            case .axis, .cost: .none
            }
    }

    private init(symbol: String, size: Double) {
        self.symbol = symbol
        self.size = size
    }

    private static func seconds(_ highest: Double) -> DisplayUnit {
        highest < 2e-3
            ? DisplayUnit(symbol: "µs", size: 1e-6)
            : highest < 20 ? DisplayUnit(symbol: "ms", size: 1e-3) : DisplayUnit(symbol: "s", size: 1)
    }

    /// Binary, unless the ends are round decimal sizes.
    private static func bytes(_ range: ClosedRange<Double>, suffix: String) -> DisplayUnit {
        let isRound = { (size: Double) in
            [range.lowerBound, range.upperBound].allSatisfy { $0.truncatingRemainder(dividingBy: size) == 0 }
        }
        let units =
            isRound(1000) && !isRound(1024)
            ? [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)] : [("GiB", 0x1p30), ("MiB", 0x1p20), ("KiB", 0x1p10)]
        let fitting = units.first { range.lowerBound >= $0.1 } ?? ("B", 1)
        return DisplayUnit(symbol: fitting.0 + suffix, size: fitting.1)
    }
}
