import CGcrypt

/// A hash function that log-ins are made of. MD5 and SHA-1 protect nothing today; old servers ask for them.
package enum Digest: Sendable {
    /// RFC 1321.
    case md5
    /// FIPS 180-4.
    case sha1, sha256

    package var byteCount: Int {
        switch self {
        case .md5: 16
        case .sha1: 20
        case .sha256: 32
        }
    }

    private var name: String {
        switch self {
        case .md5: "MD5"
        case .sha1: "SHA1"
        case .sha256: "SHA256"
        }
    }

    private var algorithm: Int32 {
        switch self {
        case .md5: Int32(GCRY_MD_MD5.rawValue)
        case .sha1: Int32(GCRY_MD_SHA1.rawValue)
        case .sha256: Int32(GCRY_MD_SHA256.rawValue)
        }
    }

    /// Throws where libgcrypt was set up without the function, as MD5 is in its FIPS mode.
    package func hash(_ bytes: [UInt8]) throws(CryptographyError) -> [UInt8] {
        try digest(bytes, doing: "compute \(name)")
    }

    /// Of all pieces up to the first that is empty: for what is larger than memory.
    package func hash(pieces next: () throws -> [UInt8]) throws -> [UInt8] {
        let doing = "compute \(name)"
        var handle: gcry_md_hd_t?
        try Gcrypt.call(doing) { unsafe gcry_md_open(&handle, algorithm, 0) }
        defer { unsafe gcry_md_close(handle) }
        while true {
            let piece = try next()
            if piece.isEmpty { break }
            unsafe gcry_md_write(handle, piece, piece.count)
        }
        // It belongs to the handle.
        guard let bytes = unsafe gcry_md_read(handle, algorithm) else { throw CryptographyError(doing) }
        return unsafe Array(UnsafeBufferPointer(start: bytes, count: byteCount))
    }

    /// HMAC (RFC 2104) with this function.
    package func authenticate(_ bytes: [UInt8], key: [UInt8]) throws(CryptographyError) -> [UInt8] {
        try digest(bytes, key: key, doing: "compute HMAC with \(name)")
    }

    /// HMAC when there is a key.
    private func digest(_ bytes: [UInt8], key: [UInt8]? = nil, doing: String) throws(CryptographyError) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: byteCount)
        let isKeyed = key != nil
        let flags = isKeyed ? GCRY_MD_FLAG_HMAC.rawValue : 0
        var all = (key ?? []) + bytes
        try Gcrypt.call(doing) {
            unsafe all.withUnsafeMutableBytes { all in
                let start = all.baseAddress
                let count = key?.count ?? 0
                let key = unsafe gcry_buffer_t(size: 0, off: 0, len: count, data: start)
                let text = unsafe gcry_buffer_t(size: 0, off: count, len: all.count - count, data: start)
                let parts = unsafe isKeyed ? [key, text] : [text]
                // Unlike gcry_md_hash_buffer, it ends no process when the function is not to be had.
                return unsafe gcry_md_hash_buffers(algorithm, flags, &output, parts, Int32(parts.count))
            }
        }
        return output
    }

    /// PBKDF2 (RFC 8018, section 5.2) with HMAC of this function; the derived key is as long as its output. SCRAM's `Hi`
    /// (RFC 5802, section 2.2) is this. Throws for an empty salt, which libgcrypt does not take.
    package func derive(_ password: [UInt8], salt: [UInt8], iterations: Int) throws(CryptographyError) -> [UInt8] {
        let doing = "derive a key with PBKDF2"
        guard let rounds = Int32(exactly: iterations), rounds > 0 else { throw CryptographyError(doing) }
        var output = [UInt8](repeating: 0, count: byteCount)
        try Gcrypt.call(doing) {
            unsafe gcry_kdf_derive(
                password, password.count, Int32(GCRY_KDF_PBKDF2.rawValue), algorithm, salt, salt.count, UInt(rounds),
                output.count, &output)
        }
        return output
    }
}
