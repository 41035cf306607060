/// What a capture did not see. It stands beside every figure that was made from packets.
package struct Unseen: Hashable, Codable, Sendable {
    /// Packets that the kernel or the interface dropped before we saw them.
    package var dropped = 0
    /// Holes in TCP's sequence that nothing filled, and their length.
    package var gaps = 0
    package var missingBytes = 0

    package init(dropped: Int = 0, gaps: Int = 0, missingBytes: Int = 0) {
        self.dropped = dropped
        self.gaps = gaps
        self.missingBytes = missingBytes
    }

    package var isNothing: Bool { dropped == 0 && gaps == 0 }

    package static func + (a: Unseen, b: Unseen) -> Unseen {
        Unseen(
            dropped: a.dropped + b.dropped, gaps: a.gaps + b.gaps, missingBytes: a.missingBytes + b.missingBytes)
    }

    /// What came between two readings of counters that only grow.
    package static func - (a: Unseen, b: Unseen) -> Unseen {
        Unseen(
            dropped: max(0, a.dropped - b.dropped), gaps: max(0, a.gaps - b.gaps),
            missingBytes: max(0, a.missingBytes - b.missingBytes))
    }
}
