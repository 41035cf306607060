import Model
import Store

extension CampaignRecord {
    /// `earlier` as it goes on by this record's question: all that it measured, its name and its beginning; the axes of both.
    ///
    /// - Throws: `CampaignError.otherQuestion` when what it measured does not answer this question.
    func goingOn(with earlier: CampaignRecord) throws(CampaignError) -> CampaignRecord {
        try requireSubject(of: earlier)
        var record = self
        record.started = earlier.started
        (record.control, record.earlierControls) = (earlier.control, earlier.earlierControls)
        record.isFresh = earlier.isFresh
        record.earlierWindows = earlier.earlierWindows
        record.earlierCounts = earlier.earlierCounts
        record.conclusion = earlier.conclusion
        record.answer = earlier.answer
        record.state = earlier.state == .done ? .done : .running
        var earlier = earlier
        if let program = earlier.version, program != version { earlier.matrix.nameProgram(program) }
        if let manner = earlier.manner, manner != self.manner { earlier.matrix.nameManner(manner) }
        guard let matrix = earlier.matrix.extended(by: matrix, onLine: onLine) else {
            throw .otherQuestion(earlier.id, reason: "one of its axes is missing")
        }
        record.matrix = matrix
        record.meanings = (earlier.meanings ?? [:]).merging(meanings ?? [:]) { _, new in new }
        return record
    }

    /// - Throws: `CampaignError.otherQuestion` when `earlier` is of something else, so that its cells are no cells of this one.
    func requireSubject(of earlier: CampaignRecord) throws(CampaignError) {
        for (name, mine, its) in [
            ("service", service, earlier.service), ("tier", tier, earlier.tier), ("domain", domain, earlier.domain),
            ("libvirt", connect, earlier.connect), ("node", node ?? "", earlier.node ?? ""),
            (
                "what is cloned along", (with ?? []).joined(separator: ", "),
                (earlier.with ?? []).joined(separator: ", ")
            ),
        ] where mine != its {
            throw .otherQuestion(earlier.id, reason: "its \(name) is '\(its)', and the file's is '\(mine)'")
        }
        if let changed = changedMeanings(since: earlier).first {
            throw .otherQuestion(
                earlier.id,
                reason:
                    "\(changed) is not what it was when it measured; begin a new campaign, or give what is new another name"
            )
        }
        if (clone ?? .disk) != (earlier.clone ?? .disk) {
            throw .otherQuestion(earlier.id, reason: "its clones begin with something else")
        }
    }
}

extension ResultMatrix {
    /// What was measured by a program before another one goes on.
    fileprivate mutating func nameProgram(_ version: String) {
        change { $0.version = $0.version ?? version }
    }

    /// What was measured in one manner before it is another.
    fileprivate mutating func nameManner(_ manner: [String: String]) {
        change { $0.manner = $0.manner ?? manner }
    }

    private mutating func change(_ body: (inout Measurement) -> Void) {
        for index in cells.indices {
            switch cells[index].content {
            case .measured(var measurement):
                body(&measurement)
                replace(index, by: .measured(measurement))
            case .invalid(var measurement?, let reasons):
                body(&measurement)
                replace(index, by: .invalid(measurement, reasons: reasons))
            default: break
            }
        }
    }
}

extension CampaignRecord {
    /// Keeps the on-line domain in the windows of campaigns before this one, latest first: of the same domain with the same allocation.
    mutating func keepEarlierWindows(of store: MatrixStore) throws(StoreError) {
        var windows: [ResponseTimes] = []
        var counts: [Int] = []
        for head in try store.heads().heads where windows.count < Drift.kept {
            let other = head.record
            guard other.id != id, other.domain == domain,
                other.onLine.ofDomain.agrees(with: onLine.ofDomain),
                other.service == service, other.trace == trace, other.connect == connect,
                other.node == node,
                head.cells <= Self.largestLooked, let whole = try store.campaign(other.id)
            else { continue }
            let further = whole.onLineWindows.reversed().prefix(Drift.kept - windows.count)
            if further.isEmpty { continue }
            windows += further
            counts.append(further.count)
        }
        (earlierWindows, earlierCounts) = windows.isEmpty ? (nil, nil) : (windows, counts)
    }

    /// Matrices with more cells are not read for this.
    private static let largestLooked = 10_000
}
