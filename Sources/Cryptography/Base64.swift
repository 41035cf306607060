import CCrypto

/// Base64 in its plain form with padding (RFC 4648, section 4).
package enum Base64 {
    package static func encode(_ bytes: [UInt8]) -> [UInt8] {
        // libcrypto ends its output with a NUL.
        var output = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
        let count = unsafe EVP_EncodeBlock(&output, bytes, Int32(bytes.count))
        return Array(output.prefix(Int(count)))
    }

    /// Nil for anything but whole groups of the alphabet; libcrypto alone would pass over white space.
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        let padding = text.reversed().prefix { $0 == 0x3d }.count
        guard text.count % 4 == 0, padding <= 2, text.dropLast(padding).allSatisfy(isDigit),
            let length = Int32(exactly: text.count)
        else { return nil }
        var output = [UInt8](repeating: 0, count: text.count / 4 * 3)
        guard unsafe EVP_DecodeBlock(&output, Array(text), length) == output.count else { return nil }
        return output.dropLast(padding)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2b, 0x2f: true
        default: false
        }
    }
}
