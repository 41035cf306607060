import Wire

/// Walks over a JSON text (RFC 8259) and tells where its values stand.
///
/// Foundation's parser tells values and not places, and writing its values again would change the order of members and
/// the form of numbers, which are none of ours to change.
struct JSONScanner {
    enum Kind: Sendable { case string, number, literal, emptyObject, emptyArray }

    struct Leaf {
        let kind: Kind
        /// Without the quotes of a string.
        let value: Range<Int>
        /// The nearest member's name, and that of the member around it.
        let name: Range<Int>?
        let outerName: Range<Int>?
    }

    /// A path by its hashes: exact, and with array indices and names that are ids left out, so that all elements of a list
    /// have one.
    struct PathHash: Hashable, Sendable {
        var exact: UInt64 = 1
        var general: UInt64 = 1

        mutating func enter(member name: DecodedBytes, isID: Bool) {
            exact = Place.mix(exact, name.hash)
            general = Place.mix(general, isID ? 0x2a : name.hash)
        }

        mutating func enter(element index: Int?) {
            exact = Place.mix(Place.mix(exact, 0x5b), UInt64(bitPattern: Int64(index ?? -1)))
            general = Place.mix(general, 0x5b)
        }
    }

    struct Level {
        let isArray: Bool
        var index = 0
        var name: Range<Int>?
        let outerName: Range<Int>?
        let base: PathHash
    }

    /// Deeper texts are not read.
    static let depthLimit = 64

    private let bytes: [UInt8]
    private let end: Int
    private var position: Int
    private(set) var levels: [Level] = []
    private var isBehindOpening = false

    /// Calls `visit` with every string, number and literal, and every empty object and array. False when the text is not
    /// JSON: then what was visited is not to be trusted.
    ///
    /// The scanner that `visit` gets tells the path, which most do not ask for.
    static func scan(_ bytes: [UInt8], _ range: Range<Int>, _ visit: (Leaf, JSONScanner) -> Void) -> Bool {
        var scanner = JSONScanner(bytes, range)
        return scanner.run(visit)
    }

    private init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        end = range.upperBound
        position = range.lowerBound
    }

    private mutating func run(_ visit: (Leaf, JSONScanner) -> Void) -> Bool {
        if bytes.matches("\u{feff}", at: position, end) { position += 3 }
        repeat {
            // A value is due: at the start, behind a colon and in an array.
            skipSpace()
            guard position < end else { return false }
            switch bytes[position] {
            case 0x7b, 0x5b:
                guard open(visit) else { return false }
            default:
                guard leaf(visit) else { return false }
            }
            guard finishValue() else { return false }
        } while !levels.isEmpty
        skipSpace()
        return position == end
    }

    private mutating func skipSpace() {
        while position < end, bytes[position] == 0x20 || bytes[position] >= 0x09 && bytes[position] <= 0x0d {
            position += 1
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard position < end, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func open(_ visit: (Leaf, JSONScanner) -> Void) -> Bool {
        let isArray = bytes[position] == 0x5b
        let start = position
        position += 1
        if take(isArray ? 0x5d : 0x7d) {
            visit(found(isArray ? .emptyArray : .emptyObject, start..<position), self)
            return true
        }
        guard levels.count < Self.depthLimit else { return false }
        let (outer, base) = (levels.last?.name ?? levels.last?.outerName, path)
        levels.append(Level(isArray: isArray, outerName: outer, base: base))
        isBehindOpening = true
        return isArray || memberName()
    }

    private mutating func memberName() -> Bool {
        guard take(0x22), let end = stringEnd() else { return false }
        levels[levels.count - 1].name = position..<end
        position = end + 1
        return take(0x3a)
    }

    /// The closing quote of the string whose first character is at `position`.
    private func stringEnd() -> Int? {
        var index = position
        while index < end {
            switch bytes[index] {
            case 0x22: return index
            case 0x5c: index += 2
            default: index += 1
            }
        }
        return nil
    }

    private mutating func leaf(_ visit: (Leaf, JSONScanner) -> Void) -> Bool {
        let start = position
        switch bytes[position] {
        case 0x22:
            position += 1
            guard let end = stringEnd() else { return false }
            visit(found(.string, position..<end), self)
            position = end + 1
        case 0x2d, 0x30...0x39:
            while position < end, bytes[position].isDigit || "+-.eE".utf8.contains(bytes[position]) { position += 1 }
            visit(found(.number, start..<position), self)
        default:
            let words: [StaticString] = ["true", "false", "null"]
            guard let word = words.first(where: { bytes.matches($0, at: start, end) }) else { return false }
            position += word.utf8CodeUnitCount
            visit(found(.literal, start..<position), self)
        }
        return true
    }

    private func found(_ kind: Kind, _ value: Range<Int>) -> Leaf {
        let last = levels.last
        return Leaf(
            kind: kind, value: value, name: last?.name ?? last?.outerName,
            outerName: last?.name == nil ? nil : last?.outerName)
    }

    /// Of the value that is due.
    var path: PathHash {
        guard let level = levels.last else { return PathHash() }
        var path = level.base
        if level.isArray {
            path.enter(element: level.index)
        } else if let name = level.name {
            path.enter(member: DecodedBytes(bytes, name, .json), isID: TokenShape.isID(bytes, name))
        }
        return path
    }

    /// Behind a value: closes what ends here, up to where the next value is due.
    private mutating func finishValue() -> Bool {
        if isBehindOpening {
            isBehindOpening = false
            return true
        }
        while let level = levels.last {
            if take(0x2c) {
                levels[levels.count - 1].index += 1
                return level.isArray || memberName()
            }
            guard take(level.isArray ? 0x5d : 0x7d) else { return false }
            levels.removeLast()
        }
        return true
    }
}

extension [JSONScanner.Level] {
    /// `items[].id`: for people. Names that are ids are left out, as they may be a user's.
    func path(in bytes: [UInt8]) -> String {
        var text = ""
        for level in self {
            if level.isArray {
                text += "[]"
            } else if let name = level.name {
                if !text.isEmpty { text += "." }
                text += TokenShape.isID(bytes, name) ? "*" : bytes.text(name)
            }
        }
        return text
    }
}
