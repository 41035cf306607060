import Compression
import Proxies
import Testing

@Suite struct HTTPMessageViewTests {
    private static let text = "{\"token\": \"a1b2c3d4e5f6\"}"

    private func bytes(_ hexadecimal: String) -> [UInt8] {
        let digits = hexadecimal.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    @Test func thePartsAreWhereTheyStand() throws {
        let view = try #require(
            HTTPMessageView(Array("GET /a HTTP/1.1\nHost:  a \r\nX: b\r\n c\r\nnothing\r\nY:\r\n\r\nbody".utf8)))
        var fields: [String] = []
        view.forEachField {
            fields.append(
                String(decoding: view.bytes[$0.name], as: UTF8.self) + "="
                    + String(decoding: view.bytes[$0.value], as: UTF8.self))
        }
        #expect(fields == ["Host=a", "X=b\r\n c", "Y="])
        #expect(view.bytes[view.word(1)].elementsEqual("/a".utf8))
        #expect(view.bytes[view.bodyRange].elementsEqual("body".utf8))
        #expect(HTTPMessageView(Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8)) == nil)
        #expect(HTTPMessageView(Messages.reply(404))?.status == 404)
    }

    /// The contents are of Python's gzip and zlib modules.
    @Test(arguments: [
        ("gzip", "1f8b0800000000000203ab562ac9cf4ecd53b252504a344c324a364e3149354d3353aa0500f589f66219000000"),
        ("x-gzip", "1f8b0800000000000203ab562ac9cf4ecd53b252504a344c324a364e3149354d3353aa0500f589f66219000000"),
        ("deflate", "789cab562ac9cf4ecd53b252504a344c324a364e3149354d3353aa050065730786"),
        ("deflate", "ab562ac9cf4ecd53b252504a344c324a364e3149354d3353aa0500"),
    ])
    func contentCodingsAreUndone(_ coding: String, _ content: String) throws {
        let content = bytes(content)
        var message = Array("HTTP/1.1 200 OK\r\nContent-Encoding: \(coding)\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
        for piece in [content[..<5], content[5...]] {
            message += Array("\(String(piece.count, radix: 16));x\r\n".utf8) + piece + Array("\r\n".utf8)
        }
        let view = try #require(HTTPMessageView(message + Array("0\r\n\r\n".utf8)))
        let body = view.body(limit: 1000)
        #expect(body.bytes[body.range].elementsEqual(Self.text.utf8) && !body.isOpaque)
        #expect(view.body(limit: 10).isOpaque)
    }

    @Test func whatCannotBeUndoneIsOpaque() throws {
        for (coding, content) in [("br", "abc"), ("gzip", "abc"), ("gzip, br", "abc")] {
            let view = HTTPMessageView(Messages.reply(200, ["Content-Encoding: " + coding], body: content))
            #expect(try #require(view).body(limit: 100).isOpaque)
        }
        let damaged = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nabc"
        #expect(try #require(HTTPMessageView(Array(damaged.utf8))).body(limit: 100).isOpaque)
    }

    /// A small stream may promise much: no more than the limit is made, and one that is cut off is an error.
    @Test func inflationIsBounded() throws {
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        let small = try Zlib.compress(zeros)
        #expect(small.count < 2000)
        #expect(try Zlib.inflate(small[...], .gzipOrZlib, limit: 1 << 20) == zeros)
        #expect(throws: ZlibError.self) { try Zlib.inflate(small[...], .gzipOrZlib, limit: (1 << 20) - 1) }
        #expect(throws: ZlibError.self) { try Zlib.inflate(small.dropLast(8), .gzipOrZlib, limit: 1 << 21) }
        #expect(throws: ZlibError.self) { try Zlib.inflate([], .raw, limit: 10) }
    }
}
