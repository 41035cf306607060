import Glibc
import Model
import TestSupport
import Testing

@Suite struct SteadyStateTests {
    private func samples(_ count: Int, seed: UInt64 = 1, _ response: (Int, inout SeededGenerator) -> Double)
        -> [ResponseSample]
    {
        var generator = SeededGenerator(seed)
        return (0..<count).map { index in
            ResponseSample(
                due: Timestamp(nanoseconds: Int64(index) * 50_000_000),
                response: .nanoseconds(Int64(response(index, &generator) * 1e9)))
        }
    }

    /// Exponential response times, as of a queue: nothing is cut, but for the luck of few runs.
    @Test func aSteadyRunIsKeptWhole() {
        let cuts = (0..<200).map { seed in
            SteadyState.beginning(
                of: samples(400, seed: UInt64(seed)) { _, generator in
                    0.02 - 0.02 * log(Double.random(in: 1e-9..<1, using: &generator))
                })
        }
        #expect(cuts.count { $0 > 0 } <= 10, "\(cuts.filter { $0 > 0 })")
    }

    /// Caches that fill: what is cut ends where it does, within a few requests.
    @Test(arguments: [30, 80, 150])
    func aSlowBeginningIsCut(_ cold: Int) {
        let cut = SteadyState.beginning(
            of: samples(400) { index, generator in
                (index < cold ? 0.08 : 0.02) * Double.random(in: 0.7..<1.3, using: &generator)
            })
        #expect(abs(cut - cold) <= 5)
    }

    /// A queue that grows is no warm-up, and neither is a stall behind the first half.
    @Test func whatGetsSlowerIsKept() {
        #expect(SteadyState.beginning(of: samples(400) { index, _ in 0.02 + 0.001 * Double(index) }) == 0)
        #expect(SteadyState.beginning(of: samples(400) { index, _ in index > 300 ? 0.5 : 0.02 }) == 0)
        #expect(SteadyState.beginning(of: samples(20) { index, _ in index < 10 ? 0.5 : 0.02 }) == 0, "too few")
        #expect(SteadyState.beginning(of: []) == 0)
    }
}
