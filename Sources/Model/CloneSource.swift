/// What a clone begins with.
package enum CloneSource: Sendable, Hashable {
    /// What is on the original's disks now: the clone boots, as after a loss of power.
    case disk
    /// Disks and memory of one moment: the clone goes on from there.
    case memory
    /// An image that was stored before: the path of a subvolume, or of a disk's image.
    case image(String)

    /// As people write it.
    package init(parsing text: String) throws(UnitError) {
        switch text {
        case "disk": self = .disk
        case "memory": self = .memory
        case let path where path.contains("/"): self = .image(path)
        default: throw UnitError(found: text, expected: "disk, memory, or the path of an image (with a /)")
        }
    }
}

extension CloneSource: CustomStringConvertible {
    package var description: String {
        switch self {
        case .disk: "disk"
        case .memory: "memory"
        case .image(let path): path
        }
    }
}

/// As one word.
extension CloneSource: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        do throws(UnitError) { try self.init(parsing: text) } catch {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "\(error)"))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        try value.encode(description)
    }
}
