/// The comparison of an interpolated cell with the experiment that checked it.
package struct Check: Hashable, Codable, Sendable {
    package var metric: Metric
    package var predicted: Estimate
    package var measured: Double
    /// The relative error that still passes.
    package var threshold: Double

    package init(metric: Metric, predicted: Estimate, measured: Double, threshold: Double) {
        self.metric = metric
        self.predicted = predicted
        self.measured = measured
        self.threshold = threshold
    }

    /// (predicted − measured) / measured.
    package var error: Double { measured == 0 ? .infinity : (predicted.value - measured) / measured }

    /// Near enough: within the threshold that was asked for.
    package var passed: Bool { abs(error) <= threshold }

    /// Whether the interval that was promised with the prediction holds what was measured.
    package var isInInterval: Bool { predicted.lower <= measured && measured <= predicted.upper }
}

/// One configuration in the result matrix.
package struct Cell: Hashable, Codable, Sendable {
    package enum Content: Hashable, Codable, Sendable {
        case blank
        case measured(Measurement)
        case interpolated([Metric: Estimate])
        /// Measured, and not to be used, with the reasons.
        case invalid(Measurement?, reasons: [String])
    }

    package let allocation: Allocation
    package var content: Content
    /// Set when this cell was interpolated first and then measured to check the interpolation.
    package var check: Check?

    package init(_ allocation: Allocation, _ content: Content = .blank, check: Check? = nil) {
        self.allocation = allocation
        self.content = content
        self.check = check
    }

    package var measurement: Measurement? {
        if case .measured(let measurement) = content { measurement } else { nil }
    }

    package func estimate(_ metric: Metric) -> Estimate? {
        switch content {
        case .blank, .invalid: nil
        case .measured(let measurement): measurement.estimate(metric)
        case .interpolated(let estimates): estimates[metric]
        }
    }

    /// measured, checked, interpolated, invalid or blank: told apart wherever a cell is shown.
    package var state: String {
        switch content {
        case .blank: "blank"
        case .measured: check == nil ? "measured" : "checked"
        case .interpolated: "interpolated"
        case .invalid: "invalid"
        }
    }
}

/// Coordinates are the values of the configuration's axes, entries the metrics (JustRunIt, section 2.4).
package struct ResultMatrix: Hashable, Codable, Sendable {
    package let axes: [Axis]
    /// In the order of the axes' values, the first axis slowest: that is the order of cost, too, in which the first axis
    /// counts most.
    package private(set) var cells: [Cell]

    package init(axes: [Axis]) {
        self.axes = axes
        var allocations = [Allocation()]
        for axis in axes {
            allocations = allocations.flatMap { partial in
                axis.values.map { value in
                    var next = partial
                    next.values[axis.resource] = value
                    return next
                }
            }
        }
        cells = allocations.map { Cell($0) }
    }

    package subscript(allocation: Allocation) -> Cell? {
        get { cells.first { $0.allocation == allocation } }
        set {
            guard let newValue, let index = cells.firstIndex(where: { $0.allocation == allocation }) else { return }
            cells[index] = newValue
        }
    }

    package var measuredCount: Int { cells.count { $0.measurement != nil } }
}
