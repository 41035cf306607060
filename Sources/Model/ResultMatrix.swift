/// The comparison of an interpolated cell with the experiment that checked it.
package struct Check: Hashable, Codable, Sendable {
    package var metric: Metric
    package var predicted: Estimate
    package var measured: Double
    /// The relative error that still passes.
    package var threshold: Double
    /// Whether the cell was measured in search of the answer, not because an answer rested on it; nil is not.
    package var isBySearch: Bool?
    /// How far off it was, in deviations of the prediction; nil in records of earlier versions.
    package var standardized: Double?

    package init(
        metric: Metric, predicted: Estimate, measured: Double, threshold: Double, isBySearch: Bool = false,
        standardized: Double? = nil
    ) {
        self.metric = metric
        self.predicted = predicted
        self.measured = measured
        self.threshold = threshold
        self.isBySearch = isBySearch
        self.standardized = standardized
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
        // Elsewhere than in the cell: of a large matrix few cells are measured, and a measurement takes 600 bytes.
        indirect case measured(Measurement)
        case interpolated([Metric: Estimate])
        /// Measured, and not to be used, with the reasons.
        indirect case invalid(Measurement?, reasons: [String])
    }

    package let allocation: Allocation
    package var content: Content
    /// Set when this cell was interpolated first and then measured.
    package var check: Check?
    /// Of an invalid cell: whether all that is wrong with it is the doing of others (the machine, the capture, the visitors, the
    /// control), so that it tells nothing of its allocation. Nil is not, or not known in records of earlier versions.
    package private(set) var spoilt: Bool?

    package init(_ allocation: Allocation, _ content: Content = .blank, check: Check? = nil) {
        self.allocation = allocation
        self.content = content
        self.check = check
    }

    /// An experiment that came to nothing by no fault of the allocation.
    package init(_ allocation: Allocation, spoilt measurement: Measurement?, reasons: [String]) {
        self.init(allocation, .invalid(measurement, reasons: reasons))
        spoilt = true
    }

    package var isSpoilt: Bool { if case .invalid = content { spoilt ?? false } else { false } }

    /// Whether what it would do is known: measured, or found unfit.
    package var isTried: Bool {
        switch content {
        case .measured: true
        case .invalid: !isSpoilt
        case .blank, .interpolated: false
        }
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
        case .measured: check.map { $0.isBySearch != true } ?? false ? "checked" : "measured"
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
    package fileprivate(set) var cells: [Cell]

    /// Combinations that are forbidden are no cells.
    package init(axes: [Axis], forbidden: [Combinations] = []) {
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
        cells = allocations.filter { allocation in !forbidden.contains { $0.contains(allocation) } }.map { Cell($0) }
    }

    /// As it was kept; the order of `cells` is the same as of a new matrix.
    package init(axes: [Axis], cells: [Cell]) {
        self.axes = axes
        self.cells = cells
    }

    package subscript(allocation: Allocation) -> Cell? {
        get { cells.first { $0.allocation == allocation } }
        set {
            guard let newValue, let index = cells.firstIndex(where: { $0.allocation == allocation }) else { return }
            cells[index] = newValue
        }
    }

    /// In place of the cell at `index`, which has the same allocation.
    package mutating func replace(_ index: Int, by content: Cell.Content) { cells[index].content = content }

    package var measuredCount: Int { cells.count { $0.measurement != nil } }
}

extension ResultMatrix {
    /// The other matrix with what was tried in this one; nil when the other lacks an axis of this one. On an axis that this
    /// one lacks, its cells had what the domain has on-line. A cell that was tried is kept where the other has no such value;
    /// one that was spoilt is open again.
    package func extended(by other: ResultMatrix, onLine: Allocation) -> ResultMatrix? {
        guard axes.allSatisfy({ axis in other.axes.contains { $0.resource == axis.resource } }) else { return nil }
        var tried: [Allocation: Cell] = [:]
        for cell in cells {
            if cell.isTried { tried[cell.allocation.over(onLine.only(other.axes))] = cell }
        }
        let permitted = Set(other.cells.map(\.allocation))
        var result = ResultMatrix(
            axes: other.axes.map { axis in
                let known = cells.map { $0.allocation.over(onLine.only(other.axes)) }.filter { tried[$0] != nil }
                    .compactMap { $0[axis.resource] }.filter { !axis.values.contains($0) }
                return known.isEmpty ? axis : Axis(axis.resource, axis.values + known.uniqued())
            })
        result.cells = result.cells.compactMap { cell in
            guard let earlier = tried[cell.allocation] else { return permitted.contains(cell.allocation) ? cell : nil }
            return Cell(cell.allocation, earlier.content, check: earlier.check)
        }
        return result
    }
}
