/// Takes an input apart from its front; zeros when it is at its end, so that every input means something.
struct FuzzInput {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position >= bytes.count }

    mutating func byte() -> UInt8 {
        guard position < bytes.count else { return 0 }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func big16() -> Int { Int(byte()) << 8 | Int(byte()) }

    /// `count` bytes, or those that are left.
    mutating func take(_ count: Int) -> [UInt8] {
        let end = min(bytes.count, position + count)
        defer { position = end }
        return Array(bytes[position..<end])
    }

    mutating func rest() -> [UInt8] { take(bytes.count) }
}

extension [UInt8] {
    /// In pieces of `length` bytes; whole for 0. Behind the first few the rest is one piece: each costs a call.
    func pieces(of length: Int) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var rest = self[...]
        while length > 0, pieces.count < 40, rest.count > length {
            pieces.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return rest.isEmpty ? pieces : pieces + [rest]
    }
}
