import Exploration
import Foundation
import Model
import Planning
import TestSupport
import Testing

/// Questions to surfaces that somebody measured whole, which lie beside the project in `../shared/data/surfaces`: what is
/// said to be sure against what a look at every cell says.
@Suite(.enabled(if: MeasuredSurface.all.count > 0, "there are no surfaces in \(MeasuredSurface.path)"))
struct SurfaceAnswerTests {
    /// Each answered by the experiments that it asks for, from nothing on: every limit as often as the others, and a quarter of
    /// all pairs, as each takes its time. `Tools/bench exploration` counts on all surfaces how often the search is right.
    @Test func whatIsFoundIsTheCheapest() throws {
        var (right, wrong, experiments, cells) = (0, 0, 0, 0)
        let pairs = MeasuredSurface.all.flatMap { surface in [0.2, 0.5, 0.8].map { (surface, $0) } }
        for (surface, share) in stride(from: 0, to: pairs.count, by: 4).map({ pairs[$0] }) {
            let limit = surface.limit(share)
            let question = try QueryParser.question("cheapest cpu, memory where p95 < \(Int(limit * 1e6)) us")
            var record = try surface.record(measured: [])
            let inquiry = try Inquiry(question, record)
            while case .measure(let allocation, _, _) = try inquiry.next(
                record.matrix, timeLeft: .seconds(1), duration: .seconds(1))
            {
                #expect(record.matrix[allocation]?.isTried == false)
                surface.measure(allocation, &record)
                experiments += 1
            }
            cells += surface.cells.count
            let reply = try Answering.reply(question, record)
            let truth = surface.cheapest(below: Double(Int(limit * 1e6)) / 1e6)
            // Where nothing surely does, what was measured near the limit may: only then is the answer open.
            #expect(reply.outcome != .unsure || truth == nil, "\(surface.name), \(limit): \(reply)")
            let found = reply.outcome == .found ? reply.place : nil
            if found.flatMap({ surface.cost($0.allocation) }) == truth {
                right += 1
            } else {
                wrong += 1
            }
        }
        // That it does and that nothing cheaper does are 95 % each, which leaves a tenth for both.
        #expect(Double(wrong) <= 0.1 * Double(right + wrong), "\(wrong) of \(right + wrong) wrong")
        #expect(experiments * 2 < cells, "\(experiments) of \(cells)")
    }

    /// From a third of the cells, as they come: what is said to be sure has to be right as often as that.
    @Test func whatIsSaidToBeSureIs() throws {
        var (right, wrong, unsure) = (0, 0, 0)
        for (number, surface) in MeasuredSurface.all.enumerated() {
            var generator = SeededGenerator(UInt64(number + 1))
            let record = try surface.record(measured: surface.cells.indices.shuffled(using: &generator).prefix(14))
            let limit = Double(Int(surface.limit(0.5) * 1e6)) / 1e6
            for (index, cell) in record.matrix.cells.enumerated() where !cell.isTried && index % 4 == 0 {
                let question = try QueryParser.question("p95 < \(Int(limit * 1e6)) us at \(cell.allocation)")
                let reply = try Answering.reply(question, record)
                guard reply.outcome != .unsure else {
                    unsure += 1
                    continue
                }
                let holds = surface.p95(cell.allocation).map { $0 < limit } ?? false
                if (reply.outcome == .yes) == holds { right += 1 } else { wrong += 1 }
            }
        }
        #expect(Double(wrong) <= 0.07 * Double(right + wrong), "\(wrong) of \(right + wrong) wrong")
        #expect(right > unsure, "\(right) sure, \(unsure) not")
    }
}

/// Processor and memory of one kind of machine, every combination run ten times (the collection names its source).
struct MeasuredSurface {
    let name: String
    let cells: [Allocation]
    /// In seconds; nil where it did not run.
    private let values: [Allocation: Double]

    static let path = "../shared/data/surfaces/serverless-cpu-mem/serverless_cpu_mem_type.csv"

    static let all: [MeasuredSurface] = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        guard let text = try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8) else { return [] }
        var values: [String: [Allocation: Double?]] = [:]
        for line in text.split(separator: "\n").dropFirst() {
            let fields = line.split(separator: ",", omittingEmptySubsequences: false)
            guard fields.count == 9, let memory = Double(fields[1]), let cpu = Double(fields[2])
            else {
                continue
            }
            let allocation = Allocation([.cpu: cpu / 1000, .memory: memory * 1_048_576])
            values["\(fields[0]) on \(fields[3])", default: [:]][allocation] = .some(Double(fields[7]))
        }
        return values.sorted { $0.key < $1.key }.compactMap { name, values in
            let levels = [Resource.cpu, .memory].map { axis in Set(values.keys.compactMap { $0[axis]?.number }).count }
            guard levels[0] >= 5, levels[1] >= 4, values.count == levels[0] * levels[1] else { return nil }
            return MeasuredSurface(
                name: name, cells: ResultMatrix(axes: axes(values.keys)).cells.map(\.allocation),
                values: values.compactMapValues(\.self))
        }
    }()

    private static func axes(_ allocations: some Sequence<Allocation>) -> [Axis] {
        [Resource.cpu, .memory].map { resource in
            Axis(resource, allocations.compactMap { $0[resource]?.number }.uniqued().sorted())
        }
    }

    func p95(_ allocation: Allocation) -> Double? { values[allocation] }

    /// Prices at which neither axis decides alone.
    private static let prices: Prices = {
        var prices = Prices()
        prices.byResource = [.cpu: .each(3), .memory: .each(1.7)]
        return prices
    }()

    func cost(_ allocation: Allocation) -> Double? { Self.prices.cost(of: allocation) }

    /// Between two values, so that so much of the cells is below.
    func limit(_ share: Double) -> Double {
        let sorted = values.values.sorted()
        let index = min(max(1, Int(share * Double(sorted.count))), sorted.count - 1)
        return (sorted[index - 1] * sorted[index]).squareRoot()
    }

    /// What a look at every cell says, by the interval of each.
    func cheapest(below limit: Double) -> Double? {
        cells.filter { allocation in
            values[allocation].flatMap { Surface.measurement(p95: $0) }.map { $0.clone.p95.upper < limit } ?? false
        }.compactMap(cost).min()
    }

    func record(measured: some Sequence<Int>) throws -> CampaignRecord {
        var record = try AnsweringTests.record(
            Self.axes(cells), onLine: cells[cells.count - 1], { _ in nil })
        record.search = SearchSpecification()
        record.search?.prices = Self.prices
        for index in measured { measure(cells[index], &record) }
        return record
    }

    func measure(_ allocation: Allocation, _ record: inout CampaignRecord) {
        let content: Cell.Content =
            values[allocation].flatMap { Surface.measurement(p95: $0) }.map { .measured($0) }
            ?? .invalid(nil, reasons: ["it did not run"])
        record.matrix[allocation] = Cell(allocation, content)
    }
}
