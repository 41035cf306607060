/// CRC-32C (Castagnoli; RFC 3720, section 12.1 and appendix B.4), eight bytes at a time (Kounavis and Berry's slicing).
///
/// Written here because no library that is linked has it: zlib offers only the older CRC-32, which finds fewer errors
/// in blocks of this length, and would be one more dependency for one table.
package enum CRC32C {
    /// The remainders of each byte value (0..<256), then of the value with one to seven zero bytes behind it.
    private static let table: [UInt32] = {
        var table = [UInt32](repeating: 0, count: 8 * 256)
        for value in 0..<256 {
            var remainder = UInt32(value)
            for _ in 0..<8 { remainder = remainder >> 1 ^ (remainder & 1 == 1 ? 0x82f6_3b78 : 0) }
            table[value] = remainder
        }
        for index in 256..<8 * 256 {
            let before = table[index - 256]
            table[index] = before >> 8 ^ table[Int(before & 255)]
        }
        return table
    }()

    package static func of(_ bytes: Span<UInt8>) -> UInt32 {
        let table = table
        var sum = ~UInt32(0)
        var position = 0
        while position + 8 <= bytes.count {
            let low = sum ^ bytes.little32(position)
            let high = bytes.little32(position + 4)
            let first = table[1792 + Int(low & 255)] ^ table[1536 + Int(low >> 8 & 255)]
            let second = table[1280 + Int(low >> 16 & 255)] ^ table[1024 + Int(low >> 24)]
            let third = table[768 + Int(high & 255)] ^ table[512 + Int(high >> 8 & 255)]
            let fourth = table[256 + Int(high >> 16 & 255)] ^ table[Int(high >> 24)]
            sum = first ^ second ^ third ^ fourth
            position += 8
        }
        while position < bytes.count {
            sum = sum >> 8 ^ table[Int((sum ^ UInt32(bytes[position])) & 255)]
            position += 1
        }
        return ~sum
    }
}

extension Span<UInt8> {
    func little32(_ offset: Int) -> UInt32 {
        UInt32(self[offset]) | UInt32(self[offset + 1]) << 8 | UInt32(self[offset + 2]) << 16
            | UInt32(self[offset + 3]) << 24
    }

    func little64(_ offset: Int) -> UInt64 { UInt64(little32(offset)) | UInt64(little32(offset + 4)) << 32 }
}
