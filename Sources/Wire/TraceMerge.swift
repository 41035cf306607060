import Model

/// Several traces as one: records in the order of their times, connections numbered anew. Needs one record of each in
/// memory, and the numbers of the connections that are open.
package struct TraceMerge {
    private struct Source {
        let reader: TraceReader
        var next: TraceRecord?
        var numbers: [ConnectionID: ConnectionID] = [:]
    }

    private var sources: [Source] = []
    private var lastNumber: ConnectionID = 0

    package init(_ readers: [TraceReader]) throws(TraceError) {
        for reader in readers { sources.append(Source(reader: reader, next: try reader.next())) }
    }

    /// The next record, nil when all are read.
    package mutating func next() throws(TraceError) -> TraceRecord? {
        var earliest: Int?
        for (place, source) in sources.enumerated() {
            guard let record = source.next else { continue }
            // What is named again was in order before.
            if case .connection(_, isOpened: false) = record {
                earliest = place
                break
            }
            if let known = earliest, let time = sources[known].next?.time, time <= record.time { continue }
            earliest = place
        }
        guard let earliest, let record = sources[earliest].next else { return nil }
        sources[earliest].next = try sources[earliest].reader.next()
        guard let id = record.connection else { return record }
        let number: ConnectionID
        if let known = sources[earliest].numbers[id] {
            number = known
        } else {
            lastNumber += 1
            number = lastNumber
            sources[earliest].numbers[id] = number
        }
        if case .closed = record { sources[earliest].numbers[id] = nil }
        return record.renumbered { _ in number }
    }
}
