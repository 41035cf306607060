package import Model

/// The names and addresses of one clone, all derived from one number, so that the journal's entry is enough to find them.
package struct CloneIdentity: Sendable, Hashable {
    /// Six hexadecimal digits.
    package let id: String
    package let insideAddress: IPAddress
    package let insideMAC: String
    /// What the clone is on the sandbox's side of the translation: distinct from the original in any capture.
    package let outsideAddress: IPAddress
    package let outsideMAC: String

    package init(number: UInt32, insideAddress: IPAddress, insideMAC: String) {
        let number = number & 0xff_ffff
        let digits = String(number, radix: 16)
        id = String(repeating: "0", count: 6 - digits.count) + digits
        self.insideAddress = insideAddress
        self.insideMAC = insideMAC
        outsideAddress = Self.outsideAddress(number)
        let byte = { (shift: UInt32) in
            let text = String(number >> shift & 255, radix: 16)
            return text.count == 1 ? "0" + text : text
        }
        outsideMAC = "52:54:60:\(byte(16)):\(byte(8)):\(byte(0))"
    }

    /// In 10.60.0.0/14 without its first and last addresses; the last byte is never 0 or 255.
    private static func outsideAddress(_ number: UInt32) -> IPAddress {
        IPAddress(v4: 0x0a3c_0000 | (number >> 8 & 0x3ff) << 8 | (1 + (number & 0xff) % 254))
    }

    /// That of the clone with this id; nil when it is none.
    package static func outsideAddress(of id: String) -> IPAddress? { UInt32(id, radix: 16).map(outsideAddress) }

    package static let outsideNetwork = "10.60.0.0/14"

    package var domain: String { "whatif-\(id)" }
    package var subvolume: String { "whatif-\(id)" }
    /// The bridge's port towards the clone; interface names have at most 15 characters.
    package var device: String { "wic\(id)" }
}
