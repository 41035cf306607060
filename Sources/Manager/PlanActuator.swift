import Experimenter
package import Hypervisor
import Model
package import OperatingSystem
package import Planning

/// Why a step of a plan was not done, or is not what it should be.
package enum PlanActuatorError: Error, Sendable, CustomStringConvertible {
    case unreachable(node: String, reason: String)
    case runsTwice(domain: String, String, String)
    case stands(domain: String, node: String, isOnItsWay: Bool)
    case notApplied(domain: String, String)
    case unknown(domain: String, node: String)
    case noRoom(domain: String, node: String, needs: Double, has: Double)
    case notDefined(domain: String, node: String)
    case notEmpty(node: String, domains: [String])
    case powerFailed(node: String, reason: String)
    case notVerified(step: String)

    package var description: String {
        switch self {
        case .unreachable(let node, let reason): "node \(node): its libvirt does not answer: \(reason)"
        case .runsTwice(let domain, let a, let b): "domain \(domain) runs on \(a) and on \(b); look at both nodes"
        case .stands(let domain, let node, _):
            "domain \(domain) is paused on \(node); let it go on (virsh resume), or find out who stopped it (virsh domstate --reason)"
        case .notApplied(let domain, let reason):
            "domain \(domain) \(reason); apply that first (whatif apply FILE), or write down what it has and plan anew"
        case .unknown(let domain, let node):
            "domain \(domain) runs on \(node), and the file does not know it; write it down, pinned if it is to stay, and plan anew"
        case .noRoom(let domain, let node, let needs, let has):
            "\(domain) may take \(Format.bytes(Int64(needs))), and \(node) has \(Format.bytes(Int64(has))) left; nothing was moved"
        case .notDefined(let domain, let node): "\(domain) is to be started on \(node), and is not defined there"
        case .notEmpty(let node, let domains):
            "\(node) is to be powered off, and \(domains.joined(separator: ", ")) runs there"
        case .powerFailed(let node, let reason): "node \(node): \(reason)"
        case .notVerified(let step): "\(step): it was done, and cannot be seen; look at the nodes"
        }
    }
}

/// Carries plans out: one step at a time, each chosen from where everything is, checked before and seen afterwards.
///
/// What was done is not remembered but looked at, so that a plan which was broken off, by whatever, is gone on with by
/// carrying it out again. A step that fails leaves its domain where it was, and ends the whole.
package final class PlanActuator {
    package enum Event {
        case begun(PlanCourse.Step, number: Int, of: Int)
        case moving(MigrationProgress)
        case done(PlanCourse.Step, Migration.Report?)
    }

    package let course: PlanCourse
    private let file: DataCentreFile
    private let interrupt: InterruptSignal
    private var connected: [Int: Node] = [:]
    /// Nodes that have answered, and were not powered off since: when these do not answer, that is no sign that they are off.
    private var known: Set<Int> = []
    /// Nodes that are off, as nobody answered there: they are not asked again before something has powered them on.
    private var dark: Set<Int> = []
    private let clock = SteadyClock()
    /// Nodes that did not answer when they were looked at, so that they are taken to be off, and what was said instead.
    package private(set) var silent: [Int: String] = [:]

    /// Every node of the plan's steps has to have its access in the file (`PlanCourse.lacks`).
    package init(_ stages: [ConsolidationPlan.Stage], _ file: DataCentreFile, interrupt: InterruptSignal) {
        course = PlanCourse(stages, file.centre)
        self.file = file
        self.interrupt = interrupt
    }

    /// The first program that powers a node of the plan on or off and is not installed here; nil when all are.
    package var missingProgram: String? {
        let nodes = course.steps.compactMap { step -> Int? in
            switch step {
            case .powerOn(let node), .powerOff(let node): node
            case .move: nil
            }
        }
        return nodes.compactMap { file.access[$0]?.power?.program }.first { program in
            (try? ChildProcess.run(["sh", "-c", "command -v \(program)"]).status) != 0
        }
    }

    /// How many of the steps have been done.
    package func done() throws -> Int { try course.done(look()) }

    /// Does what is left. Throws what was in the way; then the rest was not begun.
    package func run(_ report: (Event) -> Void) throws {
        var point = try done()
        try requireApplied(course.steps[point...])
        while point < course.steps.count {
            if interrupt.hasCome { throw Interrupted() }
            let step = course.steps[point]
            report(.begun(step, number: point + 1, of: course.steps.count))
            FaultPoint.pass()
            let outcome = try perform(step, report)
            FaultPoint.pass()
            let next = try done()
            guard next > point else { throw PlanActuatorError.notVerified(step: course.text(step)) }
            report(.done(step, outcome))
            point = next
        }
    }

    /// Where everything is on the nodes of the plan; of the others, what the file says. What libvirt is just clearing away, after
    /// somebody who was killed, is waited for.
    private func look() throws -> PlanCourse.State {
        let deadline = Timestamp(nanoseconds: clock.now) + Self.clearing
        while true {
            do { return try lookOnce() } catch let error as PlanActuatorError {
                var limit = deadline
                switch error {
                case .runsTwice, .stands(_, _, isOnItsWay: true), .unreachable: break
                // Somebody may just make a clone of it.
                case .stands: limit = deadline - Self.clearing + Self.standing
                default: throw error
                }
                guard Timestamp(nanoseconds: clock.now) < limit else { throw error }
                if interrupt.wait(seconds: 0.5) == .interrupted { throw Interrupted() }
            }
        }
    }

    private static let clearing = Duration.seconds(15)
    private static let standing = Duration.seconds(4)

    private func lookOnce() throws -> PlanCourse.State {
        let centre = file.centre
        let asked = Set(course.nodes)
        var isOn = centre.nodes.map(\.isOn)
        var place = centre.domains.map { domain in domain.node.flatMap { asked.contains($0) ? nil : $0 } }
        var places: [String: Int] = [:]
        for (number, domain) in centre.domains.enumerated() { places[domain.name] = number }
        for number in course.nodes {
            if interrupt.hasCome { throw Interrupted() }
            if dark.contains(number) {
                isOn[number] = false
                continue
            }
            let domains: [Domain]
            do { domains = try activeDomains(number) } catch {
                if known.contains(number) {
                    throw PlanActuatorError.unreachable(node: name(number), reason: "\(error)")
                }
                silent[number] = "\(error)"
                dark.insert(number)
                isOn[number] = false
                continue
            }
            known.insert(number)
            isOn[number] = true
            for domain in domains {
                guard let known = places[domain.name] else {
                    throw PlanActuatorError.unknown(domain: domain.name, node: name(number))
                }
                if let other = place[known] {
                    throw PlanActuatorError.runsTwice(domain: domain.name, name(other), name(number))
                }
                // One that ends just now is none that stands.
                if (try? domain.state()) == .paused {
                    throw PlanActuatorError.stands(
                        domain: domain.name, node: name(number), isOnItsWay: (try? domain.isPausedOnItsWay()) ?? false)
                }
                place[known] = number
            }
        }
        return PlanCourse.State(place: place, isOn: isOn)
    }

    /// A connection that has died is made anew, once.
    private func activeDomains(_ number: Int) throws -> [Domain] {
        if let node = connected[number], let domains = try? node.activeDomains() { return domains }
        connected[number] = nil
        return try reach(number).activeDomains()
    }

    private func reach(_ number: Int) throws -> Node {
        if let node = connected[number] { return node }
        guard let access = file.access[number] else {
            throw PlanActuatorError.unreachable(node: name(number), reason: "the file does not say where it is")
        }
        let node = try Node(connect: access.connect, isWatched: true)
        connected[number] = node
        return node
    }

    /// What campaigns have found and nobody has set is not what domains take with them.
    private func requireApplied(_ steps: ArraySlice<PlanCourse.Step>) throws {
        for case .move(let move) in steps {
            // A later move of a detour begins where it is not yet.
            guard let sizing = file.sizing[move.domain], let from = move.from, known.contains(from) else { continue }
            let planned = file.centre.domains[move.domain]
            guard let domain = try reach(from).domain(planned.name) else { continue }
            let allocation = try DomainAllocation(domain)
            for (place, resource) in file.centre.resources.enumerated() {
                // The rest is as the file says, whatever limits there are.
                guard sizing.found?[resource]?.number != nil else { continue }
                let counted = Setting.number(DataCentre.value(planned.demand[place], of: resource))
                let present = try allocation.setting(of: resource)
                let isMore = present.number.map { DataCentre.amount($0, of: resource) > planned.demand[place] } ?? true
                guard isMore, !resource.agrees(present, with: counted) else { continue }
                throw PlanActuatorError.notApplied(
                    domain: planned.name,
                    "has \(resource.rawValue) \(resource.format(present)), and the plan counts \(resource.format(counted)), as "
                        + "campaign \(sizing.campaign ?? "?") found")
            }
        }
    }

    private func name(_ node: Int) -> String { file.centre.nodes[node].name }

    private func perform(_ step: PlanCourse.Step, _ report: (Event) -> Void) throws -> Migration.Report? {
        switch step {
        case .powerOn(let node):
            try power(node, on: true)
            return nil
        case .powerOff(let node):
            var left = try activeDomains(node).map(\.name)
            // A driver that is not there has no domains.
            for uri in file.access[node]?.otherDrivers ?? [] {
                if let other = try? Node(connect: uri, isWatched: true) {
                    left += try other.activeDomains().map(\.name)
                }
            }
            guard left.isEmpty else { throw PlanActuatorError.notEmpty(node: name(node), domains: left.sorted()) }
            try power(node, on: false)
            return nil
        case .move(let move): return try self.move(move, report)
        }
    }

    private func move(_ move: ConsolidationPlan.Move, _ report: (Event) -> Void) throws -> Migration.Report? {
        let domain = file.centre.domains[move.domain]
        let target = try reach(move.to)
        // What the file says may be out of date, and is no more than what libvirt says of the machine.
        let source = try move.from.map(reach)
        let told = try (source ?? target).domain(domain.name)?.memoryPromised() ?? 0
        let needs = max(Double(domain.memory), Double(told))
        // Free is also what was promised to others, who have not used it yet.
        let promised = try activeDomains(move.to).reduce(0.0) { $0 + Double(try $1.memoryPromised()) }
        let has = min(try target.availableMemory() ?? .infinity, try target.memory() - promised)
        guard needs <= has else {
            throw PlanActuatorError.noRoom(domain: domain.name, node: name(move.to), needs: needs, has: max(0, has))
        }
        guard let source else {
            guard let found = try target.domain(domain.name) else {
                throw PlanActuatorError.notDefined(domain: domain.name, node: name(move.to))
            }
            try found.start()
            return nil
        }
        // Of a migration that was killed the source has its end to come to as well.
        for _ in 0..<Int(Self.clearing.seconds / 0.5) where try source.domain(domain.name)?.isBusy() == true {
            if interrupt.wait(seconds: 0.5) == .interrupted { throw Interrupted() }
        }
        let link = file.goal.link
        let terms = MigrationTerms(
            pause: link.longestPause, bandwidth: link.bandwidth, transport: file.access[move.to]?.transport,
            sharesDisks: file.sharesDisks)
        return try Migration(from: source, to: target, interrupt: interrupt)
            .run(domain.name, terms, within: file.migrationLimit) { report(.moving($0)) }
    }

    /// Runs what powers the node, and waits until its libvirt answers, or does not any more.
    private func power(_ node: Int, on: Bool) throws {
        let verb = on ? "power it on" : "power it off"
        guard let words = file.access[node]?.power?.words(on: on) else {
            throw PlanActuatorError.powerFailed(node: name(node), reason: "the file does not say what can \(verb)")
        }
        connected[node] = nil
        known.remove(node)
        dark.remove(node)
        do {
            // One that does not hear that its time is over is killed.
            try ChildProcess.succeed(["timeout", "--kill-after", "5", "\(Self.commandLimit)"] + words)
        } catch  where !on && (try? reach(node).activeDomains()) == nil {
            // The way to it went down with the node.
        } catch {
            throw PlanActuatorError.powerFailed(node: name(node), reason: "what should \(verb) failed: \(error.reason)")
        }
        let limit = max(.seconds(60), file.centre.nodes[node].bootTime * 3)
        let deadline = Timestamp(nanoseconds: clock.now) + limit
        // A libvirt that is stopped early, or answers once, is no sign yet.
        var agreeing = 0
        while true {
            let answers = (try? activeDomains(node)) != nil
            agreeing = answers == on ? agreeing + 1 : 0
            if agreeing == (on ? 1 : Self.silences) { break }
            connected[node] = nil
            // Who does not answer may take his time for that.
            guard Timestamp(nanoseconds: clock.now) < deadline || !on && !answers else {
                throw PlanActuatorError.powerFailed(
                    node: name(node),
                    reason:
                        "its libvirt \(on ? "does not answer" : "still answers") \(Format.duration(limit)) after it was told to "
                        + verb)
            }
            if interrupt.wait(seconds: 0.5) == .interrupted { throw Interrupted() }
        }
        if !on {
            connected[node] = nil
            dark.insert(node)
        }
    }

    /// So many times in a row nobody may have answered.
    private static let silences = 3

    /// Seconds that a command for power may take.
    private static let commandLimit = 60
}
