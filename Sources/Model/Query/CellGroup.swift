/// Cells that are alike in some respect, in figures.
package struct CellGroup: Hashable, Sendable {
    package struct Figures: Hashable, Codable, Sendable {
        package let least: Double
        package let mean: Double
        package let greatest: Double

        package init(least: Double, mean: Double, greatest: Double) {
            self.least = least
            self.mean = mean
            self.greatest = greatest
        }
    }

    /// By what they were put together, in that order; nil is without a value.
    package let values: [Setting?]
    package let count: Int
    /// How many of them are in each state, by `Cell.states`.
    package let states: [String: Int]
    /// Nil of a metric that none of them has.
    package let figures: [Metric: Figures]

    package init(values: [Setting?], count: Int, states: [String: Int], figures: [Metric: Figures]) {
        self.values = values
        self.count = count
        self.states = states
        self.figures = figures
    }
}
