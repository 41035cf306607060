/// Brings together what corresponds in the on-line reply and the clone's.
enum SightingPairs {
    typealias Sighting = ReplySightings.Sighting

    /// Calls `visit` with pairs of different values. A list of which one side shows more elements is not paired, unless
    /// each side shows one value only; nor is a value that both sides show in the same group: such lists are shifted, and
    /// what stands at the same place is not the same thing.
    static func forEach(
        _ onLine: ReplySightings, _ clone: ReplySightings, _ visit: (Sighting, Sighting) -> Void
    ) {
        guard !onLine.list.isEmpty, !clone.list.isEmpty else { return }
        // Most groups are the same on both sides, and then told by one pass.
        var different: Set<UInt64> = []
        if onLine.list.elementsEqual(clone.list, by: { $0.group == $1.group }) {
            for (first, second) in zip(onLine.list, clone.list) where first.hash != second.hash {
                different.insert(first.group)
            }
        } else {
            different = Set(onLine.list.map(\.group)).intersection(clone.list.map(\.group))
        }
        guard !different.isEmpty else { return }
        var groups: [UInt64: (onLine: [Sighting], clone: [Sighting])] = [:]
        for sighting in onLine.list where different.contains(sighting.group) {
            groups[sighting.group, default: ([], [])].onLine.append(sighting)
        }
        for sighting in clone.list where different.contains(sighting.group) {
            groups[sighting.group, default: ([], [])].clone.append(sighting)
        }
        // In the order of the recorded reply, so that the same replies always teach the same.
        for group in onLine.list.lazy.map(\.group) {
            guard let sides = groups.removeValue(forKey: group) else { continue }
            let recorded = Set(sides.onLine.lazy.map(\.hash))
            let made = Set(sides.clone.lazy.map(\.hash))
            guard sides.onLine.count == sides.clone.count || recorded.count == 1 && made.count == 1 else { continue }
            for (first, second) in zip(sides.onLine, sides.clone)
            where !made.contains(first.hash) && !recorded.contains(second.hash) {
                visit(first, second)
            }
        }
    }
}
