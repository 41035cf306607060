import Foundation
import Glibc
import Model
import OperatingSystem
import Store
import Testing

extension SystemTests.CampaignTests {
    private static func managed(_ limit: String, _ terms: String, named name: String) throws -> String {
        try serviceFile(
            [
                ("p95: 60 ms", "p95: \(limit), over: 5 s"), ("[28%, 60%, 80%, 100%]", "[33%, 60%]"),
                ("find: exhaustive", "find: cheapest"), ("experiment: 5 s", "experiment: 6 s"),
                (
                    "limits: { late: 30%, stolen: 100% }",
                    "limits: { late: 30%, stolen: 100% }\nmanage: { every: 1 s, violated: 2 of 3, verify: 5 s, \(terms) }"
                ),
            ], named: name)
    }

    private static func decisions() throws -> [ManagedDecision] {
        try DecisionStore(store).decisions()
    }

    private static var store: String { Whatif.state + "/decisions.db" }

    private static func forget() { try? FileManager.default.removeItem(atPath: store) }

    private static func isIn(_ state: ManagedDecision.State) throws -> Bool { try decisions().last?.state == state }

    private static func quota() throws -> String {
        try LabHost.virsh("schedinfo", "app1").split(separator: "\n").first { $0.contains("vcpu_quota") }
            .map { $0.filter(\.isNumber) } ?? ""
    }

    /// As if the manager had been killed when its campaign was over and nobody had written that down yet; then killed at every
    /// further moment in turn, until its change is set. Whoever comes next sets what is left, and decides nothing anew.
    private static func killAtEveryMoment(_ file: String, of explored: Data) throws {
        var moments = 0
        while true {
            try? FileManager.default.removeItem(atPath: store + "-journal")
            try explored.write(to: URL(fileURLWithPath: store))
            _ = try LabHost.virsh("schedinfo", "app1", "--set", "vcpu_quota=60000")
            let manager = try Whatif.start(["manage", file], log: "manage-3.log", killedAt: moments + 1)
            var status: Int32?
            let hasEnded = {
                status = status ?? manager.poll()
                return status != nil
            }
            let hasCome = try Whatif.wait(seconds: 60) { try hasEnded() || isIn(.verifying) }
            #expect(hasCome, "\(Whatif.log("manage-3.log"))")
            // What comes next is seconds away.
            guard Whatif.wait(seconds: 1, until: hasEnded) else {
                kill(manager.pid, SIGKILL)
                manager.wait()
                break
            }
            try #require(status == 128 + SIGKILL, "\(Whatif.log("manage-3.log"))")
            moments += 1
            let next = try Whatif.start(["manage", file], log: "manage-4.log")
            let isSet = try Whatif.wait(seconds: 60) { try isIn(.verifying) }
            kill(next.pid, SIGKILL)
            next.wait()
            #expect(isSet, "killed at moment \(moments): \(Whatif.log("manage-4.log"))")
            let (found, quota) = (try decisions(), try quota())
            #expect(found.count == 1 && found[0].steps.count { $0.state == .applying } == 1 && quota == "33000")
        }
        // Before and after each word on the disk, and before and after what was set.
        #expect(moments >= 8, "\(moments)")
    }

    /// A service that needs less than it has: a campaign, a change, its verification. Ended and killed in the midst of the
    /// campaign, killed at every moment of the change and in the midst of the verification, the manager goes on, does nothing
    /// twice, and leaves nothing.
    @Test func aKilledManagerGoesOn() throws {
        Self.forget()
        defer { _ = try? LabHost.virsh("schedinfo", "app1", "--set", "vcpu_quota=28000") }
        _ = try LabHost.virsh("schedinfo", "app1", "--set", "vcpu_quota=60000")
        let file = try Self.managed("100 s", "act: apply", named: "managed.yaml")
        let inventory = try LabHost.inventory()
        let journal = try Journal(Whatif.state + "/journal.db")

        let hasCloned = { try journal.entries().contains { $0.kind == .domain } }
        var manager = try Whatif.start(["manage", file], log: "manage-0.log")
        #expect(try Whatif.wait(seconds: 60, until: hasCloned), "\(Whatif.log("manage-0.log"))")
        // Who is asked to end takes the sandbox along, and leaves the question open.
        kill(manager.pid, SIGINT)
        #expect(manager.wait() == 0, "\(Whatif.log("manage-0.log"))")
        #expect(try Self.isIn(.exploring) && journal.entries().isEmpty && LabHost.inventory() == inventory)
        manager = try Whatif.start(["manage", file], log: "manage-1.log")
        #expect(try Whatif.wait(seconds: 60, until: hasCloned), "\(Whatif.log("manage-1.log"))")
        // Another one for the same service is refused.
        let second = try Whatif.run("manage", file, "--for", "1 s")
        #expect(second.status == 1 && second.errors.contains("managed by another process"), "\(second.errors)")
        kill(manager.pid, SIGKILL)
        manager.wait()
        let campaign = try #require(try Self.decisions().last).id
        #expect(try Self.isIn(.exploring) && Self.quota() == "60000")

        let explored = try Data(contentsOf: URL(fileURLWithPath: Self.store))
        manager = try Whatif.start(["manage", file], log: "manage-2.log")
        let isSet = try Whatif.wait(seconds: 180) { try Self.isIn(.verifying) }
        kill(manager.pid, SIGKILL)
        manager.wait()
        #expect(isSet, "\(Whatif.log("manage-2.log"))")
        #expect(try Self.quota() == "33000")

        try Self.killAtEveryMoment(file, of: explored)

        let last = try Whatif.run("manage", file, "--for", "12 s", "--json")
        #expect(last.status == 0, "\(last.errors)")
        let decision = try #require(try Self.decisions().last)
        #expect(try Self.decisions().count == 1 && decision.state == .done && decision.id == campaign)
        let record = try #require(try MatrixStore(Whatif.state + "/matrices.db").campaign(nil))
        #expect(record.id == campaign)
        #expect(decision.steps.count { $0.state == .applying } == 1)
        #expect(last.output.contains("\"state\":\"done\"") && last.output.contains("verified on-line"))
        #expect(try Self.quota() == "33000" && LabHost.inventory() == inventory && journal.entries().isEmpty)
        let list = try Whatif.run("manage", file, "--list")
        #expect(
            list.status == 0 && list.output.contains("cpu 60% → 33%")
                && list.output.contains("the manager was started anew"))
    }

    /// What is proposed changes nothing until somebody applies it, which the manager sees and verifies.
    @Test func aProposalWaitsForApply() throws {
        Self.forget()
        defer { _ = try? LabHost.virsh("schedinfo", "app1", "--set", "vcpu_quota=28000") }
        _ = try LabHost.virsh("schedinfo", "app1", "--set", "vcpu_quota=60000")
        let file = try Self.managed("100 s", "act: propose", named: "proposed.yaml")
        let manager = try Whatif.start(["manage", file], log: "manage.log")
        #expect(try Whatif.wait(seconds: 180) { try Self.isIn(.proposed) }, "\(Whatif.log("manage.log"))")
        #expect(try Self.quota() == "60000")
        let apply = try Whatif.run("apply", file, "--yes")
        #expect(apply.status == 0, "\(apply.errors)")
        #expect(try Whatif.wait(seconds: 60) { try Self.isIn(.done) }, "\(Whatif.log("manage.log"))")
        kill(manager.pid, SIGINT)
        #expect(manager.wait() == 0)
        var decision = try #require(try Self.decisions().last)
        let states = decision.steps.map(\.state)
        #expect(states.contains(.verifying) && !states.contains(.applying))
        // Nobody applies by hand what was meant for another day.
        decision.go(to: .expired, at: decision.time, because: "it was not applied in time")
        try DecisionStore(Self.store).save(decision)
        _ = try LabHost.virsh("schedinfo", "app1", "--set", "vcpu_quota=60000")
        let late = try Whatif.run("apply", file, "--yes")
        #expect(late.status == 3 && late.errors.contains("it was not applied in time"), "\(late.errors)")
        #expect(try Self.quota() == "60000")
    }

    /// A promise that no allocation can keep: the manager says so, and changes nothing.
    @Test func whatCannotBeKeptIsSaid() throws {
        Self.forget()
        let file = try Self.managed("1 ms", "act: apply", named: "hopeless.yaml")
        let production = try LabHost.production()
        let manager = try Whatif.start(["manage", file], log: "manage.log")
        let isSaid = try Whatif.wait(seconds: 180) { try Self.decisions().last?.state.isEnd == true }
        kill(manager.pid, SIGINT)
        manager.wait()
        #expect(isSaid, "\(Whatif.log("manage.log"))")
        let decision = try #require(try Self.decisions().last)
        #expect(decision.state == .unchanged && decision.cause == .violated, "\(decision.steps.map(\.reason))")
        #expect(try LabHost.production() == production)
        let short = try Whatif.run("manage", file, "--for", "6 s")
        #expect(short.status == 3, "\(short.errors)")
    }
}
