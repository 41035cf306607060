import Foundation
import Model
package import Planning

/// What became of simulated services, for people and for other programs.
package enum SimulationText {
    /// Of more services, those that were violated are told one by one.
    private static let shown = 40

    package static func table(
        _ name: String, _ length: Duration, _ courses: [Simulation.Course], _ fleet: FleetCourse?
    ) -> String {
        var table = TextTable(
            ["service", "rate", "violated", "met again after", "experiments", "changes", "processors"],
            [.left, .right, .right, .right, .right, .right, .right])
        let worst = courses.count > shown ? courses.filter { $0.violated > .zero } : courses
        for course in worst.prefix(shown) {
            let rates = [course.rates.first, course.rates.last].compactMap(\.self).map { Format.decimal($0, 0) }
                .uniqued()
            table.add([
                course.service, rates.joined(separator: " → ") + "/s", time(course.violated), metAgain(course, length),
                "\(course.experiments)", "\(course.decisions.count { $0.changed != nil })",
                course.quotas.map(Format.percent).joined(separator: ", "),
            ])
        }
        let violated = courses.count { $0.violated > .zero }
        var lines = [
            "\(name): \(Format.count(courses.count, "service")) over \(Format.duration(length)); "
                + "\(violated) violated their SLA at some time",
            "", table.text,
        ]
        if worst.count > shown { lines.append("and \(worst.count - shown) more that were violated") }
        if let fleet { lines += ["", fleetText(fleet)] }
        let decisions = courses.flatMap(\.decisions)
        if courses.count <= shown, !decisions.isEmpty {
            lines.append("")
            for decision in decisions {
                lines.append("\(decision.service), tier \(decision.tier): \(decision.state.rawValue)")
                lines += decision.steps.map {
                    "  \(time($0.time - Timestamp(nanoseconds: 0))) \($0.state.rawValue): \($0.reason)"
                }
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func fleetText(_ fleet: FleetCourse) -> String {
        let nodes = [fleet.minutes.first, fleet.minutes.last].compactMap(\.self).map { "\($0.nodes)" }.uniqued()
        let on = nodes.isEmpty ? "" : nodes.joined(separator: " → ") + " on; "
        var summary =
            "nodes: \(on)\(Format.count(fleet.plans, "plan")), "
            + "\(fleet.abandoned) given up; \(Format.count(fleet.migrations, "migration"))"
        if fleet.migrations > 0 { summary += ", none stood for longer than \(time(fleet.longestPause))" }
        if fleet.joules > 0 {
            let watts = [fleet.minutes.first, fleet.minutes.last].compactMap(\.self).map { Format.decimal($0.watts, 0) }
            summary +=
                "; \(watts.uniqued().joined(separator: " → ")) W, \(Format.significant(fleet.joules / 3.6e6)) kWh in all"
        }
        let events = fleet.events.suffix(shown).map { "  \(time($0.time - Timestamp(nanoseconds: 0))) \($0.text)" }
        return ([summary] + events).joined(separator: "\n")
    }

    private static func time(_ duration: Duration) -> String { duration == .zero ? "0 s" : Format.duration(duration) }

    private static func metAgain(_ course: Simulation.Course, _ length: Duration) -> String {
        guard let first = course.firstViolation, let last = course.lastViolation else { return "–" }
        if last >= Timestamp(nanoseconds: 0) + .seconds(Int64(length.seconds)) { return "not" }
        return time(last - first + .seconds(1))
    }

    /// `service,minute,rate,mean` in seconds, a line a minute.
    package static func csv(_ courses: [Simulation.Course]) -> String {
        var lines = ["service,minute,rate,mean"]
        for course in courses {
            for (minute, (rate, mean)) in zip(course.rates, course.minutes).enumerated() {
                lines.append("\(course.service),\(minute),\(rate),\(mean.map { "\($0)" } ?? "")")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// What became of a simulation as one JSON object. Times in seconds.
package struct SimulationRecord: Encodable {
    struct Service: Encodable {
        let service: String
        let violated: Double
        let metAgainAfter: Double?
        let experiments: Int
        let processors: [Double]
        let decisions: [ManagedDecision]
        let minutes: [Double?]
    }

    struct Fleet: Encodable {
        struct Minute: Encodable {
            let nodes: Int
            let watts: Double
        }

        struct Event: Encodable {
            let second: Double
            let text: String
        }

        let plans: Int
        let abandoned: Int
        let migrations: Int
        let powersOn: Int
        let powersOff: Int
        let longestPause: Double
        let joules: Double
        let minutes: [Minute]
        let events: [Event]

        init(_ fleet: FleetCourse) {
            (plans, abandoned, migrations) = (fleet.plans, fleet.abandoned, fleet.migrations)
            (powersOn, powersOff) = (fleet.powersOn, fleet.powersOff)
            (longestPause, joules) = (fleet.longestPause.seconds, fleet.joules)
            minutes = fleet.minutes.map { Minute(nodes: $0.nodes, watts: $0.watts) }
            events = fleet.events.map { Event(second: ($0.time - Timestamp(nanoseconds: 0)).seconds, text: $0.text) }
        }
    }

    let simulation: String
    let seed: UInt64
    let seconds: Double
    let services: [Service]
    /// Nil where nothing moves.
    let fleet: Fleet?

    package init(_ file: SimulationFile, _ courses: [Simulation.Course], _ fleet: FleetCourse?) {
        self.fleet = fleet.map(Fleet.init)
        (simulation, seed, seconds) = (file.name, file.seed, file.length.seconds)
        let end = Timestamp(nanoseconds: 0) + .seconds(Int64(file.length.seconds))
        services = courses.map { course in
            var again: Double?
            if let first = course.firstViolation, let last = course.lastViolation, last < end {
                again = (last - first).seconds + 1
            }
            return Service(
                service: course.service, violated: course.violated.seconds, metAgainAfter: again,
                experiments: course.experiments, processors: course.quotas, decisions: course.decisions,
                minutes: course.minutes)
        }
    }
}
