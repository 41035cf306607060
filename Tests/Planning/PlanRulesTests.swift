import Model
import Planning
import Testing

/// What a plan must and must not do, one thing at a time.
@Suite struct PlanRulesTests {
    private let gibibyte = 1 << 30

    private func centre(_ capacities: [Int], _ domains: [(demand: Int, node: Int?)]) -> DataCentre {
        DataCentre(
            resources: [.memory],
            nodes: capacities.enumerated().map { DataCentre.Node("n\($0)", capacity: [$1]) },
            domains: domains.enumerated().map {
                DataCentre.Domain("d\($0)", demand: [$1.demand], node: $1.node, memory: 1 << 30)
            })
    }

    @Test func aDomainOf70GBIsNeverSentToANodeWith58GBFree() throws {
        var crowded = centre(
            [128 * gibibyte, 128 * gibibyte], [70, 40, 20].map { ($0 * gibibyte, 0) } + [(70 * gibibyte, 1)])
        let goal = ConsolidationGoal(.expand)
        let plan = try Consolidation.plan(crowded, goal)
        #expect(PlanAudit.faults(of: plan, crowded, goal) == [])
        // The smallest that is enough leaves.
        #expect(plan.moves.map(\.domain) == [2])
        #expect(plan.moves.first?.target.use == [90 * gibibyte])
        #expect(plan.moves.first?.why == .relieves)
        for small in [1, 2] { crowded.domains[small].isFixed = true }
        let none = try Consolidation.plan(crowded, goal)
        #expect(none.verdict == .impossible && none.moves.isEmpty && !none.reasons.isEmpty)
    }

    @Test func whatCannotBeBetterIsLeftAsItIs() throws {
        let plan = try Consolidation.plan(centre([10, 10], [(6, 0), (6, 1)]))
        #expect(plan.verdict == .noChange && plan.stages.isEmpty)
        #expect(plan.reasons == ["no change helps: 2 nodes are on, and at least 2 are needed"])
    }

    @Test func aBudgetOfMigrationsIsKept() throws {
        let spread = centre([10, 10, 10, 10], [(2, 0), (2, 0), (3, 0), (1, 1), (1, 1), (1, 2), (9, 3)])
        let free = try Consolidation.plan(spread)
        #expect(free.chosen?.nodes == 2 && free.migrations == 3)
        let goal = ConsolidationGoal(migrationBudget: 2)
        let held = try Consolidation.plan(spread, goal)
        #expect(held.chosen?.nodes == 3 && held.migrations == 1)
        #expect(PlanAudit.faults(of: held, spread, goal) == [])
        let none = try Consolidation.plan(spread, ConsolidationGoal(migrationBudget: 0))
        #expect(none.verdict == .noChange)
    }

    /// Another point of the curve: as many nodes as may be on, and then the fewest migrations.
    @Test func asManyNodesAsMayBeAreUsedForFewerMigrations() throws {
        let spread = centre([10, 10, 10, 10], [(2, 0), (2, 0), (3, 0), (1, 1), (1, 1), (1, 2), (9, 3)])
        for (most, nodes, migrations) in [(2, 2, 3), (3, 3, 1)] {
            let goal = ConsolidationGoal(mostNodes: most)
            let plan = try Consolidation.plan(spread, goal)
            #expect(plan.chosen?.nodes == nodes && plan.migrations == migrations)
            #expect(PlanAudit.faults(of: plan, spread, goal) == [])
        }
        let enough = try Consolidation.plan(spread, ConsolidationGoal(mostNodes: 4))
        #expect(enough.verdict == .noChange && enough.reasons == ["no change is needed: 4 nodes are on"])
        let few = try Consolidation.plan(spread, ConsolidationGoal(mostNodes: 1))
        #expect(few.verdict == .impossible && few.stages.isEmpty)
        #expect(few.reasons == ["1 node is too few: at least 2 are needed, and a placement was found on 2"])
    }

    /// By the linear model: idle, and of the rest the share of the processors that is used.
    @Test func powerIsThatOfTheNodesThatAreOn() {
        var pair = centre([10, 20], [(5, 0), (5, 1)])
        for node in 0...1 { (pair.nodes[node].idlePower, pair.nodes[node].peakPower) = (100, 300) }
        #expect(pair.power([0, 1], [true, true]) == 350)
        #expect(pair.power([1, 1], [false, true]) == 200)
        // At three fifths of its speed a node holds what both need, and draws 80 W and five sixths of 60 W; with a third to spare
        // it has to run at full speed, and so has a node that is nearly full.
        pair.nodes[1].powerSteps = [.init(speed: 0.6, idlePower: 80, peakPower: 140)]
        #expect(abs(pair.power([1, 1], [false, true]) - 130) < 1e-9)
        #expect(pair.power([1, 1], [false, true], reserve: 0.34) == 200)
        #expect(pair.nodes[1].draw(0.5).speed == 0.6 && pair.nodes[1].draw(0.7).speed == 1)
    }

    @Test func whatMovedNotLongAgoStays() throws {
        let spread = centre([10, 10], [(2, 0), (2, 1)])
        func plan(after seconds: Double) throws -> ConsolidationPlan {
            try Consolidation.plan(
                spread,
                ConsolidationGoal(
                    cooldown: .seconds(3600),
                    recentMoves: [0, 1].map { RecentMove(domain: $0, at: Timestamp(nanoseconds: 0)) },
                    now: Timestamp(nanoseconds: 0) + .seconds(seconds)))
        }
        #expect(try plan(after: 3599).verdict == .noChange)
        #expect(try plan(after: 3600).chosen?.nodes == 1)
    }

    /// Two full nodes have to swap what they have: one of the two waits on a third node meanwhile.
    @Test func whoeverIsInTheWayStepsAside() throws {
        var swap = centre([10, 10, 10], [(10, 0), (10, 1)])
        swap.domains[0].allowedNodes = [1, 2]
        swap.domains[1].allowedNodes = [0]
        swap.nodes[2].isOn = false
        let goal = ConsolidationGoal()
        let easy = try Consolidation.plan(swap, goal)
        #expect(PlanAudit.faults(of: easy, swap, goal) == [])
        // Where it may stay on the third node, that costs a node no more.
        #expect(easy.chosen?.nodes == 2)
        swap.nodes[2].capacity = [10]
        swap.domains.append(DataCentre.Domain("d2", demand: [1], node: 0, isFixed: true))
        swap.nodes[0].capacity = [11]
        swap.nodes[1].duty = .staysOn
        let plan = try Consolidation.plan(swap, goal)
        #expect(PlanAudit.faults(of: plan, swap, goal) == [])
        #expect(plan.moves.map(\.why).contains(.detour))
        #expect(plan.migrations == 3 && plan.chosen?.migrations == 2)
        #expect(plan.isOn == [true, true, false])
        let shut = try Consolidation.plan(swap, ConsolidationGoal(mayPowerOn: false))
        #expect(shut.verdict == .impossible)
        #expect(shut.reasons.contains { $0.contains("no order of the moves") })
    }

    /// Demand has risen: what is on stays on, and of the nodes that are off the one that boots first comes.
    @Test func asFewNodesAsWillDoArePoweredOn() throws {
        var risen = centre([10, 10, 10, 10], [(6, 0), (6, 0), (7, 1), (5, nil)])
        for (node, boot) in [(2, 90), (3, 30)] {
            risen.nodes[node].isOn = false
            risen.nodes[node].bootTime = .seconds(boot)
        }
        let goal = ConsolidationGoal(.expand)
        let plan = try Consolidation.plan(risen, goal)
        #expect(PlanAudit.faults(of: plan, risen, goal) == [])
        #expect(plan.isOn == [true, true, true, true] || plan.isOn == [true, true, false, true])
        #expect(plan.migrations == 1)
        #expect(plan.worstBefore == 1.2 && plan.worstAfter <= 1)
        #expect(plan.moves.count { $0.why == .starts } == 1)
        risen.domains.removeLast()
        let one = try Consolidation.plan(risen, goal)
        #expect(one.isOn == [true, true, false, true])
        #expect(one.stages.first?.powersOn == [3])
    }

    @Test func rulesThatContradictEachOtherAreSaid() {
        var odd = centre([10, 10], [(1, 0), (1, 1)])
        odd.rules = [.together([0, 1]), .apart([0, 1])]
        #expect(throws: PlacementError.self) { try Consolidation.plan(odd) }
        odd.rules = [.together([0, 7])]
        #expect(throws: PlacementError.self) { try Consolidation.plan(odd) }
        odd.rules = []
        odd.domains[0].demand = [-1]
        #expect(throws: PlacementError.self) { try Consolidation.plan(odd) }
    }

    /// A checker that finds nothing wrong with a wrong plan would prove nothing.
    @Test func theAuditSeesWhatIsWrong() throws {
        let spread = centre([10, 10, 10], [(4, 0), (4, 1), (1, 2), (1, 2)])
        let goal = ConsolidationGoal()
        let plan = try Consolidation.plan(spread, goal)
        #expect(plan.verdict == .change && PlanAudit.faults(of: plan, spread, goal) == [])
        let wrongs: [(inout ConsolidationPlan) -> Void] = [
            { $0.stages.removeLast() },
            { $0.stages[0].moves[0].to = 2 - $0.stages[0].moves[0].to },
            { $0.stages[0].moves[0].target.use = [0] },
            { $0.stages[0].moves[0].from = nil },
            { $0.stages[0].moves.append($0.stages[0].moves[0]) },
            { $0.placement[0] = nil },
            { $0.isOn[0].toggle() },
            { $0.chosen?.migrations += 1 },
            { $0.worstAfter = 0 },
            { $0.stages[0].powersOff.append(0) },
        ]
        for (number, spoil) in wrongs.enumerated() {
            var wrong = plan
            spoil(&wrong)
            #expect(PlanAudit.faults(of: wrong, spread, goal) != [], "\(number)")
        }
        var fixed = spread
        for domain in fixed.domains.indices { fixed.domains[domain].isFixed = true }
        #expect(PlanAudit.faults(of: plan, fixed, goal) != [])
        #expect(PlanAudit.faults(of: plan, spread, ConsolidationGoal(reserve: [.memory: 0.5])) != [])
    }

    /// By the formulas of pre-copy: what is written during a round is sent in the next.
    @Test func aMigrationCostsWhatPreCopySends() {
        let link = MigrationLink(bandwidth: 100e6, longestPause: .milliseconds(100))
        let idle = link.cost(memory: 1_000_000_000, dirtyRate: 0)
        #expect(idle.rounds == 1 && idle.sent == 1e9 && idle.pause == .zero && idle.duration == .seconds(10))
        // Halved by each round, 1000 MB come to 10 MB or less after seven.
        let busy = link.cost(memory: 1_000_000_000, dirtyRate: 50_000_000)
        #expect(busy.rounds == 7 && busy.pause.seconds == 0.078125)
        #expect(abs(busy.sent - 1e9 * (2 - 1 / 128.0)) < 1)
        let wild = link.cost(memory: 1_000_000_000, dirtyRate: 200_000_000)
        #expect(wild.rounds == 1 && wild.pause == .seconds(10))
        #expect(link.cost(memory: 0, dirtyRate: 5).duration == .zero)
    }

    @Test func whatWouldStandTooLongIsNotMoved() throws {
        var spread = centre([10, 10], [(2, 0), (2, 1)])
        spread.domains[0].dirtyRate = 1 << 40
        #expect(try Consolidation.plan(spread).moves.map(\.domain) == [1])
        spread.domains[1].dirtyRate = 1 << 40
        #expect(try Consolidation.plan(spread).verdict == .noChange)
    }

    /// Amounts are rounded against us, but what is a whole number of units is not more than that.
    @Test func amountsAreRoundedAgainstUs() {
        #expect(DataCentre.amount(0.6, of: .cpu) == 600)
        #expect(DataCentre.amount(0.1 + 0.2, of: .cpu) == 300)
        #expect(DataCentre.amount(0.3001, of: .cpu) == 301)
        #expect(DataCentre.amount(0.3009, of: .cpu, isCapacity: true) == 300)
    }
}
