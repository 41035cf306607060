/// What the trials say, sorted for a decision.
struct TrialBook: Sendable {
    struct Measured: Hashable, Sendable {
        var cell: Int
        var value: Double
        var error: Double?
        var end: Double?
        var cost: Double?

        var observation: Observation { Observation(cell: cell, value: value, error: error) }
    }

    private(set) var measured: [Measured] = []
    private(set) var failed: [Int] = []
    /// Neither known nor to be tried.
    private(set) var spoilt: [Int] = []
    var pending: [Int]
    private var durations: [Duration] = []
    private let expected: Duration

    init(_ state: SearchState) {
        pending = state.pending
        expected = state.expectedDuration
        for trial in state.trials {
            durations.append(trial.duration)
            switch trial.outcome {
            case .measured(let value, let error, let end, let cost):
                measured.append(Measured(cell: trial.cell, value: value, error: error, end: end, cost: cost))
            case .failed: failed.append(trial.cell)
            case .spoilt: spoilt.append(trial.cell)
            }
        }
    }

    func isTaken(_ cell: Int) -> Bool {
        pending.contains(cell) || failed.contains(cell) || spoilt.contains(cell)
            || measured.contains { $0.cell == cell }
    }

    var observations: [Observation] { measured.map(\.observation) }

    /// How many experiments were done or begun: what a decision's own random numbers start from.
    var count: UInt64 { UInt64(measured.count + failed.count + spoilt.count + pending.count) }

    /// An experiment is expected to take what the longest of the last five took.
    func allows(timeLeft: Duration) -> Bool {
        (durations.suffix(5).max() ?? expected) <= timeLeft
    }
}
