/// Ways to spoil bytes: what a broken network card, a hostile client or a wrong port number send.
import TestSupport

extension SeededGenerator {
    /// One to four changes: flipped bits, bytes that parsers care for, cuts, repetitions and pieces of `other`.
    mutating func mutate(_ bytes: [UInt8], with other: [UInt8] = [], keeping prefix: Int = 0) -> [UInt8] {
        var result = bytes
        for _ in 0..<Int.random(in: 1...4, using: &self) {
            guard result.count > prefix else { return result }
            let place = Int.random(in: prefix..<result.count, using: &self)
            let end = min(result.count, place + Int.random(in: 1...64, using: &self))
            switch Int.random(in: 0..<8, using: &self) {
            case 0: result[place] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 1:
                result[place] =
                    [0, 0x0a, 0x0d, 0x20, 0x2d, 0x30, 0x3a, 0x7f, 0x80, 0xff].randomElement(using: &self) ?? 0
            case 2: result.removeSubrange(place...)
            case 3: result.removeSubrange(place..<end)
            case 4: result.insert(contentsOf: Array(result[place..<end]), at: place)
            case 5: result.insert(contentsOf: (0..<4).map { _ in UInt8.random(in: 0...255, using: &self) }, at: place)
            case 6: result.replaceSubrange(place..<end, with: Self.words.randomElement(using: &self) ?? [])
            default:
                guard let from = other.indices.randomElement(using: &self) else { continue }
                result.replaceSubrange(place..., with: other[from...])
            }
        }
        return result
    }

    /// What decides framing in HTTP and lengths in PostgreSQL.
    private static let words: [[UInt8]] =
        [
            "\r\n", "\r\n\r\n", "\n\n", "Content-Length: 5\r\n", "Content-Length: 99999999999999999999\r\n",
            "Transfer-Encoding: chunked\r\n", "0\r\n\r\n", "ffffffffffffffff\r\n", "7fffffffffffffff\r\n", "HTTP/1.1 ",
            "GET / HTTP/1.1\r\n", "HTTP/1.1 101 \r\n", ": ", ";",
        ].map { Array($0.utf8) } + [
            [0, 0, 0, 4], [0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff], [0x51, 0, 0, 0, 5, 0],
        ]
}
