import Model

/// What is to be looked at when its time has come, the earliest first: a binary heap. What is no longer true when its time
/// comes is for the taker to find out; nothing is taken back.
struct TimeQueue: Sendable {
    private var heap: [(time: Timestamp, token: UInt64)] = []

    var count: Int { heap.count }
    var firstTime: Timestamp? { heap.first?.time }

    mutating func add(_ token: UInt64, at time: Timestamp) {
        heap.append((time, token))
        var child = heap.count - 1
        while child > 0, heap[child].time < heap[(child - 1) / 2].time {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// The earliest whose time is `now` or before.
    mutating func pop(at now: Timestamp) -> (time: Timestamp, token: UInt64)? {
        guard let first = heap.first, first.time <= now else { return nil }
        let last = heap.removeLast()
        if heap.isEmpty { return first }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].time < heap[least].time { least = child }
            }
            if least == parent { return first }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
