import Model
import TestSupport
import Testing

@testable import Report

/// Told by its name where it fails.
struct NamedFigure: CustomTestStringConvertible {
    let testDescription: String
    let figure: Figure
}

/// Matrices of the shapes that campaigns leave behind.
enum PlotRecords {
    static let mebibyte = 1_048_576.0
    static let memory = [64.0, 128, 256, 512, 1024, 2048].map { $0 * mebibyte }
    static let cpu = [0.2, 0.3, 0.4, 0.6, 0.8, 1.0]

    static func campaign(
        _ axes: [Axis], id: String = "20261121-083000-a1b2", onLine: Allocation = Allocation(),
        limit: Duration = .milliseconds(50),
        content: (Int, Allocation) -> Cell
    ) -> CampaignRecord {
        var record = CampaignRecord(
            id: id, service: "auction <&>", tier: "app", domain: "app1", connect: "lxc:///system", node: "lab",
            started: Timestamp(nanoseconds: 0), sla: SLA(.p95, below: limit, over: .seconds(60)), goal: .cheapest,
            onLine: onLine, matrix: ResultMatrix(axes: axes))
        for (number, cell) in record.matrix.cells.enumerated() {
            record.matrix[cell.allocation] = content(number, cell.allocation)
        }
        return record
    }

    /// Slower with less of each; every state occurs.
    static func mixed(_ number: Int, _ allocation: Allocation) -> Cell {
        let p95 = response(number, allocation)
        switch number % 11 {
        case 4: return Cell(allocation, .invalid(nil, reasons: ["3 requests lost"]))
        case 7: return Cell(allocation)
        case 1, 5, 9: return Cell(allocation, .interpolated([.p95: Estimate(p95, lower: p95 * 0.7, upper: p95 * 1.5)]))
        case 2:
            let check = Check(
                metric: .p95, predicted: Estimate(p95 * 1.1, lower: p95, upper: p95 * 1.2), measured: p95,
                threshold: 0.1)
            return Cell(allocation, measured(p95), check: check)
        default: return Cell(allocation, measured(p95))
        }
    }

    static func response(_ number: Int, _ allocation: Allocation) -> Double {
        let (cpu, memory) = (allocation[.cpu]?.number ?? 0.5, allocation[.memory]?.number ?? 512 * mebibyte)
        return 0.012 + 0.012 / cpu * (1 + 60 * mebibyte / memory) + 0.0001 * Double(number % 5)
    }

    static func measured(_ p95: Double) -> Cell.Content {
        Surface.measurement(p95: p95).map { .measured($0) } ?? .blank
    }

    static let slice = campaign([Axis(.cpu, cpu)], onLine: Allocation([.cpu: 0.4]), content: mixed)
    static let heat: CampaignRecord = {
        var record = campaign(
            [Axis(.cpu, cpu), Axis(.memory, memory)], onLine: Allocation([.cpu: 0.4, .memory: 256 * mebibyte]),
            content: mixed)
        record.answer = Answer(.cheapest(Allocation([.cpu: 0.6, .memory: 128 * mebibyte])), reasons: [])
        return record
    }()
    static let names = ["as-is", "tuned", "newer"].map { Setting.name($0) }
    static let panels = campaign(
        [
            Axis(.cpu, cpu), Axis(.memory, memory), Axis(.software, names),
            Axis(.node, [.name("small"), .name("a-node-with-a-very-long-name-indeed")]),
        ], content: mixed)
    static let curves = campaign(
        [Axis(.memory, memory), Axis(.software, names)], onLine: Allocation([.memory: 300 * mebibyte]), content: mixed)
    static let named = campaign([Axis(.software, names), Axis(.node, [.name("small"), .name("big")])], content: mixed)
    static let oneName = campaign([Axis(.software, names)], content: mixed)
    static let many = campaign(
        [Axis(.variant, (0..<30).map { .name("virtio-and-more-\($0)") }), Axis(.cpu, cpu)], content: mixed)
    static let single = campaign([Axis(.cpu, [0.4])], onLine: Allocation([.cpu: 0.4])) { Cell($1, measured(0.03)) }
    static let alike = campaign([Axis(.cpu, cpu), Axis(.memory, memory)]) { Cell($1, measured(0.03)) }
    static let decades = campaign([Axis(.cpu, cpu), Axis(.memory, memory)]) { number, allocation in
        Cell(allocation, measured(0.0001 * Double(number * number + 1)))
    }
    static let blank = campaign([Axis(.cpu, cpu), Axis(.memory, memory)]) { Cell($1) }
    static let invalid = campaign([Axis(.cpu, cpu)]) { number, allocation in
        number == 0
            ? Cell(allocation, measured(0.1))
            : Cell(allocation, .invalid(nil, reasons: ["it did <not> boot & \"died\""]))
    }
    /// Figures that no scale has a place for.
    static let unbounded = campaign([Axis(.cpu, cpu), Axis(.memory, memory)]) { number, allocation in
        let value = number % 4 == 0 ? Double.nan : 0.05
        let upper = number % 3 == 0 ? Double.infinity : 0.06
        return Cell(
            allocation, .interpolated([.p95: Estimate(value, lower: number % 5 == 0 ? .nan : 0.04, upper: upper)]))
    }

    static let drawable: [(String, CampaignRecord)] = [
        ("slice", slice), ("heat", heat), ("panels", panels), ("curves", curves), ("named", named),
        ("one name", oneName),
        ("many names", many), ("single", single), ("alike", alike), ("decades", decades), ("invalid", invalid),
        ("unbounded", unbounded),
    ]

    /// Each shape in each kind that it has.
    static let figures: [NamedFigure] = drawable.flatMap { name, record in
        PlotRequest.Kind.allCases.filter { $0 != .auto }.compactMap { kind in
            (try? Figure(record, PlotRequest(kind))).map {
                NamedFigure(testDescription: "\(name), \(kind.rawValue)", figure: $0)
            }
        }
    }

    /// So many levels of each of two axes; the cells apart from their matrix, in which each would be searched for.
    static func square(_ levels: Int) -> (record: CampaignRecord, cells: [Cell]) {
        var record = single
        record.matrix = ResultMatrix(axes: [
            Axis(.cpu, (1...levels).map { Double($0) / 100 }),
            Axis(.memory, (0..<levels).map { Double(64 + $0 * 16) * mebibyte }),
        ])
        let (fast, slow) = (measured(0.03), measured(0.3))
        let cells = record.matrix.cells.enumerated().map { number, cell -> Cell in
            let p95 = response(number, cell.allocation)
            let content: Cell.Content =
                switch number % 7 {
                case 0: p95 < 0.1 ? fast : slow
                case 1 where number % 3 == 0: .invalid(nil, reasons: ["3 requests lost"])
                case 2 where number % 5 == 0: .blank
                default: .interpolated([.p95: Estimate(p95, lower: p95 * 0.7, upper: p95 * 1.5)])
                }
            return Cell(cell.allocation, content)
        }
        return (record, cells)
    }
}
