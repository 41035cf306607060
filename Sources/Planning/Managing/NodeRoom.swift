package import Model

/// What a node has left for more: whoever gets it must not take it from the others.
package struct NodeRoom: Hashable, Sendable {
    /// How many it has, and how many were busy.
    package var processors: Double
    package var busy: Double
    /// Bytes that could be given without swapping; nil where that is not known.
    package var memory: Double?

    package init(processors: Double, busy: Double, memory: Double?) {
        (self.processors, self.busy, self.memory) = (processors, busy, memory)
    }

    /// What is beyond this part of the processors makes everybody wait.
    private static let full = 0.9

    /// Why these changes would harm others, and the way out; nil when they would not. `more` is how many processors each
    /// domain that is given some will use more than it did.
    package func lack(for changes: [AllocationChange], more: Double) -> String? {
        lackOfMemory(for: changes) ?? lackOfProcessors(for: changes, more: more)
    }

    /// Of them, what would have the node swap, or kill.
    package func lackOfMemory(for changes: [AllocationChange]) -> String? {
        let wanted = changes.filter { $0.resource == .memory }.compactMap { change -> Double? in
            guard let from = change.from.number, let to = change.to.number else { return nil }
            // Who has a lower limit gives back nothing that was not used.
            return max(0, to - from)
        }.reduce(0, +)
        guard let memory, wanted > memory else { return nil }
        return
            "it takes \(Format.bytes(Int64(wanted))) more memory, and the node has \(Format.bytes(Int64(memory))) left; "
            + "move something away first ('whatif plan' says what)"
    }

    /// And what would have others wait.
    package func lackOfProcessors(for changes: [AllocationChange], more: Double) -> String? {
        // Who gets less uses no more than before, whatever two measurements differ by.
        let given = changes.filter { [.cpu, .shares, .vcpus].contains($0.resource) && $0.isIncrease }
        let more = more * Double(Set(given.map(\.domain)).count)
        guard more > 0, busy + more > Self.full * processors else { return nil }
        return
            "the node would use \(Format.significant(busy + more)) of its \(Format.significant(processors)) processors, and "
            + "others would wait; move something away first ('whatif plan' says what)"
    }
}

extension CampaignRecord {
    /// How many processors the domain will use more with the answer than it used on-line beside it; 0 where that is not known.
    package var furtherProcessors: Double {
        guard let allocation = answer?.allocation, let cell = matrix[allocation], let control,
            let used = cell.estimate(.cpuUsed)?.value
        else { return 0 }
        return max(0, used - (cell.measurement?.onLineCPUUsed ?? control.measurement.onLineCPUUsed))
    }
}
