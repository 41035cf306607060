import Foundation
import Glibc
import Model
import Testing
import YAML

@testable import Planning

@Suite struct SimulationTests {
    private static let published = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Experiments/simulated.yaml")

    private func file(_ replacements: [(String, String)] = []) throws -> SimulationFile {
        var text = try String(contentsOf: Self.published, encoding: .utf8)
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
        #expect(last - first < .seconds(6 * 60), "\(last - first)")
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

    /// A week of the same load with noise: no change follows another.
    @Test func aSteadyWeekIsQuiet() throws {
        var simulation = Simulation(
            try file([
                ("for: 20 min", "for: 7 d"), ("{ at: 2 min, rate: 1500 }", "{ at: 2 min, rate: 1000 }"),
                ("give-back: never", "give-back: 50%"),
            ]))
        for course in try simulation.run() { #expect(course.decisions.count { $0.changed != nil } <= 1) }
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
    ])
    func whatCannotBeSimulatedIsSaid(_ from: String, _ to: String, _ reason: String) throws {
        #expect { try file([(from, to)]) } throws: { "\($0)".contains(reason) }
    }
}
