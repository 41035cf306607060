import Model

extension Keeper {
    mutating func verifying(_ open: ManagedDecision, at time: Timestamp, because reason: String) -> [Order] {
        decision?.go(to: .verifying, at: time, because: reason)
        vigil.forget()
        recent = []
        return []
    }

    mutating func verify(_ open: ManagedDecision, _ check: ServiceCheck) -> [Order] {
        // What the SLA's window holds from before the change is none of its effects, and what has queued up before it has to be
        // worked off first.
        guard check.time >= open.time + watched else { return [] }
        let isLate = check.time >= open.time + watched * Self.patience
        if check.sla.seen < sla.over, !isLate { return [] }
        if check.sla.state == .violated, isFalling, !isLate { return [] }
        guard let ill = ill(open, check) else {
            let figure = check.sla.value.map { " with \(Format.milliseconds($0))" } ?? ""
            end(
                .done, at: check.time,
                because: check.sla.state == .meets
                    ? "verified on-line: \(sla) is met\(figure)\(compared(open, check.sla.value))"
                    : "there are too few requests to verify it on-line; it stays, as the campaign found it good")
            return []
        }
        return judge(open, ill, at: check.time)
    }

    /// The figure beside what the campaign predicted: whoever is surprised by a matrix should know.
    private func compared(_ open: ManagedDecision, _ figure: Double?) -> String {
        guard let predicted = open.predicted, let figure else { return "" }
        let text =
            "\(Format.milliseconds(predicted.value)) [\(Format.milliseconds(predicted.lower)) – "
            + "\(Format.milliseconds(predicted.upper))]"
        if figure < predicted.lower { return ", less than was predicted: \(text)" }
        if figure > predicted.upper { return ", more than was predicted: \(text)" }
        return ", as was predicted: \(text)"
    }

    /// Nobody could hear whether it does good.
    mutating func unheard(_ open: ManagedDecision, at time: Timestamp) -> [Order] {
        guard time >= open.time + watched * Self.patience else { return [] }
        return judge(open, "the service cannot be heard", at: time)
    }

    /// More of something is not what makes a service worse; anything else is set back.
    private mutating func judge(_ open: ManagedDecision, _ ill: String, at time: Timestamp) -> [Order] {
        if open.changes.allSatisfy(\.isIncrease) {
            end(.done, at: time, because: "\(ill), which more cannot have caused: it stays")
            return []
        }
        decision?.go(to: .restoring, at: time, because: "\(ill): everything is set back")
        return [.look(open.changes)]
    }

    private func ill(_ open: ManagedDecision, _ check: ServiceCheck) -> String? {
        let before = open.errors ?? 0
        if errors > max(2 * before, before + Self.furtherErrors) {
            return "\(Format.percent(errors)) of the replies are errors, and \(Format.percent(before)) were before"
        }
        switch check.sla.state {
        case .meets: return nil
        case .violated:
            return "\(sla) is violated on-line with \(check.sla.value.map(Format.milliseconds) ?? "nothing")"
        case .tooFew:
            let expected = open.rate * sla.over.seconds
            guard expected > 2 * Double(sla.statistic.leastCount) else { return nil }
            return "\(check.sla.requests) requests were answered where \(Format.decimal(expected, 0)) had been before"
        }
    }

    private static let furtherErrors = 0.01

    private var watched: Duration { max(terms.verify, sla.over) }

    /// So many times as long as a change is watched anyway, as long as the figure falls or nothing is heard.
    private static let patience = 10

    private var isFalling: Bool {
        guard recent.count > 1, let first = recent.first?.sla.value, let last = recent.last?.sla.value else {
            return false
        }
        return last < Self.falling * first
    }

    private static let falling = 0.95
}
