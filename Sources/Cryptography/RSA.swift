import CGcrypt

/// RSA as a client uses it: to send a secret in the open to whoever holds the private key.
package enum RSA {
    /// Encrypts with OAEP, SHA-1 and MGF1 (RFC 8017, section 7.1: the defaults there, and what MySQL takes).
    ///
    /// `key` is a SubjectPublicKeyInfo in PEM (RFC 7468, section 13). The output is as long as the key's modulus, another
    /// each time. Throws for no bytes, which libgcrypt does not take.
    package static func encrypt(_ bytes: [UInt8], key pem: [UInt8]) throws(CryptographyError) -> [UInt8] {
        let key = try RSAPublicKey(pem: pem)
        let doing = "encrypt with the server's public key"
        // RFC 8017, section 7.1.1, step 1b. libgcrypt subtracts where it checks this, and writes out of bounds for a
        // modulus shorter than what padding alone takes.
        guard bytes.count <= key.modulus.count - 2 * Digest.sha1.byteCount - 2 else {
            throw CryptographyError(doing, code: gcry_error(GPG_ERR_TOO_SHORT))
        }
        let keyExpression = SExpression.list([
            .word("public-key"),
            .list([
                .word("rsa"), .list([.word("n"), .atom(key.modulus)]), .list([.word("e"), .atom(key.exponent)]),
            ]),
        ])
        let dataExpression = SExpression.list([
            .word("data"), .list([.word("flags"), .word("oaep")]), .list([.word("hash-algo"), .word("sha1")]),
            .list([.word("value"), .atom(bytes)]),
        ])

        var (publicKey, data, result): (gcry_sexp_t?, gcry_sexp_t?, gcry_sexp_t?)
        defer {
            unsafe gcry_sexp_release(publicKey)
            unsafe gcry_sexp_release(data)
            unsafe gcry_sexp_release(result)
        }
        try Gcrypt.call(doing) { unsafe make(keyExpression, &publicKey) }
        try Gcrypt.call(doing) { unsafe make(dataExpression, &data) }
        try Gcrypt.call(doing) { unsafe gcry_pk_encrypt(&result, data, publicKey) }

        // (enc-val (rsa (a <number>)))
        let value = unsafe gcry_sexp_find_token(result, "a", 1)
        defer { unsafe gcry_sexp_release(value) }
        var count = 0
        // For OAEP it has all of its leading zeros.
        guard let number = unsafe gcry_sexp_nth_data(value, 1, &count), count == key.modulus.count else {
            throw CryptographyError(doing)
        }
        return unsafe Array(UnsafeRawBufferPointer(start: number, count: count))
    }

    /// The made expression belongs to the caller.
    private static func make(_ expression: SExpression, _ made: inout gcry_sexp_t?) -> gcry_error_t {
        let canonical = expression.canonical
        return unsafe gcry_sexp_new(&made, canonical, canonical.count, 0)
    }
}

/// What libgcrypt takes keys and data as (its manual, "S-expressions"), in the canonical form.
private indirect enum SExpression {
    case atom([UInt8])
    case list([SExpression])

    static func word(_ text: String) -> SExpression { .atom(Array(text.utf8)) }

    var canonical: [UInt8] {
        switch self {
        case .atom(let bytes): Array("\(bytes.count):".utf8) + bytes
        case .list(let expressions): Array("(".utf8) + expressions.flatMap(\.canonical) + Array(")".utf8)
        }
    }
}
