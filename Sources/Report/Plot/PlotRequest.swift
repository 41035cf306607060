/// What is asked of `matrix plot`, in the words of the command line.
package struct PlotRequest: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Sendable { case auto, heat, slice, pareto }

    /// Names of axes or metrics; nil lets the matrix decide.
    package var kind = Kind.auto
    package var metric: String?
    package var x: String?
    package var y: String?
    package var xScale = PlotScale.Choice.auto
    /// Of a heat map, that of its colours.
    package var yScale = PlotScale.Choice.auto

    package init(_ kind: Kind = .auto, metric: String? = nil, x: String? = nil, y: String? = nil) {
        self.kind = kind
        self.metric = metric
        self.x = x
        self.y = y
    }
}

/// Why there is no such figure, and what there could be.
package enum PlotError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A name that the option does not take; whoever knows how names are misspelt can suggest one of `known`.
    case unknown(option: String, found: String, known: [String])
    case unfit(String)

    package var description: String {
        switch self {
        case .unknown(let option, let found, let known):
            "--\(option): found '\(found)', expected \(known.count == 1 ? "" : "one of ")\(known.joined(separator: ", "))"
        case .unfit(let words): words
        }
    }
}
