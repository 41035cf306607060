import Model

/// When balancing begins and ends, and what a migration has to be worth. All are shares of a node's capacity.
///
/// Nodes never use the same, and every migration costs: so nothing moves for a difference that the next minute may undo. It
/// begins at `start` and ends at `stop`, which is less; and a move that gained as much as `gain` cannot gain by being undone.
package struct BalancingTerms: Hashable, Codable, Sendable {
    /// Nothing moves while nodes differ by no more than this.
    package var start: Double
    /// Then domains move until nodes differ by no more than this.
    package var stop: Double
    /// By how much each move has to lower the busier of its two nodes at least.
    package var gain: Double
    /// By how much more, for each minute that it takes.
    package var gainPerMinute: Double

    package init(start: Double = 0.15, stop: Double = 0.05, gain: Double = 0.03, gainPerMinute: Double = 0.01) {
        self.start = start
        self.stop = stop
        self.gain = gain
        self.gainPerMinute = gainPerMinute
    }

    func check() throws(PlacementError) {
        guard 0 <= stop, stop <= start, start.isFinite else {
            throw .wrong("balance", "nodes may differ by less when it stops than when it starts, and by zero or more")
        }
        guard gain > 0, gain.isFinite, gainPerMinute >= 0, gainPerMinute.isFinite else {
            throw .wrong("balance", "a move gains more than nothing, and no less for each minute")
        }
    }
}

/// `{ start: 15%, stop: 5%, gain: 3%, per-minute: 1% }`
struct BalanceFields: Decodable {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case start, stop, gain
        case perMinute = "per-minute"
    }

    private(set) var terms = BalancingTerms()

    init(from decoder: any Decoder) throws {
        let fields = try decoder.strictContainer(keyedBy: CodingKeys.self)
        terms.start = try fields.value(.start, default: terms.start, Units.fraction)
        terms.stop = try fields.value(.stop, default: terms.stop, Units.fraction)
        terms.gain = try fields.value(.gain, default: terms.gain, Units.fraction)
        terms.gainPerMinute = try fields.value(.perMinute, default: terms.gainPerMinute, Units.fraction)
        do { try terms.check() } catch {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "\(error)"))
        }
    }
}
