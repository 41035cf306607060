package import Model

/// An address of a clone as it knows it itself, and as everybody else does.
package struct AddressPair: Sendable, Hashable {
    package let inside: IPAddress
    /// On the sandbox's side of the translation: distinct from the original's in any capture.
    package let outside: IPAddress
}

/// The names and addresses of one clone, all derived from one number, so that the journal's entry is enough to find them.
package struct CloneIdentity: Sendable, Hashable {
    /// Six hexadecimal digits.
    package let id: String
    /// One of a family, IPv4 first.
    package let addresses: [AddressPair]
    package let insideMAC: String
    package let outsideMAC: String

    /// Of the inside addresses the first of each family counts.
    package init(number: UInt32, insideAddresses: [IPAddress], insideMAC: String) {
        let number = number & 0xff_ffff
        let digits = String(number, radix: 16)
        id = String(repeating: "0", count: 6 - digits.count) + digits
        addresses = [IPAddress.Family.v4, .v6].compactMap { family in
            insideAddresses.first { $0.family == family }.map {
                AddressPair(inside: $0, outside: Self.outsideAddress(number, family))
            }
        }
        self.insideMAC = insideMAC
        let byte = { (shift: UInt32) in
            let text = String(number >> shift & 255, radix: 16)
            return text.count == 1 ? "0" + text : text
        }
        outsideMAC = "52:54:60:\(byte(16)):\(byte(8)):\(byte(0))"
    }

    package func pair(_ family: IPAddress.Family) -> AddressPair? { addresses.first { $0.inside.family == family } }

    /// In 10.60.0.0/14 without its first and last addresses, the last byte never 0 or 255; or in a prefix of our own with
    /// the number behind it.
    private static func outsideAddress(_ number: UInt32, _ family: IPAddress.Family) -> IPAddress {
        switch family {
        case .v4: IPAddress(v4: 0x0a3c_0000 | (number >> 8 & 0x3ff) << 8 | (1 + (number & 0xff) % 254))
        case .v6: IPAddress(v6High: outsidePrefix, low: UInt64(number))
        }
    }

    /// Those that the clone with this id has, if it has addresses of both families.
    package static func outsideAddresses(of id: String) -> [IPAddress] {
        guard let number = UInt32(id, radix: 16) else { return [] }
        return [outsideAddress(number, .v4), outsideAddress(number, .v6)]
    }

    /// A unique local prefix (RFC 4193), its global identifier drawn by chance as section 3.2.1 wants it.
    static let outsidePrefix: UInt64 = 0xfd0f_6fb4_8493_0000

    /// Where the outside addresses of all clones are.
    package static func outsideNetwork(_ family: IPAddress.Family) -> String {
        family == .v4 ? "10.60.0.0/14" : "\(IPAddress(v6High: outsidePrefix, low: 0))/64"
    }

    /// Whether it could be a clone's outside address.
    package static func isOutside(_ address: IPAddress) -> Bool {
        address.family == .v4 ? address.low >> 18 == 0x0a3c_0000 >> 18 : address.high == outsidePrefix
    }

    package var domain: String { "whatif-\(id)" }
    package var subvolume: String { "whatif-\(id)" }
    /// The bridge's port towards the clone; interface names have at most 15 characters.
    package var device: String { "wic\(id)" }
}
