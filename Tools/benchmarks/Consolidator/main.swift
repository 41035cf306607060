// What ours plans for data centres that it is given; Tools/benchmarks/consolidation calls it.
//
//   consolidator INSTANCE...        a line of JSON for each: `Answer`
//
// An instance is JSON: `Instance`.

import Foundation
import Model
import Planning

struct Instance: Decodable {
    var resources: [Resource]
    /// By node and resource, and by domain and resource.
    var capacity: [[Int]]
    var demand: [[Int]]
    var on: [Bool]
    /// Where each domain runs; null: it waits.
    var node: [Int?]
    var purpose: ConsolidationGoal.Purpose?
    var effort: Int?

    var centre: DataCentre {
        DataCentre(
            resources: resources,
            nodes: zip(capacity, on).enumerated().map { DataCentre.Node("node\($0)", capacity: $1.0, isOn: $1.1) },
            domains: zip(demand, node).enumerated().map { place, domain in
                DataCentre.Domain("domain\(place)", demand: domain.0, node: domain.1, memory: 1 << 30)
            })
    }
}

struct Answer: Encodable {
    var seconds: Double
    var verdict: ConsolidationPlan.Verdict
    var leastNodes: Int?
    var curve: [ConsolidationPlan.Point]
    /// Of the chosen point, and with detours.
    var nodes: Int?
    var migrations: Int
    var detours: Int
    var stages: Int
    var faults: [String]
}

for path in CommandLine.arguments.dropFirst() {
    let instance = try JSONDecoder().decode(Instance.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    let centre = instance.centre
    var goal = ConsolidationGoal(instance.purpose ?? .consolidate)
    if let effort = instance.effort { goal.effort = effort }
    let clock = ContinuousClock()
    let start = clock.now
    let plan = try Consolidation.plan(centre, goal)
    let seconds = (clock.now - start).seconds
    let answer = Answer(
        seconds: seconds, verdict: plan.verdict, leastNodes: plan.leastNodes, curve: plan.curve,
        nodes: plan.chosen?.nodes, migrations: plan.migrations, detours: plan.moves.count { $0.why == .detour },
        stages: plan.stages.count, faults: PlanAudit.faults(of: plan, centre, goal))
    print(String(decoding: try JSONEncoder().encode(answer), as: UTF8.self))
}
