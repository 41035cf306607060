package import Model

/// The answer to a question, for people.
package enum ReplyText {
    /// `command`: what runs the experiments.
    package static func text(_ reply: MatrixReply, command: String) -> String {
        var lines = [headline(reply)]
        lines += facts(reply).map { "  - " + $0 }
        if reply.canBeRun { lines += [""] + experiments(reply) + ["  " + command] }
        return lines.joined(separator: "\n")
    }

    private static func headline(_ reply: MatrixReply) -> String {
        let place = reply.place.map { "\($0.allocation)" } ?? "no allocation"
        let limits = reply.limits.map { " with \($0)" } ?? ""
        switch reply.outcome {
        case .found:
            return "The \(sought(reply)) of \(reply.domain)\(limits) is \(isBest(reply) ? "at " : "")\(place)."
        case .nothing: return "Nothing does: no allocation of \(reply.domain) that is asked about is one\(limits)."
        case .yes: return "Yes: \(reply.limits ?? "it") holds for \(reply.domain) at \(place)."
        case .no: return "No: \(reply.limits ?? "it") does not hold for \(reply.domain) at \(place)."
        case .figure:
            guard case .value(let metric) = reply.question.wish else { return place }
            return "The \(metric.rawValue) of \(reply.domain) at \(place) is "
                + (reply.place?.figures[metric].map { metric.format($0.value) } ?? "unknown") + "."
        case .unsure:
            let guess: String =
                switch reply.question.wish {
                case .holds:
                    reply.place.flatMap(\.holds).map { $0 >= 0.5 ? "; rather yes than no" : "; rather no than yes" }
                        ?? ""
                case .value: ""
                case .cheapest, .best:
                    reply.place.map { place in
                        reply.isGoodEnough || place.holds ?? 1 >= 0.5
                            ? "; of what is known, most probably \(place.allocation)" : "; rather nothing does"
                    } ?? ""
                }
            return "Not sure enough (\(Format.percent(reply.confidence)) is asked for)\(guess)."
        }
    }

    private static func isBest(_ reply: MatrixReply) -> Bool {
        if case .best = reply.question.wish { true } else { false }
    }

    private static func sought(_ reply: MatrixReply) -> String {
        switch reply.question.wish {
        case .cheapest(let axes):
            axes.isEmpty ? "cheapest allocation" : "cheapest " + axes.map(\.rawValue).joined(separator: ", ")
        case .best(let metric, let most): "\(most ? "highest" : "lowest") \(metric.rawValue)"
        case .value, .holds: ""
        }
    }

    private static func facts(_ reply: MatrixReply) -> [String] {
        var facts: [String] = []
        if let place = reply.place {
            facts.append(
                "at \(place.allocation): "
                    + (figures(place).map { "\($0) (\(Format.percent(reply.confidence)) interval), " } ?? "")
                    + place.state)
            if let holds = place.holds, let limits = reply.limits {
                facts.append("\(limits) holds there with probability \(probability(holds))")
            }
        }
        if let nothing = reply.nothingBetter {
            let said =
                !reply.isGoodEnough
                ? "nothing at all does"
                : isBest(reply)
                    ? "nothing is better by more than \(Format.percent(MatrixQuestion.noticeable))"
                    : "nothing cheaper does"
            facts.append("that \(said) has probability \(probability(nothing))")
        }
        if let cost = reply.place?.cost { facts.append("it costs \(Format.significant(cost))") }
        return facts + reply.assumptions.map { "taken to be meant: " + $0 } + reply.reasons
    }

    private static func figures(_ place: MatrixReply.Place) -> String? {
        if place.figures.isEmpty { return nil }
        return place.figures.sorted { $0.key.rawValue < $1.key.rawValue }.map { metric, estimate in
            "\(metric.rawValue) \(metric.format(estimate.value)) [\(metric.format(estimate.lower)) – "
                + "\(metric.format(estimate.upper))]"
        }.joined(separator: ", ")
    }

    /// Never said to be more than it is.
    private static func probability(_ value: Double) -> String { Format.percent((value * 1000).rounded(.down) / 1000) }

    private static func experiments(_ reply: MatrixReply) -> [String] {
        let count = reply.experiments.count
        if count == 0 { return ["A control clone has to be measured first:"] }
        let time =
            reply.time.map { ", about \(Format.duration(.seconds($0.seconds.rounded(.up)))) with the control clone" }
            ?? ""
        let heading =
            reply.outcome == .figure
            ? "To measure it\(time):"
            : "\(count) experiment\(count == 1 ? "" : "s")\(time), would "
                + (reply.isPlanWhole ? "make it sure, if what is expected comes out" : "be the next; more may follow")
                + ":"
        let rows = reply.experiments.enumerated().map { index, place in
            "  \(index + 1). \(place.allocation)"
                + (figures(place).map { ": \($0) expected" } ?? "")
                + (place.holds.map { ", holds with \(probability($0))" } ?? "")
        }
        return [heading] + rows
    }
}
