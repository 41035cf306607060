import CCrypto

/// RSA as a client uses it: to send a secret in the open to whoever holds the private key.
package enum RSA {
    /// Encrypts with OAEP, SHA-1 and MGF1 (RFC 8017, section 7.1: the defaults there, and what MySQL takes).
    ///
    /// `key` is a SubjectPublicKeyInfo in PEM (RFC 7468, section 13). The output is as long as the key's modulus, another
    /// each time.
    package static func encrypt(_ bytes: [UInt8], key pem: [UInt8]) throws(CryptographyError) -> [UInt8] {
        guard let key = unsafe read(pem) else { throw CryptographyError("read the server's public key") }
        defer { unsafe EVP_PKEY_free(key) }
        guard unsafe EVP_PKEY_is_a(key, "RSA") == 1 else { throw CryptographyError("use a key that is not one of RSA") }
        let doing = "encrypt with the server's public key"
        guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, key, nil) else { throw CryptographyError(doing) }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var count = 0
        guard unsafe EVP_PKEY_encrypt_init(context) == 1,
            unsafe EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1,
            unsafe EVP_PKEY_encrypt(context, nil, &count, bytes, bytes.count) == 1
        else { throw CryptographyError(doing) }
        var output = [UInt8](repeating: 0, count: count)
        guard unsafe EVP_PKEY_encrypt(context, &output, &count, bytes, bytes.count) == 1 else {
            throw CryptographyError(doing)
        }
        return Array(output.prefix(count))
    }

    /// Belongs to the caller.
    private static func read(_ pem: [UInt8]) -> OpaquePointer? {
        guard let length = Int32(exactly: pem.count) else { return nil }
        return unsafe pem.withUnsafeBytes { bytes in
            // It reads from the array, without a copy.
            guard let source = unsafe BIO_new_mem_buf(bytes.baseAddress, length) else { return nil }
            defer { unsafe BIO_free(source) }
            // Without a callback, libcrypto would ask at the terminal for the passphrase of a block that says it has one.
            return unsafe PEM_read_bio_PUBKEY(source, nil, { _, _, _, _ in -1 }, nil)
        }
    }
}
