/// Brings together what corresponds in the on-line reply and the clone's.
enum SightingPairs {
    typealias Sighting = ReplySightings.Sighting

    /// Calls `visit` with pairs of different values. A list of which one side shows more elements is not paired, unless
    /// each side shows one value only; nor is a value that both sides show in the same group: such lists are shifted, and
    /// what stands at the same place is not the same thing.
    static func forEach(
        _ onLine: ReplySightings, _ clone: ReplySightings, _ visit: (Sighting, Sighting) -> Void
    ) {
        let isSame = onLine.list.elementsEqual(clone.list) { $0.group == $1.group && $0.hash == $1.hash }
        guard !isSame, !onLine.list.isEmpty, !clone.list.isEmpty else { return }
        var groups: [UInt64: (onLine: [Int], clone: [Int])] = [:]
        for (index, sighting) in onLine.list.enumerated() {
            groups[sighting.group, default: ([], [])].onLine.append(index)
        }
        for (index, sighting) in clone.list.enumerated() { groups[sighting.group]?.clone.append(index) }
        for (_, sides) in groups where !sides.clone.isEmpty {
            let recorded = Set(sides.onLine.map { onLine.list[$0].hash })
            let made = Set(sides.clone.map { clone.list[$0].hash })
            guard sides.onLine.count == sides.clone.count || recorded.count == 1 && made.count == 1 else { continue }
            for (first, second) in zip(sides.onLine, sides.clone) {
                let pair = (onLine.list[first], clone.list[second])
                if !made.contains(pair.0.hash), !recorded.contains(pair.1.hash) { visit(pair.0, pair.1) }
            }
        }
    }
}
