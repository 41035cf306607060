/// What a clone can be given more or less of. The raw value is the name in files and commands.
package enum Resource: String, Hashable, Codable, CaseIterable, Comparable, Sendable, CodingKeyRepresentable {
    /// CPU quota, as a fraction of one core: 0.6 is 60 % of a core.
    case cpu

    package static func < (a: Resource, b: Resource) -> Bool { a.rawValue < b.rawValue }

    /// A value with its unit, as people write it.
    package func format(_ value: Double) -> String {
        switch self {
        case .cpu: Format.percent(value)
        }
    }

    package func parse(_ text: String) throws(UnitError) -> Double {
        switch self {
        case .cpu:
            let value = try Units.fraction(text)
            // The kernel takes no quota below 1 ms a period; a percent of a core is the least that can be meant.
            guard value >= 0.01, value <= 1024 else {
                throw UnitError(found: text, expected: "a CPU quota of at least 1% of one core")
            }
            return value
        }
    }
}

/// One value per axis: what a domain gets of each resource.
package struct Allocation: Hashable, Codable, Sendable, CustomStringConvertible {
    package var values: [Resource: Double]

    package init(_ values: [Resource: Double]) { self.values = values }

    package subscript(resource: Resource) -> Double? { values[resource] }

    package var description: String {
        values.sorted { $0.key < $1.key }.map { "\($0.key.rawValue) \($0.key.format($0.value))" }.joined(
            separator: ", ")
    }
}

/// A resource and its values to try, in ascending order.
package struct Axis: Hashable, Codable, Sendable {
    package let resource: Resource
    package let values: [Double]

    package init(_ resource: Resource, _ values: [Double]) {
        self.resource = resource
        self.values = values.sorted()
    }
}
