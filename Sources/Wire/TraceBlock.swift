package import Model

/// What stands before a trace's blocks.
package struct TraceHeader: Hashable, Sendable {
    package var created: Timestamp
    /// Where the packets came from, in words: never payload.
    package var source: String
    /// Requests and replies hold their bytes.
    package var keepsPayload = true
    package var keepsPackets = false
    /// Of the rules, when the trace was redacted.
    package var redaction: String?

    package init(created: Timestamp, source: String) {
        self.created = created
        self.source = source
    }

    package var bytes: [UInt8] {
        var fields = TraceEncoder()
        fields.signed(created.nanoseconds)
        fields.varint((keepsPayload ? 1 : 0) | (keepsPackets ? 2 : 0) | (redaction == nil ? 0 : 4))
        fields.text(String(source.prefix(4096)))
        fields.text(redaction ?? "")
        var encoder = TraceEncoder()
        encoder.raw(TraceFormat.magic)
        encoder.little16(TraceFormat.major)
        encoder.little16(TraceFormat.minor)
        encoder.little32(UInt32(fields.bytes.count))
        encoder.raw(fields.bytes)
        encoder.little32(CRC32C.of(encoder.bytes.span))
        return encoder.bytes
    }

    package enum Refusal: Error, Hashable, Sendable {
        case notATrace
        case newer(major: Int)
        case damaged
    }

    /// Reads the header at the start of `bytes`, and says where it ends.
    package static func read(_ bytes: [UInt8]) throws(Refusal) -> (header: TraceHeader, length: Int) {
        let prefix = TraceFormat.headerPrefixLength
        guard bytes.starts(with: TraceFormat.magic) else { throw .notATrace }
        guard bytes.count >= prefix + 4 else { throw .damaged }
        let major = UInt16(bytes[8]) | UInt16(bytes[9]) << 8
        guard major <= TraceFormat.major else { throw .newer(major: Int(major)) }
        let length = Int(bytes.span.little32(12))
        let end = prefix + length
        guard major > 0, length <= TraceFormat.headerFieldLimit, bytes.count >= end + 4,
            CRC32C.of(bytes.span.extracting(0..<end)) == bytes.span.little32(end)
        else { throw .damaged }
        do throws(TraceDecodingError) {
            var decoder = TraceDecoder(Array(bytes[prefix..<end]))
            var header = TraceHeader(created: Timestamp(nanoseconds: try decoder.signed()), source: "")
            let flags = try decoder.varint()
            header.keepsPayload = flags & 1 != 0
            header.keepsPackets = flags & 2 != 0
            header.source = try decoder.text()
            let digest = try decoder.text()
            if flags & 4 != 0 { header.redaction = digest }
            return (header, end + 4)
        } catch {
            throw .damaged
        }
    }
}

/// What stands before a block's payload.
package struct TraceBlockHeader: Hashable, Sendable {
    package static let events: UInt8 = 1
    package static let packets: UInt8 = 2
    package static let index: UInt8 = 3

    package var type: UInt8
    package var length: Int
    package var count: Int
    package var first: Timestamp
    package var last: Timestamp
    package var sum: UInt32

    package init(
        type: UInt8, payload: [UInt8], count: Int, first: Timestamp, last: Timestamp
    ) {
        self.type = type
        length = payload.count
        self.count = count
        self.first = first
        self.last = last
        sum = CRC32C.of(payload.span)
    }

    package var bytes: [UInt8] {
        var encoder = TraceEncoder()
        encoder.little32(TraceFormat.blockMark)
        encoder.little32(UInt32(type))
        encoder.little32(UInt32(truncatingIfNeeded: length))
        encoder.little32(UInt32(truncatingIfNeeded: count))
        encoder.little64(UInt64(bitPattern: first.nanoseconds))
        encoder.little64(UInt64(bitPattern: last.nanoseconds))
        encoder.little32(sum)
        encoder.little32(CRC32C.of(encoder.bytes.span))
        return encoder.bytes
    }

    /// Nil when the bytes are not a block's header, whole and unchanged.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == TraceFormat.blockHeaderLength else { return nil }
        let span = bytes.span
        guard span.little32(0) == TraceFormat.blockMark,
            CRC32C.of(span.extracting(0..<36)) == span.little32(36), bytes[5] == 0, bytes[6] == 0, bytes[7] == 0
        else { return nil }
        type = bytes[4]
        length = Int(span.little32(8))
        count = Int(span.little32(12))
        first = Timestamp(nanoseconds: Int64(bitPattern: span.little64(16)))
        last = Timestamp(nanoseconds: Int64(bitPattern: span.little64(24)))
        sum = span.little32(32)
        guard length <= TraceFormat.payloadLimit else { return nil }
    }
}

/// Collects the records of the block that is written next.
struct TraceBlockBuilder {
    let type: UInt8
    private var encoder = TraceEncoder()
    private var records = TraceRecordEncoder()
    private var named: Set<ConnectionID> = []
    private(set) var count = 0
    private(set) var exchanges = 0
    /// When the first of them became known.
    private(set) var began: Timestamp?
    private(set) var first = Timestamp.distantFuture
    private(set) var last = Timestamp.distantPast

    init(_ type: UInt8) { self.type = type }

    var isEmpty: Bool { count == 0 }
    var byteCount: Int { encoder.bytes.count }

    func names(_ connection: ConnectionID) -> Bool { named.contains(connection) }

    mutating func add(_ record: TraceRecord) {
        records.encode(record, to: &encoder)
        count += 1
        switch record {
        case .connection(let connection, let isOpened):
            named.insert(connection.id)
            // Named again it says nothing of this block's time.
            if !isOpened { return }
        case .exchange: exchanges += 1
        default: break
        }
        if began == nil { began = record.time }
        let span = record.span
        first = min(first, span.lowerBound)
        last = max(last, span.upperBound)
    }

    /// The header and the payload.
    func finish() -> (header: TraceBlockHeader, payload: [UInt8]) {
        (TraceBlockHeader(type: type, payload: encoder.bytes, count: count, first: first, last: last), encoder.bytes)
    }
}
