import Model

/// The file of a trace (`.wtrace`), version 1.0. Written from front to back and only ever appended to; a block names
/// all connections that it speaks of, so that any block can be read alone. Numbers of fixed width are little-endian.
///
///     file      header, blocks, and after a clean close: index block, trailer
///     header    magic (8), major (2), minor (2), length of the fields (4), fields, CRC-32C of all before (4)
///               fields: creation time, flags (1 payload, 2 packets, 4 redacted), description, digest of the
///               redaction's rules; a later minor version may add more behind
///     block     mark "WBLK" (4), type (1), zero (3), payload length (4), count of records (4), first and last time (8
///               each), CRC-32C of the payload (4), CRC-32C of the 36 bytes before (4), payload
///     payload   records; each is its length, its kind and its fields
///     trailer   magic (8), offset of the index block (8), zero (4), CRC-32C of the 20 bytes before (4)
///
/// Fields are varints (LEB128: seven bits a byte, low ones first), signed ones zigzag-coded; texts and bytes have their
/// length in front. A time is the nanoseconds since 1970, in records as the difference from the time before in the same
/// block.
///
///     type 1    events; kinds: 1 connection, 2 exchange, 3 lost, 4 closed, 5 drops
///     type 2    packets; kind 6
///     type 3    index: for each run of blocks its offset, times and counts; then the whole trace's summary
///
/// A block's checksum holds or the file ends there: what a crash leaves behind the last whole block is not read, and is
/// cut off before anything is appended. Readers refuse a newer major version, and pass over and count block types and
/// record kinds that a newer minor version has added.
package enum TraceFormat {
    static let magic: [UInt8] = [0x89, 0x57, 0x54, 0x52, 0x41, 0x43, 0x45, 0x0a]  // \x89 WTRACE \n
    static let trailerMagic: [UInt8] = [0x57, 0x54, 0x52, 0x41, 0x43, 0x45, 0x2e, 0x0a]  // WTRACE. \n
    static let blockMark: UInt32 = 0x4b4c_4257  // WBLK
    package static let major: UInt16 = 1
    package static let minor: UInt16 = 0

    static let headerPrefixLength = 16
    static let headerFieldLimit = 65_536
    static let blockHeaderLength = 40
    static let trailerLength = 24

    /// A block is written when it holds this many bytes or spans this much time.
    static let blockBytes = 65_536
    static let blockSpan = Duration.seconds(1)
    /// The longest payload: two messages of the largest size that readers of the wire keep, and then some.
    static let payloadLimit = 192 << 20
    /// Connections that one block may name; ours names far fewer, a hostile one shall not fill the memory.
    static let connectionLimit = 131_072
}

/// Foreign bytes that are not what they should be.
package enum TraceDecodingError: Error, Hashable, Sendable {
    /// They end inside a value.
    case ends
    /// A number beyond what it may be.
    case outOfRange
}

/// Packs values; see `TraceFormat` for their forms.
struct TraceEncoder {
    private(set) var bytes: [UInt8] = []

    mutating func clear() { bytes.removeAll(keepingCapacity: bytes.capacity <= 1 << 20) }

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// A count, which is never below zero.
    mutating func count(_ value: Int) { varint(UInt64(max(0, value))) }

    mutating func signed(_ value: Int64) { varint(UInt64(bitPattern: value << 1 ^ value >> 63)) }

    mutating func byte(_ value: UInt8) { bytes.append(value) }
    mutating func little16(_ value: UInt16) { for shift in [0, 8] { bytes.append(UInt8(value >> shift & 255)) } }
    mutating func little32(_ value: UInt32) {
        for shift: UInt32 in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
    mutating func little64(_ value: UInt64) {
        little32(UInt32(truncatingIfNeeded: value))
        little32(UInt32(truncatingIfNeeded: value >> 32))
    }

    mutating func raw(_ value: [UInt8]) { bytes += value }

    mutating func block(_ value: [UInt8]) {
        count(value.count)
        bytes += value
    }

    mutating func text(_ value: String) {
        count(value.utf8.count)
        bytes += value.utf8
    }

    mutating func endpoint(_ value: Endpoint) {
        byte(value.address.family.rawValue)
        if value.address.family == .v6 { little64(value.address.high) }
        if value.address.family == .v6 { little64(value.address.low) } else { little32(value.address.v4 ?? 0) }
        little16(value.port)
    }
}

/// Unpacks them again from a part of some bytes. Nothing is taken on trust.
struct TraceDecoder {
    private let bytes: [UInt8]
    private(set) var position: Int
    let end: Int

    init(_ bytes: [UInt8]) { self.init(bytes, 0, bytes.count) }

    private init(_ bytes: [UInt8], _ start: Int, _ end: Int) {
        self.bytes = bytes
        position = start
        self.end = end
    }

    var isAtEnd: Bool { position == end }

    mutating func byte() throws(TraceDecodingError) -> UInt8 {
        guard position < end else { throw .ends }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func varint() throws(TraceDecodingError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            // The tenth byte holds the last bit.
            guard shift < 63 || next <= 1 else { throw .outOfRange }
            value |= UInt64(next & 0x7f) << shift
            if next < 0x80 { return value }
            shift += 7
        }
    }

    mutating func count() throws(TraceDecodingError) -> Int {
        guard let value = Int(exactly: try varint()) else { throw .outOfRange }
        return value
    }

    mutating func signed() throws(TraceDecodingError) -> Int64 {
        let value = try varint()
        return Int64(bitPattern: value >> 1) ^ -Int64(value & 1)
    }

    private mutating func little(_ width: Int) throws(TraceDecodingError) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<width { value |= UInt64(try byte()) << UInt64(8 * index) }
        return value
    }

    mutating func little16() throws(TraceDecodingError) -> UInt16 { UInt16(truncatingIfNeeded: try little(2)) }
    mutating func little32() throws(TraceDecodingError) -> UInt32 { UInt32(truncatingIfNeeded: try little(4)) }
    mutating func little64() throws(TraceDecodingError) -> UInt64 { try little(8) }

    /// The next `length` bytes, to be read by themselves.
    mutating func part(_ length: Int) throws(TraceDecodingError) -> TraceDecoder {
        guard length >= 0, length <= end - position else { throw .ends }
        defer { position += length }
        return TraceDecoder(bytes, position, position + length)
    }

    mutating func block() throws(TraceDecodingError) -> [UInt8] {
        let part = try part(try count())
        return Array(bytes[part.position..<part.end])
    }

    mutating func text() throws(TraceDecodingError) -> String {
        let part = try part(try count())
        return String(decoding: bytes[part.position..<part.end], as: UTF8.self)
    }

    mutating func endpoint() throws(TraceDecodingError) -> Endpoint {
        guard let family = IPAddress.Family(rawValue: try byte()) else { throw .outOfRange }
        let address: IPAddress
        switch family {
        case .v4: address = IPAddress(v4: try little32())
        case .v6:
            let high = try little64()
            address = IPAddress(v6High: high, low: try little64())
        }
        return Endpoint(address, try little16())
    }
}
