import Foundation
package import Model

/// A campaign for other programs: one JSON object or CSV line per cell. Times in seconds, CPU as a fraction of a core,
/// memory in bytes, rates in bytes a second, frequencies in hertz, energy in joules per request; a missing figure is null or
/// empty. What an allocation names (`software`, `cpu-set`, …) is a text.
package enum MatrixData {
    struct CellDocument: Encodable {
        var allocation: [String: Setting]
        var state: String
        var metrics: [String: Estimate]
        /// The on-line domain's, over the same requests; of measured cells.
        var onLine: [String: Estimate]?
        /// What the clone itself showed, where `metrics` are corrected by the controls.
        var uncorrected: [String: Estimate]?
        /// By how much one window may differ from another, as it is in the intervals: a deviation, as a fraction of the figure.
        var drift: [String: Double]?
        /// What the figure was multiplied by, as the on-line domain's requests in the same window took longer or shorter than they
        /// usually do; where that is missing it was not.
        var levelled: [String: Double]?
        var requests: RequestAccount?
        var answers: AnswerAccount?
        var comparison: ComparisonAccount?
        /// The share of the processor time wanted on the node that its own host did not give; missing when all was given.
        var stolen: Double?
        /// How many experiments its clones had served before; missing of fresh ones.
        var served: Int?
        /// When its window began, in seconds since 1970, and how long that was, in seconds.
        var started, window: Double?
        /// Of what came before it and was slower: how long that was left out.
        var settling: Double?
        /// For how long the domain stood when its memory was captured, and how that was done.
        var pause: Double?
        var capture: String?
        /// Cores that the on-line domain used meanwhile.
        var onLineCPUUsed: Double?
        /// By the controls: what a clone shows as a multiple of what the domain does.
        var deviations: [String: Estimate]?
        /// What was measured in other sandboxes meanwhile; missing when nothing was.
        var beside: [[String: Setting]]?
        /// The program that measured it, where that is not the campaign's.
        var version: String?
        /// How it was measured, where that is not the campaign's manner.
        var manner: [String: String]?
        var check: Check?
        var invalid: [String]?
        /// Of an invalid one: whether nothing of that is the allocation's doing.
        var isSpoilt: Bool?
        /// Where the energy comes from: the node's counters, or a model with its parameters.
        var energyModel: String?
    }

    private struct Document: Encodable {
        var campaign: String
        var service: String
        var tier: String
        /// Tiers that were cloned along; missing when there were none.
        var with: [String]?
        /// Tiers whose clones were asked what was not recorded; missing when there were none.
        var forward: [String]?
        /// What clones began with: disk, memory, or the path of an image.
        var clone: CloneSource
        /// The recorded requests that were played; missing when they were the live ones.
        var trace: String?
        var connect: String
        var node: String?
        var seed: UInt64?
        /// The program that measured, by the sum that its linker gave it.
        var version: String?
        /// In seconds since 1970.
        var started: Double
        var finished: Double?
        var domain: String
        var state: String
        var sla: String
        var onLine: [String: Setting]
        var verdict: String?
        var answer: [String: Setting]?
        /// The probability that the answer is right, as far as the measurements tell.
        var confidence: Double?
        var reasons: [String]?
        var controlMeanDeviation: Double?
        var controlMeanDoubt: Double?
        var controlMeanLimit: Double?
        var controlThroughputDeviation: Double?
        var control: CellDocument?
        /// How cells are measured: experiment, warm-up, limits and more, by the file's words.
        var manner: [String: String]?
        var cells: [CellDocument]
        /// Beside the campaign that it repeats.
        var difference: MatrixDifference.Document?
    }

    static func plain(_ allocation: Allocation) -> [String: Setting] {
        Dictionary(allocation.values.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    private static func seconds(_ time: Timestamp) -> Double { Double(time.nanoseconds) / 1e9 }

    private static func plain(_ times: ResponseTimes) -> [String: Estimate] {
        [
            "throughput": times.throughputEstimate, "mean": times.mean, "p50": times.p50, "p95": times.p95,
            "p99": times.p99,
        ]
    }

    static func document(_ cell: Cell) -> CellDocument {
        var metrics: [String: Estimate] = [:]
        for metric in Metric.allCases { metrics[metric.rawValue] = cell.estimate(metric) }
        var invalid: [String]?
        if case .invalid(_, let reasons) = cell.content { invalid = reasons }
        let correction = cell.measurement?.correction
        let drift = (correction?.drift ?? [:]).filter { $0.value > 0 }.map { ($0.key.rawValue, $0.value) }
        return CellDocument(
            allocation: plain(cell.allocation), state: cell.state, metrics: metrics,
            onLine: (cell.measurement?.onLine).map(plain),
            uncorrected: correction == nil ? nil : (cell.measurement?.clone).map(plain),
            drift: drift.isEmpty ? nil : Dictionary(uniqueKeysWithValues: drift),
            levelled: correction?.levels.map { levels in
                Dictionary(
                    levels.map { ($0.key.rawValue, $0.value.factor) }, uniquingKeysWith: { first, _ in first })
            }, requests: cell.measurement?.requests,
            answers: cell.measurement?.answers, comparison: cell.measurement?.comparison,
            stolen: cell.measurement?.stolen, served: cell.measurement?.served,
            started: (cell.measurement?.started).map(seconds), window: cell.measurement?.window,
            settling: cell.measurement?.settling, pause: cell.measurement?.pause,
            capture: cell.measurement?.capture, onLineCPUUsed: cell.measurement?.onLineCPUUsed,
            deviations: correction.map { correction in
                Dictionary(
                    correction.deviations.map { ($0.key.rawValue, $0.value.ratio) },
                    uniquingKeysWith: { first, _ in first })
            }, beside: cell.measurement?.beside?.map(plain), version: cell.measurement?.version,
            manner: cell.measurement?.manner, check: cell.check,
            invalid: invalid, isSpoilt: cell.isSpoilt ? true : nil, energyModel: cell.measurement?.energy?.model)
    }

    package static func json(
        _ record: CampaignRecord, cells: [Cell]? = nil, difference: MatrixDifference? = nil
    ) throws -> String {
        var whole = document(record, cells)
        whole.difference = difference?.document
        return try encode(whole)
    }

    /// The same in one line.
    package static func jsonLine(_ record: CampaignRecord) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(document(record, nil)), as: UTF8.self)
    }

    private static func document(_ record: CampaignRecord, _ cells: [Cell]?) -> Document {
        var whole = Document(
            campaign: record.id, service: record.service, tier: record.tier, with: record.with,
            forward: record.forward, clone: record.clone ?? .disk, trace: record.trace, connect: record.connect,
            node: record.node, seed: record.search?.seed, version: record.version, started: seconds(record.started),
            finished: record.finished.map(seconds), domain: record.domain, state: record.state.rawValue,
            sla: record.sla.description,
            onLine: plain(record.onLine),
            reasons: record.answer?.reasons, controlMeanDeviation: record.control?.meanDeviation,
            controlMeanDoubt: record.control?.meanDoubt, controlMeanLimit: record.control?.meanLimit,
            controlThroughputDeviation: record.control?.throughputDeviation,
            control: record.control.map { document(Cell($0.allocation, .measured($0.measurement))) },
            manner: record.manner,
            cells: (cells ?? record.matrix.cells).map(Self.document))
        switch record.answer?.verdict {
        case .cheapest(let allocation), .best(let allocation):
            (whole.verdict, whole.answer) = (record.answer?.word, plain(allocation))
        case .nothingMeets: whole.verdict = "nothing meets"
        case .undecided: whole.verdict = "undecided"
        case nil: break
        }
        whole.confidence = record.answer?.confidence
        return whole
    }

    package static func encode(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    package static func csv(_ record: CampaignRecord, cells: [Cell]? = nil) -> String {
        let axes = record.matrix.axes.map(\.resource)
        let lines = (cells ?? record.matrix.cells).map { cell in
            axes.map { cell.allocation[$0].map(field) ?? "" } + CellFields.of(cell)
        }
        return csv([axes.map(\.rawValue) + CellFields.heading] + lines)
    }

    static func field(_ setting: Setting) -> String {
        switch setting {
        case .number(let number): "\(number)"
        case .name(let name): name
        }
    }

    /// A line each. A field that would be taken for several is in quotes (RFC 4180, section 2).
    package static func csv(_ rows: [[String]]) -> String {
        let field = { (text: String) in
            text.contains { [",", "\"", "\n", "\r"].contains($0) }
                ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
        }
        return rows.map { $0.map(field).joined(separator: ",") }.joined(separator: "\n")
    }
}
