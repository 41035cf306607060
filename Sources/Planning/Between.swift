import Exploration
import Glibc
import Model

/// A question about an allocation that lies between two values of an axis: answered by both.
struct Between {
    private let question: MatrixQuestion
    private let axis: Axis
    private let asked: Double
    private let below, above: Double

    /// Nil of an allocation that is on all axes, or beyond one.
    init?(_ question: MatrixQuestion, _ axes: [Axis]) {
        for axis in axes {
            guard case .number(let asked)? = question.at[axis.resource], let values = axis.numbers,
                !axis.values.contains(where: { axis.resource.agrees($0, with: .number(asked)) }),
                let below = values.filter({ $0 < asked }).max(), let above = values.filter({ $0 > asked }).min()
            else { continue }
            (self.question, self.axis, self.asked, self.below, self.above) = (question, axis, asked, below, above)
            return
        }
        return nil
    }

    /// The same question of the two values.
    var ends: [MatrixQuestion] { [below, above].map { question.at(axis.resource, .number($0)) } }

    func reply(_ record: CampaignRecord, confidence: Double) throws -> MatrixReply {
        let ends = try ends.map { try Answering.reply($0, record, confidence: confidence) }
        let experiments = ends.flatMap(\.experiments).uniqued()
        let outcome = outcome(ends)
        return MatrixReply(
            question, record, outcome, place(ends, outcome), isGoodEnough: ends.allSatisfy(\.isGoodEnough),
            nothingBetter: nil, confidence: confidence, limits: ends[0].limits,
            assumptions: [assumption] + ends.flatMap(\.assumptions).uniqued(),
            reasons: told(ends, record) + ends.flatMap(\.reasons).uniqued(), experiments: experiments,
            isPlanWhole: ends.allSatisfy(\.isPlanWhole), lacksControl: ends.contains(where: \.lacksControl),
            time: Answering.duration(of: experiments.count, record))
    }

    private func outcome(_ ends: [MatrixReply]) -> MatrixReply.Outcome {
        if case .value(let metric) = question.wish {
            return ends.allSatisfy { $0.outcome == .figure && $0.place?.figures[metric] != nil } ? .figure : .unsure
        }
        return ends[0].outcome == ends[1].outcome ? ends[0].outcome : .unsure
    }

    /// What each of the two says, and what to do where they differ.
    private func told(_ ends: [MatrixReply], _ record: CampaignRecord) -> [String] {
        guard question.wish == .holds else { return [] }
        let both = ends.compactMap(\.place).map { place in
            "\(place.allocation)" + (place.holds.map { " with probability \(Format.percent($0))" } ?? "")
        }
        let isSplit = Set(ends.map(\.outcome)) == [.yes, .no]
        return ["of the two it holds at " + both.joined(separator: ", at ")]
            + (isSplit
                ? [
                    "where between them it begins to is not known: put \(axis.resource.format(.number(asked))) on the axis in the "
                        + "service file, and go on with 'whatif run FILE.yaml --campaign \(record.id)'"
                ] : [])
    }

    /// Of a figure, what lies between the two; of limits, how surely both keep or both break them.
    private func place(_ ends: [MatrixReply], _ outcome: MatrixReply.Outcome) -> MatrixReply.Place? {
        guard let lower = ends[0].place, let upper = ends[1].place else { return nil }
        let probabilities = ends.compactMap(\.place?.holds)
        let holds = outcome == .no ? probabilities.max() : outcome == .yes ? probabilities.min() : nil
        let share = (asked - below) / (above - below)
        let figures = lower.figures.compactMap { metric, a in
            upper.figures[metric].map { b in
                // Effects multiply, where there are any.
                let value =
                    a.value > 0 && b.value > 0
                    ? exp((1 - share) * log(a.value) + share * log(b.value)) : (1 - share) * a.value + share * b.value
                return (metric, Estimate(value, lower: min(a.lower, b.lower), upper: max(a.upper, b.upper)))
            }
        }
        var settings = lower.allocation.values
        settings[axis.resource] = .number(asked)
        return MatrixReply.Place(
            Allocation(settings), state: "interpolated",
            figures: Dictionary(figures, uniquingKeysWith: { first, _ in first }), cost: nil, holds: holds)
    }

    private var assumption: String {
        let text = { (value: Double) in "\(axis.resource.rawValue) \(axis.resource.format(.number(value)))" }
        let taken =
            if case .value = question.wish { "its figures are taken to lie between theirs" } else {
                "what is so at both is taken to be so there"
            }
        return "\(text(asked)) is not on the campaign's axis, but between \(text(below)) and \(text(above)): \(taken)"
    }
}
