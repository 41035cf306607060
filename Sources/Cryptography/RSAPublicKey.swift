/// An RSA public key (RFC 8017, section 3.1) as a stranger sent it: nothing about it is taken for granted.
struct RSAPublicKey {
    /// Big-endian, without leading zeros.
    let modulus: [UInt8]
    let exponent: [UInt8]

    /// A longer one only costs time, which is for a server to choose otherwise.
    private static let mostModulusBytes = 16_384 / 8
    private static let mostExponentBytes = 8

    /// rsaEncryption, 1.2.840.113549.1.1.1 (RFC 8017, appendix A.1).
    private static let rsaEncryption: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]

    /// From a SubjectPublicKeyInfo (RFC 5280, section 4.1) in PEM (RFC 7468, section 13).
    init(pem: [UInt8]) throws(CryptographyError) {
        guard let bytes = Self.decode(pem) else { throw .unreadableKey }
        var whole = DERReader(bytes[...])
        var info = try whole.read(.sequence)
        try whole.end()
        var algorithm = try info.read(.sequence)
        let identifier = try algorithm.read(.objectIdentifier)
        var bits = try info.read(.bitString)
        try info.end()
        guard identifier.rest.elementsEqual(Self.rsaEncryption) else {
            throw CryptographyError("use a key that is not one of RSA")
        }
        // RFC 3279, section 2.3.1: with this identifier the parameters are NULL.
        try algorithm.read(.null).end()
        try algorithm.end()

        // RSAPublicKey (RFC 8017, appendix A.1.1), in whole bytes.
        guard bits.rest.popFirst() == 0 else { throw .unreadableKey }
        var key = try bits.read(.sequence)
        try bits.end()
        modulus = try key.readPositiveInteger()
        exponent = try key.readPositiveInteger()
        try key.end()

        // The modulus is a product of odd primes; the exponent is odd, and 3 at least.
        guard modulus.count <= Self.mostModulusBytes, exponent.count <= Self.mostExponentBytes,
            modulus.last.map({ $0 & 1 }) == 1, exponent.last.map({ $0 & 1 }) == 1, exponent != [1]
        else { throw .unreadableKey }
    }

    /// What is between the boundaries; text around them is passed over (RFC 7468, section 3, `textualmsg`). Nil when there
    /// is no such block, or it holds anything but Base64.
    private static func decode(_ pem: [UInt8]) -> [UInt8]? {
        let lines = pem.split { $0 == 0x0a || $0 == 0x0d }.map { line in
            line.dropLast(line.reversed().prefix { $0 == 0x20 || $0 == 0x09 }.count)
        }
        guard let begin = lines.firstIndex(where: { $0.elementsEqual("-----BEGIN PUBLIC KEY-----".utf8) }),
            let end = lines[begin...].firstIndex(where: { $0.elementsEqual("-----END PUBLIC KEY-----".utf8) })
        else { return nil }
        return Base64.decode(Array(lines[(begin + 1)..<end].joined()))
    }
}

/// Takes values of DER (ITU-T X.690) one after the other from what encloses them. Each is within its bounds, and in the
/// one form that DER has for it.
private struct DERReader {
    enum Tag: UInt8 {
        case integer = 0x02
        case bitString = 0x03
        case null = 0x05
        case objectIdentifier = 0x06
        case sequence = 0x30
    }

    var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func read(_ tag: Tag) throws(CryptographyError) -> DERReader {
        guard rest.popFirst() == tag.rawValue, let length = popLength(), length <= rest.count else {
            throw .unreadableKey
        }
        defer { rest = rest.dropFirst(length) }
        return DERReader(rest.prefix(length))
    }

    /// Its bytes without the zero that keeps the sign (X.690, section 8.3).
    mutating func readPositiveInteger() throws(CryptographyError) -> [UInt8] {
        let bytes = try read(.integer).rest
        guard let first = bytes.first, first < 0x80 else { throw .unreadableKey }
        if first > 0 { return Array(bytes) }
        // No zero but where there would be a sign without it, nor the number 0.
        guard let second = bytes.dropFirst().first, second >= 0x80 else { throw .unreadableKey }
        return Array(bytes.dropFirst())
    }

    func end() throws(CryptographyError) { guard rest.isEmpty else { throw .unreadableKey } }

    /// X.690, sections 8.1.3 and 10.1: definite, and in as few bytes as it takes. Nil too for what no key is as long as.
    private mutating func popLength() -> Int? {
        guard let first = rest.popFirst() else { return nil }
        if first < 0x80 { return Int(first) }
        let count = Int(first & 0x7f)
        guard (1...3).contains(count), rest.count >= count, rest.first != 0 else { return nil }
        let length = rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
        rest = rest.dropFirst(count)
        return length >= 0x80 ? length : nil
    }
}

extension CryptographyError {
    fileprivate static var unreadableKey: CryptographyError { CryptographyError("read the server's public key") }
}
