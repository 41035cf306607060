import Foundation
import Wire

/// The parts of an HTTP/1 message that a HAR shows. Lenient: the reader of the wire has judged its framing.
struct HARMessage {
    private(set) var start: [String] = []
    private(set) var headers: [(name: String, value: String)] = []
    /// Of the start line and the header section, the empty line included.
    private(set) var headLength = 0
    /// Without chunks.
    private(set) var body: [UInt8] = []

    init(_ bytes: [UInt8]) {
        var position = 0
        while position < bytes.count, let feed = bytes[position...].firstIndex(of: 0x0a) {
            var line = bytes[position..<feed]
            if line.last == 0x0d { line = line.dropLast() }
            position = feed + 1
            if line.isEmpty { break }
            add(String(decoding: line, as: UTF8.self))
        }
        headLength = position
        let rest = bytes[position...]
        let isChunked = value("transfer-encoding")?.lowercased().contains("chunked") ?? false
        body = isChunked ? Self.joined(rest) : Array(rest)
    }

    private mutating func add(_ line: String) {
        if start.isEmpty {
            start = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        } else if line.first == " " || line.first == "\t" {
            // Goes on with the value before (RFC 9112, section 5.2).
            guard let last = headers.indices.last else { return }
            headers[last].value += " " + line.trimmingCharacters(in: .whitespaces)
        } else {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count > 1 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
            headers.append((String(parts[0]), value))
        }
    }

    func word(_ index: Int) -> String { start.indices.contains(index) ? start[index] : "" }

    func value(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }

    /// The chunks' contents (RFC 9112, section 7.1), as far as they are whole.
    private static func joined(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = bytes
        while let feed = rest.firstIndex(of: 0x0a) {
            let digits = rest[..<feed].prefix { $0.isHexadecimal }
            guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16), size > 0,
                size <= rest.endIndex - feed - 1
            else { break }
            result += rest[(feed + 1)..<(feed + 1 + size)]
            rest = rest[(feed + 1 + size)...]
            if rest.first == 0x0d { rest = rest.dropFirst() }
            if rest.first == 0x0a { rest = rest.dropFirst() }
        }
        return result
    }
}

extension UInt8 {
    fileprivate var isHexadecimal: Bool { self >= 0x30 && self <= 0x39 || self | 0x20 >= 0x61 && self | 0x20 <= 0x66 }
}
