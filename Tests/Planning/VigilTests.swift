import Model
import Testing

@testable import Planning

@Suite struct VigilTests {
    @Test(
        arguments: [
            ([], nil), ([3], 3), ([1, 3], 3), ([2, 2, 2, 2], 2),
        ] as [([Double], Double?)])
    func littleForetellsTheLast(_ values: [Double], _ expected: Double?) {
        #expect(Vigil.predicted(values) == expected)
    }

    /// An alternating series goes on alternating, and a rising one does not fall back to its mean at once.
    @Test func theNextIsAnAutoregression() throws {
        let alternating = try #require(Vigil.predicted([1, 3, 1, 3, 1, 3]))
        #expect(alternating < 2)
        let rising = try #require(Vigil.predicted([1, 1, 1, 5, 5, 5]))
        #expect(rising > 3 && rising <= 5)
        // By hand: mean 2, deviations -1 0 1, covariance 0, variance 2.
        #expect(Vigil.predicted([1, 2, 3]) == 2)
    }

    @Test func tooFewRequestsSayNothing() {
        var vigil = Vigil(
            SLA(.p95, below: .milliseconds(50), over: .seconds(60)), violated: CheckCount(least: 1, of: 2),
            giveBack: 0.5)
        for _ in 0..<5 {
            vigil.add(SLAReading(state: .tooFew, value: 9, requests: 3, seen: .seconds(10)))
            #expect(vigil.finding == .calm)
        }
    }
}

@Suite struct BottleneckTests {
    /// web calls app and cache, app calls db twice and cache.
    private func use(db: Double = 0.004) -> [TierUse] {
        [
            TierUse("web", calls: ["app", "cache"], requests: 100, busy: 100 * (0.002 + 0.010 + 2 * db + 0.001)),
            TierUse("app", calls: ["db"], requests: 100, busy: 100 * (0.010 + 2 * db)),
            TierUse("db", calls: [], requests: 200, busy: 200 * db),
            TierUse("cache", calls: [], requests: 50, busy: 50 * 0.002),
        ]
    }

    @Test func aTiersOwnTimeIsWithoutThoseBehindIt() throws {
        var bottleneck = Bottleneck()
        for _ in 0..<3 { bottleneck.add(use()) }
        let own = bottleneck.ownTimes(entry: "web")
        for (tier, time) in [("web", 0.002), ("app", 0.010), ("db", 0.008), ("cache", 0.001)] {
            #expect(try abs(#require(own[tier]) - time) < 1e-12)
        }
        #expect(bottleneck.calls(of: "db", entry: "web") == 2)
        #expect(bottleneck.ranking(entry: "web", before: nil).first?.tier == "app")
        #expect(Bottleneck().ownTimes(entry: "web").isEmpty)
    }

    /// Not what takes most, but what has become slow.
    @Test func whatHasGrownIsTheBottleneck() throws {
        var (before, now) = (Bottleneck(), Bottleneck())
        before.add(use(db: 0.001))
        now.add(use(db: 0.0049))
        let first = try #require(now.ranking(entry: "web", before: before).first)
        #expect(try first.tier == "db" && abs(#require(first.growth) - 0.0078) < 1e-12)
        #expect(now.ranking(entry: "web", before: nil).first?.tier == "app")
    }
}
