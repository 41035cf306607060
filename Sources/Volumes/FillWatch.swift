/// Says when an experiment has to be ended because what its snapshot lives in is about to be full: LVM would drop a classic
/// snapshot, and a full pool or file system stops the original with the clone.
///
/// Pure: readings in, a verdict out.
package struct FillWatch: Sendable {
    package enum Verdict: Sendable, Hashable {
        case enough
        case end(Reason)
    }

    package enum Reason: Sendable, Hashable, CustomStringConvertible {
        case invalid
        case level(share: Double, limit: Double)
        /// At the rate at which it fills it would be full within `seconds`, and ending takes `needed`.
        case rate(seconds: Double, needed: Double)

        package var description: String {
            switch self {
            case .invalid: "the snapshot was full, and what it read since is not to be trusted"
            case .level(let share, let limit):
                "the snapshot's room is used to \(Self.percent(share)) % (limit \(Self.percent(limit)) %)"
            case .rate(let seconds, let needed):
                "the snapshot's room would be full in \(Int(seconds)) s, and ending takes up to \(Int(needed.rounded(.up))) s"
            }
        }

        private static func percent(_ share: Double) -> Int { Int((share * 100).rounded(.down)) }
    }

    private let limit: Double
    private let timeToEnd: Double
    private let window: Double
    private var readings: [(seconds: Double, share: Double)] = []

    /// `limit` is the share that is never passed knowingly; `timeToEnd` how long an experiment takes to end, the time to the
    /// next reading included. The rate is that of the last `window`, or of the last two readings if that is higher.
    package init(limit: Double = 0.8, timeToEnd: Duration = .seconds(10), window: Duration = .seconds(30)) {
        self.limit = limit
        self.timeToEnd = timeToEnd / .seconds(1)
        self.window = window / .seconds(1)
    }

    /// A reading at a time, of a clock that does not go back.
    package mutating func observe(_ fill: SnapshotFill, at seconds: Double) -> Verdict {
        readings.append((seconds, fill.share))
        // The newest of those that are older than the window stays: the rate is over all of it.
        while readings.count > 2, seconds - readings[1].seconds >= window { readings.removeFirst() }
        if fill.isInvalid || fill.share >= 1 { return .end(.invalid) }
        if fill.share >= limit { return .end(.level(share: fill.share, limit: limit)) }
        guard let rate, rate > 0 else { return .enough }
        let left = (1 - fill.share) / rate
        return left <= timeToEnd ? .end(.rate(seconds: left, needed: timeToEnd)) : .enough
    }

    /// Share a second.
    private var rate: Double? {
        guard let last = readings.last, let first = readings.first, readings.count > 1 else { return nil }
        let before = readings[readings.count - 2]
        return [first, before].compactMap { reading in
            let time = last.seconds - reading.seconds
            return time > 0 ? (last.share - reading.share) / time : nil
        }.max()
    }
}
