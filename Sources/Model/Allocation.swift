/// One value per axis: what a domain gets of each resource.
package struct Allocation: Hashable, Codable, Sendable, CustomStringConvertible {
    package var values: [Resource: Setting]

    package init(_ values: [Resource: Setting] = [:]) { self.values = values }

    /// Of numbers only.
    package init(_ numbers: [Resource: Double]) { values = numbers.mapValues { .number($0) } }

    package subscript(resource: Resource) -> Setting? { values[resource] }

    package var description: String {
        values.sorted { $0.key < $1.key }.map { "\($0.key.rawValue) \($0.key.format($0.value))" }.joined(
            separator: ", ")
    }

    package func without(_ resource: Resource) -> Allocation {
        Allocation(values.filter { $0.key != resource })
    }

    /// Reads what `description` writes: `cpu 45%, memory 128 MiB`.
    package init(parsing text: String) throws(UnitError) {
        values = [:]
        for part in text.split(separator: ",") {
            let words = part.split(separator: " ", maxSplits: 1)
            guard words.count == 2, let resource = Resource(rawValue: String(words[0])), values[resource] == nil else {
                throw UnitError(
                    found: text, expected: "axes and their values once each, such as 'cpu 45%, memory 128 MiB'")
            }
            values[resource] = try resource.parse(String(words[1]).trimmingSpaces())
        }
    }

    /// What it has on these axes.
    package func only(_ axes: [Axis]) -> Allocation {
        Allocation(values.filter { value in axes.contains { $0.resource == value.key } })
    }

    /// Whether a domain that has one has the other.
    package func agrees(with other: Allocation) -> Bool {
        values.count == other.values.count
            && values.allSatisfy { resource, value in other[resource].map { resource.agrees($0, with: value) } ?? false
            }
    }

    /// Without what its users do, and without what others have.
    package var ofDomain: Allocation { Allocation(values.filter { !$0.key.isDemand && !$0.key.isOfOthers }) }

    /// What a domain that is cloned along gets.
    package var ofOthers: Allocation { Allocation(self[.withCPU].map { [.cpu: $0] } ?? [:]) }

    /// These values, and the other's where there is none.
    package func over(_ other: Allocation) -> Allocation {
        Allocation(other.values.merging(values) { _, mine in mine })
    }
}

/// A resource and its values to try: numbers in ascending order, names in the order in which they were written.
package struct Axis: Hashable, Codable, Sendable {
    package let resource: Resource
    package let values: [Setting]

    package init(_ resource: Resource, _ values: [Setting]) {
        self.resource = resource
        let numbers = values.compactMap(\.number)
        self.values = numbers.count == values.count ? numbers.sorted().map { .number($0) } : values
    }

    package init(_ resource: Resource, _ numbers: [Double]) { self.init(resource, numbers.map { .number($0) }) }

    /// Nil when there are names.
    package var numbers: [Double]? {
        let numbers = values.compactMap(\.number)
        return numbers.count == values.count ? numbers : nil
    }
}
