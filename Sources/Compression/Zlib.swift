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

    /// How deflate data is framed: gzip (RFC 1952) and zlib (RFC 1950) are told apart by their first bytes.
    package enum Framing: Sendable { case gzipOrZlib, raw }

    /// The first stream in `bytes`; what stands behind it is ignored. Memory grows with what comes out, and never makes
    /// more than `limit` bytes.
    package static func inflate(
        _ bytes: ArraySlice<UInt8>, _ framing: Framing, limit: Int
    ) throws(ZlibError) -> [UInt8] {
        var stream = unsafe z_stream()
        // 32 asks zlib to look at the header; a negative number says that there is none.
        let window: Int32 = framing == .raw ? -15 : 15 + 32
        var code = unsafe inflateInit2_(&stream, window, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else { throw ZlibError(doing: "expand", code: code) }
        defer { unsafe inflateEnd(&stream) }
        var output: [UInt8] = []
        var room = [UInt8](repeating: 0, count: max(1, min(limit, 65_536)))
        code = unsafe bytes.withUnsafeBufferPointer { input in
            unsafe stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            unsafe stream.avail_in = UInt32(clamping: input.count)
            return unsafe room.withUnsafeMutableBufferPointer { room in
                while true {
                    unsafe stream.next_out = room.baseAddress
                    unsafe stream.avail_out = UInt32(room.count)
                    let code = unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
                    let made = unsafe room.count - Int(stream.avail_out)
                    guard made <= limit - output.count else { return Z_BUF_ERROR }
                    unsafe output.append(contentsOf: room[..<made])
                    // No progress without more input: the stream is cut off, which zlib says by itself.
                    guard code == Z_OK else { return code }
                }
            }
        }
        guard code == Z_STREAM_END else { throw ZlibError(doing: "expand", code: code) }
        return output
    }
}
