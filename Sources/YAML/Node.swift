/// A YAML value and where it stands, lines and columns counted from 1.
struct Node: Sendable {
    enum Content: Sendable {
        case scalar(String)
        case sequence([Node])
        case mapping([(key: Node, value: Node)])
    }

    struct Mark: Hashable, Sendable {
        var line: Int
        var column: Int
    }

    let content: Content
    let mark: Mark

    var kind: String {
        switch content {
        case .scalar(let text): text.isEmpty ? "nothing" : "'\(text)'"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }

    func value(_ key: String) -> Node? {
        guard case .mapping(let pairs) = content else { return nil }
        return pairs.first { if case .scalar(let name) = $0.key.content { name == key } else { false } }?.value
    }

    /// The node where a coding path leads, or the last one on the way that exists. The mark of an unknown key is its own.
    func follow(_ path: ArraySlice<any CodingKey>) -> Mark {
        guard let key = path.first else { return mark }
        switch content {
        case .scalar:
            return mark
        case .sequence(let items):
            guard let index = key.intValue, items.indices.contains(index) else { return mark }
            return items[index].follow(path.dropFirst())
        case .mapping(let pairs):
            for pair in pairs {
                guard case .scalar(let name) = pair.key.content, name == key.stringValue else { continue }
                let rest = path.dropFirst()
                return rest.isEmpty ? pair.value.mark : pair.value.follow(rest)
            }
            return mark
        }
    }
}
