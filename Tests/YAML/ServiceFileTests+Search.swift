import Model
import Testing
import YAML

extension ServiceFileTests {
    /// What is looked for, at which cost, and how answers are checked.
    @Test func theSearchIsRead() throws {
        let plain = try decode(Self.good).campaign
        #expect(plain.goal == .cheapest && plain.search.confidence == 0.95 && plain.search.check.time == .before)
        for goal in Goal.allCases where goal != .measure {
            let file = try decode(Self.good.replacing("find: cheapest", with: "find: \(goal.rawValue)"))
            #expect(file.campaign.goal == goal)
        }
        let text = Self.good.replacing(
            "axes: { cpu: [20%, 60%, 40%] }", with: "axes: { cpu: [20%, 60%, 40%], memory: [1 GiB, 2 GiB] }"
        ).replacing(
            "find: cheapest",
            with: """
                find: { best: throughput, budget: 11 }
                  cost: { cpu: 10, memory: 2.5 }
                  forbid: [{ cpu: [20%, 40%], memory: 2 GiB }]
                  confidence: 90%
                  interpolate: log-linear
                  seed: 7
                """
        ).replacing(
            "{ threshold: 10% }",
            with:
                "{ threshold: 5%, doubt: 2%, time: after, notify: { command: \"cat\", webhook: \"http://127.0.0.1/x\" } }"
        )
        let campaign = try decode(text).campaign
        #expect(campaign.goal == .best && campaign.search.metric == .throughput && campaign.search.budget == 11)
        let matrix = ResultMatrix(axes: campaign.axes, forbidden: campaign.search.forbidden)
        #expect(matrix.cells.map { campaign.search.prices.cost(of: $0.allocation) } == [4.5, 6.5, 8.5, 11])
        #expect(campaign.search.confidence == 0.9 && campaign.search.interpolation == .logLinear)
        #expect(campaign.search.seed == 7)
        let check = campaign.search.check
        #expect(check.threshold == 0.05 && check.doubt == 0.02 && check.time == .after)
        #expect(check.command == "cat" && check.webhook == "http://127.0.0.1/x")
        let demand = try decode(
            Self.good.replacing("cpu: [20%", with: "load: [150%], mix: [buying], cpu: [20%").replacing(
                "tiers:", with: "mixes: { buying: { \"POST /bid*\": 3, \"GET /*\": 0.5 } }\ntiers:"))
        #expect(demand.mixes["buying"]?.map(\.factor) == [3, 0.5])
        #expect(demand.campaign.axes[0] == Axis(.load, [1.5]) && demand.campaign.goal == .cheapest)
        let width = try decode(Self.good.replacing("find: cheapest", with: "find: { fill: 5% }")).campaign
        #expect(width.goal == .fill && width.search.width == 0.05)
        let gain = try decode(Self.good.replacing("find: cheapest", with: "find: { justrunit: 20% }")).campaign
        #expect(gain.goal == .justRunIt && gain.search.gain == 0.2)
        let cells = try decode(Self.good.replacing("find: cheapest", with: "find: { measure: [{ cpu: [20%, 60%] }] }"))
        #expect(cells.campaign.goal == .measure)
        #expect(cells.campaign.search.named == [Combinations([.cpu: [.number(0.2), .number(0.6)]])])
    }
}
