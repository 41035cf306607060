import Glibc
import Testing

@testable import Model

@Suite struct DriftTests {
    /// A window of 400 requests with exponential response times about a mean.
    private func window(_ mean: Double, _ random: inout SplitMix64, seconds: Double = 20) throws -> ResponseTimes {
        let samples = (0..<400).map { index in
            ResponseSample(
                due: Timestamp(nanoseconds: Int64(index) * 50_000_000),
                response: .nanoseconds(Int64(-mean * log(1 - random.unit()) * 1e9)))
        }
        return try #require(ResponseTimes(samples, answered: Int(400 * seconds / 20), window: .seconds(20)))
    }

    private func normal(_ random: inout SplitMix64) -> Double {
        (-2 * log(1 - random.unit())).squareRoot() * cos(2 * .pi * random.unit())
    }

    @Test func whatDiffersBetweenWindowsIsFound() throws {
        var random = SplitMix64(seed: 1)
        for drift in [0.05, 0.1, 0.3] {
            let windows = try (0..<200).map { _ in try window(0.02 * exp(drift * normal(&random)), &random) }
            let found = Drift.deviation(windows, .mean, at: 20).value
            #expect(abs(found / drift - 1) < 0.2, "\(drift): \(found)")
        }
        let still = try (0..<200).map { _ in try window(0.02, &random) }
        #expect(Drift.deviation(still, .mean, at: 20).value < 0.03)
    }

    @Test func tooFewAndOtherLoadsSayNothing() throws {
        var random = SplitMix64(seed: 2)
        let windows = [try window(0.02, &random), try window(0.04, &random)]
        #expect(Drift.deviation(windows, .mean, at: 20).value == 0)
        let others = try (0..<5).map { _ in try window(0.1, &random, seconds: 40) }
        #expect(Drift.deviation(windows + others, .mean, at: 20).value == 0)
    }

    /// The promise itself: of windows that drift, nine in ten intervals of 90 % hold the mean over all of them.
    @Test func intervalsHoldWhatWindowsDriftAbout() throws {
        var random = SplitMix64(seed: 3)
        let (mean, drift) = (0.02, 0.12)
        var (plain, wide) = (0, 0)
        let count = 400
        let earlier = try (0..<40).map { _ in try window(mean * exp(drift * normal(&random)), &random) }
        let deviation = Drift.deviation(earlier, .mean, at: 20).value
        var control = try #require(Surfaceless.control(try window(mean, &random)))
        control.measurement.ratios = [.mean: Estimate(1, lower: 1, upper: 1)]
        let correction = try #require(
            Correction([control], at: Timestamp(nanoseconds: 0), drift: [.mean: deviation]))
        let truth = mean * exp(drift * drift / 2)
        for _ in 0..<count {
            let estimate = try window(mean * exp(drift * normal(&random)), &random).mean
            let holds = { (estimate: Estimate) in
                abs(estimate.value - truth) <= (estimate.upper - estimate.lower) / 2 * 1.645 / 1.96
            }
            if holds(estimate) { plain += 1 }
            if holds(correction.correct(estimate, .mean)) { wide += 1 }
        }
        #expect(Double(plain) / Double(count) < 0.7)
        #expect((0.85...0.95).contains(Double(wide) / Double(count)), "\(wide) of \(count)")
    }

    /// Of few windows nobody knows well how much they differ: the intervals say so, and hold the mean over all of them still.
    @Test func fewWindowsMakeForWideIntervals() throws {
        var random = SplitMix64(seed: 4)
        let (mean, drift, count) = (0.02, 0.3, 200)
        var (normal, wide) = (0, 0)
        for _ in 0..<count {
            let drawn = { (random: inout SplitMix64) in
                try window(mean * exp(drift * self.normal(&random) - drift * drift / 2), &random)
            }
            var record = CampaignRecord(
                id: "c", service: "s", tier: "t", domain: "d", connect: "lxc:///system", node: nil,
                started: Timestamp(nanoseconds: 0), sla: SLA(.mean, below: .seconds(1), over: .seconds(60)),
                goal: .cheapest, onLine: Allocation([.cpu: 0.2]), matrix: ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4])]))
            record.control = Surfaceless.control(try drawn(&random))
            record.earlierWindows = [try drawn(&random), try drawn(&random)]
            let measurement = try #require(record.control?.measurement)
            let found = try #require(record.drift[.mean])
            let doubt = try #require(record.doubt(measurement, Allocation([.cpu: 0.2]))[.mean])
            #expect(abs(doubt - found * 4.303 / 1.96) < 1e-9)
            let value = try drawn(&random).mean.value
            if abs(log(value / mean) + drift * drift / 2) <= 1.96 * found { normal += 1 }
            if abs(log(value / mean) + drift * drift / 2) <= 1.96 * doubt { wide += 1 }
        }
        #expect(Double(normal) / Double(count) < 0.8, "\(normal) of \(count)")
        #expect(Double(wide) / Double(count) > 0.85, "\(wide) of \(count)")
    }

    /// At half of its capacity a station has twice the response time of an empty one, and a share of its service time does twice as
    /// much.
    @Test func whatIsUsedMoreDriftsMore() {
        #expect(Drift.amplification(0.5, onLine: 0) == 2)
        #expect(Drift.amplification(0.5, onLine: 0.25) == 1.5)
        // And the other way round; no pole.
        #expect(Drift.amplification(0.25, onLine: 0.5) * 1.5 == 1)
        #expect(Drift.amplification(1.3, onLine: 0).isFinite)
    }
}

private enum Surfaceless {
    /// A control in line, whose clone did what the on-line domain did.
    static func control(_ times: ResponseTimes) -> ControlResult? {
        ControlResult(
            allocation: Allocation([.cpu: 0.2]),
            measurement: Measurement(
                started: Timestamp(nanoseconds: 0), window: 20, clone: times, onLine: times, requests: RequestAccount(),
                answers: AnswerAccount(), cpuUsed: 0.1, onLineCPUUsed: 0.1, energy: nil), limits: ControlLimits())
    }
}
