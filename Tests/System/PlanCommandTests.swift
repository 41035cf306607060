import Foundation
import OperatingSystem
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
}
