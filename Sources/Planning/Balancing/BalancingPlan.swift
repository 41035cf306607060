/// What balancing answers: which domains move, in which order, and what that changes; or that no change helps.
///
/// Of a change holds, and `PlanAudit` checks it: at no moment is a node used more than the worst one was before; in the end no
/// node that is on is used less than the least one was, so that nodes differ by no more than before; and their standard
/// deviation is less. No node goes on or off, no rule that held is broken, and no domain moves twice.
package struct BalancingPlan: Hashable, Codable, Sendable {
    /// The nodes that balancing looks at: those that are on and not to be emptied.
    package struct State: Hashable, Codable, Sendable {
        /// Of the node that is used most.
        package var worst: Double
        /// Between the node that is used most and the one that is used least.
        package var spread: Double
        /// The standard deviation of all.
        package var deviation: Double
    }

    /// Change or no change.
    package var verdict: ConsolidationPlan.Verdict
    package var before: State
    package var after: State
    package var stages: [ConsolidationPlan.Stage]
    /// Where each domain runs in the end.
    package var placement: [Int?]
    package var reasons: [String]

    package var moves: [ConsolidationPlan.Move] { stages.flatMap(\.moves) }
}
