/// How blanks of a matrix are filled. The raw value is the name in files and commands.
package enum InterpolationMethod: String, Hashable, Codable, CaseIterable, Sendable {
    /// Whichever of the others says best what was measured, each measurement left out in turn.
    case auto
    case linear
    case logLinear = "log-linear"
    case gaussianProcess = "gaussian-process"
}

/// How a campaign looks for its answer, beside the goal itself.
package struct SearchSpecification: Hashable, Codable, Sendable {
    /// What `best` is about; nil is what the SLA limits.
    package var metric: Metric?
    /// The cost that `best` may reach, in the unit of `prices`.
    package var budget: Double?
    /// Half an interval, as a fraction of its value, at which `fill` has enough.
    package var width = 0.10
    /// The change between neighbours, as a fraction, below which `justrunit` stops.
    package var gain = 0.10
    /// What `measure` names; nil for other goals.
    package var named: [Combinations]?
    /// How probable it has to be that no better answer is left before the search stops.
    package var confidence = 0.95
    package var interpolation = InterpolationMethod.auto
    package var seed: UInt64 = 0
    /// What the axes cost; without any, cells cost in the order of the axes, of which the first counts most.
    package var prices = Prices()
    package var forbidden: [Combinations] = []
    package var check = CheckSpecification()

    package init() {}
}

/// What a configuration costs: the sum over its axes.
package struct Prices: Hashable, Codable, Sendable {
    package enum Price: Hashable, Codable, Sendable {
        /// Of one `Resource.priced` of it.
        case each(Double)
        case named([String: Double])
    }

    package var byResource: [Resource: Price] = [:]

    package init() {}

    package var isEmpty: Bool { byResource.isEmpty }

    /// Nil for a name without a price.
    package func cost(of allocation: Allocation) -> Double? {
        var sum = 0.0
        for (resource, price) in byResource {
            switch (price, allocation[resource]) {
            case (.each(let price), .number(let number)): sum += price * number / resource.priced.amount
            case (.named(let prices), .name(let name)):
                guard let price = prices[name] else { return nil }
                sum += price
            case (_, nil): break
            default: return nil
            }
        }
        return sum
    }
}

extension Resource {
    /// The amount of a resource that a price is of, in the resource's own unit, and its name.
    package var priced: (amount: Double, name: String) {
        switch self {
        case .cpu, .withCPU: (1, "core")
        case .memory: (Double(1 << 30), "GiB")
        case .diskRead, .diskWrite, .network: (Double(1 << 20), "MiB/s")
        case .frequency: (1e9, "GHz")
        case .shares, .vcpus, .processors, .node, .variant, .software, .load, .mix: (1, rawValue)
        }
    }
}

/// Combinations of an axis's values: all that have one of the settings of every resource named.
package struct Combinations: Hashable, Codable, Sendable {
    package var settings: [Resource: [Setting]]

    package init(_ settings: [Resource: [Setting]]) { self.settings = settings }

    package func contains(_ allocation: Allocation) -> Bool {
        settings.allSatisfy { resource, settings in allocation[resource].map(settings.contains) ?? false }
    }
}

/// How interpolated cells are checked that an answer rests on.
package struct CheckSpecification: Hashable, Codable, Sendable {
    package enum Time: String, Hashable, Codable, CaseIterable, Sendable {
        /// Before the answer is given.
        case before
        /// The answer is given at once, and checked then.
        case after
    }

    /// The relative error that still passes.
    package var threshold = 0.10
    /// The probability of failing below which a cell passes without an experiment; 0 checks every one.
    package var doubt = 0.0
    package var time = Time.before
    /// A shell command that is run when a check fails; it gets the check as JSON on its standard input.
    package var command: String?
    /// An address that gets the same by HTTP POST.
    package var webhook: String?

    package init() {}
}
