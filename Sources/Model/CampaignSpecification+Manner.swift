extension CampaignSpecification {
    /// How cells are measured, by the file's words: what two of them must have in common to be compared without a second thought.
    package var manner: [String: String] {
        let least = Format.duration(experiment.least)
        let length = Format.duration(experiment.most)
        let limits = [
            ("lost", lostLimit), ("late", lateLimit), ("stolen", stolenLimit), ("unmatched", unmatchedLimit),
        ].map { "\($0.0) \(Format.percent($0.1))" }
        var manner = [
            "experiment": experiment.precision.map { "\(least) to \(length) until \(Format.percent($0))" } ?? length,
            "warm-up": Format.duration(warmUp), "time-shift": Format.duration(timeShift),
            "clones": reuses ? "used again" : "fresh",
            "invalid": limits.joined(separator: ", "), "answers": answers.manner, "sandboxes": "\(sandboxes)",
            "control": "mean \(Format.percent(control.mean)), throughput \(Format.percent(control.throughput)), "
                + "load \(Format.percent(control.load)), \(control.corrects ? "corrects" : "does not correct")",
        ]
        if !sessions.isEmpty { manner["sessions"] = sessions.map(\.name).sorted().joined(separator: ", ") }
        let watts = [
            energy?.core.map { "\(Format.significant($0)) W a core" },
            energy?.idle.map { "\(Format.significant($0)) W at rest" },
        ]
        if energy != nil { manner["energy"] = watts.compactMap(\.self).joined(separator: ", ") }
        return manner
    }
}

extension AnswerSpecification {
    fileprivate var manner: String {
        let rest =
            switch unmatched {
            case .error: "error"
            case .wait(let duration): "wait \(Format.duration(duration))"
            case .forward: "forward"
            }
        return "match \(match.rawValue), unmatched \(rest), \(keepsDelay ? "with their delay" : "without delay")"
    }
}

extension CampaignRecord {
    /// What of the manner of measuring is not as in `earlier`, in words; nothing where one of them does not say.
    package func otherManner(than earlier: CampaignRecord) -> [String] {
        guard let before = earlier.manner, let now = manner else { return [] }
        return Set(before.keys).union(now.keys).sorted().filter { before[$0] != now[$0] }.map {
            "\($0): \(before[$0] ?? "not said") before, \(now[$0] ?? "not said") after"
        }
    }
}
