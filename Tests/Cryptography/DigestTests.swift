import Cryptography
import Testing

/// Published vectors: what libgcrypt computes is taken for granted, that it was called rightly is not.
@Suite struct DigestTests {
    struct Vector: Sendable {
        let digest: Digest
        let text: String
        let hash: String
    }

    /// RFC 1321, section A.5; FIPS 180-4's examples, as in RFC 3174 and RFC 6234.
    static let vectors = [
        Vector(digest: .md5, text: "", hash: "d41d8cd98f00b204e9800998ecf8427e"),
        Vector(digest: .md5, text: "abc", hash: "900150983cd24fb0d6963f7d28e17f72"),
        Vector(digest: .md5, text: "message digest", hash: "f96b697d7cb7938d525a2f31aaf161d0"),
        Vector(digest: .sha1, text: "abc", hash: "a9993e364706816aba3e25717850c26c9cd0d89d"),
        Vector(
            digest: .sha256, text: "abc", hash: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ]

    @Test(arguments: vectors) func hash(_ vector: Vector) throws {
        #expect(hex(try vector.digest.hash(Array(vector.text.utf8))) == vector.hash)
        #expect(vector.digest.byteCount * 2 == vector.hash.utf8.count)
    }

    /// RFC 4231, test case 2; RFC 2202, the same for HMAC-MD5 and HMAC-SHA-1.
    @Test(arguments: [
        (Digest.sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (.md5, "750c783e6ab0b503eaa86e310a5db738"), (.sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    ]) func authenticate(_ digest: Digest, _ expected: String) throws {
        let text = Array("what do ya want for nothing?".utf8)
        #expect(hex(try digest.authenticate(text, key: Array("Jefe".utf8))) == expected)
    }

    @Test(arguments: [Digest.md5, .sha1, .sha256]) func piecesAreHashedAsTheWhole(_ digest: Digest) throws {
        let text = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        for size in [1, 63, 64, 65, 999, 1000, 5000] {
            var rest = text[...]
            let hash = try digest.hash {
                defer { rest = rest.dropFirst(size) }
                return Array(rest.prefix(size))
            }
            #expect(try hash == digest.hash(text))
        }
        #expect(try digest.hash { [] } == digest.hash([]))
    }

    /// The oracles are Python's hmac and hashlib.
    @Test func nothing() throws {
        let expected = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"
        #expect(hex(try Digest.sha256.authenticate([], key: [])) == expected)
        let derived = "62384466264daadc4144018c6bd864648272b34da8980d31521ffcce92ae003b"
        #expect(hex(try Digest.sha256.derive([], salt: Array("salt".utf8), iterations: 2)) == derived)
    }

    /// RFC 6070 for SHA-1; RFC 7914, section 11, for SHA-256 (its first 32 bytes).
    @Test(arguments: [
        (Digest.sha1, "password", "salt", 4096, "4b007901b765489abead49d926f721d065a429c1"),
        (.sha256, "passwd", "salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"),
    ]) func derive(_ digest: Digest, _ password: String, _ salt: String, _ iterations: Int, _ key: String) throws {
        let derived = try digest.derive(Array(password.utf8), salt: Array(salt.utf8), iterations: iterations)
        #expect(hex(derived) == key)
    }

    @Test func iterationsThatAreNone() {
        #expect(throws: CryptographyError.self) { try Digest.sha256.derive([1], salt: [2], iterations: 0) }
        #expect(throws: CryptographyError.self) { try Digest.sha256.derive([1], salt: [2], iterations: 1 << 40) }
        #expect(throws: CryptographyError.self) { try Digest.sha256.derive([1], salt: [2], iterations: -1) }
    }

    @Test func saltThatIsNone() {
        #expect(throws: CryptographyError.self) { try Digest.sha256.derive([1], salt: [], iterations: 1) }
    }

    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
