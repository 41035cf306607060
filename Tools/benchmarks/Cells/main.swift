// Stores of many cells, as campaigns leave them; Tools/benchmarks/matrix and the tests of the store call it.
//
//   cells make STORE NAME CAMPAIGNS CELLS     saves so many campaigns of so many cells; NAME goes before their ids
//   cells save STORE NAME TIMES               saves one campaign again and again, each time with one more cell filled
//   cells ask STORE RUNS LIMIT CONDITION [ORDER]   asks so often, each time by a new connection; LIMIT 0 is none
//
// Answers are JSON on standard output, a line each.

import Foundation
import Model
import Store

struct WrongUse: Error {}

struct Made: Encodable {
    var cells: Int
    /// Of saving alone.
    var seconds: Double
}

struct Asked: Encodable {
    /// `CAMPAIGN|NUMBER` of what was found.
    var cells: [String]
    /// Of each run: opening the store, asking, and reading every cell that answers.
    var seconds: [Double]
    /// For the sqlite3 shell.
    var sql: String
}

func seconds(_ body: () throws -> Void) rethrows -> Double { try ContinuousClock().measure(body).seconds }

func tell(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    FileHandle.standardOutput.write(try encoder.encode(value) + Data("\n".utf8))
}

/// About so many cells of CPU, memory and frequency, the response time as of a queue, and no two campaigns alike.
func record(_ id: String, cells: Int, _ random: inout SplitMix64) -> CampaignRecord {
    let side = max(1, Int(Double(cells).squareRoot().squareRoot()))
    let (memories, frequencies) = (side, min(side, 20))
    let quotas = max(1, cells / memories / frequencies)
    let matrix = ResultMatrix(axes: [
        Axis(.cpu, (1...quotas).map { 0.1 + 4 * Double($0) / Double(quotas) }),
        Axis(.memory, (1...memories).map { Double($0) * 67_108_864 }),
        Axis(.frequency, (1...frequencies).map { 1e9 + 1e8 * Double($0) }),
    ])
    let unit = { (random: inout SplitMix64) in Double(random.next() >> 11) * 0x1p-53 }
    let load = 0.05 + unit(&random)
    var full: [Cell] = []
    full.reserveCapacity(matrix.cells.count)
    for cell in matrix.cells {
        let of = { (resource: Resource) in cell.allocation[resource]?.number ?? 1 }
        let power = of(.cpu) * of(.frequency) / 2e9 * (1 - 0.2 * 67_108_864 / of(.memory))
        let busy = min(0.99, load / power)
        let mean = 0.004 / power / (1 - busy) * (0.9 + 0.2 * unit(&random))
        let metrics: [Metric: Estimate] = [
            .throughput: 100 * min(1, power / load), .mean: mean, .p50: 0.7 * mean, .p95: 3 * mean, .p99: 4.6 * mean,
            .cpuUsed: min(of(.cpu), load), .energy: 0.02 * power,
        ].mapValues { Estimate($0, lower: $0 * 0.9, upper: $0 * 1.1) }
        full.append(Cell(cell.allocation, .interpolated(metrics)))
    }
    return CampaignRecord(
        id: id, service: "auction", tier: "app", domain: "app1", connect: "lxc:///system", node: nil,
        started: Timestamp(nanoseconds: Int64(random.next() >> 4)),
        sla: SLA(.p95, below: .milliseconds(50), over: .seconds(60)), goal: .cheapest,
        onLine: Allocation([.cpu: 0.2]), matrix: ResultMatrix(axes: matrix.axes, cells: full))
}

func make(_ path: String, _ name: String, campaigns: Int, cells: Int) throws {
    let store = try MatrixStore(path)
    var random = SplitMix64(seed: UInt64(cells))
    var made = Made(cells: 0, seconds: 0)
    for number in 0..<campaigns {
        let record = record("\(name)-\(number)", cells: cells, &random)
        made.cells += record.matrix.cells.count
        made.seconds += try seconds { try store.save(record) }
    }
    try tell(made)
}

func save(_ path: String, _ name: String, times: Int) throws {
    let store = try MatrixStore(path)
    var random = SplitMix64(seed: 1)
    let whole = record(name, cells: 2000, &random)
    var growing = whole
    growing.matrix = ResultMatrix(axes: whole.matrix.axes)
    for number in 0..<times {
        let cell = whole.matrix.cells[number % whole.matrix.cells.count]
        growing.matrix[cell.allocation] = cell
        try store.save(growing)
    }
}

func ask(_ path: String, runs: Int, limit: Int, _ condition: String, order: String?) throws {
    var query = try MatrixQuery(where: condition, order: order)
    if limit > 0 { query.limit = limit }
    var asked = try Asked(cells: [], seconds: [], sql: MatrixStore(path).sql(query))
    for _ in 0..<runs {
        var found: [FoundCell] = []
        asked.seconds.append(try seconds { found = try MatrixStore(path).cells(query) })
        asked.cells = found.map { "\($0.campaign)|\($0.number)" }
    }
    try tell(asked)
}

let words = Array(CommandLine.arguments.dropFirst())
switch (words.first, words.count) {
case ("make", 5):
    guard let campaigns = Int(words[3]), let cells = Int(words[4]) else { throw WrongUse() }
    try make(words[1], words[2], campaigns: campaigns, cells: cells)
case ("save", 4):
    guard let times = Int(words[3]) else { throw WrongUse() }
    try save(words[1], words[2], times: times)
case ("ask", 5), ("ask", 6):
    guard let runs = Int(words[2]), let limit = Int(words[3]) else { throw WrongUse() }
    try ask(words[1], runs: runs, limit: limit, words[4], order: words.count > 5 ? words[5] : nil)
default: throw WrongUse()
}
