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

    /// Reads dotted IPv4, such as `10.50.0.20`. IPv6 text is not taken: nothing people write here holds one yet.
    package init?(_ text: String) {
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

    /// The four bytes in network order; nil for IPv6.
    package var v4: UInt32? { family == .v4 ? UInt32(truncatingIfNeeded: low) : nil }
}

extension IPAddress: CustomStringConvertible {
    package var description: String {
        switch family {
        case .v4:
            return "\(low >> 24 & 255).\(low >> 16 & 255).\(low >> 8 & 255).\(low & 255)"
        case .v6:
            return [high, low].flatMap { half in
                stride(from: 48, through: 0, by: -16).map { String(half >> UInt64($0) & 0xffff, radix: 16) }
            }.joined(separator: ":")
        }
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
