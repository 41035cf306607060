import Cryptography

/// How a password is proved to MySQL or MariaDB without being sent (MySQL Source Code Documentation, "Authentication
/// Methods"). `nonce` is the server's challenge of 20 bytes, `scramble` there.
struct MySQLPassword: Sendable {
    enum Method: String, Sendable {
        case native = "mysql_native_password"
        case cachingSHA2 = "caching_sha2_password"
    }

    private let password: [UInt8]

    /// Nil and empty are the same to these servers.
    init(_ password: String?) { self.password = Array((password ?? "").utf8) }

    var isEmpty: Bool { password.isEmpty }

    /// The answer to the challenge; an empty one says that there is no password.
    func answer(_ method: Method, nonce: [UInt8]) throws(CryptographyError) -> [UInt8] {
        if isEmpty { return [] }
        switch method {
        // SHA1(password) XOR SHA1(nonce, SHA1(SHA1(password))): "Native Authentication".
        case .native:
            let once = try Digest.sha1.hash(password)
            return xor(once, try Digest.sha1.hash(nonce + Digest.sha1.hash(once)))
        // SHA256(password) XOR SHA256(SHA256(SHA256(password)), nonce): "Caching_sha2_password information".
        case .cachingSHA2:
            let once = try Digest.sha256.hash(password)
            return xor(once, try Digest.sha256.hash(Digest.sha256.hash(once) + nonce))
        }
    }

    /// The password for a server that has it in no cache: with its NUL, mixed with the nonce, under the server's key.
    func encrypted(nonce: [UInt8], key: [UInt8]) throws(CryptographyError) -> [UInt8] {
        let text = (password + [0]).enumerated().map { index, byte in byte ^ nonce[index % nonce.count] }
        return try RSA.encrypt(text, key: key)
    }

    private func xor(_ a: [UInt8], _ b: [UInt8]) -> [UInt8] { zip(a, b).map { $0 ^ $1 } }
}
