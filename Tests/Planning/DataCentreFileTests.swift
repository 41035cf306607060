import Foundation
import Model
import Planning
import Testing
import YAML

/// Data-centre files as people write them, right and wrong: the message leads to the place.
@Suite struct DataCentreFileTests {
    static let good = """
        data-centre: lab
        reserve: { cpu: 10% }
        migration: { bandwidth: 100 MB/s, pause: 200 ms, at-once: 3, at-most: 20, cooldown: 1 h }
        balance: { start: 20%, per-minute: 2% }
        nodes:
          - { name: n1, cpu: 1600%, memory: 64 GiB, power: { idle: 90 W, busy: 240 W } }
          - { name: n2, cpu: 800%, memory: 32 GiB, power: { idle: 60 W, busy: 150 W }, state: off, boot: 90 s, duty: stays-on }
        domains:
          - { name: web1, on: n1, cpu: 60%, memory: 2 GiB, dirty-rate: 5 MiB/s, moved: 10 min }
          - { name: web2, on: n1, cpu: 33.33%, memory: 2 GiB, not-on: [n2], pinned: true }
          - { name: new, cpu: 0, memory: 1 GiB, only-on: [n2, n1] }
        rules:
          - { apart: [web1, web2] }
          - { together: [web2, new] }
        """

    func decode(_ text: String) throws -> DataCentreFile {
        try YAMLDecoder.decode(DataCentreFile.self, from: text, file: "centre.yaml")
    }

    @Test func theExampleIsRead() throws {
        let file = try decode(Self.good)
        let (centre, goal) = (file.centre, file.goal)
        #expect(file.name == "lab" && file.saysPower && file.silentDomains == 1)
        #expect(centre.resources == [.cpu, .memory])
        #expect(centre.nodes.map(\.capacity) == [[16_000, 64 << 30], [8_000, 32 << 30]])
        #expect(centre.nodes.map(\.isOn) == [true, false] && centre.nodes.map(\.duty) == [.free, .staysOn])
        #expect(centre.nodes[1].bootTime == .seconds(90) && centre.nodes[1].peakPower == 150)
        // Rounded against us, to a thousandth of a core.
        #expect(centre.domains.map(\.demand) == [[600, 2 << 30], [334, 2 << 30], [0, 1 << 30]])
        #expect(centre.domains.map(\.node) == [0, 0, nil] && centre.domains.map(\.isFixed) == [false, true, false])
        #expect(centre.domains.map(\.allowedNodes) == [nil, [0], [0, 1]])
        #expect(centre.domains[0].memory == 2 << 30 && centre.domains[0].dirtyRate == 5 << 20)
        #expect(centre.rules == [.apart([0, 1]), .together([1, 2])])
        #expect(goal.reserve == [.cpu: 0.1] && goal.migrationBudget == 20 && goal.migrationsPerNode == 3)
        #expect(goal.link == MigrationLink(bandwidth: 100e6, longestPause: .milliseconds(200)))
        #expect(file.balancing == BalancingTerms(start: 0.2, gainPerMinute: 0.02))
        #expect(goal.recentMoves.count == 1 && goal.now - goal.recentMoves[0].at == .seconds(600))
    }

    /// The lab says how its nodes are reached; the file only which ones they are.
    @Test func nodesOfTheLabAreNumbers() throws {
        let file = try decode(Self.good.replacing("boot: 90 s", with: "lab: 2"))
        #expect(file.labNodes.mapValues(\.number) == [1: 2] && file.access == [nil, nil])
        let switched = try decode(Self.good.replacing("boot: 90 s", with: "lab: 2, switch: { on: 'true' }"))
        #expect(switched.labNodes[1]?.power == .command(on: "true", off: nil))
    }

    @Test(arguments: [
        ("data-centre: lab\n", "", 1, "the key 'data-centre' is missing"),
        ("reserve:", "reserv:", 2, "unknown key 'reserv', expected one of: data-centre"),
        ("reserve:", "reserv:", 2, "did you mean 'reserve'?"),
        ("{ cpu: 10% }", "{ cpu: 100% }", 2, "expected a percentage below 100%"),
        ("{ cpu: 10% }", "{ network: 10% }", 2, "no node says what it has of network"),
        ("at-once: 3", "at-once: 0", 3, "expected a number from 1 to 64"),
        ("bandwidth: 100 MB/s", "bandwidth: fast", 3, "expected a rate"),
        ("start: 20%", "start: 1%", 4, "nodes may differ by less when it stops than when it starts"),
        ("start: 20%", "begin: 1%", 4, "unknown key 'begin', expected one of: start, stop, gain, per-minute"),
        ("memory: 64 GiB", "memori: 64 GiB", 6, "did you mean 'memory'?"),
        ("memory: 64 GiB", "memory: 0", 6, "expected a size"),
        ("cpu: 1600%, memory: 64 GiB", "boot: 9 s", 6, "it says what it has of nothing"),
        ("cpu: 800%, ", "", 7, "node n2: it says no cpu, and node n1 does"),
        (", power: { idle: 60 W, busy: 150 W }", "", 7, "node n2: it says no power"),
        ("busy: 150 W", "busy: 50 W", 7, "a busy node takes no less"),
        (
            "busy: 150 W", "busy: 150 W, steps: [{ speed: 100%, idle: 1 W, busy: 2 W }]", 7,
            "a step is slower than full speed"
        ),
        ("name: web1, on: n1", "name: web1, on: n1, sized-by: a/b/c", 9, "expected SERVICE/TIER, or a campaign's id"),
        ("boot: 90 s", "transport: tcp://n2", 7, "say 'connect' first"),
        ("boot: 90 s", "switch: { on: up }", 7, "say 'connect' first"),
        ("boot: 90 s", "lab: 2, connect: qemu:///system", 7, "of a node of the lab, the lab knows it"),
        ("boot: 90 s", "lab: two", 7, "expected a number from 1 to 99"),
        (
            "name: n1, cpu: 1600%, memory: 64 GiB, power: { idle: 90 W, busy: 240 W } }",
            "name: n1, lab: 1, cpu: 1600%, memory: 64 GiB, power: { idle: 90 W, busy: 240 W } }\n"
                + "  - { name: n9, lab: 1, cpu: 800%, memory: 32 GiB, power: { idle: 60 W, busy: 150 W } }", 7,
            "node n9: it is node 1 of the lab, and so is n1"
        ),
        ("boot: 90 s", "connect: test:///default, switch: { on: up, ipmi: b }", 7, "is powered on in one way"),
        ("boot: 90 s", "connect: test:///default, switch: { ipmi: b }", 7, "ipmi needs a user and a password-file"),
        ("boot: 90 s", "connect: test:///default, switch: { on: up, user: b }", 7, "it belongs to 'ipmi'"),
        ("boot: 90 s", "connect: test:///default, switch: { wake-on-lan: b }", 7, "expected a MAC address"),
        ("at-once: 3", "shared-disks: 3", 3, "expected true or false"),
        ("name: n2", "name: n1", 7, "'n1' stands twice; each node has a name of its own"),
        ("state: off", "state: of", 7, "found 'of', expected one of: on, off"),
        ("duty: stays-on", "duty: stay", 7, "expected one of: free, stays-on, leaves"),
        ("name: web1, on: n1", "name: web1, on: m1", 9, "there is no node 'm1'; did you mean 'n1'?"),
        ("name: web1, on: n1", "name: web1, on: n2", 9, "domain web1 cannot run on n2, which is off"),
        ("cpu: 60%, ", "", 9, "domain web1 says no cpu, which nodes have"),
        ("cpu: 60%", "cpu: 60%, network: 1 MB/s", 9, "no node says what it has of network"),
        ("not-on: [n2]", "not-on: [n2, n1]", 10, "no node is left on which domain web2 may run"),
        ("not-on: [n2]", "not-on: [n2, n3]", 10, "there is no node 'n3'"),
        ("only-on: [n2, n1]", "pinned: true", 11, "it runs nowhere"),
        ("apart: [web1, web2]", "apart: [web1, wbe2]", 13, "there is no domain 'wbe2'; did you mean 'web2'?"),
        ("apart: [web1, web2]", "apart: [web1, web1]", 13, "stands twice in this rule"),
        ("apart: [web1, web2]", "apart: [web1]", 13, "two domains or more"),
        ("apart: [web1, web2]", "apart: [web1, web2], together: [web1, new]", 13, "a rule is one of"),
    ]) func whatIsWrongIsSaidWhereItStands(_ right: String, _ wrong: String, _ line: Int, _ words: String) {
        let text = Self.good.replacing(right, with: wrong, maxReplacements: 1)
        #expect(text != Self.good)
        #expect { try decode(text) } throws: { error in
            guard let error = error as? YAMLError else { return false }
            let isThere = error.line == line && error.reason.contains(words)
            if !isThere { Issue.record("\(error)") }
            return isThere
        }
    }

    /// What a campaign found is what its domain needs; the rest is as the file says.
    @Test func aCampaignSizesADomain() throws {
        let text = Self.good.replacing("name: web1, on: n1, cpu: 60%,", with: "name: web1, on: n1, sized-by: shop/web,")
            .replacing("name: web2, on: n1, cpu: 33.33%, memory: 2 GiB", with: "name: web2, on: n1, sized-by: c-12")
        var file = try decode(text)
        #expect(file.sizing.mapValues(\.source) == [0: .latest(service: "shop", tier: "web"), 1: .campaign("c-12")])
        try file.size(0, by: Allocation([.cpu: 0.45]), of: "c-9")
        #expect(file.centre.domains[0].demand == [450, 2 << 30] && file.sizing[0]?.campaign == "c-9")
        try file.size(0, by: Allocation([.cpu: 0.45, .memory: 1_073_741_824]), of: "c-9")
        // It is copied as it is before somebody sets that.
        #expect(file.centre.domains[0].demand == [450, 1 << 30] && file.centre.domains[0].memory == 2 << 30)
        try file.size(1, by: Allocation([.cpu: 0.2, .memory: 1_073_741_824]), of: "c-12")
        #expect(file.centre.domains[1].demand == [200, 1 << 30] && file.centre.domains[1].memory == 1 << 30)
        let lacking = #expect(throws: PlacementError.self) { try file.size(1, by: Allocation([.cpu: 0.2]), of: "c-12") }
        #expect("\(lacking.map { "\($0)" } ?? "")".contains("domain web2, which campaign c-12 sizes, says no memory"))
    }

    /// How nodes are reached by who carries a plan out.
    @Test func accessIsRead() throws {
        let text = Self.good.replacing("at-once: 3", with: "within: 2 min, shared-disks: true")
            .replacing("name: n1, cpu: 1600%", with: "name: n1, connect: 'qemu+ssh://n1/system', cpu: 1600%")
            .replacing(
                "boot: 90 s",
                with:
                    "connect: 'qemu+ssh://n2/system', transport: 'tcp://n2', switch: { ipmi: bmc2, user: admin, password-file: /etc/bmc2 }"
            )
        let file = try decode(text)
        #expect(
            file.access == [
                NodeAccess(connect: "qemu+ssh://n1/system"),
                NodeAccess(
                    connect: "qemu+ssh://n2/system", transport: "tcp://n2",
                    power: .ipmi(address: "bmc2", user: "admin", passwordFile: "/etc/bmc2")),
            ])
        #expect(file.migrationLimit == .seconds(120) && file.sharesDisks)
        let plain = try decode(Self.good)
        #expect(plain.access == [nil, nil] && plain.migrationLimit == .seconds(600) && !plain.sharesDisks)
    }

    /// What stands in the repository is read, its plan can be carried out, and it draws less in the end.
    @Test(arguments: ["data-centre", "fleet"]) func theExperimentIsPlanned(_ name: String) throws {
        let path =
            URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path + "/Experiments/\(name).yaml"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let file = try YAMLDecoder.decode(DataCentreFile.self, from: text, file: path)
        let plan = try Consolidation.plan(file.centre, file.goal)
        #expect(plan.verdict == .change && PlanAudit.faults(of: plan, file.centre, file.goal) == [])
        #expect(
            file.centre.power(plan.placement, plan.isOn)
                < file.centre.power(file.centre.placement, file.centre.nodes.map(\.isOn)))
        if name == "fleet" {
            #expect(plan.isOn == [Bool](repeating: false, count: 8) + [true, true, false, false])
        }
    }
}
