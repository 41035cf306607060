import TestSupport
import Model
import Testing

@Suite struct EstimateTests {
    private func samples(_ values: [Double]) -> [ResponseSample] {
        values.enumerated().map {
            ResponseSample(
                due: Timestamp(nanoseconds: Int64($0.offset) * 1_000_000),
                response: .nanoseconds(Int64($0.element * 1e9)))
        }
    }

    @Test func fewerThanTwoASectionSayNothing() {
        #expect(RunStatistics.estimate(.mean, of: samples(Array(repeating: 1, count: 19))) == nil)
        #expect(RunStatistics.estimate(.mean, of: samples(Array(repeating: 1, count: 20))) != nil)
    }

    /// Against statsmodels' `proportion_confint(count, nobs, method="wilson")`.
    @Test(arguments: [
        (0, 600, 0.0, 0.006_361_8), (5, 50, 0.043_476, 0.213_602), (600, 600, 0.993_638_2, 1), (1, 1, 0.206_543, 1),
    ])
    func aShareHasItsScoreInterval(_ count: Int, _ total: Int, _ lower: Double, _ upper: Double) throws {
        let share = try #require(Estimate.share(count, of: total))
        #expect(share.value == Double(count) / Double(total))
        #expect(abs(share.lower - lower) < 1e-5 && abs(share.upper - upper) < 1e-5)
        #expect(Estimate.share(0, of: 0) == nil)
    }

    /// Independent visitors come as often as a Poisson process has it: 1.96 √n, counted over sections.
    @Test func aRateIsAsSureAsItsSectionsSay() throws {
        var random = SeededGenerator(3)
        var covered = 0
        for _ in 0..<400 {
            var (due, samples) = (0.0, [ResponseSample]())
            while true {
                due += exponential(&random) / 20
                if due > 30 { break }
                samples.append(
                    ResponseSample(due: Timestamp(nanoseconds: Int64(due * 1e9)), response: .milliseconds(5)))
            }
            let half = RunStatistics.rateHalf(of: samples, window: .seconds(30))
            if abs(Double(samples.count) / 30 - 20) <= half { covered += 1 }
        }
        #expect(covered >= 363 && covered <= 400, "\(covered)")
        #expect(RunStatistics.rateHalf(of: samples(Array(repeating: 1, count: 100)), window: .milliseconds(100)) < 1e-6)
    }

    @Test func constantTimesHaveAnIntervalOfNoWidth() throws {
        let estimate = try #require(RunStatistics.estimate(.p95, of: samples(Array(repeating: 0.02, count: 100))))
        #expect(abs(estimate.value - 0.02) < 1e-9 && estimate.upper - estimate.lower < 1e-9)
    }

    /// Against scipy's `t.ppf(0.975, n)`.
    @Test(arguments: [(1, 12.7062), (9, 2.2622), (30, 2.0423), (31, 2.0395), (60, 2.0003), (1_000, 1.9623)])
    func studentsQuantiles(_ degrees: Int, _ quantile: Double) {
        #expect(abs(RunStatistics.studentT95(degreesOfFreedom: degrees) - quantile) < 0.001)
        #expect(RunStatistics.studentT95(degreesOfFreedom: 0) == .infinity)
    }

    /// The promise of a 95 % interval, counted: independent exponential times, whose mean and p95 are known.
    @Test(arguments: [(ResponseStatistic.mean, 1.0), (.p95, 2.995_732)])
    func intervalsContainTheTruthAsOftenAsPromised(_ statistic: ResponseStatistic, _ truth: Double) throws {
        var random = SeededGenerator(7)
        var covered = 0
        for _ in 0..<400 {
            let values = (0..<800).map { _ in exponential(&random) }
            let estimate = try #require(RunStatistics.estimate(statistic, of: samples(values)))
            if estimate.lower <= truth && truth <= estimate.upper { covered += 1 }
        }
        // 95 % of 400 is 380; four standard deviations of that count are 17.
        #expect(covered >= 363)
        #expect(covered <= 400)
    }

    /// The responses of a queue to requests that come by themselves (M/M/1, in units of a service), as it is after a long while.
    private func queue(_ utilisation: Double, _ count: Int, _ random: inout SeededGenerator) -> [Double] {
        var (waiting, responses) = (0.0, [Double]())
        for index in 0..<count + 300 {
            let response = waiting + exponential(&random)
            if index >= 300 { responses.append(response) }
            waiting = max(0, response - exponential(&random) / utilisation)
        }
        return responses
    }

    /// Where requests queue, neighbours are alike, and a run says less than its requests are many. Responses of such a queue are
    /// exponential with mean 1/(1 − ρ).
    @Test(arguments: [(0.5, 600), (0.5, 3_000), (0.7, 3_000)], [ResponseStatistic.mean, .p50, .p95, .p99])
    func intervalsOfAQueueKeepTheirPromise(_ run: (utilisation: Double, count: Int), _ statistic: ResponseStatistic)
        throws
    {
        var random = SeededGenerator(11)
        let ofOne: [ResponseStatistic: Double] = [.mean: 1, .p50: 0.693_147, .p95: 2.995_732, .p99: 4.605_170]
        let truth = try #require(ofOne[statistic]) / (1 - run.utilisation)
        let runs = 100
        var covered = 0
        for _ in 0..<runs {
            let estimate = try #require(
                RunStatistics.estimate(statistic, of: samples(queue(run.utilisation, run.count, &random))))
            if estimate.lower <= truth && truth <= estimate.upper { covered += 1 }
        }
        // Of a queue that is still young some runs cannot know what they have not seen.
        #expect(Double(covered) >= 0.82 * Double(runs), "\(covered) of \(runs)")
    }

    /// As wide as independent requests make them, and no wider: 1.96 √(p/(1 − p)/n) of an exponential quantile, and 1.96/√n of its mean.
    @Test(arguments: [(ResponseStatistic.mean, 0.0693), (.p50, 0.1), (.p95, 0.1009), (.p99, 0.1497)])
    func intervalsOfIndependentRequestsAreNoWiderThanTheyNeed(_ statistic: ResponseStatistic, _ ideal: Double) throws {
        var random = SeededGenerator(5)
        let reaches = try (0..<100).map { _ in
            try #require(RunStatistics.estimate(statistic, of: samples((0..<800).map { _ in exponential(&random) })))
                .relativeError * 1.96
        }.sorted()
        #expect(reaches[50] > 0.85 * ideal && reaches[50] < 1.3 * ideal, "\(reaches[50])")
    }

    /// A few that take far longer than the others (time-outs, retransmissions) are seen, and no tail that the others let expect is below
    /// them.
    @Test func aFewThatAreVerySlowAreInTheInterval() throws {
        var random = SeededGenerator(19)
        var covered = 0
        for _ in 0..<100 {
            let values = (0..<600).map { _ in random.next() % 1_000 < 15 ? 1 : 0.01 * exponential(&random) }
            let p99 = try #require(RunStatistics.estimate(.p99, of: samples(values)))
            // 1.5 % take a second, which so is the p99.
            if p99.lower <= 1 && 1 <= p99.upper { covered += 1 }
        }
        #expect(covered >= 85, "\(covered)")
    }

    /// Both of the same requests, one a twentieth slower: neither a queue nor the largest of few makes the interval too short.
    @Test(arguments: [ResponseStatistic.mean, .p50, .p95, .p99])
    func aRatioOfTwoQueuesKeepsItsPromise(_ statistic: ResponseStatistic) throws {
        var random = SeededGenerator(13)
        let runs = 200
        var covered = 0
        for _ in 0..<runs {
            var (waiting, responses) = ([0.0, 0.0], [[Double]](repeating: [], count: 2))
            for index in 0..<900 {
                let (work, pause) = (exponential(&random), exponential(&random) / 0.4)
                for side in 0...1 {
                    let noise = 0.9 + 0.2 * Double(random.next() % 1_000) / 1_000
                    let response = waiting[side] + work * noise * (side == 0 ? 1 : 1.05)
                    if index >= 300 { responses[side].append(response) }
                    waiting[side] = max(0, response - pause)
                }
            }
            let ratio = try #require(
                RunStatistics.ratio(statistic, of: samples(responses[1]), to: samples(responses[0])))
            // All responses grow with the services, by 1/(1 − ρ) of each.
            let truth = 1.05 * (1 - 0.4) / (1 - 0.4 * 1.05)
            if ratio.lower <= truth && truth <= ratio.upper { covered += 1 }
        }
        #expect(Double(covered) >= 0.85 * Double(runs), "\(covered) of \(runs)")
    }

    /// A sum of what is alike: 1, a, a², … at a distance (AR(1)) makes (1 + a)/(1 − a) of one.
    @Test(arguments: [0.0, 0.5, 0.9])
    func neighboursAreAsAlikeAsTheyWereMade(_ likeness: Double) {
        var random = SeededGenerator(17)
        var value = 0.0
        let series = (0..<20_000).map { _ in
            value = likeness * value + exponential(&random) - 1
            return value
        }
        let expected = (1 + likeness) / (1 - likeness)
        #expect(abs(Autocorrelation.time(series) / expected - 1) < 0.2)
        #expect(Autocorrelation.time([]) == 1 && Autocorrelation.time([1, 1, 1]) == 1)
    }

    /// −ln(u) by the series of the area hyperbolic tangent; precise enough for a test's random numbers.
    private func exponential(_ random: inout SeededGenerator) -> Double {
        var u = Double(random.next() >> 11 | 1) * 0x1p-53
        var result = 0.0
        while u < 0.5 {
            u *= 2
            result += 0.693_147_180_559_945
        }
        let t = (1 - u) / (1 + u)
        var (power, sum) = (t, 0.0)
        for k in stride(from: 1, through: 21, by: 2) {
            sum += power / Double(k)
            power *= t * t
        }
        return result + 2 * sum
    }

    @Test func percentilesAreOrderStatistics() throws {
        let values = (1...100).map(Double.init)
        #expect(try #require(RunStatistics.estimate(.p95, of: samples(values))).value == 95)
        #expect(try #require(RunStatistics.estimate(.p50, of: samples(values))).value == 50)
        #expect(try #require(RunStatistics.estimate(.p99, of: samples(values))).value == 99)
    }

    /// A wide interval is honest, and is no excuse: near enough is the threshold alone.
    @Test(arguments: [(0.105, true, true), (0.19, false, true), (0.3, false, false)])
    func aCheckPassesByItsThreshold(_ measured: Double, _ passed: Bool, _ inInterval: Bool) {
        let predicted = Estimate(0.10, lower: 0.05, upper: 0.2)
        let check = Check(metric: .p95, predicted: predicted, measured: measured, threshold: 0.1)
        #expect(check.passed == passed)
        #expect(check.isInInterval == inInterval)
    }

    @Test func aMatrixHasACellForEveryCombination() {
        let matrix = ResultMatrix(axes: [Axis(.cpu, [0.6, 0.2, 0.4])])
        #expect(matrix.cells.compactMap { $0.allocation[.cpu]?.number } == [0.2, 0.4, 0.6])
        #expect(matrix.cells.allSatisfy { $0.state == "blank" })
    }
}
