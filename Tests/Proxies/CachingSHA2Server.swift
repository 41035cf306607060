import Cryptography
import Glibc
import OperatingSystem

/// MySQL's side of a log-in, after its documentation ("Connection Phase", "Caching_sha2_password information"): no server
/// of MySQL is in Debian. Packets in, packets out.
struct CachingSHA2Server {
    enum Kind: Sendable {
        /// The server has the password's hash in its cache.
        case cached
        /// It has not, and wants the password under its key.
        case full
        /// The greeting names another method than the account has.
        case changed(to: String)
    }

    static let nonce: [UInt8] = (1...20).map { $0 * 11 }
    static let otherNonce: [UInt8] = (1...20).map { 255 - $0 }
    private static let ok: [UInt8] = [0, 0, 0, 2, 0, 0, 0]
    static let refused = [0xff, 0x15, 0x04] + Array("#28000Access denied for user 'clerk'".utf8)

    let kind: Kind
    let password: String
    /// Where its key is, as files of the openssl command.
    let folder: String
    private(set) var response: [UInt8] = []
    private var state = "response"

    init(_ kind: Kind, password: String, folder: String) {
        self.kind = kind
        self.password = password
        self.folder = folder
    }

    static func makeKey(in folder: String) throws {
        try ChildProcess.succeed(["openssl", "genrsa", "-out", folder + "/private", "1024"])
        try ChildProcess.succeed(["openssl", "rsa", "-in", folder + "/private", "-pubout", "-out", folder + "/public"])
    }

    /// Protocol::HandshakeV10, with all capabilities.
    var greeting: [UInt8] {
        var plugin = "caching_sha2_password"
        if case .changed(let own) = kind, own == plugin { plugin = "mysql_native_password" }
        let head = [10] + Array("8.0.39".utf8) + [0, 1, 0, 0, 0] + Self.nonce.prefix(8) + [0]
        let flags: [UInt8] = [0xff, 0xf7, 45, 2, 0, 0xff, 0xdf, 21]
        let rest = [UInt8](repeating: 0, count: 10) + Self.nonce.dropFirst(8) + [0] + Array(plugin.utf8) + [0]
        return MySQLPacket.make(head + flags + rest)
    }

    /// Takes one packet.
    mutating func accept(_ packet: [UInt8]) throws -> [UInt8] {
        let sequence = packet[3] &+ 1
        let payloads = try answers(to: Array(packet.dropFirst(4)))
        return zip(payloads, sequence...).flatMap { MySQLPacket.make($0, sequence: $1) }
    }

    private mutating func answers(to payload: [UInt8]) throws -> [[UInt8]] {
        switch state {
        case "response":
            response = payload
            guard case .changed(let plugin) = kind else { return try verify(answer, Self.nonce) }
            state = plugin
            return [[0xfe] + Array(plugin.utf8) + [0] + Self.otherNonce + [0]]
        case "key":
            state = "password"
            let key = Array(try ChildProcess.succeed(["cat", folder + "/public"]).utf8)
            return payload == [2] ? [[1] + key] : [Self.refused]
        case "password":
            return [try decrypted(payload) == Array(password.utf8) + [0] ? Self.ok : Self.refused]
        case "mysql_native_password":
            return [try isNative(payload, Self.otherNonce) ? Self.ok : Self.refused]
        default:
            return try verify(payload, Self.otherNonce)
        }
    }

    /// Behind flags, length, character set, filler and the user's name.
    private var answer: [UInt8] {
        let behind = Array(response.dropFirst(32).drop { $0 != 0 }.dropFirst())
        return Array(behind.dropFirst().prefix(Int(behind.first ?? 0)))
    }

    private mutating func verify(_ answer: [UInt8], _ nonce: [UInt8]) throws -> [[UInt8]] {
        if case .full = kind {
            state = "key"
            return [[1, 4]]
        }
        // The server has SHA256(SHA256(password)).
        let stored = try Digest.sha256.hash(Digest.sha256.hash(Array(password.utf8)))
        let once = zip(answer, try Digest.sha256.hash(stored + nonce)).map { $0 ^ $1 }
        let isRight = try answer.count == 32 && Digest.sha256.hash(once) == stored
        return isRight ? [[1, 3], Self.ok] : [Self.refused]
    }

    /// "Native Authentication": the server has SHA1(SHA1(password)).
    private func isNative(_ answer: [UInt8], _ nonce: [UInt8]) throws -> Bool {
        let stored = try Digest.sha1.hash(Digest.sha1.hash(Array(password.utf8)))
        let once = zip(answer, try Digest.sha1.hash(nonce + stored)).map { $0 ^ $1 }
        return try answer.count == 20 && Digest.sha1.hash(once) == stored
    }

    private func decrypted(_ text: [UInt8]) throws -> [UInt8] {
        try Descriptor.open(folder + "/text", O_WRONLY | O_CREAT | O_TRUNC).writeAll(text)
        try ChildProcess.succeed([
            "openssl", "pkeyutl", "-decrypt", "-inkey", folder + "/private", "-in", folder + "/text", "-out",
            folder + "/plain", "-pkeyopt", "rsa_padding_mode:oaep",
        ])
        let mixed = try Descriptor.open(folder + "/plain", O_RDONLY).readSome()
        return mixed.enumerated().map { $1 ^ Self.nonce[$0 % Self.nonce.count] }
    }
}
