import Cryptography
import Testing

@Suite struct Base64Tests {
    /// RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ]) func vectors(_ plain: String, _ coded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == Array(coded.utf8))
        #expect(Base64.decode(Array(coded.utf8)) == Array(plain.utf8))
    }

    @Test(arguments: ["Zg", "Zg=", "Zg== ", " Zm9v", "Zm9v\n", "Z===", "====", "Zm9=Zm9v", "Zm-_", "Zm9\u{0}"])
    func isNone(_ text: String) { #expect(Base64.decode(Array(text.utf8)) == nil) }
}
