import Foundation
import Glibc
import Model
import Testing
import YAML

@testable import Planning

@Suite struct SimulationTests {
    private static let experiments = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Experiments")

    private func file(_ replacements: [(String, String)] = []) throws -> SimulationFile {
        var text = try String(contentsOf: Self.experiments.appendingPathComponent("simulated.yaml"), encoding: .utf8)
        for (from, to) in replacements {
            #expect(text.contains(from), "nothing to replace: \(from)")
            text = text.replacing(from, with: to)
        }
        return try YAMLDecoder.decode(SimulationFile.self, from: text, file: "simulated.yaml")
    }

    /// Half as many requests again, and the promise is kept again within minutes, by few experiments; nobody else suffers.
    @Test func thePublishedScenarioIsMended() throws {
        var simulation = Simulation(try file())
        let courses = try simulation.run()
        let (busier, others) = (courses[0], courses.dropFirst())
        let (first, last) = (try #require(busier.firstViolation), try #require(busier.lastViolation))
        #expect(first > Timestamp(nanoseconds: 0) + .seconds(120))
        #expect(last - first < .seconds(5 * 60), "\(last - first)")
        #expect(busier.experiments <= 3)
        #expect(others.allSatisfy { $0.violated == .zero && $0.decisions.isEmpty })
        let decision = try #require(busier.decisions.last)
        #expect(decision.tier == "app" && decision.state == .done && decision.cause == .violated)
        #expect(try #require(busier.minutes.last ?? nil) < 0.05)
        // The same file says the same.
        var again = Simulation(try file())
        #expect(try again.run().map(\.minutes) == courses.map(\.minutes))
    }

    /// Away in the midst of the campaign, and once more after it: nothing is done twice.
    @Test(arguments: ["160 s", "180 s", "220 s", "4 min", "260 s", "5 min"])
    func aManagerThatWasAwayGoesOn(_ moment: String) throws {
        var simulation = Simulation(
            try file([
                ("services:\n", "failures:\n  - { manager: true, at: \(moment), for: 45 s }\n\nservices:\n")
            ]))
        let busier = try #require(try simulation.run().first)
        let changes = busier.decisions.filter { $0.changed != nil }
        #expect(changes.count == 1 && changes[0].state == .done)
        #expect(changes.first?.steps.count { $0.state == .applying } == 1)
    }

    /// All on one node that is nearly full: nobody gets what the others would lack.
    @Test func aFullNodeGivesNothing() throws {
        var simulation = Simulation(try file([("count: 9, cpu: 400%", "count: 1, cpu: 1000%")]))
        let courses = try simulation.run()
        let busier = try #require(courses.first)
        #expect(
            busier.decisions.contains { $0.state == .failed && $0.steps.last?.reason.contains("processors") == true })
        #expect(busier.decisions.allSatisfy { $0.changed == nil })
        #expect(courses.dropFirst().allSatisfy { $0.violated == .zero })
    }

    /// What a node's failure does is over with it; nobody is given more for it that keeps the promise alone.
    @Test func aNodeFails() throws {
        var simulation = Simulation(
            try file([
                ("{ at: 2 min, rate: 1500 }", "{ at: 2 min, rate: 1000 }"),
                ("services:\n", "failures:\n  - { node: 5, at: 5 min, for: 20 s }\n\nservices:\n"),
            ]))
        let courses = try simulation.run()
        #expect(courses.contains { $0.violated > .zero })
        #expect(courses.allSatisfy { $0.minutes.last.flatMap(\.self).map { $0 < 0.05 } ?? false })
    }

    private static let nodes = "count: 9, cpu: 400%"
    private static let richNodes =
        "count: 9, cpu: 400%, memory: 32 GiB, power: { idle: 100 W, busy: 200 W }, boot: 1 min"

    /// With memories, and a planner that looks every so often.
    private func placed(
        _ placement: String, link: String = "bandwidth: 1 GB/s", _ further: [(String, String)] = []
    ) throws -> SimulationFile {
        try file(
            [
                (Self.nodes, Self.richNodes),
                ("cpu: 140% }", "cpu: 140%, memory: 4 GiB, dirty-rate: 20 MiB/s }"),
                ("cpu: 150% }", "cpu: 150%, memory: 8 GiB, dirty-rate: 60 MiB/s }"),
                ("cpu: 100% }", "cpu: 100%, memory: 1 GiB }"),
                ("\nservices:\n", "placement: { \(placement) }\nmigration: { \(link) }\n\nservices:\n"),
            ] + further)
    }

    /// What is given to tiers fits on fewer nodes: domains move there, the others are switched off, less is drawn, and no
    /// promise is broken by that.
    @Test func nodesThatAreNotNeededAreOff() throws {
        var kept = Simulation(try placed("purpose: consolidate, every: 1 d"))
        _ = try kept.run()
        var simulation = Simulation(try placed("purpose: consolidate, every: 5 min, reserve: { cpu: 10% }"))
        let courses = try simulation.run()
        let (fleet, before) = (try #require(simulation.fleet), try #require(kept.fleet))
        #expect(before.plans == 0 && before.minutes.allSatisfy { $0.nodes == 9 })
        // 15.6 processors were given, and 3.6 of each node may be.
        #expect(try #require(fleet.minutes.last).nodes == 5 && fleet.powersOff == 4 && fleet.abandoned == 0)
        #expect(fleet.migrations >= 4 && fleet.longestPause > .zero && fleet.longestPause <= .milliseconds(300))
        #expect(fleet.joules < 0.8 * before.joules)
        #expect(courses.dropFirst().allSatisfy { $0.violated == .zero })
        #expect(courses[0].decisions.last?.state == .done)
    }

    /// More is given than fits on the nodes that are on: another one is booted, which takes its time.
    @Test func nodesThatAreNeededAreOn() throws {
        var simulation = Simulation(
            try placed(
                "purpose: consolidate, every: 5 min, reserve: { cpu: 10% }",
                [
                    ("boot: 1 min", "boot: 1 min, off: 4"), ("cpu: [140%, 180%, 220%, 260%]", "cpu: [140%, 260%]"),
                    ("cpu: [150%, 180%]", "cpu: [150%, 300%]"),
                ]))
        let courses = try simulation.run()
        let fleet = try #require(simulation.fleet)
        #expect(courses[0].quotas[1] == 2.6)
        #expect(fleet.powersOn == 1 && fleet.minutes.last?.nodes == 6, "\(fleet.events)")
        let (plan, on) = (
            try #require(fleet.events.last?.time), try #require(fleet.minutes.firstIndex { $0.nodes == 6 })
        )
        #expect(Timestamp(nanoseconds: 0) + .seconds(60 * (on + 1)) >= plan + .seconds(60))
    }

    /// All nodes fail one after the other while domains are under way: these stay where they were, and a later plan is carried
    /// out.
    @Test func whatIsUnderWayIsGivenUpWhenANodeFails() throws {
        let failures = (1...9).map { "  - { node: \($0), at: 5.2 min, for: 5 s }\n" }.joined()
        let away = "  - { manager: true, at: 10.1 min, for: 2 min }\n"
        var simulation = Simulation(
            try placed(
                "purpose: consolidate, every: 5 min, reserve: { cpu: 10% }", link: "bandwidth: 125 MB/s, at-once: 1",
                [("\nservices:\n", "\nfailures:\n\(failures)\(away)\nservices:\n")]))
        _ = try simulation.run()
        let fleet = try #require(simulation.fleet)
        #expect(fleet.abandoned == 1 && fleet.plans == 2 && fleet.powersOff == 4, "\(fleet.events)")
        #expect(fleet.events.contains { $0.text.contains("fails in the midst of it") })
        // Nobody begins the next stage while the manager is away.
        #expect(fleet.minutes[9...11].map(\.nodes) == [9, 9, 9])
    }

    /// A week of the same load with noise: domains find their places once, and none moves again; no change of what they have follows
    /// another.
    @Test(arguments: [("consolidate", "7 d"), ("balance", "7 d")])
    func noDomainMovesForNothing(_ purpose: String, _ length: String) throws {
        var simulation = Simulation(
            try placed(
                "purpose: \(purpose), every: 10 min", link: "bandwidth: 1 GB/s, cooldown: 1 h",
                [
                    ("for: 20 min", "for: \(length)"), ("{ at: 2 min, rate: 1500 }", "{ at: 2 min, rate: 1000 }"),
                    ("give-back: never", "give-back: 50%"),
                ]))
        let courses = try simulation.run()
        let fleet = try #require(simulation.fleet)
        // What is given back makes room for one plan more.
        #expect(fleet.plans <= 2 && fleet.migrations <= 12, "\(fleet.events)")
        #expect(courses.allSatisfy { $0.violated == .zero && $0.decisions.count { $0.changed != nil } <= 1 })
    }

    @Test func stationsAreThoseOfTheBooks() {
        // M/M/1: s / (1 - ρ).
        #expect(abs(SimulatedService.Station.response(work: 0.001, processors: 1, rate: 500) - 0.002) < 1e-12)
        // Half a processor: twice as slow.
        #expect(abs(SimulatedService.Station.response(work: 0.001, processors: 0.5, rate: 250) - 0.004) < 1e-12)
        // M/M/2 at ρ = 0.8: s / (1 - ρ²) = 2.78 ms; Sakasegawa's is within a few per cent.
        let two = SimulatedService.Station.response(work: 0.001, processors: 2, rate: 1600)
        #expect(abs(two / 0.0027778 - 1) < 0.05)
    }

    @Test func whatComesAboveTheCapacityQueuesUp() {
        var station = SimulatedService.Station(work: 0.01, node: 0, quota: 1)
        for _ in 0..<10 { #expect(station.step(150) <= 100) }
        #expect(station.backlog == 500 && station.response > 5)
        for _ in 0..<10 { _ = station.step(50) }
        #expect(station.backlog == 0 && abs(station.response - 0.02) < 1e-9)
    }

    @Test(arguments: [
        ("for: 20 min", "for: 2000 d", "a month is the longest"),
        ("count: 9", "count: 0", "a number from 1"),
        (
            "{ rate: 1000 }, { at: 2 min, rate: 1500 }", "{ at: 2 min, rate: 1500 }",
            "the first rate holds from the beginning"
        ),
        (
            "app: { cpu: [140%, 160%, 180%, 200%] }", "app: { memory: [1 GiB, 2 GiB] }",
            "simulated tiers have 'cpu' only"
        ),
        ("app: { cpu: [140%, 160%, 180%, 200%] }", "ap: { cpu: [140%, 160%] }", "'ap' is not a tier"),
        ("cpu: 150% }", "cpu: 150%, node: 12 }", "node 12 is named, and there are 9"),
        ("name: steady\n    copies: 3", "name: busier", "same name"),
        ("work: 0.3 ms", "wrk: 0.3 ms", "did you mean 'work'?"),
        ("work: 0.3 ms, ", "", "say one of work: DURATION and work-of: SERVICE/TIER"),
        ("work: 0.3 ms", "work-of: a/b/c", "expected SERVICE/TIER, or a campaign's id"),
        ("cpu: 400% }", "cpu: 400%, off: 2 }", "say 'placement:'"),
        ("cpu: 400% }", "cpu: 400%, off: 9 }", "one node at least has to be on"),
        (
            "\nservices:\n", "placement: { reserve: { memory: 5% } }\n\nservices:\n",
            "no node says what it has of memory"
        ),
        ("\nservices:\n", "placement: { purpose: pack }\n\nservices:\n", "one of: balance, consolidate"),
    ])
    func whatCannotBeSimulatedIsSaid(_ from: String, _ to: String, _ reason: String) throws {
        #expect { try file([(from, to)]) } throws: { "\($0)".contains(reason) }
    }
}
