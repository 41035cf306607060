import Model
package import Planning

/// What a plan says, by names: what the text, the picture and `--json` of `whatif plan` show. Its JSON can be read again.
///
/// Times are in seconds, powers in watts, shares between 0 and 1 of a node's capacity; amounts as resources count them (cores,
/// bytes, bytes a second).
package struct PlanDocument: Hashable, Codable, Sendable {
    package struct Change<Value: Hashable & Codable & Sendable>: Hashable, Codable, Sendable {
        package var before: Value
        package var after: Value
    }

    package struct Node: Hashable, Codable, Sendable {
        package var name: String
        package var isOn: Change<Bool>
        /// By resource: the share that is used.
        package var use: Change<[String: Double]>
        /// The share of its full speed that is enough and draws least; null of one that is off, or whose file says no steps.
        package var speed: Change<Double?>?
    }

    package struct Domain: Hashable, Codable, Sendable {
        package var name: String
        /// Where it runs; null: nowhere.
        package var node: Change<String?>
    }

    /// A node after a step.
    package struct Prediction: Hashable, Codable, Sendable {
        package var node: String
        /// By resource: how much is used.
        package var amounts: [String: Double]
        /// The share of the resource that is used most.
        package var utilisation: Double
    }

    package struct Move: Hashable, Codable, Sendable {
        package var domain: String
        /// Null: it is started.
        package var from: String?
        package var to: String
        package var why: ConsolidationPlan.Why
        package var seconds: Double?
        /// For how long it stands at the end.
        package var pause: Double?
        /// What is sent, in bytes.
        package var bytes: Double?
        package var source: Prediction?
        package var target: Prediction
    }

    package struct Stage: Hashable, Codable, Sendable {
        package var seconds: Double
        package var powersOn: [String]
        package var moves: [Move]
        package var powersOff: [String]
    }

    package struct Point: Hashable, Codable, Sendable {
        package var nodes: Int
        package var migrations: Int
        /// With so many nodes it cannot be fewer.
        package var leastMigrations: Int
        package var isChosen: Bool
    }

    package var dataCentre: String
    /// Seconds since 1970; null in plans of earlier versions.
    package var made: Double?
    package var goal: PlanPurpose
    package var verdict: ConsolidationPlan.Verdict
    package var nodesOn: Change<Int>
    /// Proven: fewer nodes cannot hold everything. Null: not even all can.
    package var leastNodes: Int?
    package var migrations: Int
    package var seconds: Double
    /// Of the node that is used most.
    package var worst: Change<Double>
    /// Between the node that is used most and the one that is used least, of those that are on.
    package var spread: Change<Double>
    /// Domains whose node is used beyond what its reserve leaves of something that they need: theirs are the promises that may
    /// not be kept. No plan raises it. Null in plans of earlier versions.
    package var atRisk: Change<Int>?
    /// Whether no node may be used more than the worst one was, whatever the reserve leaves.
    package var keepsWorst: Bool?
    /// Null where the file does not say it.
    package var power: Change<Double>?
    /// By resource: the share of each node that may be used.
    package var limits: [String: Double]
    /// Fewest nodes first; nothing of a plan that balances.
    package var curve: [Point]
    package var stages: [Stage]
    package var nodes: [Node]
    package var domains: [Domain]
    package var reasons: [String]

    /// Resources in the order in which they are shown.
    var resources: [Resource] { limits.keys.compactMap(Resource.init).sorted() }
}

/// What `whatif plan` is asked for.
package enum PlanPurpose: String, Hashable, Codable, CaseIterable, Sendable {
    /// The fewest nodes.
    case consolidate
    /// All nodes that are on, and as few more as will do.
    case expand
    /// The same nodes, used as evenly as is worth the moves.
    case balance
}
