/// An IPv4 or IPv6 address as the wire carries it. IPv4 lives in `low`, with `high` zero.
package struct IPAddress: Hashable, Sendable {
    package enum Family: UInt8, Sendable { case v4 = 4, v6 = 6 }

    package let family: Family
    package let high: UInt64
    package let low: UInt64

    package init(v4 bits: UInt32) {
        (family, high, low) = (.v4, 0, UInt64(bits))
    }

    package init(v6High high: UInt64, low: UInt64) {
        (family, self.high, self.low) = (.v6, high, low)
    }

    /// Reads dotted IPv4, such as `10.50.0.20`, and IPv6 (RFC 4291, section 2.2), such as `2001:db8::20`.
    package init?(_ text: String) {
        if text.utf8.contains(0x3a) {
            self.init(v6: text)
            return
        }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard !part.isEmpty, part.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let byte = UInt8(part) else {
                return nil
            }
            bits = bits << 8 | UInt32(byte)
        }
        self.init(v4: bits)
    }

    private init?(v6 text: String) {
        // One "::" stands for as many zeros as are missing.
        var halves: [[UInt16]] = []
        for half in text.split(separator: "::", omittingEmptySubsequences: false) {
            guard let words = Self.words(half) else { return nil }
            halves.append(words)
        }
        let count = halves.reduce(0) { $0 + $1.count }
        guard halves.count == 1 ? count == 8 : halves.count == 2 && count < 8 else { return nil }
        let words = (halves.first ?? []) + Array(repeating: 0, count: 8 - count) + (halves.dropFirst().first ?? [])
        let pack = { (part: ArraySlice<UInt16>) in part.reduce(UInt64(0)) { $0 << 16 | UInt64($1) } }
        self.init(v6High: pack(words[..<4]), low: pack(words[4...]))
    }

    /// Groups of hexadecimal digits; the last may be dotted IPv4.
    private static func words(_ text: Substring) -> [UInt16]? {
        if text.isEmpty { return [] }
        var words: [UInt16] = []
        let groups = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, group) in groups.enumerated() {
            if index == groups.count - 1, group.contains("."), let bits = IPAddress(String(group))?.v4 {
                words += [UInt16(bits >> 16), UInt16(bits & 0xffff)]
            } else {
                guard (1...4).contains(group.utf8.count),
                    group.utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
                    let word = UInt16(group, radix: 16)
                else { return nil }
                words.append(word)
            }
        }
        return words
    }

    /// The four bytes in network order; nil for IPv6.
    package var v4: UInt32? { family == .v4 ? UInt32(truncatingIfNeeded: low) : nil }
}

extension IPAddress: CustomStringConvertible {
    package var description: String {
        switch family {
        case .v4:
            return "\(low >> 24 & 255).\(low >> 16 & 255).\(low >> 8 & 255).\(low & 255)"
        case .v6: return shortV6
        }
    }

    /// RFC 5952: the longest run of two or more zeros is "::", the first of equally long ones.
    private var shortV6: String {
        let words = [high, low].flatMap { half in
            stride(from: 48, through: 0, by: -16).map { String(half >> UInt64($0) & 0xffff, radix: 16) }
        }
        var longest = 0..<0
        for start in words.indices {
            let end = words[start...].firstIndex { $0 != "0" } ?? words.count
            if end - start > max(1, longest.count) { longest = start..<end }
        }
        if longest.isEmpty { return words.joined(separator: ":") }
        return words[..<longest.lowerBound].joined(separator: ":") + "::"
            + words[longest.upperBound...].joined(separator: ":")
    }
}

extension Endpoint {
    /// Reads `10.0.0.5:80` and `[2001:db8::5]:80`.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            return nil
        }
        var host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = host.dropFirst().dropLast() }
        guard let address = IPAddress(String(host)), (address.family == .v6) == isBracketed else { return nil }
        self.init(address, port)
    }
}

/// One side of a TCP connection.
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    package var address: IPAddress
    package var port: UInt16

    package init(_ address: IPAddress, _ port: UInt16) {
        self.address = address
        self.port = port
    }

    package var description: String { address.family == .v4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}
