// Reading of files that people write. Every error is a DecodingError whose coding path leads to the place in the file; the
// reader of the file turns that into line and column.

/// A key of any name, or a place in a list.
package struct AnyKey: CodingKey {
    package let stringValue: String
    package let intValue: Int?
    package init(stringValue: String) { (self.stringValue, intValue) = (stringValue, nil) }
    package init(intValue: Int) { (stringValue, self.intValue) = ("item \(intValue + 1)", intValue) }
}

extension Decoder {
    /// The container by the type's keys, after any key that the type does not know has been refused by name.
    package func strictContainer<Key: CodingKey & CaseIterable>(
        keyedBy: Key.Type
    ) throws -> KeyedDecodingContainer<Key> {
        let known = Key.allCases.map(\.stringValue)
        for key in try container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue) {
            let hint = Nearest.hint(key.stringValue, in: known)
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: codingPath + [key],
                    debugDescription:
                        "unknown key '\(key.stringValue)', expected one of: \(known.joined(separator: ", "))\(hint)"))
        }
        return try container(keyedBy: Key.self)
    }
}

extension KeyedDecodingContainer {
    /// Decodes a text and turns it into a value, so that a wrong unit is an error at its own place.
    package func value<T>(_ key: Key, _ parse: (String) throws(UnitError) -> T) throws -> T {
        let text = try decode(String.self, forKey: key)
        do { return try parse(text) } catch { throw refusal(of: key, "\(error)") }
    }

    package func value<T>(_ key: Key, default fallback: T, _ parse: (String) throws(UnitError) -> T) throws -> T {
        contains(key) ? try value(key, parse) : fallback
    }

    /// One of the names of a type's cases.
    package func choice<T: RawRepresentable<String> & CaseIterable>(_ key: Key, default fallback: T) throws -> T {
        try value(key, default: fallback) { (text) throws(UnitError) in
            guard let choice = T(rawValue: text) else {
                let names = T.allCases.map(\.rawValue)
                throw UnitError(
                    found: text, expected: "one of: " + names.joined(separator: ", ") + Nearest.hint(text, in: names))
            }
            return choice
        }
    }

    package func refusal(of key: Key, _ message: String) -> DecodingError {
        .dataCorrupted(.init(codingPath: codingPath + [key], debugDescription: message))
    }
}
