package import Model

/// Where in a trace what is: an entry for each run of neighbouring blocks, and the summary of the whole.
package struct TraceIndex: Hashable, Sendable {
    package struct Entry: Hashable, Sendable {
        package var offset: Int64
        package var blocks: Int
        package var first: Timestamp
        package var last: Timestamp
        package var exchanges: Int
        package var packets: Int
    }

    /// Runs are joined in pairs when there are more: the index stays small however long the trace.
    static let limit = 16_384

    package private(set) var entries: [Entry] = []
    package var summary = TraceSummary()
    /// Blocks that a new run takes up before the next begins.
    private var runLength = 1

    package init() {}

    mutating func add(_ header: TraceBlockHeader, exchanges: Int, at offset: Int64) {
        let packets = header.type == TraceBlockHeader.packets ? header.count : 0
        let entry = Entry(
            offset: offset, blocks: 1, first: header.first, last: header.last, exchanges: exchanges, packets: packets)
        if let last = entries.last, last.blocks < runLength {
            entries[entries.count - 1] = Self.join(last, entry)
            return
        }
        if entries.count == Self.limit {
            entries = stride(from: 0, to: entries.count, by: 2).map { place in
                place + 1 < entries.count ? Self.join(entries[place], entries[place + 1]) : entries[place]
            }
            runLength *= 2
        }
        entries.append(entry)
    }

    private static func join(_ a: Entry, _ b: Entry) -> Entry {
        Entry(
            offset: a.offset, blocks: a.blocks &+ b.blocks, first: min(a.first, b.first), last: max(a.last, b.last),
            exchanges: a.exchanges &+ b.exchanges, packets: a.packets &+ b.packets)
    }

    func encoded() -> [UInt8] {
        var encoder = TraceEncoder()
        encoder.count(runLength)
        encoder.count(entries.count)
        var offset: Int64 = 0
        for entry in entries {
            encoder.count(Int(entry.offset - offset))
            offset = entry.offset
            encoder.count(entry.blocks)
            encoder.signed(entry.first.nanoseconds)
            encoder.signed(entry.last.nanoseconds &- entry.first.nanoseconds)
            encoder.count(entry.exchanges)
            encoder.count(entry.packets)
        }
        summary.encode(to: &encoder)
        return encoder.bytes
    }

    /// `end` is where the index block stands: no run begins behind it.
    init(_ payload: [UInt8], end: Int64) throws(TraceDecodingError) {
        var decoder = TraceDecoder(payload)
        runLength = max(1, try decoder.count(upTo: 1 << 30))
        var offset: Int64 = 0
        for _ in 0..<(try decoder.count(upTo: Self.limit)) {
            offset += Int64(try decoder.count(upTo: Int(end - offset)))
            let blocks = try decoder.count()
            let first = try decoder.signed()
            let last = first &+ (try decoder.signed())
            entries.append(
                Entry(
                    offset: offset, blocks: blocks, first: Timestamp(nanoseconds: first),
                    last: Timestamp(nanoseconds: last), exchanges: try decoder.count(), packets: try decoder.count()))
        }
        summary = try TraceSummary(from: &decoder)
    }

    /// Points from the end of the file to the index block.
    static func trailer(indexAt offset: Int64) -> [UInt8] {
        var encoder = TraceEncoder()
        encoder.raw(TraceFormat.trailerMagic)
        encoder.little64(UInt64(offset))
        encoder.little32(0)
        encoder.little32(CRC32C.of(encoder.bytes.span))
        return encoder.bytes
    }

    /// The offset in a trailer; nil when it is none.
    static func offset(inTrailer bytes: [UInt8]) -> Int64? {
        guard bytes.count == TraceFormat.trailerLength, bytes.starts(with: TraceFormat.trailerMagic),
            CRC32C.of(bytes.span.extracting(0..<20)) == bytes.span.little32(20), bytes.span.little32(16) == 0
        else { return nil }
        return Int64(exactly: bytes.span.little64(8))
    }
}
