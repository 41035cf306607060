import Glibc
import Testing

@testable import Model

@Suite struct LevellingTests {
    /// The on-line domain and a clone with less of a processor over the same requests, on a machine that is a little slower or faster in
    /// every window. Each is a queue.
    private struct Window {
        let onLine, clone: [ResponseSample]

        init(_ random: inout SplitMix64) {
            let normal = (-2 * log(1 - random.unit())).squareRoot() * cos(2 * .pi * random.unit())
            let speed = exp(0.1 * normal)
            var (waiting, samples) = ([0.0, 0.0], [[ResponseSample]](repeating: [], count: 2))
            for index in 0..<250 {
                let (work, pause) = (-log(1 - random.unit()), -log(1 - random.unit()))
                for (side, service) in [0.02, 0.03].enumerated() {
                    let noise = 0.9 + 0.2 * random.unit()
                    let response = waiting[side] + work * noise * service / speed
                    if index >= 100 {
                        samples[side].append(
                            ResponseSample(
                                due: Timestamp(nanoseconds: Int64(index) * 66_000_000),
                                response: .nanoseconds(Int64(response * 1e9))))
                    }
                    waiting[side] = max(0, response - pause / 15)
                }
            }
            (onLine, clone) = (samples[0], samples[1])
        }

        func times(_ samples: [ResponseSample]) throws -> ResponseTimes {
            try #require(ResponseTimes(samples, answered: samples.count, window: .seconds(10)))
        }
    }

    /// What both have in common is taken out, and the intervals hold the mean over many windows about as often as they say, at less
    /// than they are wide without it.
    @Test(arguments: [ResponseStatistic.mean, .p50, .p95])
    func whatAWindowHasInCommonIsTakenOut(_ statistic: ResponseStatistic) throws {
        var random = SplitMix64(seed: 5)
        let many = try (0..<1_500).map { _ in
            let window = Window(&random)
            return try window.times(window.clone)[statistic].value
        }
        let truth = many.reduce(0, +) / Double(many.count)
        var (held, plain, errors, plainErrors) = (0, 0, 0.0, 0.0)
        let campaigns = 200
        for _ in 0..<campaigns {
            let windows = (0..<6).map { _ in Window(&random) }
            let onLine = try windows.map { try $0.times($0.onLine) }
            let own = try windows[0].times(windows[0].clone)[statistic]
            let ratio = try #require(RunStatistics.ratio(statistic, of: windows[0].clone, to: windows[0].onLine))
            let level = try #require(
                Levelling(
                    Levelling.Windows(
                        ratios: [ratio], onLine: [onLine[0][statistic]], all: onLine.map { $0[statistic] },
                        spread: Drift.spread(onLine, statistic), power: Drift.amplification(0.45, onLine: 0.3))))
            let error = log(own.value * level.factor / truth)
            if abs(error) <= 1.96 * level.error { held += 1 }
            if abs(log(own.value / truth)) <= 1.96 * own.errorBelow { plain += 1 }
            errors += error * error
            plainErrors += log(own.value / truth) * log(own.value / truth)
        }
        // Six windows know little of what is usual, and one run little of a queue.
        #expect(Double(held) >= 0.85 * Double(campaigns), "\(held) of \(campaigns), \(plain) without")
        #expect(errors < 0.7 * plainErrors, "\(errors) and \(plainErrors)")
    }

    @Test func whereTooLittleIsKnownNothingIsTakenOut() {
        let one = Estimate(1, lower: 0.9, upper: 1.1)
        let spread = (value: 0.1, windows: 5)
        let windows = Levelling.Windows(ratios: [one], onLine: [one], all: [one, one, one], spread: spread, power: 1)
        #expect(Levelling(windows)?.factor == 1)
        var few = windows
        few.all = [one, one]
        #expect(Levelling(few) == nil)
        var unpaired = windows
        unpaired.ratios = []
        #expect(Levelling(unpaired) == nil)
        var none = windows
        none.all[0] = Estimate(0, lower: 0, upper: 0)
        #expect(Levelling(none) == nil)
    }

    /// A queue that is nearly full goes its own ways: no more is taken out than by the square, and what is left is in doubt.
    @Test func steepQueuesAreLeftInDoubt() throws {
        let (slow, usual) = (Estimate(1.2, lower: 1.1, upper: 1.3), Estimate(1, lower: 0.9, upper: 1.1))
        let level = { (power: Double) in
            try #require(
                Levelling(
                    Levelling.Windows(
                        ratios: [Estimate(4, lower: 3.6, upper: 4.4)], onLine: [slow], all: [slow, usual, usual],
                        spread: (0.1, 20), power: power)))
        }
        let (square, steep) = (try level(2), try level(6))
        #expect(steep.factor == square.factor && abs(square.factor - pow(3.2 / 3 / 1.2, 2)) < 1e-9)
        #expect(steep.error > 2 * square.error)
    }
}
