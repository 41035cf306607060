import Foundation
import Model
import Planning
import Report
import Testing
import YAML

/// Plans that are read again, against data centres that went on meanwhile.
@Suite struct PlanVerificationTests {
    private static let yaml = """
        data-centre: lab
        reserve: { cpu: 10% }
        migration: { bandwidth: 1 GB/s }
        nodes:
          - { name: n1, cpu: 1000%, memory: 16 GiB }
          - { name: n2, cpu: 1000%, memory: 16 GiB }
          - { name: n3, cpu: 1000%, memory: 16 GiB, state: off }
        domains:
          - { name: a, on: n1, cpu: 300%, memory: 1 GB }
          - { name: b, on: n2, cpu: 300%, memory: 2 GB }
          - { name: c, on: n2, cpu: 200%, memory: 4 GB }
        """

    private static func file(_ text: String) throws -> DataCentreFile {
        try YAMLDecoder.decode(DataCentreFile.self, from: text, file: "centre.yaml")
    }

    private static func plan() throws -> PlanDocument {
        let file = try file(yaml)
        let plan = PlanDocument(try Consolidation.plan(file.centre, file.goal), of: file)
        // As it comes back from a file.
        return try JSONDecoder().decode(PlanDocument.self, from: Data(try MatrixData.encode(plan).utf8))
    }

    @Test func aPlanHoldsWhereNothingChanged() throws {
        let plan = try Self.plan()
        #expect(plan.verdict == .change && plan.stages.flatMap(\.moves).map(\.domain) == ["a"])
        #expect(plan.staleness(in: try Self.file(Self.yaml)) == [])
        #expect(
            PlanText.verification(plan, []) == "The plan still holds, step by step: 1 migration in 1 stage, about 1 s.")
        // Nodes that came since are no reason.
        let more = Self.yaml.replacing("domains:", with: "  - { name: n4, cpu: 100%, memory: 1 GiB }\ndomains:")
        #expect(plan.staleness(in: try Self.file(more)) == [])
        // Balancing writes plans of the same form.
        var file = try Self.file(Self.yaml)
        file.centre.domains[0].node = 1
        let even = PlanDocument(try Balancing.plan(file.centre, file.goal), of: file)
        #expect(even.verdict == .change && even.staleness(in: file) == [])
    }

    @Test(arguments: [
        ("data-centre: lab", "data-centre: other", "the plan is for lab, and the file is of other"),
        ("name: a, on: n1", "name: a, on: n2", "domain a is on n2; the plan found it on n1, and sends it where it is"),
        ("name: b, on: n2", "name: b, on: n1", "domain b is on n1; the plan found it on n2"),
        ("name: c, on: n2,", "name: c,", "domain c is not running; the plan found it on n2"),
        ("name: c", "name: d", "domain c is gone"), ("name: c", "name: d", "domain d is new"),
        ("name: n3", "name: n4", "node n3 is gone"), (", state: off", "", "node n3 is on; the plan found it off"),
        ("{ cpu: 10% }", "{ cpu: 50% }", "50% of cpu may be used; the plan found 90%"),
        ("cpu: 200%", "cpu: 250%", "of node n2 55% of cpu is used; the plan found 50%"),
        ("1 GB }", "1 GB, pinned: true }", "stage 1, a to n2: it is fixed"),
        ("1 GB }", "1 GB, not-on: [n2] }", "stage 1, a to n2: it is not allowed there"),
        ("1 GB }", "1 GB, dirty-rate: 2 GB/s }", "stage 1, a to n2: it would stand too long"),
        (
            "n1, cpu: 1000%, memory: 16 GiB", "n1, cpu: 1000%, memory: 16 GiB, duty: stays-on",
            "n1 has to stay on and is powered off"
        ),
    ]) func aStalePlanIsRefusedWithTheReason(_ was: String, _ now: String, _ reason: String) throws {
        let file = try Self.file(Self.yaml.replacing(was, with: now, maxReplacements: 1))
        let reasons = try Self.plan().staleness(in: file)
        #expect(reasons.contains { $0.contains(reason) }, "\(reasons)")
    }

    /// It holds for an hour, or as long as the file says; from versions that did not say when it was made, always.
    @Test func aPlanGrowsOld() throws {
        var plan = try Self.plan()
        let file = try Self.file(Self.yaml)
        let now = Timestamp(nanoseconds: 10_000_000_000_000)
        #expect(plan.expiry(in: file, at: now) == nil)
        plan.made = 10_000 - 3600
        #expect(plan.expiry(in: file, at: now) == nil)
        plan.made = 10_000 - 7200
        #expect(plan.expiry(in: file, at: now)?.hasPrefix("it was made 120 min ago, and plans hold for 60 min") == true)
        let longer = try Self.file(Self.yaml + "\nexpires: 3 h\n")
        #expect(plan.expiry(in: longer, at: now) == nil)
    }

    @Test func aRuleThatCameSinceIsLookedAt() throws {
        let ruled = Self.yaml + "\nrules: [{ apart: [a, c] }]\n"
        #expect(
            try Self.plan().staleness(in: try Self.file(ruled)).contains { $0.contains("apart") || $0.contains("rule") }
        )
    }

    /// By hand, or by half: what its steps say has to lead to what it says of the end.
    @Test func aPlanThatContradictsItselfIsRefused() throws {
        let file = try Self.file(Self.yaml)
        let wrongs: [(inout PlanDocument) -> Void] = [
            { $0.stages = [] }, { $0.stages[0].moves[0].to = "n9" }, { $0.stages[0].moves[0].domain = "z" },
            { $0.stages[0].moves[0].to = "n3" }, { $0.domains[0].node.after = nil },
            { $0.stages[0].powersOff = ["n9"] },
            { $0.stages[0].powersOff = ["n2"] }, { $0.stages[0].moves[0].target.amounts["cpu"] = 1e300 },
        ]
        for (number, spoil) in wrongs.enumerated() {
            var wrong = try Self.plan()
            spoil(&wrong)
            #expect(wrong.staleness(in: file) != [], "\(number)")
        }
    }
}
