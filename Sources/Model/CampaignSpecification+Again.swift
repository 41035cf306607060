/// Why what a campaign measured cannot be measured again by a file.
package struct RepetitionError: Error, CustomStringConvertible {
    package let description: String
}

extension CampaignSpecification {
    /// What `earlier` measured, and nothing else; the control among it only where its allocation is a cell.
    ///
    /// - Throws: When it measured nothing, or something that these axes do not have.
    package func again(_ earlier: CampaignRecord) throws(RepetitionError) -> CampaignSpecification {
        let measured = earlier.matrix.cells.filter { $0.measurement != nil }.map(\.allocation)
        if measured.isEmpty {
            throw RepetitionError(
                description: "campaign \(earlier.id) has measured nothing that could be measured again")
        }
        let cells = Set(ResultMatrix(axes: axes, forbidden: search.forbidden).cells.map(\.allocation))
        if let missing = measured.first(where: { !cells.contains($0) }) {
            throw RepetitionError(
                description:
                    "campaign \(earlier.id) measured \(missing), which is no cell of this file; repeat it with the file "
                    + "that it began with")
        }
        var again = self
        again.goal = .measure
        again.search.named = measured.map { Combinations($0.values.mapValues { [$0] }) }
        return again
    }
}
