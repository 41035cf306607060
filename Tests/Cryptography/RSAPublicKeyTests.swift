import Cryptography
import Testing

/// Keys that a server could send: what is damaged is an error, and nothing worse.
@Suite struct RSAPublicKeyTests {
    private static let rsaEncryption: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]
    /// Odd is all that encrypting needs of it. Wherever it is cut, its first byte needs a zero before it.
    private static let modulus: [UInt8] = (0..<128).map { UInt8($0 * 2) | 0x81 }
    private static let null: [UInt8] = [0x05, 0x00]

    private static func value(_ tag: UInt8, _ contents: [UInt8]...) -> [UInt8] {
        let bytes = contents.flatMap(\.self)
        let length = bytes.count
        switch length {
        case ..<0x80: return [tag, UInt8(length)] + bytes
        case ..<0x100: return [tag, 0x81, UInt8(length)] + bytes
        default: return [tag, 0x82, UInt8(length >> 8), UInt8(length & 0xff)] + bytes
        }
    }

    private static func sequence(_ contents: [UInt8]...) -> [UInt8] { value(0x30, contents.flatMap(\.self)) }
    private static func integer(_ bytes: [UInt8]) -> [UInt8] { value(0x02, bytes) }

    /// SubjectPublicKeyInfo, with each part as it should be unless told.
    private static func key(
        modulus: [UInt8] = integer([0] + modulus), exponent: [UInt8] = integer([1, 0, 1]),
        identifier: [UInt8] = value(0x06, rsaEncryption), parameters: [UInt8] = null, unused: [UInt8] = [0],
        afterKey: [UInt8] = [], afterBits: [UInt8] = []
    ) -> [UInt8] {
        sequence(
            sequence(identifier, parameters), value(0x03, unused, sequence(modulus, exponent), afterKey), afterBits)
    }

    private static func pem(
        _ der: [UInt8], before: String = "", lineEnd: String = "\n", end: String = "-----END PUBLIC KEY-----"
    ) -> [UInt8] {
        let coded = Base64.encode(der)
        let lines = stride(from: 0, to: coded.count, by: 64).map {
            String(decoding: coded[$0..<min($0 + 64, coded.count)], as: UTF8.self)
        }
        return Array((before + (["-----BEGIN PUBLIC KEY-----"] + lines + [end, ""]).joined(separator: lineEnd)).utf8)
    }

    private func encrypt(_ pem: [UInt8]) throws(CryptographyError) -> Int {
        try RSA.encrypt([1, 2, 3], key: pem).count
    }

    @Test func formsThatAreRead() throws {
        #expect(try encrypt(Self.pem(Self.key())) == 128)
        #expect(try encrypt(Self.pem(Self.key(), lineEnd: "\r\n")) == 128)
        #expect(try encrypt(Self.pem(Self.key(), before: "Subject: a server\n", lineEnd: " \t\n")) == 128)
        // As short as it can be: the padding takes 42 bytes.
        #expect(try encrypt(Self.pem(Self.key(modulus: Self.integer([0] + Self.modulus.suffix(45))))) == 45)
        // The damage below counts on a header of three bytes.
        #expect(Self.key().prefix(2) == [0x30, 0x81])
    }

    @Test func textThatDoesNotFit() {
        let pem = Self.pem(Self.key())
        #expect(throws: CryptographyError.self) { try RSA.encrypt([], key: pem) }
        #expect(throws: CryptographyError.self) { try RSA.encrypt([UInt8](repeating: 1, count: 87), key: pem) }
    }

    /// One time in 256 it begins with a zero.
    @Test func theOutputIsAsLongAsTheModulus() throws {
        let pem = Self.pem(Self.key())
        for _ in 0..<2000 { try #require(try encrypt(pem) == 128) }
    }

    private static let damage: [(String, [UInt8])] = {
        var all: [(String, [UInt8])] = []
        func add(_ what: String, _ der: [UInt8]) { all.append((what, der)) }
        add("truncated integer", key(exponent: [0x02, 0x03, 0x01, 0x00]))
        add("no exponent", key(exponent: []))
        add("empty", [])
        add("tag alone", [0x30])
        add("after it", key() + [0])
        add("after the bits", key(afterBits: null))
        add("after the key", key(afterKey: null))
        add("after the exponent", key(exponent: integer([3]) + integer([3])))
        add("after the parameters", key(parameters: null + null))
        add("no parameters", key(parameters: []))
        add("a NULL that holds something", key(parameters: [0x05, 0x01, 0x00]))
        add("bits unused", key(unused: [1]))
        add("no count of bits unused", key(unused: []))
        add("no bits", sequence(sequence(value(0x06, rsaEncryption), null), [0x03, 0x00]))
        add("another tag", value(0x31, Array(key().dropFirst(3))))
        add("length without an end", [0x30, 0x80] + key().dropFirst(3) + [0, 0])
        add("length in too many bytes", [0x30, 0x82, 0x00] + key().dropFirst(2))
        add("length in one byte too many", key(exponent: [0x02, 0x81, 0x03, 1, 0, 1]))
        add("length of 2 GiB", [0x30, 0x84, 0x7f, 0xff, 0xff, 0xff] + key().dropFirst(3))
        add("length past an Int", [0x30, 0x88] + [UInt8](repeating: 0xff, count: 8) + key().dropFirst(3))
        add("length in 127 bytes", [0x30, 0xff] + [UInt8](repeating: 0xff, count: 127))
        add("length past the end", [0x30, 0x81, UInt8(key().count - 2)] + key().dropFirst(3))
        add("exponent past its sequence", key(exponent: [0x02, 0x04, 1, 0, 1]))
        add("negative modulus", key(modulus: integer(modulus)))
        add("modulus without bytes", key(modulus: integer([])))
        add("modulus 0", key(modulus: integer([0])))
        add("modulus 1", key(modulus: integer([1])))
        add("modulus with a zero too many", key(modulus: integer([0, 0] + modulus)))
        add("even modulus", key(modulus: integer([0] + modulus.dropLast() + [2])))
        add("modulus shorter than the padding", key(modulus: integer([0] + modulus.suffix(41))))
        add("modulus shorter than padding and text", key(modulus: integer([0] + modulus.suffix(44))))
        add("modulus past all measure", key(modulus: integer([0x7f] + [UInt8](repeating: 0xff, count: 2048))))
        add("exponent 0", key(exponent: integer([0])))
        add("exponent 1", key(exponent: integer([1])))
        add("even exponent", key(exponent: integer([1, 0, 0])))
        add("exponent past all measure", key(exponent: integer([0x7f] + [UInt8](repeating: 0xff, count: 8))))
        add("an identifier without bytes", key(identifier: [0x06, 0x00]))
        add("rsassaPss", key(identifier: value(0x06, rsaEncryption.dropLast() + [0x0a])))
        add("identifier cut short", key(identifier: value(0x06, rsaEncryption.dropLast())))
        return all
    }()

    @Test(arguments: damage) func damaged(_ what: String, _ der: [UInt8]) {
        #expect(throws: CryptographyError.self, "\(what)") { try encrypt(Self.pem(der)) }
    }

    @Test func cutShort() {
        let der = Self.key()
        for count in 0..<der.count {
            #expect(throws: CryptographyError.self, "\(count)") { try encrypt(Self.pem(Array(der.prefix(count)))) }
        }
        let pem = Self.pem(der)
        for count in 0..<(pem.count - 1) {
            #expect(throws: CryptographyError.self, "\(count)") { try encrypt(Array(pem.prefix(count))) }
        }
    }

    /// Some of these are other keys, which is no matter.
    @Test func oneBitIsWrong() {
        let der = Self.key()
        for bit in 0..<(der.count * 8) {
            var changed = der
            changed[bit / 8] ^= 1 << (bit % 8)
            _ = try? encrypt(Self.pem(changed))
        }
    }

    @Test func armourThatIsNotOfThisKind() {
        let good = String(decoding: Self.pem(Self.key()), as: UTF8.self)
        for text in [
            good.replacing("PUBLIC KEY", with: "RSA PUBLIC KEY"), good.replacing("BEGIN PUBLIC KEY", with: "BEGIN X"),
            good.replacing("END PUBLIC KEY", with: "END X"), good.replacing("KEY-----\nM", with: "KEY-----\n*"),
            good.replacing("KEY-----\nM", with: "KEY-----\nM="), good.replacing("\n", with: ""),
        ] {
            #expect(text != good)
            #expect(throws: CryptographyError.self) { try encrypt(Array(text.utf8)) }
        }
    }
}
