import Foundation
import Glibc
import Model
import TestSupport
import Testing

@Suite struct CorrectionTests {
    private func control(
        _ p95: Double, onLine: Double = 0.1, at seconds: Int64 = 0, limits: ControlLimits = ControlLimits()
    ) throws -> ControlResult {
        var measurement = try #require(Surface.measurement(p95: p95))
        measurement.onLine = try #require(Surface.measurement(p95: onLine)).clone
        measurement.started = Timestamp(nanoseconds: seconds * 1_000_000_000)
        return ControlResult(allocation: Allocation([.cpu: 0.2]), measurement: measurement, limits: limits)
    }

    private func at(_ seconds: Int64) -> Timestamp { Timestamp(nanoseconds: seconds * 1_000_000_000) }

    @Test func withoutAControlNothingIsCorrected() throws {
        #expect(Correction([], at: at(0)) == nil)
        // Nor by one that is too far off to be of use.
        #expect(Correction([try control(0.3)], at: at(0)) == nil)
    }

    /// A factor or a time: both lie in the interval, and the figure between them. The median of these is without an error.
    @Test func aSlowerSandboxIsTakenOut() throws {
        let correction = try #require(Correction([try control(0.11)], at: at(1000)))
        let corrected = correction.correct(Estimate(0.06, lower: 0.058, upper: 0.062), .p50)
        let (byRatio, byDifference) = (0.06 / 1.1, 0.06 - 0.01 / 3)
        #expect(abs(corrected.value - (byRatio + byDifference) / 2) < 1e-6)
        #expect(abs(corrected.lower - byRatio * (1 - 1 / 30)) < 1e-6)
        #expect(abs(corrected.upper - byDifference * (1 + 1 / 30)) < 1e-6)
        // The control itself becomes the on-line figure.
        let own = correction.correct(Estimate(0.11 / 3, lower: 0.03, upper: 0.04), .p50)
        #expect(abs(own.value - 0.1 / 3) < 1e-6)
        // What is faster than the difference stays a time.
        let fast = correction.correct(Estimate(0.003, lower: 0.002, upper: 0.004), .p50)
        #expect(fast.lower == 0 && fast.value > 0 && fast.upper < 0.004)
    }

    /// Near saturation what the sandbox adds to every request makes its queue longer by more; a domain that is half used, or has no
    /// quota, is taken at the word of its limit.
    @Test(arguments: [(0.05, 1.0), (0.1, 1), (0.15, 2), (0.18, 5), (0.25, 5)])
    func theLimitIsOfADomainThatIsHalfUsed(_ used: Double, _ times: Double) throws {
        var control = try control(0.14)
        control.measurement.ratios = [.mean: Estimate(1.4, lower: 1.4, upper: 1.4)]
        (control.measurement.cpuUsed, control.measurement.onLineCPUUsed) = (used, used + 0.01)
        #expect(abs(control.amplification - times) < 1e-9 && abs(control.meanLimit - 0.15 * times) < 1e-9)
        #expect(control.isWithinLimits == (times > 3))
        // The less used of both says how much is forgiven.
        control.measurement.onLineCPUUsed = 0.01
        #expect(control.amplification == 1)
        control.allocation = Allocation([Resource: Setting]())
        #expect(control.amplification == 1)
    }

    /// Of an error that would make it 1.75 times as long, the opposite makes it 1 / 1.75 of that; a clone that does next to nothing is no
    /// clone, however little is known.
    @Test(arguments: [
        (-0.2, 0.0, true), (-0.42, 0, true), (-0.44, 0, false), (-0.6, 0.3, true), (-0.8, 2, false), (-0.99, 2, false),
    ])
    func whatIsFasterHasALimitToo(_ deviation: Double, _ doubt: Double, _ isWithin: Bool) throws {
        var control = try control(0.1 * (1 + deviation))
        control.measurement.ratios = [
            .mean: Estimate(1 + deviation, lower: 1 + deviation - doubt, upper: 1 + deviation + doubt)
        ]
        (control.measurement.cpuUsed, control.measurement.onLineCPUUsed) = (0.2, 0.2)
        #expect(control.isWithinLimits == isWithin, "\(control.meanLimits)")
    }

    /// 25 % is beyond 15 %, and is within with a doubt of 10 %; of what is in doubt by more than the limit, no more than that counts.
    @Test func whatMayBeChanceIsNotOutOfLine() throws {
        let control = { (deviation: Double, doubt: Double, corrects: Bool) in
            var limits = ControlLimits()
            limits.corrects = corrects
            var control = try self.control(0.1 * (1 + deviation), limits: limits)
            let ratio = 1 + deviation
            control.measurement.ratios = [.mean: Estimate(ratio, lower: ratio - doubt, upper: ratio + doubt)]
            control.measurement.cpuUsed = 0
            control.measurement.onLineCPUUsed = 0
            return control
        }
        #expect(try control(0.24, 0.1, true).isWithinLimits && control(-0.24, 0.1, true).isWithinLimits)
        #expect(try !control(0.26, 0.1, true).isWithinLimits)
        #expect(try control(0.29, 0.8, true).isWithinLimits && !control(0.31, 0.8, true).isWithinLimits)
        // Where it is not in the interval, it is not believed either.
        #expect(try !control(0.24, 0.1, false).isWithinLimits)
    }

    /// What was judged by the bare limit when it was measured is judged by it when it is read: an answer that was refused stays refused.
    @Test func recordsOfEarlierVersionsKeepTheirLimit() throws {
        let earlier = Data(#"{"mean":0.15,"throughput":0.02,"load":0.5,"every":8,"closes":true,"corrects":true}"#.utf8)
        for (limits, isWithin) in [
            (try JSONDecoder().decode(ControlLimits.self, from: earlier), false),
            (try JSONDecoder().decode(ControlLimits.self, from: JSONEncoder().encode(ControlLimits())), true),
        ] {
            var control = try control(0.12, limits: limits)
            control.measurement.ratios = [.mean: Estimate(1.2, lower: 1.1, upper: 1.3)]
            (control.measurement.cpuUsed, control.measurement.onLineCPUUsed) = (0.15, 0.15)
            #expect(control.isWithinLimits == isWithin)
            #expect(abs(control.meanLimit - (isWithin ? 0.3 : 0.15)) < 1e-9)
        }
    }

    /// Requests that take 2 % longer in the sandbox, at a control that is used by 80 %: of S / (1 − ρ), what is used by 20 % is 2.5 %
    /// off by ratio and by time, and not by what the queue of the control was longer.
    @Test func whatQueuesLessIsCorrectedLess() throws {
        let times = { (service: Double, arrivals: Double) in service / (1 - arrivals * service) }
        var control = try control(times(1.02, 0.8), onLine: times(1, 0.8))
        control.measurement.ratios = control.measurement.ratios?.mapValues {
            Estimate($0.value, lower: $0.value, upper: $0.value)
        }
        let correction = try #require(Correction([control], at: at(0)) { _ in 0.2 / 0.8 })
        let measured = times(1.02, 0.2)
        let corrected = correction.correct(Estimate(measured, lower: measured, upper: measured), .p95)
        #expect(abs(corrected.value / times(1, 0.2) - 1) < 0.005, "\(corrected)")
        // Of a time that is added whatever queues, it says no more than was believed before: three quarters of half the limit.
        #expect(abs(log(corrected.upper / corrected.value) - 1.96 * 0.75 * 0.075) < 0.005, "\(corrected)")
        // Where both queue alike, all of it was seen.
        let own = try #require(Correction([control], at: at(0))).correct(
            Estimate(measured, lower: measured, upper: measured), .p95)
        #expect(own.lower > 0 && own.upper <= measured)
    }

    /// The less a control knows, the less is taken out, and the wider the interval.
    @Test func anUnsureControlTakesOutLess() throws {
        var control = try control(0.11)
        (control.measurement.cpuUsed, control.measurement.onLineCPUUsed) = (0, 0)
        let half = { (ratio: Estimate) in (ratio.upper - ratio.lower) / 2 }
        var last = Estimate(2, lower: 2, upper: 2)
        for error in [0.01, 0.1, 1.0] {
            control.measurement.ratios = [.p95: Estimate(1.1, lower: 1.1 - error, upper: 1.1 + error)]
            let ratio = try #require(Correction([control], at: at(0))?.deviations[.p95]?.ratio)
            #expect(ratio.value > 1 && ratio.value < last.value && half(ratio) > half(last) && half(ratio) < error)
            last = ratio
        }
        // Two standard deviations are what the limit allows.
        #expect(last.value < 1.01 && half(last) < 0.15)
    }

    /// Before the first, between two, and behind the last.
    @Test func driftIsTakenToBeEven() throws {
        let controls = [try control(0.11, at: 0), try control(0.105, at: 100)]
        let ratio = { (seconds: Int64) in
            Correction(controls, at: self.at(seconds))?.deviations[.p50]?.ratio.value ?? .nan
        }
        for (seconds, expected) in [(Int64(-50), 1.1), (10, 1.1), (60, 1.075), (110, 1.05), (900, 1.05)] {
            #expect(abs(ratio(seconds) - expected) < 1e-3, "at \(seconds) s: \(ratio(seconds))")
        }
    }

    /// On made-up runs of a sandbox that is slower by a factor, or by some time, the interval holds what the on-line domain
    /// would have shown as often as it says; the same requests have the same work in both.
    @Test(arguments: [(1.12, 0.0), (1.0, 0.002), (0.95, 0.0), (1.0, 0.0)])
    func theIntervalHolds(_ factor: Double, _ delay: Double) throws {
        var generator = SeededGenerator(7)
        let samples = { (scale: Double, work: [Double], factor: Double, delay: Double) in
            work.enumerated().map { index, work in
                ResponseSample(
                    due: Timestamp(nanoseconds: Int64(index) * 10_000_000),
                    response: .nanoseconds(Int64((scale * work * factor + delay) * 1e9)))
            }
        }
        let runs = 100
        var held = 0
        for _ in 0..<runs {
            let work = (0..<2).map { _ in (0..<300).map { _ in -log(Double.random(in: 1e-12..<1, using: &generator)) } }
            // Besides the deviation, what a request meets in either of them.
            let jitter = (0..<300).map { _ in Double.random(in: 0.8..<1.2, using: &generator) }
            let (clone, onLine) = (
                samples(0.02, work[0], factor, delay), samples(0.02, zip(work[0], jitter).map(*), 1, 0)
            )
            var control = try self.control(0.1)
            control.measurement.clone = try #require(ResponseTimes(clone, answered: 300, window: .seconds(3)))
            control.measurement.onLine = try #require(ResponseTimes(onLine, answered: 300, window: .seconds(3)))
            control.measurement.ratios = [.mean: try #require(RunStatistics.ratio(.mean, of: clone, to: onLine))]
            let cell = try #require(RunStatistics.estimate(.mean, of: samples(0.01, work[1], factor, delay)))
            let estimate = try #require(Correction([control], at: at(0))).correct(cell, .mean)
            held += estimate.lower <= 0.01 && 0.01 <= estimate.upper ? 1 : 0
        }
        #expect(held >= runs * 92 / 100, "\(held) of \(runs)")
    }

    @Test func cellsAreCorrectedByTheControlsAroundThem() throws {
        var record = CampaignRecord(
            id: "c", service: "auction", tier: "app", domain: "app1", connect: "lxc:///system", node: nil,
            started: at(0), sla: SLA(.p95, below: .milliseconds(50), over: .seconds(60)), goal: .cheapest,
            onLine: Allocation([.cpu: 0.2]), matrix: ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4])]))
        record.control = try control(0.11)
        let allocation = Allocation([.cpu: 0.4])
        var measurement = try #require(Surface.measurement(p95: 0.05))
        measurement.started = at(50)
        record.matrix[allocation] = record.corrected(Cell(allocation, .measured(measurement)))
        #expect(record.openCells == 1)
        let first = try #require(record.matrix[allocation]?.estimate(.p95)?.value)
        // It was used less than the control, so that not all of its tenth is taken out.
        #expect(first < 0.049)
        // Behind it the sandbox was as the on-line domain is: half of the first correction is left.
        record.earlierControls = [try #require(record.control)]
        record.control = try control(0.1, at: 100)
        record.correctCells()
        let second = try #require(record.matrix[allocation]?.estimate(.p95)?.value)
        #expect(record.openCells == 0 && second > first && second < 0.05)
        record.control?.limits.corrects = false
        record.correctCells()
        #expect(record.matrix[allocation]?.estimate(.p95)?.value == measurement.clone.p95.value)
    }

    /// A cell that is measured again by every control is what all of these find, and no surer than they agree.
    @Test func theOnLineCellIsOfAllControls() throws {
        let onLine = Allocation([.cpu: 0.2])
        var record = CampaignRecord(
            id: "c", service: "auction", tier: "app", domain: "app1", connect: "lxc:///system", node: nil,
            started: at(0), sla: SLA(.p95, below: .milliseconds(50), over: .seconds(60)), goal: .cheapest,
            onLine: onLine, matrix: ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4])]))
        let first = try control(0.03, onLine: 0.03)
        record.control = first
        record.matrix[onLine] = record.corrected(Cell(onLine, .measured(first.measurement)))
        let once = try #require(record.matrix[onLine]?.estimate(.p95))
        #expect(abs(once.value - 0.03) < 1e-12 && record.matrix[onLine]?.measurement?.pooled == nil)
        // The load was the same in clone and on-line domain, and another than before.
        record.earlierControls = [first]
        record.control = try control(0.09, onLine: 0.09, at: 100)
        record.correctCells()
        let twice = try #require(record.matrix[onLine]?.estimate(.p95))
        #expect(abs(twice.value - 0.06) < 1e-9 && twice.lower < 0.03 && twice.upper > 0.09)
        // One that is too far off is no measurement, but the on-line domain beside it says how much windows differ.
        record.earlierControls?.append(try control(0.5, onLine: 0.09, at: 50))
        record.correctCells()
        let third = try #require(record.matrix[onLine]?.estimate(.p95))
        #expect(abs(third.value - twice.value) < 1e-9 && third.lower < twice.lower && third.upper > twice.upper)
    }

    /// On-line everything queues for seconds, and the control is off by some of that: a clone with three times as much has no queue, and
    /// what the control was off by says little of it.
    @Test func aQueueOfTheControlIsNotTheCells() throws {
        let (least, more) = (Allocation([.cpu: 0.2]), Allocation([.cpu: 0.6]))
        var record = CampaignRecord(
            id: "c", service: "auction", tier: "app", domain: "app1", connect: "lxc:///system", node: nil,
            started: at(0), sla: SLA(.p95, below: .milliseconds(100), over: .seconds(60)), goal: .cheapest,
            onLine: least, matrix: ResultMatrix(axes: [Axis(.cpu, [0.2, 0.6])]))
        record.control = try control(1.5, onLine: 1.7)
        var measurement = try #require(Surface.measurement(p95: 0.025))
        measurement.started = at(50)
        let estimate = { (used: Double, own: Double) in
            record.control?.measurement.cpuUsed = used
            record.control?.measurement.onLineCPUUsed = used
            measurement.cpuUsed = own
            return try #require(record.corrected(Cell(more, .measured(measurement))).estimate(.p95))
        }
        // As if nothing queued at either.
        let blind = try estimate(0, 0)
        #expect(blind.upper > 0.1)
        let seeing = try estimate(0.2, 0.18)
        #expect(seeing.upper < 0.09 && seeing.lower < 0.03, "\(seeing), \(blind)")
    }

    @Test func windowsThatAgreeAreSurerThanOne() throws {
        let one = Estimate(10, lower: 8, upper: 12.5)
        #expect(Estimate.pooled([]) == nil && Estimate.pooled([one]) == one)
        // A quarter of the variance of one.
        let four = try #require(Estimate.pooled([one, one, one, one]))
        #expect(
            four.value == 10 && abs(four.upper / 10 - 1.25.squareRoot()) < 1e-9
                && abs(four.lower / 10 - 0.8.squareRoot()) < 1e-9)
        // By hand: mean 10, variance 8 of which a half is left, 1.96 of its root.
        let apart = try #require(
            Estimate.pooled([Estimate(8, lower: 7.9, upper: 8.1), Estimate(12, lower: 11.9, upper: 12.1)]))
        #expect(abs(log(apart.upper / 10) - 0.392) < 1e-9 && abs(log(apart.lower / 10) + 0.392) < 1e-9)
    }
}
