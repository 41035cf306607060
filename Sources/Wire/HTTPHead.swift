/// The start line and what of the header section decides the framing of the body (RFC 9112, sections 3, 4 and 6).
struct HTTPHead {
    private(set) var method = ""
    private(set) var target = ""
    private(set) var status = 0
    private(set) var isChunked = false
    private(set) var length: Int?
    /// The transfer codings in the order they were applied, but for "identity", which is none (RFC 2616, section 3.6).
    private var codings: [String] = []

    init(_ bytes: [UInt8], role: HTTPParser.Role) throws(HTTPFailure) {
        var lines = bytes.split(separator: 0x0a, omittingEmptySubsequences: false).map { line in
            line.last == 0x0d ? line.dropLast() : line
        }[...]
        let start = lines.popFirst() ?? []
        try readStart(start, role)
        for line in Self.unfold(lines) {
            guard let colon = line.firstIndex(of: 0x3a) else { continue }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            let value = String(decoding: line[(colon + 1)...], as: UTF8.self).trimmingBlanks()
            switch name {
            case "content-length":
                // A list of equal values is one value; anything else is smuggling.
                let values = Set(value.split(separator: ",").map { String($0).trimmingBlanks() })
                guard values.count == 1, let text = values.first, !text.isEmpty,
                    text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
                    let number = Int(text), length == nil || length == number
                else { throw .malformed("a Content-Length that is not one number") }
                length = number
            case "transfer-encoding":
                codings += value.lowercased().split(separator: ",").map { String($0).trimmingBlanks() }
                    .filter { !$0.isEmpty && $0 != "identity" }
            default:
                break
            }
        }
        // Transfer-Encoding overrides Content-Length. Without "chunked" at its end a reply goes on to the end of the
        // connection, and a request has no end that could be known.
        guard !codings.isEmpty else { return }
        length = nil
        isChunked = codings.last == "chunked"
        if !isChunked, role == .requests { throw .malformed("a request whose Transfer-Encoding is not chunked") }
    }

    /// Joins a line that starts with a blank to the one before (RFC 9112, section 5.2), and leaves out empty lines.
    private static func unfold(_ lines: ArraySlice<ArraySlice<UInt8>>) -> [ArraySlice<UInt8>] {
        var whole: [ArraySlice<UInt8>] = []
        for line in lines where !line.isEmpty {
            if line.first == 0x20 || line.first == 0x09, let last = whole.indices.last {
                whole[last] += [0x20] + line
            } else {
                whole.append(line)
            }
        }
        return whole
    }

    private mutating func readStart(_ line: ArraySlice<UInt8>, _ role: HTTPParser.Role) throws(HTTPFailure) {
        let parts = line.split(separator: 0x20, maxSplits: 2).map { String(decoding: $0, as: UTF8.self) }
        switch role {
        case .requests:
            guard parts.count == 3, parts[2].hasPrefix("HTTP/1.") else {
                throw .malformed("a request line that is not HTTP/1")
            }
            (method, target) = (parts[0], parts[1])
        case .replies:
            guard parts.count >= 2, parts[0].hasPrefix("HTTP/1."), parts[1].utf8.count == 3,
                let code = Int(parts[1]), (100...999).contains(code)
            else { throw .malformed("a status line that is not HTTP/1") }
            status = code
        }
    }
}

extension String {
    fileprivate func trimmingBlanks() -> String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }
}
