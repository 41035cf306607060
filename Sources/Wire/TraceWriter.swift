import Glibc
import Model
import OperatingSystem

/// Writes a trace. What was flushed survives the end of the process, and within a second that of the machine. One
/// owner, used by one thread at a time.
package final class TraceWriter {
    package let path: String
    package let header: TraceHeader
    /// Of everything written, and of what an appended trace held before.
    package private(set) var index: TraceIndex
    /// The file's length so far, without what is not flushed yet.
    package private(set) var byteCount: Int64

    private let file: Descriptor
    private var events = TraceBlockBuilder(TraceBlockHeader.events)
    private var packets = TraceBlockBuilder(TraceBlockHeader.packets)
    /// Those open now: each block names again those it speaks of.
    private var connections: [ConnectionID: TraceConnection] = [:]
    /// Added to connection numbers, so that they are not those of before.
    private let firstConnection: ConnectionID
    private let clock = SteadyClock()
    private var lastSync: Int64 = 0
    private var isClosed = false

    private init(
        _ file: Descriptor, path: String, _ header: TraceHeader, _ index: TraceIndex, byteCount: Int64
    ) {
        self.file = file
        self.path = path
        self.header = header
        self.index = index
        self.byteCount = byteCount
        firstConnection = index.summary.highestConnection
    }

    deinit { file.unlock() }

    package var summary: TraceSummary { index.summary }

    /// Begins a trace in a file of its own that only its owner reads; one that is there is replaced only if so asked.
    package static func create(
        _ path: String, _ header: TraceHeader, replacing: Bool = false
    ) throws(TraceError) -> TraceWriter {
        let file: Descriptor
        do throws(SystemError) {
            file = try Descriptor.create(path, replacing: replacing)
        } catch  where error.code == EEXIST {
            throw TraceError(
                path, .exists,
                replacing
                    ? "it is not a regular file"
                    : "there is such a file already; choose another name, or replace it with --force")
        } catch {
            throw TraceError(path, error)
        }
        try lock(file, path)
        let bytes = header.bytes
        try onFile(path) { () throws(SystemError) in try file.writeAll(bytes) }
        return TraceWriter(file, path: path, header, TraceIndex(), byteCount: Int64(bytes.count))
    }

    /// Goes on with a trace; what an interrupted writer left behind the last whole block is cut off.
    package static func append(_ path: String) throws(TraceError) -> TraceWriter {
        let file = try onFile(path) { () throws(SystemError) in
            try Descriptor.open(path, O_RDWR | O_NOFOLLOW)
        }
        try lock(file, path)
        let reader = try TraceReader(file, path: path, TraceWindow())
        guard reader.header.redaction == nil else {
            throw TraceError(path, .refused, "it is redacted; what is added would not be. Write to another file")
        }
        let index = try reader.scan()
        let end = try reader.end()
        if !reader.isClosed, try reader.holdsBlock(behind: end) {
            throw TraceError(
                path, .damaged,
                "the block at byte \(end) is damaged and whole ones follow, which appending would lose; "
                    + "'whatif trace cut' copies what can be read")
        }
        try onFile(path) { () throws(SystemError) in try file.truncate(to: end) }
        return TraceWriter(file, path: path, reader.header, index, byteCount: end)
    }

    private static func lock(_ file: Descriptor, _ path: String) throws(TraceError) {
        guard file.lock() else { throw TraceError(path, .busy, "another program is writing it") }
    }

    /// Adds a record. A connection is named before anything else is said of it.
    package func write(_ record: TraceRecord) throws(TraceError) {
        var record = record
        if firstConnection > 0 { record = record.renumbered { $0 &+ firstConnection } }
        if !header.keepsPayload { record = record.withoutPayload() }
        if case .exchange(let id, let exchange) = record, exchange.storedBytes > TraceFormat.payloadLimit - 1 << 20 {
            // No reader keeps so much of one exchange; if one does, the trace says what it has not.
            record = .lost(id, count: 1, .tooLarge, record.time)
        }
        if case .packet = record { try add(record, \.packets) } else { try add(record, \.events) }
    }

    private func add(_ record: TraceRecord, _ builder: ReferenceWritableKeyPath<TraceWriter, TraceBlockBuilder>)
        throws(TraceError)
    {
        if let began = self[keyPath: builder].began, record.time - began >= TraceFormat.blockSpan { try flush() }
        switch record {
        case .connection(let connection, _):
            // Those of a connection that was never closed may not fill the memory; they are told again as new.
            if connections.count >= 1_000_000 { connections.removeAll() }
            guard connections.updateValue(connection, forKey: connection.id) == nil else { return }
            put(.connection(connection, isOpened: true), builder)
        default:
            if let id = record.connection, !self[keyPath: builder].names(id), let connection = connections[id] {
                put(.connection(connection, isOpened: false), builder)
            }
            put(record, builder)
            if case .closed(let id, _) = record { connections[id] = nil }
        }
        if self[keyPath: builder].byteCount >= TraceFormat.blockBytes { try flush() }
    }

    private func put(_ record: TraceRecord, _ builder: ReferenceWritableKeyPath<TraceWriter, TraceBlockBuilder>) {
        self[keyPath: builder].add(record)
        index.summary.add(record)
    }

    package func knows(_ connection: ConnectionID) -> Bool { connections[connection] != nil }

    /// Writes what was collected; to be called now and then when nothing comes.
    package func flush() throws(TraceError) {
        try write(&events)
        try write(&packets)
        let now = clock.now
        guard now - lastSync >= TraceFormat.blockSpan.nanoseconds else { return }
        lastSync = now
        try onFile(path) { () throws(SystemError) in try file.syncData() }
    }

    private func write(_ builder: inout TraceBlockBuilder) throws(TraceError) {
        guard !builder.isEmpty else { return }
        let (header, payload) = builder.finish()
        let bytes = header.bytes + payload
        try onFile(path) { () throws(SystemError) in try file.writeAll(bytes) }
        index.add(header, exchanges: builder.exchanges, at: byteCount)
        byteCount += Int64(bytes.count)
        builder = TraceBlockBuilder(builder.type)
    }

    /// Ends the trace with its index. Without, it is read as one whose writer was interrupted.
    package func close() throws(TraceError) {
        guard !isClosed else { return }
        isClosed = true
        try flush()
        let payload = index.encoded()
        let header = TraceBlockHeader(
            type: TraceBlockHeader.index, payload: payload, count: index.entries.count, first: summary.first,
            last: summary.last)
        let bytes = header.bytes + payload + TraceIndex.trailer(indexAt: byteCount)
        try onFile(path) { () throws(SystemError) in
            try file.writeAll(bytes)
            try file.syncData()
        }
        byteCount += Int64(bytes.count)
    }
}

extension TraceReader {
    /// Where the next block goes: behind the last whole one. Known at the end.
    func end() throws(TraceError) -> Int64 {
        if isClosed { return blocksEnd }
        while try next() != nil {}
        return position
    }

    /// Whether the header of a whole block stands anywhere behind `start`, but not there: then what stands there is
    /// damage, and not the trace of an interruption.
    func holdsBlock(behind start: Int64) throws(TraceError) -> Bool {
        let length = TraceFormat.blockHeaderLength
        var place = start + 1
        while true {
            let offset = place
            let bytes = try onFile(path) { () throws(SystemError) in try file.read(at: offset, count: 1 << 20) }
            guard bytes.count >= length else { return false }
            var found = 0
            // The mark's first letter is W.
            while let candidate = bytes.span.firstIndex(of: 0x57, from: found), candidate + length <= bytes.count {
                let header = TraceBlockHeader(Array(bytes[candidate..<candidate + length]))
                if let header, header.type != TraceBlockHeader.index { return true }
                found = candidate + 1
            }
            place += Int64(bytes.count - length + 1)
        }
    }
}

extension Exchange {
    fileprivate var storedBytes: Int { request.label.utf8.count + request.bytes.count + reply.bytes.count }
}

extension TraceRecord {
    package func renumbered(_ number: (ConnectionID) -> ConnectionID) -> TraceRecord {
        switch self {
        case .connection(var connection, let isOpened):
            connection.id = number(connection.id)
            return .connection(connection, isOpened: isOpened)
        case .exchange(let id, let exchange): return .exchange(number(id), exchange)
        case .lost(let id, let count, let reason, let time): return .lost(number(id), count: count, reason, time)
        case .closed(let id, let time): return .closed(number(id), time)
        case .drops, .packet: return self
        }
    }

    fileprivate func withoutPayload() -> TraceRecord {
        guard case .exchange(let id, var exchange) = self else { return self }
        exchange.request.label = ""
        exchange.request.bytes = []
        exchange.reply.bytes = []
        return .exchange(id, exchange)
    }
}
