import Model

/// What live migrations go over, and how long a domain may stand: predicts what moving one costs.
///
/// Pre-copy as in Clark, Fraser, Hand, Hansen, Jul, Limpach, Pratt and Warfield, *Live Migration of Virtual Machines*, NSDI
/// 2005, sections 3 and 5: the first round sends all memory, each next one what was written during the one before; it
/// stands while the last is sent. Rounds end when what is left takes no longer than the bound, when they do not shrink any
/// more (the writable working set), after 29 of them, or when three times the memory has been sent.
package struct MigrationLink: Hashable, Codable, Sendable {
    /// Bytes a second that one migration gets.
    package var bandwidth: Double
    /// For how long a domain may stand.
    package var longestPause: Duration

    package init(bandwidth: Double = 1e9 / 8, longestPause: Duration = .milliseconds(300)) {
        self.bandwidth = bandwidth
        self.longestPause = longestPause
    }

    package struct Cost: Hashable, Codable, Sendable {
        package var duration: Duration
        package var pause: Duration
        /// Bytes.
        package var sent: Double
        /// Rounds of pre-copy before the pause.
        package var rounds: Int
    }

    private static let mostRounds = 29
    private static let mostSent = 3.0

    /// What it costs to move a domain with so many bytes of memory, of which it writes so many a second.
    package func cost(memory: Int, dirtyRate: Int) -> Cost {
        let memory = Double(memory)
        let enough = longestPause.seconds * bandwidth
        var left = memory
        var sent = 0.0
        var rounds = 0
        while left > enough, rounds < Self.mostRounds, sent + left <= Self.mostSent * memory {
            let next = min(memory, Double(dirtyRate) * left / bandwidth)
            // The first round has to be: nothing is there yet.
            if rounds > 0, next >= left { break }
            sent += left
            rounds += 1
            left = next
        }
        sent += left
        return Cost(
            duration: .seconds(sent / bandwidth), pause: .seconds(left / bandwidth), sent: sent, rounds: rounds)
    }
}
