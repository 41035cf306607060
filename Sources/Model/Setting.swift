/// What a domain has of one resource: a number in the resource's unit, or a name that the service file gives a meaning.
package enum Setting: Hashable, Sendable {
    case number(Double)
    case name(String)

    /// Of node, variant and software: as the on-line domain is.
    package static let asIs = Setting.name("as-is")
    /// Of a rate or a limit that nobody has set.
    package static let unlimited = Setting.name("unlimited")

    package var number: Double? { if case .number(let value) = self { value } else { nil } }
    package var name: String? { if case .name(let name) = self { name } else { nil } }
}

/// A number or a text. Records of earlier versions have numbers only.
extension Setting: Codable {
    package init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else {
            self = .name(try value.decode(String.self))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        switch self {
        case .number(let number): try value.encode(number)
        case .name(let name): try value.encode(name)
        }
    }
}
