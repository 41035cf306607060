import Foundation
import Model

/// A cell as a row of the table `cell`, with what its columns do not hold as JSON.
struct CellRow {
    /// By `CellColumns`.
    private(set) var values: [Database.Value]
    /// The whole cell, when it has more than the columns do: all that was measured. Nil when the columns are all of it.
    private(set) var detail: String?

    init() { values = Array(repeating: .null, count: CellColumns.count) }

    /// As it was read; `values` has the columns in their order.
    init(_ values: [Database.Value], detail: String?) {
        self.values = values
        self.detail = detail
    }

    /// Becomes the row of `cell`; the memory of the row before is used again.
    mutating func fill(_ id: Int64, _ cell: Cell) throws {
        fillColumns(id, cell)
        detail = Self.isHeldByColumns(cell) ? nil : String(decoding: try Self.encoder.encode(cell), as: UTF8.self)
        values[CellColumns.hash] = .integer(hash)
    }

    /// Only what can be asked for: without `detail` and `hash`.
    mutating func fillColumns(_ id: Int64, _ cell: Cell) {
        for index in values.indices { values[index] = .null }
        values[CellColumns.id] = .integer(id)
        values[CellColumns.state] = .text(cell.state)
        for (resource, setting) in cell.allocation.values {
            values[CellColumns.resources + resource.place] =
                switch setting {
                case .number(let number): .real(number)
                case .name(let name): .text(name)
                }
        }
        switch cell.content {
        case .blank, .invalid: break
        case .interpolated(let estimates): for (metric, estimate) in estimates { fill(metric, estimate) }
        case .measured(let measurement):
            for metric in Metric.allCases { measurement.estimate(metric).map { fill(metric, $0) } }
        }
    }

    private mutating func fill(_ metric: Metric, _ estimate: Estimate) {
        values[CellColumns.metrics + metric.place] = .real(estimate.value)
        values[CellColumns.bounds + 2 * metric.place] = .real(estimate.lower)
        values[CellColumns.bounds + 2 * metric.place + 1] = .real(estimate.upper)
    }

    /// Whether the columns say everything: whatever a cell may come to have besides its allocation and interpolated
    /// estimates, and any number that SQL does not know, is a reason to keep it whole.
    private static func isHeldByColumns(_ cell: Cell) -> Bool {
        var rest = cell
        rest.content = .blank
        guard rest == Cell(cell.allocation) else { return false }
        // A name among numbers, or a number among names, is kept by the columns as well, but for a number that is none.
        for case .number(let number) in cell.allocation.values.values where number.isNaN { return false }
        switch cell.content {
        case .blank: return true
        case .measured, .invalid: return false
        case .interpolated(let estimates):
            // False of what is no number, too.
            return estimates.values.allSatisfy { $0.lower <= $0.value && $0.value <= $0.upper }
        }
    }

    static let encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return encoder
    }()

    static let decoder: JSONDecoder = {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        return decoder
    }()
}

extension CellRow {
    private static let columns: [UInt64] = CellColumns.names[..<CellColumns.hash].map { RowHash.of($0) }
    private static let detailColumn = RowHash.of("detail")

    /// Of everything but itself.
    var hash: Int64 {
        var hash = RowHash()
        let columns = Self.columns.span
        let values = values.span
        for index in columns.indices { hash.add(values[index], columns[index]) }
        if let detail { hash.add(.text(detail), Self.detailColumn) }
        return hash.value
    }

    /// Why this is not what was written; nil when it is.
    var damage: String? { values[CellColumns.hash] == .integer(hash) ? nil : "it is not what was written" }

    /// The cell, from its JSON where there is some.
    ///
    /// - Throws: `RowError` when it cannot be what was written.
    func cell() throws(RowError) -> Cell {
        if let damage { throw RowError(description: damage) }
        if let detail {
            do { return try Self.decoder.decode(Cell.self, from: Data(detail.utf8)) } catch {
                throw RowError(description: "its text cannot be read (\(error))")
            }
        }
        var settings: [Resource: Setting] = [:]
        for resource in Resource.allCases {
            switch values[CellColumns.resources + resource.place] {
            case .null: continue
            case .text(let name): settings[resource] = .name(name)
            case let value: settings[resource] = value.number.map { .number($0) }
            }
        }
        let allocation = Allocation(settings)
        switch values[CellColumns.state].text {
        case "blank": return Cell(allocation)
        case "interpolated":
            var estimates: [Metric: Estimate] = [:]
            for metric in Metric.allCases {
                guard let value = values[CellColumns.metrics + metric.place].number,
                    let lower = values[CellColumns.bounds + 2 * metric.place].number,
                    let upper = values[CellColumns.bounds + 2 * metric.place + 1].number
                else { continue }
                estimates[metric] = Estimate(value, lower: lower, upper: upper)
            }
            return Cell(allocation, .interpolated(estimates))
        case let state:
            throw RowError(description: "it is \(state ?? "of no state"), and what was measured is missing")
        }
    }
}
