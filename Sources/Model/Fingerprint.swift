/// A short sum of a text, by which it is seen that it is not what it was (FNV-1a, 64 bits: Fowler, Noll and Vo). The text is not
/// kept with it. Not for what somebody might forge.
package enum Fingerprint {
    package static func of(_ text: String) -> String {
        let sum = text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
        let digits = String(sum, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
