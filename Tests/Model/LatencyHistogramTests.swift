import TestSupport
import Model
import Testing

@Suite struct LatencyHistogramTests {
    /// The oracle is the sorted list of all values.
    @Test(arguments: [1, 2, 3, 4, 5])
    func percentilesAreWithinTheStatedError(_ seed: UInt64) {
        var random = SeededGenerator(seed)
        var histogram = LatencyHistogram()
        var values: [Int64] = []
        for _ in 0..<5000 {
            // Log-uniform from 1 µs to 100 s, as response times are.
            let exponent = Double.random(in: 3...11, using: &random)
            let value = Int64(powerOfTen(exponent))
            values.append(value)
            histogram.record(.nanoseconds(value))
        }
        values.sort()
        for quantile in [0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0] {
            let exact = Double(values[max(0, Int((quantile * 5000).rounded(.up)) - 1)]) / 1e9
            let found = histogram.percentile(quantile) ?? 0
            #expect(abs(found - exact) <= exact / 2048)
        }
        let mean = values.reduce(0.0) { $0 + Double($1) } / 5000 / 1e9
        #expect(abs((histogram.mean ?? 0) - mean) < mean * 1e-9)
    }

    private func powerOfTen(_ exponent: Double) -> Double {
        var result = 1.0
        var rest = exponent
        while rest >= 1 {
            result *= 10
            rest -= 1
        }
        return result * (1 + 9 * rest)
    }

    @Test func mergedIsTheSameAsRecordedTogether() {
        var (a, b, both) = (LatencyHistogram(), LatencyHistogram(), LatencyHistogram())
        for value in 1...1000 {
            let duration = Duration.microseconds(value * value)
            if value % 3 == 0 { a.record(duration) } else { b.record(duration) }
            both.record(duration)
        }
        a.merge(b)
        #expect(a == both)
    }

    @Test func emptyKnowsNothing() {
        #expect(LatencyHistogram().percentile(0.5) == nil)
        #expect(LatencyHistogram().mean == nil)
    }

    @Test func whatIsTooLongIsHeldAndCounted() {
        var histogram = LatencyHistogram()
        histogram.record(.seconds(10_000))
        histogram.record(.seconds(-1))
        #expect(histogram.saturated == 1)
        #expect(histogram.count == 2)
    }
}
