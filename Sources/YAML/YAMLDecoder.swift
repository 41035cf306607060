/// Reads YAML into Decodable types; every error says file, line and column.
package enum YAMLDecoder {
    package static func decode<Value: Decodable>(
        _ type: Value.Type, from text: String, file: String
    ) throws(YAMLError) -> Value {
        let root = try Parser.parse(text, file: file)
        do {
            return try Value(from: NodeDecoder(node: root, codingPath: []))
        } catch let error as DecodingError {
            throw located(error, in: root, file: file)
        } catch {
            throw YAMLError(file: file, line: root.mark.line, column: root.mark.column, reason: "\(error)")
        }
    }

    private static func located(_ error: DecodingError, in root: Node, file: String) -> YAMLError {
        let path: [any CodingKey]
        let reason: String
        switch error {
        case .dataCorrupted(let context):
            (path, reason) = (context.codingPath, context.debugDescription)
        case .keyNotFound(let key, let context):
            let place = context.codingPath.last.map { " in '\($0.stringValue)'" } ?? ""
            (path, reason) = (context.codingPath, "the key '\(key.stringValue)' is missing\(place)")
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            (path, reason) = (context.codingPath, context.debugDescription)
        @unknown default:
            (path, reason) = ([], "\(error)")
        }
        let mark = root.follow(path[...])
        return YAMLError(file: file, line: mark.line, column: mark.column, reason: reason)
    }
}

private struct IndexKey: CodingKey {
    let index: Int
    init(_ index: Int) { self.index = index }
    init?(intValue: Int) { index = intValue }
    init?(stringValue: String) { return nil }
    var stringValue: String { "item \(index + 1)" }
    var intValue: Int? { index }
}

private struct NodeDecoder: Decoder {
    let node: Node
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func mismatch(_ expected: String) -> DecodingError {
        .typeMismatch(
            String.self, .init(codingPath: codingPath, debugDescription: "found \(node.kind), expected \(expected)"))
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .mapping(let pairs) = node.content else { throw mismatch("a mapping of keys to values") }
        return KeyedDecodingContainer(MappingContainer(decoder: self, pairs: pairs))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .sequence(let items) = node.content else { throw mismatch("a list, such as [a, b]") }
        return SequenceContainer(decoder: self, items: items)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { ScalarContainer(decoder: self) }

    func scalar() throws -> String {
        guard case .scalar(let text) = node.content else { throw mismatch("a single value") }
        return text
    }

    func convert<Value>(_ expected: String, _ conversion: (String) -> Value?) throws -> Value {
        guard let value = conversion(try scalar()) else { throw mismatch(expected) }
        return value
    }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        // A text as it stands: YAML's own types would turn `on` and `1.10` into something else.
        if type == String.self, let value = try scalar() as? Value { return value }
        return try Value(from: self)
    }
}

private struct ScalarContainer: SingleValueDecodingContainer {
    let decoder: NodeDecoder
    var codingPath: [any CodingKey] { decoder.codingPath }

    func decodeNil() -> Bool {
        if case .scalar(let text) = decoder.node.content { return text.isEmpty || text == "null" || text == "~" }
        return false
    }
    func decode(_ type: String.Type) throws -> String { try decoder.scalar() }
    func decode(_ type: Bool.Type) throws -> Bool {
        try decoder.convert("true or false") { ["true": true, "false": false][$0] }
    }
    func decode(_ type: Double.Type) throws -> Double { try decoder.convert("a number", Double.init) }
    func decode(_ type: Float.Type) throws -> Float { try decoder.convert("a number", Float.init) }
    func decode<T: FixedWidthInteger & Decodable>(_ type: T.Type) throws -> T {
        try decoder.convert("a whole number") { T($0) }
    }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try decoder.decode(type) }
}

private struct MappingContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: NodeDecoder
    let pairs: [(key: Node, value: Node)]
    var codingPath: [any CodingKey] { decoder.codingPath }

    var allKeys: [Key] {
        pairs.compactMap { if case .scalar(let name) = $0.key.content { Key(stringValue: name) } else { nil } }
    }
    func contains(_ key: Key) -> Bool { decoder.node.value(key.stringValue) != nil }

    private func nested(_ key: Key) throws -> NodeDecoder {
        guard let value = decoder.node.value(key.stringValue) else {
            throw DecodingError.keyNotFound(key, .init(codingPath: codingPath, debugDescription: ""))
        }
        return NodeDecoder(node: value, codingPath: codingPath + [key])
    }
    func decodeNil(forKey key: Key) throws -> Bool { ScalarContainer(decoder: try nested(key)).decodeNil() }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try nested(key).decode(type) }
    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { try nested(key).container(keyedBy: type) }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try nested(key).unkeyedContainer()
    }
    func superDecoder() throws -> any Decoder { decoder }
    func superDecoder(forKey key: Key) throws -> any Decoder { try nested(key) }
}

private struct SequenceContainer: UnkeyedDecodingContainer {
    let decoder: NodeDecoder
    let items: [Node]
    var currentIndex = 0

    init(decoder: NodeDecoder, items: [Node]) {
        self.decoder = decoder
        self.items = items
    }

    /// With the index of the next item, so that an error found by the caller has its place.
    var codingPath: [any CodingKey] { decoder.codingPath + [IndexKey(currentIndex)] }
    var count: Int? { items.count }
    var isAtEnd: Bool { currentIndex >= items.count }

    private mutating func next() throws -> NodeDecoder {
        guard !isAtEnd else {
            throw DecodingError.valueNotFound(
                String.self, .init(codingPath: codingPath, debugDescription: "the list ends too early"))
        }
        defer { currentIndex += 1 }
        return NodeDecoder(node: items[currentIndex], codingPath: codingPath)
    }
    mutating func decodeNil() throws -> Bool { false }
    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T { try next().decode(type) }
    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> { try next().container(keyedBy: type) }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }
    mutating func superDecoder() throws -> any Decoder { decoder }
}
