// Writes a campaign of a chosen size into a store, for benchmarks of what reads matrices.
//
//   campaigns FILE.db LEVELS      CPU by memory, LEVELS of each
//
// A third of the cells is measured, some of these to check a prediction; the others are interpolated, but for a few that
// are invalid and a corner that is blank.

import Foundation
import Model
import Store
import TestSupport

struct WrongUse: Error {}

let words = CommandLine.arguments.dropFirst()
guard words.count == 2, let path = words.first, let levels = words.last.flatMap({ Int($0) }), levels > 1 else {
    throw WrongUse()
}

let cpu = (1...levels).map { Double($0) / 100 }
let memory = (0..<levels).map { (64 * pow(256, Double($0) / Double(levels - 1))).rounded() * 1_048_576 }
var record = CampaignRecord(
    id: "20261121-083000-a1b2", service: "auction", tier: "app", domain: "app1", connect: "lxc:///system", node: "lab",
    started: Timestamp(nanoseconds: 1_795_000_000_000_000_000),
    sla: SLA(.p95, below: .milliseconds(50), over: .seconds(60)), goal: .exhaustive,
    onLine: Allocation([.cpu: cpu[levels / 2], .memory: memory[levels / 2]]),
    matrix: ResultMatrix(axes: [Axis(.cpu, cpu), Axis(.memory, memory)]))
record.state = .done

let metrics = Metric.allCases.filter { $0 != .energy }
for (number, cell) in record.matrix.cells.enumerated() {
    let (row, column) = (number / levels, number % levels)
    if row < levels / 10, column < levels / 10 { continue }
    let wave = 1 + 0.05 * sin(Double(number))
    let p95 = 0.008 + 0.02 / (cpu[row] + 0.05) * (1 + 8 / Double(column + 4)) * wave
    let estimate = Estimate(p95, lower: p95 * 0.9, upper: p95 * 1.15)
    if number % 97 == 0 {
        record.matrix.replace(number, by: .invalid(nil, reasons: ["3 requests lost"]))
    } else if number % 3 == 0, let measurement = Surface.measurement(p95: p95) {
        record.matrix.replace(number, by: .measured(measurement))
        if number % 5 == 0 {
            let check = Check(metric: .p95, predicted: estimate, measured: p95, threshold: 0.1)
            record.matrix[cell.allocation] = Cell(cell.allocation, .measured(measurement), check: check)
        }
    } else {
        let all = metrics.map { ($0, estimate) }
        record.matrix.replace(number, by: .interpolated(Dictionary(all, uniquingKeysWith: { first, _ in first })))
    }
}
try MatrixStore(path).save(record)
