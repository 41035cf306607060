/// What an address is for (RFC 6890, and RFC 4291 for IPv6).
extension IPAddress {
    /// One host's, which others can talk to: none for itself, for nobody or for many.
    package var isUnicast: Bool {
        switch family {
        case .v4: (1..<224).contains(low >> 24) && low >> 24 != 127
        case .v6: high >> 56 != 0xff && !(high == 0 && low <= 1)
        }
    }

    /// It holds on one wire only: every host makes such an address for itself.
    package var isLinkLocal: Bool {
        switch family {
        case .v4: low >> 16 == 0xa9fe
        case .v6: high >> 54 == 0x3fa
        }
    }

    /// Bits of the address.
    package var width: Int { family == .v4 ? 32 : 128 }
}
