import Glibc
package import Model
package import OperatingSystem

/// Which part of a trace is wanted: blocks that cannot hold any of it are not read.
package struct TraceWindow: Sendable {
    package var from = Timestamp(nanoseconds: .min)
    package var to = Timestamp(nanoseconds: .max)
    package var blockTypes: Set<UInt8> = [TraceBlockHeader.events, TraceBlockHeader.packets]

    package init() {}

    /// Without the packets: for who wants exchanges.
    package static var events: TraceWindow {
        var window = TraceWindow()
        window.blockTypes = [TraceBlockHeader.events]
        return window
    }

    /// Without anything but the packets.
    package static var packets: TraceWindow {
        var window = TraceWindow()
        window.blockTypes = [TraceBlockHeader.packets]
        return window
    }

    func overlaps(_ first: Timestamp, _ last: Timestamp) -> Bool { last >= from && first < to }
}

/// Reads a trace from front to back, a block in memory at a time. One owner, used by one thread at a time.
///
/// A file that is being written, or whose writer was interrupted, is read up to the last whole block; `unread` then
/// says how much is behind it.
package final class TraceReader {
    package let path: String
    package let header: TraceHeader
    /// There when the trace was closed.
    package let index: TraceIndex?
    /// Bytes at the end that are not whole, once reading has come there.
    package private(set) var unread: Int64 = 0
    /// Damaged places inside a closed trace that were passed over.
    package private(set) var damaged = 0
    package private(set) var unknownBlocks = 0
    package private(set) var unknownRecords = 0
    /// The connections that the present block has named so far.
    package private(set) var connections: [ConnectionID: TraceConnection] = [:]

    let file: Descriptor
    private let window: TraceWindow
    private let size: Int64
    /// Where the index stands, or the end of the file.
    let blocksEnd: Int64
    /// Behind the last whole block that was read.
    private(set) var position: Int64
    private var run = 0
    private var cursor: TraceRecordCursor?
    /// The present block's place and header.
    private(set) var block: (offset: Int64, header: TraceBlockHeader)?

    package convenience init(_ path: String, _ window: TraceWindow = TraceWindow()) throws(TraceError) {
        let file = try onFile(path) { () throws(SystemError) in try Descriptor.open(path, O_RDONLY) }
        try self.init(file, path: path, window)
    }

    init(_ file: Descriptor, path: String, _ window: TraceWindow) throws(TraceError) {
        self.path = path
        self.file = file
        self.window = window
        let size = try onFile(path) { () throws(SystemError) in try file.fileSize() }
        self.size = size
        let longest = TraceFormat.headerPrefixLength + TraceFormat.headerFieldLimit + 4
        let start = try onFile(path) { () throws(SystemError) in try file.read(at: 0, count: longest) }
        let length: Int
        do throws(TraceHeader.Refusal) {
            (header, length) = try TraceHeader.read(start)
        } catch {
            throw TraceError(path, error)
        }
        position = Int64(length)
        let found = try onFile(path) { () throws(SystemError) in
            try Self.index(of: file, size: size, behind: Int64(length))
        }
        index = found?.index
        blocksEnd = found?.offset ?? size
    }

    package var isClosed: Bool { index != nil }

    /// Tells whether another name means this file.
    package func identity() throws(TraceError) -> Descriptor.Identity {
        try onFile(path) { () throws(SystemError) in try file.identity() }
    }

    /// The index of a closed trace, if all of it and the trailer are whole.
    private static func index(
        of file: Descriptor, size: Int64, behind start: Int64
    ) throws(SystemError) -> (index: TraceIndex, offset: Int64)? {
        let end = size - Int64(TraceFormat.trailerLength)
        let headerLength = TraceFormat.blockHeaderLength
        guard end >= start + Int64(headerLength),
            let offset = TraceIndex.offset(
                inTrailer: try file.read(at: end, count: TraceFormat.trailerLength)),
            offset >= start, offset <= end - Int64(headerLength),
            let header = TraceBlockHeader(try file.read(at: offset, count: headerLength)),
            header.type == TraceBlockHeader.index, Int64(header.length) == end - offset - Int64(headerLength)
        else { return nil }
        let payload = try file.read(at: offset + Int64(headerLength), count: header.length)
        guard payload.count == header.length, CRC32C.of(payload.span) == header.sum,
            let index = try? TraceIndex(payload, end: offset)
        else { return nil }
        return (index, offset)
    }

    /// The next record of the window's blocks; nil at the end. Blocks are taken whole: a record may lie outside of the
    /// window's times.
    package func next() throws(TraceError) -> TraceRecord? {
        while true {
            if cursor == nil, try !openBlock() { return nil }
            let place = block?.offset ?? position
            do throws(TraceDecodingError) {
                if let record = try cursor?.next() {
                    if case .connection(let connection, _) = record {
                        guard connections.count < TraceFormat.connectionLimit else { throw .outOfRange }
                        connections[connection.id] = connection
                    }
                    return record
                }
            } catch {
                throw TraceError(path, .damaged, "the block at byte \(place) has a checksum that holds and no sense")
            }
            unknownRecords += cursor?.unknown ?? 0
            cursor = nil
        }
    }

    private func openBlock() throws(TraceError) -> Bool {
        connections.removeAll(keepingCapacity: true)
        guard let (offset, header, payload) = try nextBlock() else { return false }
        block = (offset, header)
        cursor = TraceRecordCursor(payload)
        return true
    }

    private func nextBlock() throws(TraceError) -> (offset: Int64, header: TraceBlockHeader, payload: [UInt8])? {
        let headerLength = Int64(TraceFormat.blockHeaderLength)
        while true {
            skipRuns()
            guard position < blocksEnd else { return nil }
            let place = position
            let bytes = try read(place, Int(headerLength))
            guard let header = TraceBlockHeader(bytes), header.type != TraceBlockHeader.index,
                place + headerLength + Int64(header.length) <= blocksEnd
            else {
                guard resume(behind: place) else { return nil }
                continue
            }
            let end = place + headerLength + Int64(header.length)
            guard window.blockTypes.contains(header.type), window.overlaps(header.first, header.last) else {
                if header.type > TraceBlockHeader.index || header.type == 0 { unknownBlocks += 1 }
                position = end
                continue
            }
            let payload = try read(place + headerLength, header.length)
            guard payload.count == header.length, CRC32C.of(payload.span) == header.sum else {
                if isClosed {
                    damaged += 1
                    position = end
                    continue
                }
                unread = size - place
                return nil
            }
            position = end
            return (place, header, payload)
        }
    }

    private func read(_ offset: Int64, _ count: Int) throws(TraceError) -> [UInt8] {
        try onFile(path) { () throws(SystemError) in try file.read(at: offset, count: count) }
    }

    /// Passes over whole runs of blocks that the window does not touch.
    private func skipRuns() {
        guard let entries = index?.entries else { return }
        while run < entries.count {
            let end = run + 1 < entries.count ? entries[run + 1].offset : blocksEnd
            if position >= end {
                run += 1
            } else if position == entries[run].offset, !window.overlaps(entries[run].first, entries[run].last) {
                position = end
                run += 1
            } else {
                return
            }
        }
    }

    /// Behind a block header that does not hold: a closed trace is read on at the next place its index knows; else this
    /// is where its writer was interrupted.
    private func resume(behind place: Int64) -> Bool {
        guard let entries = index?.entries else {
            unread = size - place
            return false
        }
        damaged += 1
        position = entries.first { $0.offset > place }?.offset ?? blocksEnd
        return true
    }
}

extension TraceReader {
    /// What a reader has to say of a trace that is not as its writer meant it; nil when all is well. Known at the end.
    package var complaint: String? {
        var parts: [String] = []
        if unread > 0 {
            parts.append(
                "the last \(unread) bytes are not whole (the writer was interrupted); everything before is read")
        }
        if damaged > 0 { parts.append("\(damaged) damaged blocks were passed over") }
        if unknownBlocks + unknownRecords > 0 {
            parts.append(
                "\(unknownBlocks) blocks and \(unknownRecords) records of a newer version were passed over")
        }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    /// The index of a trace, made by reading it where its writer left none. Reads to the end.
    package func scan() throws(TraceError) -> TraceIndex {
        if let index { return index }
        var made = TraceIndex()
        var present: (offset: Int64, header: TraceBlockHeader)?
        var exchanges = 0
        while true {
            let record = try next()
            if let present, record == nil || block?.offset != present.offset {
                made.add(present.header, exchanges: exchanges, at: present.offset)
                exchanges = 0
            }
            guard let record else { return made }
            present = block
            if case .exchange = record { exchanges += 1 }
            made.summary.add(record)
        }
    }
}
