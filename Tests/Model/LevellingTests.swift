import Glibc
import Testing

@testable import Model

@Suite struct LevellingTests {
    /// The on-line domain and a clone with less of a processor over the same requests, on a machine that is a little slower or faster in
    /// every window. Each is a queue.
    private struct Window {
        let onLine, clone: [ResponseSample]

        init(_ random: inout SplitMix64) {
            let speed = exp(0.1 * random.normal())
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
            let level = Levelling(
                Levelling.Windows(
                    ratios: [ratio], onLine: [onLine[0][statistic]], all: onLine.map { $0[statistic] },
                    others: onLine.dropFirst().map { $0[statistic].value },
                    load: 1, power: Drift.amplification(0.45, onLine: 0.3)))
            let error = log(own.value * (level?.factor ?? 1) / truth)
            let all = (pow(max(level?.paired ?? 0, own.errorBelow), 2) + pow(level?.error ?? 0, 2)).squareRoot()
            if abs(error) <= 1.96 * all { held += 1 }
            if abs(log(own.value / truth)) <= 1.96 * own.errorBelow { plain += 1 }
            errors += error * error
            plainErrors += log(own.value / truth) * log(own.value / truth)
        }
        // Six windows know little of what is usual, and one run little of a queue.
        #expect(Double(held) >= 0.85 * Double(campaigns), "\(held) of \(campaigns), \(plain) without")
        #expect(errors < 0.7 * plainErrors, "\(errors) and \(plainErrors)")
    }

    private let usual = Estimate(1, lower: 0.9, upper: 1.1)

    /// One window whose on-line figure is so many times what it is in others, which differ a little.
    private func windows(_ figure: Double, power: Double = 1, load: Double = 1) -> Levelling.Windows {
        let own = Estimate(figure, lower: 0.9 * figure, upper: 1.1 * figure)
        let others = [0.9, 0.95, 1, 1.05, 1.1]
        return Levelling.Windows(
            ratios: [usual], onLine: [own], all: [own] + others.map { Estimate($0, lower: 0.9 * $0, upper: 1.1 * $0) },
            others: others, load: load, power: power)
    }

    @Test func whereTooLittleIsKnownNothingIsTakenOut() {
        #expect(Levelling(windows(1.1))?.factor ?? 1 < 0.95)
        var few = windows(1.1)
        few.all = [usual, usual]
        #expect(Levelling(few) == nil)
        var alone = windows(1.1)
        alone.others = [1, 1]
        #expect(Levelling(alone) == nil)
        var unpaired = windows(1.1)
        unpaired.ratios = []
        #expect(Levelling(unpaired) == nil)
        var none = windows(1.1)
        none.all[0] = Estimate(0, lower: 0, upper: 0)
        #expect(Levelling(none) == nil)
    }

    /// A stall in one window is nothing that the others have in common with it: it is not taken out of its own figure, and does not
    /// make theirs longer.
    @Test func aStallIsNotInCommon() throws {
        #expect(Levelling(windows(2)) == nil)
        var beside = windows(1)
        beside.all[5] = Estimate(7, lower: 1, upper: 9)
        beside.others[4] = 7
        #expect(abs(try #require(Levelling(beside)).factor - 1) < 0.06)
    }

    /// A queue that is nearly full goes its own ways: no more is taken out than by the square, and what is left is in doubt. So is what
    /// another load does.
    @Test func whatIsNotInCommonIsInDoubt() throws {
        let (square, steep) = (
            try #require(Levelling(windows(1.15, power: 2))), try #require(Levelling(windows(1.15, power: 6)))
        )
        #expect(steep.factor == square.factor && square.factor < 0.85)
        #expect(steep.error > 2 * square.error)
        let (same, more) = (try #require(Levelling(windows(1.1))), try #require(Levelling(windows(1.1, load: 1.15))))
        #expect(more.factor == same.factor && more.error > same.error)
        #expect(try #require(Levelling(windows(1.1, power: 1.5))).paired > same.paired)
    }

    /// What differs from day to day does not differ between the windows of a day: many of them know no better what is usual.
    @Test func windowsOfOneDayAreWorthLess() throws {
        var random = SplitMix64(seed: 6)
        let days = (0..<8).flatMap { _ in
            let day = exp(0.3 * (random.unit() - 0.5))
            return (0..<6).map { _ in day * exp(0.04 * (random.unit() - 0.5)) }
        }
        let level = { (known: [Double]) in
            let days = stride(from: 0, to: known.count, by: 6).map { known[$0..<$0 + 6].map { log($0) } }
            return Usual(days[7], earlier: days.dropLast())
        }
        #expect(level(days).error > 1.5 * level(days.shuffled(by: &random)).error)
    }

    /// Campaigns whose minutes are unusual together: what was measured before them says so, and their intervals hold what is usual about as
    /// often as they say, at less than they are wide without it.
    @Test(arguments: [2, 6, 12]) func minutesThatAreUnusualTogetherAreKnownByThoseBefore(_ campaigns: Int) {
        var random = SplitMix64(seed: 7)
        let trials = 1_000
        var (held, errors, alone) = (0, 0.0, 0.0)
        for _ in 0..<trials {
            let series = (0...campaigns).map { _ in
                let minute = 0.08 * random.normal()
                return (0..<4).map { _ in minute + 0.06 * random.normal() }
            }
            let usual = Usual(series[campaigns], earlier: series.dropLast())
            let plain = Usual(series[campaigns], earlier: [])
            if abs(usual.level) <= 1.645 * usual.error { held += 1 }
            errors += usual.level * usual.level
            alone += plain.level * plain.level
        }
        if campaigns < Drift.fewest {
            #expect(errors == alone)
        } else {
            #expect(Double(held) >= 0.87 * Double(trials), "\(held) of \(trials)")
            #expect(errors < (campaigns == 12 ? 0.3 : 0.45) * alone, "\(errors) and \(alone)")
        }
    }

    /// What has become slower for good, so many campaigns ago, is not taken for unusual minutes, nor are its minutes levelled to what was
    /// before. Of campaigns after a change and of those after none intervals hold together what they say.
    @Test(arguments: 0..<5) func whatHasChangedForGoodIsBelieved(_ ago: Int) {
        var random = SplitMix64(seed: 8)
        let trials = 2_000
        var (held, off, ofChange) = (0, 0.0, 0.0)
        for _ in 0..<trials {
            let change = random.unit() < 0.1 ? 0.3 * random.normal() : 0
            let series = (0...10).map { campaign in
                let minute = (campaign >= 10 - ago ? change : 0) + 0.04 * random.normal()
                return (0..<4).map { _ in minute + 0.03 * random.normal() }
            }
            let usual = Usual(series[10], earlier: series.dropLast())
            if abs(usual.level - change) <= 1.645 * usual.error { held += 1 }
            if change == 0 { continue }
            off += abs(usual.level - change)
            ofChange += abs(change)
        }
        #expect(Double(held) >= 0.88 * Double(trials), "\(held) of \(trials)")
        #expect(off < 0.3 * ofChange, "\(off) of \(ofChange)")
        // One that nobody takes for a minute.
        let before = (0..<7).map { place in (0..<4).map { 0.04 * sin(Double(7 * place + $0)) } }
        let after = (0...ago).map { place in (0..<4).map { 0.3 + 0.04 * sin(Double(5 * place + $0)) } }
        let usual = Usual(after[ago], earlier: before + after.dropLast())
        #expect(abs(usual.level - 0.3) < 0.05 && usual.error < 0.1, "\(usual)")
    }

    @Test func whatNeverDiffersIsUsual() {
        let same = [[Double]](repeating: [0.1, 0.1, 0.1], count: 5)
        let usual = Usual(same[0], earlier: same)
        #expect(abs(usual.level - 0.1) < 1e-9 && usual.error < 1e-5)
        let changed = Usual([0.4, 0.4, 0.4], earlier: same)
        #expect(abs(changed.level - 0.4) < 1e-3 && changed.error < 0.01, "\(changed)")
        #expect(Usual([0.1, 0.2, 0.3], earlier: [[], [], [], []]).level == Usual([0.1, 0.2, 0.3], earlier: []).level)
    }
}

extension SplitMix64 {
    /// Of mean 0 and deviation 1 (Box and Muller 1958).
    fileprivate mutating func normal() -> Double { (-2 * log(1 - unit())).squareRoot() * cos(2 * .pi * unit()) }
}

extension [Double] {
    fileprivate func shuffled(by random: inout SplitMix64) -> [Double] {
        map { (random.unit(), $0) }.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
