import Cryptography
import Synchronization

/// The client's half of SCRAM-SHA-256 without channel binding (RFC 5802, RFC 7677).
///
/// Passwords are used as they are given. For ASCII that is what SASLprep (RFC 4013) makes of them, and a password that
/// SASLprep cannot take is used so by libpq and the server too; another one has to be given in its normal form (NFKC).
struct SCRAM: Sendable {
    enum Failure: Error, Hashable {
        case malformed
        /// More iterations than anybody needs: each connection would take seconds of the replay's thread.
        case tooManyIterations
        /// The server does not know the password's hash: it is not the one that the clone was made from.
        case unverified
        case refused
        case cryptography(CryptographyError)
    }

    static let name = "SCRAM-SHA-256"
    static let iterationLimit = 1_000_000

    private let password: [UInt8]
    private let salted: SaltedPassword
    private let nonce: [UInt8]
    private let firstBare: [UInt8]
    private var serverSignature: [UInt8]?

    /// PostgreSQL takes the user from the start-up message and wants none here; libpq sends an empty one.
    init(user: String = "", password: String, nonce: [UInt8], salted: SaltedPassword) {
        self.password = Array(password.utf8)
        self.salted = salted
        self.nonce = nonce
        let name = user.utf8.flatMap { byte in
            switch byte {
            case 0x2c: Array("=2C".utf8)
            case 0x3d: Array("=3D".utf8)
            default: [byte]
            }
        }
        firstBare = Array("n=".utf8) + name + Array(",r=".utf8) + nonce
    }

    /// 18 random bytes, as libpq has them.
    static func makeNonce() -> [UInt8] {
        var random = SystemRandomNumberGenerator()
        return Base64.encode((0..<18).map { _ in UInt8.random(in: 0...255, using: &random) })
    }

    /// `client-first-message`: "n" says that the client does no channel binding, as there is no TLS.
    var first: [UInt8] { Array("n,,".utf8) + firstBare }

    /// Takes `server-first-message`, gives `client-final-message`.
    mutating func answer(_ serverFirst: [UInt8]) throws(Failure) -> [UInt8] {
        let fields = serverFirst.split(separator: 0x2c, omittingEmptySubsequences: false)
        // Another first attribute is an extension that must be understood ("m="), and none is.
        guard fields.count >= 3, let both = Self.value("r", fields[0]), let coded = Self.value("s", fields[1]),
            let salt = Base64.decode(coded), !salt.isEmpty, let digits = Self.value("i", fields[2]),
            let iterations = Int(String(decoding: digits, as: UTF8.self)), iterations > 0,
            both.starts(with: nonce), both.count > nonce.count
        else { throw .malformed }
        guard iterations <= Self.iterationLimit else { throw .tooManyIterations }
        // "biws" is "n,,".
        let withoutProof = Array("c=biws,r=".utf8) + both
        let message = firstBare + [0x2c] + serverFirst + [0x2c] + withoutProof
        do throws(CryptographyError) {
            let salted = try salted.value(of: password, salt: salt, iterations: iterations)
            let clientKey = try Digest.sha256.authenticate(Array("Client Key".utf8), key: salted)
            let storedKey = try Digest.sha256.hash(clientKey)
            let signature = try Digest.sha256.authenticate(message, key: storedKey)
            let serverKey = try Digest.sha256.authenticate(Array("Server Key".utf8), key: salted)
            serverSignature = try Digest.sha256.authenticate(message, key: serverKey)
            return withoutProof + Array(",p=".utf8) + Base64.encode(zip(clientKey, signature).map { $0 ^ $1 })
        } catch {
            throw .cryptography(error)
        }
    }

    /// Takes `server-final-message`: only who knows the password's hash can sign.
    mutating func verify(_ serverFinal: [UInt8]) throws(Failure) {
        let fields = serverFinal.split(separator: 0x2c, omittingEmptySubsequences: false)
        guard let serverSignature, let first = fields.first else { throw .malformed }
        if Self.value("e", first) != nil { throw .refused }
        guard let coded = Self.value("v", first), let signature = Base64.decode(coded) else { throw .malformed }
        guard signature == serverSignature else { throw .unverified }
        self.serverSignature = nil
    }

    private static func value(_ name: Character, _ field: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard field.first == name.asciiValue, field.dropFirst().first == 0x3d else { return nil }
        return field.dropFirst(2)
    }
}

/// The salted password of the log-in before (RFC 5802, section 5.1, lets a client keep it). Making it takes thousands of
/// hashes, and all connections of a user have the same salt: only the first of them takes that time of the replay.
final class SaltedPassword: Sendable {
    private struct Made: Sendable {
        let password: [UInt8]
        let salt: [UInt8]
        let iterations: Int
        let value: [UInt8]
    }

    private let made = Mutex<Made?>(nil)

    func value(of password: [UInt8], salt: [UInt8], iterations: Int) throws(CryptographyError) -> [UInt8] {
        let known = made.withLock { $0 }
        if let known, known.password == password, known.salt == salt, known.iterations == iterations {
            return known.value
        }
        let value = try Digest.sha256.derive(password, salt: salt, iterations: iterations)
        made.withLock { $0 = Made(password: password, salt: salt, iterations: iterations, value: value) }
        return value
    }
}
