/// What a consolidation answers: where everything should run, how to get there, and why; or that no change helps.
package struct ConsolidationPlan: Hashable, Codable, Sendable {
    /// One of the placements between few nodes and few migrations.
    package struct Point: Hashable, Codable, Sendable {
        /// Nodes that are on in the end, and the sum of their weights.
        package var nodes: Int
        package var weight: Double
        /// Domains that run elsewhere in the end.
        package var migrations: Int
        /// Proven: with so many nodes it cannot be fewer.
        package var leastMigrations: Int
    }

    /// A node after a step.
    package struct Prediction: Hashable, Codable, Sendable {
        package var node: Int
        /// By resource.
        package var use: [Int]
        /// Of the resource that is used most, as a share of the capacity.
        package var utilisation: Double

        package init(node: Int, use: [Int], utilisation: Double) {
            self.node = node
            self.use = use
            self.utilisation = utilisation
        }
    }

    package enum Why: String, Hashable, Codable, Sendable {
        case starts
        /// Its node has to be emptied, or is powered off then.
        case empties
        /// Its node has more than it may.
        case relieves
        /// To keep a rule.
        case rule
        /// Its node takes something else that fits nowhere else.
        case makesRoom = "makes-room"
        /// For a while only, so that others can pass.
        case detour
        /// Its node is used more than others.
        case balances
    }

    package struct Move: Hashable, Codable, Sendable {
        package var domain: Int
        /// Nil: it is started.
        package var from: Int?
        package var to: Int
        package var why: Why
        package var cost: MigrationLink.Cost?
        /// After it and what stands before it.
        package var source: Prediction?
        package var target: Prediction

        package init(
            domain: Int, from: Int?, to: Int, why: Why, cost: MigrationLink.Cost?, source: Prediction?,
            target: Prediction
        ) {
            self.domain = domain
            self.from = from
            self.to = to
            self.why = why
            self.cost = cost
            self.source = source
            self.target = target
        }
    }

    /// What may be done at once. Its moves leave room for each other also while the memory of each is on both nodes.
    package struct Stage: Hashable, Codable, Sendable {
        /// Before the moves, and after them.
        package var powersOn: [Int] = []
        package var moves: [Move] = []
        package var powersOff: [Int] = []
        /// Boots, then migrations, those of one node after each other's.
        package var duration: Duration = .zero

        package init(powersOn: [Int] = [], moves: [Move] = [], powersOff: [Int] = []) {
            self.powersOn = powersOn
            self.moves = moves
            self.powersOff = powersOff
        }
    }

    package enum Verdict: String, Hashable, Codable, Sendable {
        case change
        /// Nothing is wrong, and nothing better was found.
        case noChange = "no-change"
        /// Something is wrong, and no way out was found.
        case impossible
    }

    package var verdict: Verdict
    /// Nodes that are on now.
    package var nodesNow: Int
    /// Proven: fewer nodes, or a smaller sum of weights, cannot hold everything. Nil: not even all nodes can.
    package var leastNodes: Int?
    package var leastWeight: Double
    /// The placements found, fewest nodes first; each has fewer migrations than those before.
    package var curve: [Point]
    package var chosen: Point?
    package var stages: [Stage] = []
    /// Where each domain runs in the end, and which nodes are on then.
    package var placement: [Int?]
    package var isOn: [Bool]
    /// Of the node that is used most.
    package var worstBefore: Double
    package var worstAfter: Double
    package var reasons: [String]

    package var moves: [Move] { stages.flatMap(\.moves) }
    /// Moves of what runs; detours count each time.
    package var migrations: Int { stages.reduce(0) { $0 + $1.moves.count { $0.from != nil } } }
    package var duration: Duration { stages.reduce(.zero) { $0 + $1.duration } }
}
