import CCrypto

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

    /// Throws where libcrypto was set up without the function, as MD5 is in its FIPS mode.
    package func hash(_ bytes: [UInt8]) throws(CryptographyError) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: byteCount)
        guard unsafe EVP_Q_digest(nil, name, nil, bytes, bytes.count, &output, nil) == 1 else {
            throw CryptographyError("compute \(name)")
        }
        return output
    }

    /// HMAC (RFC 2104) with this function.
    package func authenticate(_ bytes: [UInt8], key: [UInt8]) throws(CryptographyError) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: byteCount)
        let made = unsafe EVP_Q_mac(
            nil, "HMAC", nil, name, nil, key, key.count, bytes, bytes.count, &output, output.count, nil)
        guard unsafe made != nil else { throw CryptographyError("compute HMAC with \(name)") }
        return output
    }

    /// PBKDF2 (RFC 8018, section 5.2) with HMAC of this function; the derived key is as long as its output. SCRAM's `Hi`
    /// (RFC 5802, section 2.2) is this.
    package func derive(_ password: [UInt8], salt: [UInt8], iterations: Int) throws(CryptographyError) -> [UInt8] {
        let doing = "derive a key with PBKDF2"
        guard let passwordLength = Int32(exactly: password.count), let saltLength = Int32(exactly: salt.count),
            let rounds = Int32(exactly: iterations), let function = unsafe EVP_get_digestbyname(name)
        else { throw CryptographyError(doing) }
        var output = [UInt8](repeating: 0, count: byteCount)
        let made = unsafe password.withUnsafeBufferPointer { password in
            unsafe password.withMemoryRebound(to: CChar.self) { password in
                unsafe PKCS5_PBKDF2_HMAC(
                    password.baseAddress, passwordLength, salt, saltLength, rounds, function, Int32(output.count),
                    &output)
            }
        }
        guard made == 1 else { throw CryptographyError(doing) }
        return output
    }
}
