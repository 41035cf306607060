import CZlib

/// What zlib says about bytes it cannot handle. The code is zlib's own (`Z_DATA_ERROR`, `Z_BUF_ERROR`, …).
package struct ZlibError: Error, Hashable, CustomStringConvertible {
    package let doing: String
    package let code: Int32

    package var description: String {
        let reason =
            switch code {
            case Z_DATA_ERROR: "the data is damaged or cut off"
            case Z_BUF_ERROR: "the data is cut off, or longer than it may be"
            case Z_MEM_ERROR: "there is not enough memory"
            default: "zlib error \(code)"
            }
        return "cannot \(doing): \(reason)"
    }
}

/// Deflate streams in zlib's framing (RFC 1950, RFC 1951), whole in memory.
package enum Zlib {
    package static func compress(_ bytes: [UInt8]) throws(ZlibError) -> [UInt8] {
        var length = CZlib.compressBound(UInt(bytes.count))
        var output = [UInt8](repeating: 0, count: Int(length))
        let code = unsafe CZlib.compress(&output, &length, bytes, UInt(bytes.count))
        guard code == Z_OK else { throw ZlibError(doing: "compress", code: code) }
        output.removeSubrange(Int(length)...)
        return output
    }

    /// Never makes more than `limit` bytes, whatever the stream promises.
    package static func expand(_ bytes: [UInt8], limit: Int) throws(ZlibError) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: limit)
        var length = UInt(limit)
        let code = unsafe CZlib.uncompress(&output, &length, bytes, UInt(bytes.count))
        guard code == Z_OK else { throw ZlibError(doing: "expand", code: code) }
        output.removeSubrange(Int(length)...)
        return output
    }
}
