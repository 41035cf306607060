import Foundation
import TestSupport
import Testing

@testable import Proxies

/// Scanners against Foundation, which we did not write.
@Suite struct ScannerTests {
    private static let text = """
        {"id": 42, "a b": [1.5e3, -0, true, {"x": "\\u00e9\\ud83d\\ude00\\n\\/"}, [], {}, null], "": {"t": "é", "u": [[""]]}}
        """

    private func leaves(_ value: Any) -> Int {
        switch value {
        case let object as [String: Any]: max(1, object.values.reduce(0) { $0 + leaves($1) })
        case let array as [Any]: max(1, array.reduce(0) { $0 + leaves($1) })
        default: 1
        }
    }

    /// What Foundation reads is read, and all of it.
    @Test func whateverIsJSONIsScanned() {
        var random = SeededGenerator(3)
        let good = Array(Self.text.utf8)
        var read = 0
        for round in 0..<5000 {
            var bytes = good
            if round > 0 {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                if random.once(in: 2) {
                    bytes.remove(at: place)
                } else {
                    bytes[place] = good.randomElement(using: &random) ?? 0
                }
            }
            var count = 0
            let isWhole = JSONScanner.scan(bytes, 0..<bytes.count) { _, _ in count += 1 }
            guard let value = try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed) else {
                continue
            }
            read += 1
            #expect(isWhole, "\(String(decoding: bytes, as: UTF8.self))")
            // A name that stands twice is one member of a dictionary.
            #expect(count >= leaves(value))
        }
        #expect(read > 500)
    }

    @Test func stringsAreDecodedAsFoundationDoes() throws {
        let text = #"["a\u00e9\ud83d\ude00\n\t\b\f\r\"\\\/é", "%41%zz%e2%82%ac+%"]"#
        let expected = try #require(
            JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String])
        var strings: [String] = []
        let bytes = Array(text.utf8)
        _ = JSONScanner.scan(bytes, 0..<bytes.count) { leaf, _ in
            strings.append(String(decoding: Array(DecodedBytes(bytes, leaf.value, .json)), as: UTF8.self))
        }
        #expect(strings == expected)
        let encoded = "a%20b%2Fc%e2%82%ac%41"
        let plain = Array(DecodedBytes(Array(encoded.utf8), 0..<encoded.utf8.count, .percent))
        #expect(String(decoding: plain, as: UTF8.self) == encoded.removingPercentEncoding)
        for coding in [ValueCoding.percent, .form, .json] {
            let value = (1...255).map(UInt8.init)
            let written = ValueEncoding.encode(value, coding, like: Array("/".utf8)[...])
            #expect(Array(DecodedBytes(written, 0..<written.count, coding)) == value)
        }
    }

    @Test(arguments: [
        ("a3f5c7d9", true), ("k2m8p5q1r7s3t9u4", true), ("550e8400-e29b-41d4-a716-446655440000", true),
        ("dGhpc0lzQVRva2Vu", true), ("internationalization", false), ("12345678901", false), ("a1b2", false),
        ("order 42, now", false), ("aaaaaaaa1", false), ("Wednesday", false), ("", false),
    ])
    func tokensLookLikeTokens(_ text: String, _ isToken: Bool) {
        #expect(TokenShape.isToken(text.decoded) == isToken)
    }

    @Test(arguments: [
        ("id", true), ("order_id", true), ("orderId", true), ("orderID", true), ("order[id]", true),
        ("csrf-token", true),
        ("paid", false), ("monkey", false), ("grid", false), ("idea", false), ("", false), ("count", false),
    ])
    func namesSayWhatTheirValuesAre(_ text: String, _ isIdentifier: Bool) {
        #expect(TokenShape.isIdentifier(Array(text.utf8), 0..<text.utf8.count) == isIdentifier)
    }

    @Test func tagsAreReadAsBrowsersDo() {
        let text =
            "<!-- <a href=1> --><A HREF = 'x>y' b c=d/e><script>if (a<b) '<i j=k>'</SCRIPT ><p\n=q=r/><input value=\"\""
        let bytes = Array(text.utf8)
        var tags: [String] = []
        HTMLScanner.forEachTag(bytes, 0..<bytes.count) { name, attributes in
            let all = attributes.map { bytes.text($0.name) + ":" + bytes.text($0.value) }
            tags.append(([bytes.text(name)] + all).joined(separator: " "))
        }
        #expect(tags == ["A HREF:x>y b: c:d/e", "script", "p =q:r/", "input value:"])
    }
}
