import Lab
import Model
import Testing

@Suite struct LoadPlanTests {
    private func requests(rate: Double, seed: UInt64, seconds: Int) -> [PlannedRequest] {
        var plan = LoadPlan(rate: rate, seed: seed)
        return plan.requests(startingBefore: .seconds(seconds)).filter { $0.offset < .seconds(seconds) }
    }

    @Test func theSameSeedGivesTheSameVisitors() {
        #expect(requests(rate: 20, seed: 3, seconds: 30) == requests(rate: 20, seed: 3, seconds: 30))
        #expect(requests(rate: 20, seed: 3, seconds: 30) != requests(rate: 20, seed: 4, seconds: 30))
    }

    /// The rate that was asked for, in every stretch of an experiment's length.
    @Test(arguments: [10.0, 40, 200])
    func theRateIsTheOneAskedFor(_ rate: Double) {
        let all = requests(rate: rate, seed: 1, seconds: 120)
        for start in stride(from: 0, to: 120, by: 30) {
            let stretch = Duration.seconds(start)..<Duration.seconds(start + 30)
            let count = Double(all.count { stretch.contains($0.offset) })
            #expect(abs(count / 30 - rate) < rate * 0.12, "from \(start) s: \(count / 30)/s")
        }
    }

    @Test func askedInStepsItIsTheSamePlan() {
        var whole = LoadPlan(rate: 20, seed: 9)
        var steps = LoadPlan(rate: 20, seed: 9)
        let all = whole.requests(startingBefore: .seconds(20))
        #expect(all == (1...20).flatMap { steps.requests(startingBefore: .seconds($0)) })
    }

    @Test func membersLogInBeforeTheyBid() {
        for (_, session) in Dictionary(grouping: requests(rate: 50, seed: 2, seconds: 60), by: \.session) {
            let pages = session.sorted { $0.number < $1.number }
            guard pages.first?.number == 0, let member = pages.firstIndex(where: { $0.page.needsLogIn }) else {
                continue
            }
            #expect(pages[..<member].contains { if case .logIn = $0.page { true } else { false } })
        }
    }

    @Test func everySessionEndsOnce() {
        let sessions = Dictionary(grouping: requests(rate: 50, seed: 2, seconds: 60), by: \.session)
        #expect(sessions.values.allSatisfy { $0.count(where: \.isLast) <= 1 })
        #expect(sessions.values.count { $0.count(where: \.isLast) == 1 } > sessions.count * 8 / 10)
    }
}
