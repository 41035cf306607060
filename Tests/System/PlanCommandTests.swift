import Foundation
import Model
import OperatingSystem
import Store
import Testing

/// `whatif plan` as a user runs it; needs no rights and no lab.
@Suite struct PlanCommandTests {
    private let directory = "/tmp/whatif-plan-commands-\(getpid())-\(UInt64.random(in: 0 ... .max))/"
    private let example = Whatif.root + "/Experiments/data-centre.yaml"

    private func whatif(_ arguments: String...) throws -> ProgramResult {
        try ChildProcess.run([Whatif.binary, "plan"] + arguments)
    }

    @Test func thePlanIsTextJSONAndAPicture() throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let (svg, broken) = (directory + "plan.svg", directory + "broken.yaml")
        let text = try whatif(example, "--svg", svg)
        #expect(text.status == 0 && text.output.contains("Stage 1") && text.output.contains("power off"), "\(text)")
        #expect(try String(contentsOfFile: svg, encoding: .utf8).hasPrefix("<svg "))
        let json = try whatif(example, "--json")
        #expect(json.status == 0 && json.output.contains("\"verdict\" : \"change\""))

        let even = try whatif(example, "--goal", "balance")
        #expect(even.status == 0 && even.output.contains("worst utilisation"), "\(even)")
        let odd = try whatif(example, "--goal", "balence")
        #expect(odd.status == 2 && odd.errors.contains("did you mean 'balance'?"))

        // What is on stays on.
        let more = try whatif(example, "--goal", "expand")
        #expect(more.status == 0 && !more.output.contains("power off"), "\(more)")
        let odds = try whatif(example, "--goal", "expand", "--nodes", "3")
        #expect(odds.status == 2 && odds.errors.contains("--nodes is of plans that consolidate"), "\(odds)")
        let careful = try whatif(example, "--no-worse", "--json")
        let kept = try JSONSerialization.jsonObject(with: Data(careful.output.utf8)) as? [String: Any]
        let worst = try #require(kept?["worst"] as? [String: Double])
        #expect(careful.status == 0 && worst["after"] ?? 1 <= worst["before"] ?? 0, "\(worst)")

        let plan = directory + "plan.json"
        try json.output.write(toFile: plan, atomically: true, encoding: .utf8)
        let held = try whatif(example, "--verify", plan)
        #expect(held.status == 0 && held.output.hasPrefix("The plan still holds, step by step: "), "\(held)")
        let moved = directory + "moved.yaml"
        try String(contentsOfFile: example, encoding: .utf8)
            .replacing("name: metrics,    on: n1", with: "name: metrics,    on: n5")
            .write(toFile: moved, atomically: true, encoding: .utf8)
        let stale = try whatif(moved, "--verify", plan)
        #expect(
            stale.status == 3 && stale.output.contains("domain metrics is on n5; the plan found it on n1"), "\(stale)")
        // Made long ago.
        let old = directory + "old.json"
        try json.output.replacing(/"made" : \d+/, with: "\"made\" : 1")
            .write(toFile: old, atomically: true, encoding: .utf8)
        let late = try whatif(example, "--verify", old)
        #expect(late.status == 3 && late.output.contains("it was made "), "\(late)")
        let none = try whatif(example, "--verify", svg)
        #expect(none.status == 2 && none.errors.contains("not a plan as 'whatif plan --json' writes it"), "\(none)")

        let few = try whatif(example, "--nodes", "1")
        #expect(few.status == 3 && few.output.contains("There is no plan"), "\(few)")
        try String(contentsOfFile: example, encoding: .utf8).replacing("on: n1", with: "on: m1")
            .write(toFile: broken, atomically: true, encoding: .utf8)
        let wrong = try whatif(broken)
        #expect(wrong.status == 2 && wrong.errors.contains("there is no node 'm1'; did you mean 'n1'?"), "\(wrong)")
        let both = try whatif(example, "--json", "--svg", "-")
        #expect(both.status == 2 && both.errors.contains("name a file for one of them"))
    }

    /// A campaign's answer is what its domain needs; one that is not there, or found nothing, is said.
    @Test func aCampaignSizesADomain() throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let store = try MatrixStore(StateDirectory(directory + "state").matrices)
        let onLine = Allocation([.cpu: 2.0])
        var record = CampaignRecord(
            id: "20200101-000000-a5c0", service: "shop", tier: "app", domain: "shop-app1", connect: "lxc:///system",
            node: nil, started: Timestamp(nanoseconds: 1_577_836_800_000_000_000),
            sla: SLA(.p95, below: .milliseconds(50), over: .seconds(60)), goal: .cheapest, onLine: onLine,
            matrix: ResultMatrix(axes: [Axis(.cpu, [1.0, 2.0])]))
        record.state = .done
        record.answer = Answer(.cheapest(Allocation([.cpu: 1.0])), reasons: [])
        try store.save(record)
        let file = directory + "sized.yaml"
        let plan = { (source: String) in
            try """
            data-centre: two
            nodes:
              - { name: n1, cpu: 200%, memory: 8 GiB }
              - { name: n2, cpu: 200%, memory: 8 GiB }
            domains:
              - { name: shop-app1, on: n1, memory: 1 GiB, sized-by: \(source) }
              - { name: shop-web, on: n2, cpu: 100%, memory: 1 GiB }
            """.write(toFile: file, atomically: true, encoding: .utf8)
            return try ChildProcess.run(
                ["env", "WHATIF_STATE=\(directory)state", Whatif.binary, "plan", file, "--json"])
        }
        let sized = try plan("shop/app")
        #expect(sized.status == 0 && sized.output.contains("sized by what campaigns found: shop-app1"), "\(sized)")
        // Two cores would not leave room for another; one does.
        #expect(sized.output.contains("\"verdict\" : \"change\""), "\(sized)")
        let none = try plan("shop/db")
        #expect(none.status == 2 && none.errors.contains("sized-by shop/db: there is no such campaign"), "\(none)")
        record.answer = Answer(.nothingMeets, reasons: [])
        try store.save(record)
        let nothing = try plan("20200101-000000-a5c0")
        #expect(nothing.status == 2 && nothing.errors.contains("found no allocation"), "\(nothing)")
    }
}
