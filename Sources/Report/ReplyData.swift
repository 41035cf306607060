package import Model

/// The answer to a question for other programs: one JSON object, in the units of `MatrixData`.
package enum ReplyData {
    private struct Place: Encodable {
        var allocation: [String: Setting]
        /// measured, checked, interpolated, invalid or blank.
        var state: String
        /// The metrics that are asked about, with intervals of the confidence.
        var metrics: [String: Estimate]
        var cost: Double?
        /// The probability that the limits hold there.
        var holds: Double?

        init(_ place: MatrixReply.Place) {
            allocation = MatrixData.plain(place.allocation)
            state = place.state
            metrics = Dictionary(
                place.figures.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: { first, _ in first })
            cost = place.cost
            holds = place.holds
        }
    }

    private struct Document: Encodable {
        var question: String
        var campaign: String
        var domain: String
        /// found, nothing, yes, no, figure or unsure.
        var outcome: String
        /// What the answer names, or most probably would.
        var place: Place?
        /// Whether what is asked for holds there as surely as it has to.
        var isGoodEnough: Bool
        /// The probability that nothing cheaper, or better, does; where the place is not good enough, that nothing does at all.
        var nothingBetter: Double?
        var confidence: Double
        var limits: String?
        var assumptions: [String]
        var reasons: [String]
        /// In the order in which they would be run.
        var experiments: [Place]
        var isPlanWhole: Bool
        /// What the experiments take.
        var seconds: Double?
        /// What runs them; missing when there is nothing to run.
        var command: String?
    }

    package static func json(_ reply: MatrixReply, command: String) throws -> String {
        try MatrixData.encode(
            Document(
                question: reply.question.text, campaign: reply.campaign, domain: reply.domain,
                outcome: reply.outcome.rawValue, place: reply.place.map { Place($0) },
                isGoodEnough: reply.isGoodEnough, nothingBetter: reply.nothingBetter, confidence: reply.confidence,
                limits: reply.limits,
                assumptions: reply.assumptions, reasons: reply.reasons,
                experiments: reply.experiments.map { Place($0) }, isPlanWhole: reply.isPlanWhole,
                seconds: reply.time?.seconds, command: reply.canBeRun ? command : nil))
    }
}
