import Model

/// The steps of a plan one after the other, and how far they have been done, told from where everything really is.
///
/// Nothing is remembered between steps: whoever was killed between two of them, or in one, goes on where the data centre is.
package struct PlanCourse: Sendable {
    package enum Step: Hashable, Sendable {
        case powerOn(Int)
        case move(ConsolidationPlan.Move)
        case powerOff(Int)
    }

    /// What can be seen of a data centre: of nodes that are off, and of those nobody asked, nothing.
    package struct State: Hashable, Sendable {
        /// By domain; nil is nowhere.
        package var place: [Int?]
        package var isOn: [Bool]

        package init(place: [Int?], isOn: [Bool]) { (self.place, self.isOn) = (place, isOn) }
    }

    /// The data centre is at no point of the plan.
    package struct Astray: Error, Hashable, CustomStringConvertible {
        /// What differs from the point that is nearest.
        package var differences: [String]
        package var description: String {
            "the data centre is not where the plan leads: \(differences.joined(separator: "; ")); make a new plan of a file that "
                + "says where everything is"
        }
    }

    package let steps: [Step]
    private let centre: DataCentre
    /// Before the first step, and after each.
    private let states: [State]

    package init(_ stages: [ConsolidationPlan.Stage], _ centre: DataCentre) {
        self.centre = centre
        steps = stages.flatMap { stage in
            stage.powersOn.map(Step.powerOn) + stage.moves.map(Step.move) + stage.powersOff.map(Step.powerOff)
        }
        var state = State(place: centre.placement, isOn: centre.nodes.map(\.isOn))
        var states = [state]
        for step in steps {
            switch step {
            case .powerOn(let node): state.isOn[node] = true
            case .move(let move): state.place[move.domain] = move.to
            case .powerOff(let node): state.isOn[node] = false
            }
            states.append(state)
        }
        self.states = states
    }

    /// Nodes that have to be looked at: those that some step is about. Before something is started, nobody else may run it: then all
    /// that are on.
    package var nodes: [Int] {
        let starts = steps.contains { if case .move(let move) = $0 { move.from == nil } else { false } }
        let others = starts ? centre.nodes.indices.filter { centre.nodes[$0].isOn } : []
        return Set(
            others
                + steps.flatMap { step in
                    switch step {
                    case .powerOn(let node), .powerOff(let node): [node]
                    case .move(let move): [move.from, move.to].compactMap(\.self)
                    }
                }
        ).sorted()
    }

    /// How many of the steps have been done. Of several points that look the same the last: what lies between has no effect.
    package func done(_ seen: State) throws(Astray) -> Int {
        if let point = states.lastIndex(of: seen) { return point }
        let told = states.map { differences(seen, $0) }
        throw Astray(differences: told.min { $0.count < $1.count } ?? [])
    }

    private func differences(_ seen: State, _ expected: State) -> [String] {
        let text = { (node: Int?) in node.map { "on \(centre.nodes[$0].name)" } ?? "not running" }
        var found: [String] = []
        for node in centre.nodes.indices where seen.isOn[node] != expected.isOn[node] {
            let (now, then) = seen.isOn[node] ? ("on", "off") : ("not to be reached", "on")
            found.append("node \(centre.nodes[node].name) is \(now), where the plan has it \(then)")
        }
        for domain in centre.domains.indices where seen.place[domain] != expected.place[domain] {
            found.append(
                "domain \(centre.domains[domain].name) is \(text(seen.place[domain])), where the plan has it "
                    + text(expected.place[domain]))
        }
        return found
    }

    package func text(_ step: Step) -> String {
        switch step {
        case .powerOn(let node): "power on \(centre.nodes[node].name)"
        case .powerOff(let node): "power off \(centre.nodes[node].name)"
        case .move(let move):
            if let from = move.from {
                "migrate \(centre.domains[move.domain].name) from \(centre.nodes[from].name) to \(centre.nodes[move.to].name)"
            } else {
                "start \(centre.domains[move.domain].name) on \(centre.nodes[move.to].name)"
            }
        }
    }

    /// Why the steps cannot be carried out by what the file says of nodes, whatever state they are in; empty when they can.
    package func lacks(_ access: [NodeAccess?]) -> [String] {
        var found = nodes.filter { access[$0] == nil }.map {
            "node \(centre.nodes[$0].name) does not say how to reach its libvirt; add connect: URI"
        }
        for step in steps {
            let (node, isOn): (Int, Bool)
            switch step {
            case .powerOn(let place): (node, isOn) = (place, true)
            case .powerOff(let place): (node, isOn) = (place, false)
            case .move: continue
            }
            guard let known = access[node] else { continue }
            if !isOn, known.isHere {
                found.append(
                    "node \(centre.nodes[node].name) is this machine (\(known.connect)), which would be powered off in the midst of "
                        + "the plan; carry it out from another one")
            }
            guard known.power?.words(on: isOn) == nil else { continue }
            found.append(
                "node \(centre.nodes[node].name) does not say what powers it \(isOn ? "on" : "off"); add switch: "
                    + "{ \(isOn ? "on" : "off"): COMMAND }")
        }
        return found
    }
}
