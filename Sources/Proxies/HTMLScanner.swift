/// Walks over the tags of an HTML text. It follows tags and attributes as HTML's tokenizer does, as far as values to be sent
/// back need it: comments and the contents of scripts and styles are passed over.
enum HTMLScanner {
    struct Attribute {
        let name: Range<Int>
        /// Without quotes; empty when there is none.
        let value: Range<Int>
    }

    /// Further attributes of one tag are not read.
    static let attributeLimit = 64

    static func forEachTag(_ bytes: [UInt8], _ range: Range<Int>, _ visit: (Range<Int>, [Attribute]) -> Void) {
        var position = range.lowerBound
        var attributes: [Attribute] = []
        let end = range.upperBound
        while let open = bytes.firstIndex(of: 0x3c, in: position..<end) {
            position = open + 1
            if bytes.matches("!--", at: position, end) {
                position = skip(bytes, "-->", from: position + 3, end)
                continue
            }
            guard position < end, bytes[position].isLetter else { continue }
            let start = position
            while position < end, !bytes[position].isSpace, !">/".utf8.contains(bytes[position]) { position += 1 }
            let name = start..<position
            attributes.removeAll(keepingCapacity: true)
            while let attribute = nextAttribute(bytes, &position, end) {
                if attributes.count < attributeLimit { attributes.append(attribute) }
            }
            visit(name, attributes)
            if bytes.equals("script", name) { position = skip(bytes, "</script", from: position, end) }
            if bytes.equals("style", name) { position = skip(bytes, "</style", from: position, end) }
        }
    }

    /// Behind the next `text`, in any case; the end when there is none.
    private static func skip(_ bytes: [UInt8], _ text: StaticString, from start: Int, _ end: Int) -> Int {
        var position = start
        let length = text.utf8CodeUnitCount
        let first: UInt8 = text.withUTF8Buffer { unsafe $0[0] }
        while position < end, let found = bytes.firstIndex(of: first, in: position..<end), found + length <= end {
            if bytes.equals(text, found..<found + length) { return found + length }
            position = found + 1
        }
        return end
    }

    /// The next attribute of the tag; nil behind its end.
    private static func nextAttribute(_ bytes: [UInt8], _ position: inout Int, _ end: Int) -> Attribute? {
        while position < end, bytes[position].isSpace || bytes[position] == 0x2f { position += 1 }
        guard position < end else { return nil }
        if bytes[position] == 0x3e {
            position += 1
            return nil
        }
        let start = position
        // An equals sign may begin a name, and be no value's.
        position += 1
        while position < end, !bytes[position].isSpace, !"=>/".utf8.contains(bytes[position]) { position += 1 }
        let name = start..<position
        var next = position
        while next < end, bytes[next].isSpace { next += 1 }
        guard next < end, bytes[next] == 0x3d else { return Attribute(name: name, value: position..<position) }
        next += 1
        while next < end, bytes[next].isSpace { next += 1 }
        guard next < end else {
            position = end
            return Attribute(name: name, value: end..<end)
        }
        if bytes[next] == 0x22 || bytes[next] == 0x27 {
            let close = bytes.firstIndex(of: bytes[next], in: next + 1..<end) ?? end
            position = min(close + 1, end)
            return Attribute(name: name, value: next + 1..<close)
        }
        let valueStart = next
        while next < end, !bytes[next].isSpace, bytes[next] != 0x3e { next += 1 }
        position = next
        return Attribute(name: name, value: valueStart..<next)
    }
}
