import Wire

/// What a value looks like: whether it can be recognised anywhere, and whether its name says that it names something.
enum TokenShape {
    static let shortestToken = 8
    static let longestToken = 4096

    /// A value that nobody could have guessed, so that it means the same wherever it stands whole: long enough, of letters
    /// and digits mixed, and of no other bytes than tokens have.
    static func isToken(_ value: DecodedBytes) -> Bool {
        var count = 0
        var (hasDigit, lower, upper) = (false, 0, 0)
        // Which of 64 classes of bytes occur: good enough to count different ones.
        var seen: UInt64 = 0
        for byte in value {
            count += 1
            guard count <= longestToken else { return false }
            switch byte {
            case 0x30...0x39: hasDigit = true
            case 0x41...0x5a: upper += 1
            case 0x61...0x7a: lower += 1
            case 0x21, 0x24, 0x25, 0x2a, 0x2b, 0x2d, 0x2e, 0x2f, 0x3a, 0x3d, 0x5f, 0x7c, 0x7e, 0x40: break
            default: return false
            }
            seen |= 1 << UInt64(byte & 63)
        }
        guard count >= shortestToken, seen.nonzeroBitCount >= 5 else { return false }
        if hasDigit { return lower + upper > 0 }
        // Words have no capitals inside.
        return count >= 12 && upper >= 3 && lower >= 3
    }

    /// A number, or a value nobody could have guessed: what stands for one of many in a path.
    static func isID(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        guard !range.isEmpty else { return false }
        if bytes[range].allSatisfy(\.isDigit) { return true }
        // A name of a member or a route may well be long and have a digit; a token has more of them.
        guard range.count >= 16, bytes[range].count(where: \.isDigit) >= 3 else { return false }
        return isToken(DecodedBytes(bytes, range, .plain))
    }

    private static let names: [StaticString] = [
        "id", "pk", "ref", "uuid", "guid", "slug", "token", "nonce", "cursor", "version", "csrf", "xsrf", "etag", "key",
        "sid", "session", "sessionid",
    ]

    /// Whether a name says that its value names something: `id`, `order_id`, `orderId`, `order[id]`, `csrf-token`. `paid`
    /// and `monkey` do not.
    static func isIdentifier(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
        var end = range.upperBound
        if end > range.lowerBound, bytes[end - 1] == 0x5d { end -= 1 }
        for name in names {
            let start = end - name.utf8CodeUnitCount
            guard start >= range.lowerBound, bytes.equals(name, start..<end) else { continue }
            if start == range.lowerBound || !bytes[start - 1].isLetter && !bytes[start - 1].isDigit { return true }
            // `orderId`: a capital behind a small letter.
            if bytes[start] < 0x60, bytes[start - 1] >= 0x60 { return true }
        }
        return false
    }
}

/// A named place where a short value means something.
struct Place: Hashable, Sendable {
    let hash: UInt64

    private init(_ kind: UInt64, _ name: UInt64) { hash = Self.mix(kind, name) }

    /// Of a query, a form or a JSON body: those carry the same things under the same names.
    static func parameter(_ name: DecodedBytes) -> Place { Place(11, name.hash) }
    static func cookie(_ name: DecodedBytes) -> Place { Place(12, name.hash) }
    /// Behind that segment of a path.
    static func segment(behind name: DecodedBytes) -> Place { Place(13, name.hash) }
    /// By the name in any case.
    static func header(_ name: DecodedBytes) -> Place {
        var key = MatchingKey()
        for byte in name { key.add(byte.lowercased) }
        return Place(14, key.value)
    }
    static func json(_ path: JSONScanner.PathHash, isExact: Bool) -> Place {
        isExact ? Place(15, path.exact) : Place(16, path.general)
    }

    static func mix(_ first: UInt64, _ second: UInt64) -> UInt64 {
        var value = (first ^ second &* 0x9e37_79b9_7f4a_7c15) &* 0xff51_afd7_ed55_8ccd
        value ^= value >> 32
        return value &* 0xc4ce_b9fe_1a85_ec53 &+ first
    }
}
