import Glibc
import Model

/// A measured cell: the metric, and the standard error that its own run and repetitions give.
package struct Observation: Hashable, Sendable {
    package var cell: Int
    package var value: Double
    /// Standard error of `value`, in the metric's unit; nil when nothing is known of it.
    package var error: Double?

    package init(cell: Int, value: Double, error: Double? = nil) {
        self.cell = cell
        self.value = value
        self.error = error
    }
}

/// What cannot be learnt from.
package enum ObservationError: Error, Hashable, CustomStringConvertible {
    case notFinite(cell: String, value: Double)
    case notAnError(cell: String, error: Double)
    case outside(cell: Int, cells: Int)

    package var description: String {
        switch self {
        case .notFinite(let cell, let value):
            "the measurement of \(cell) is \(value); leave it out, or report the experiment as failed"
        case .notAnError(let cell, let error):
            "the standard error of the measurement of \(cell) is \(error); give one that is zero or more, or none"
        case .outside(let cell, let cells): "there is no cell \(cell) in a space of \(cells)"
        }
    }
}

/// The scale on which a metric is modelled. What is always above zero is modelled by its logarithm: effects multiply.
package enum MetricScale: Hashable, Sendable {
    case logarithmic
    /// In units of `unit`, which makes differences as large as those of logarithms usually are.
    case linear(unit: Double)

    package init(_ values: some Collection<Double>) {
        if values.allSatisfy({ $0 > 0 }) {
            self = .logarithmic
        } else {
            let spread = (values.max() ?? 0) - (values.min() ?? 0)
            let size = values.reduce(0) { max($0, abs($1)) }
            self = .linear(unit: spread > 0 ? spread : size > 0 ? size : 1)
        }
    }

    package func modelled(_ value: Double) -> Double {
        switch self {
        case .logarithmic: log(value)
        case .linear(let unit): value / unit
        }
    }

    package func metric(_ modelled: Double) -> Double {
        switch self {
        // Beyond every metric, and still a number.
        case .logarithmic: exp(min(max(modelled, -690), 690))
        case .linear(let unit): modelled * unit
        }
    }

    /// What is known of a measurement's variance, on this scale.
    func modelledVariance(_ observation: Observation) -> Double {
        let error = observation.error ?? 0
        switch self {
        case .logarithmic: return error * error / (observation.value * observation.value)
        case .linear(let unit): return error * error / (unit * unit)
        }
    }
}
