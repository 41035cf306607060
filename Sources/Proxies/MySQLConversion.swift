import Wire

/// A recorded answer, whatever capabilities its connection had, in the framing that `MySQLWords.capabilities` announce:
/// EOF behind definitions and rows (not CLIENT_DEPRECATE_EOF), no session states (CLIENT_SESSION_TRACK), always definitions
/// (not CLIENT_OPTIONAL_RESULTSET_METADATA), without MariaDB's additions. Packets are numbered anew.
struct MySQLConversion {
    private let recorded: [UInt8]
    private var position = 0
    private var sequence: UInt8 = 1
    private(set) var converted: [UInt8] = []
    /// Of a statement that was prepared; nil when the server refused it.
    private(set) var parameterCount: Int?
    private(set) var isInTransaction = false
    /// Where the status of the last EOF behind definitions stands, until the real one is known.
    private var unknownStatus: Int?

    private static let inTransaction = 0x0001
    private static let moreResults = 0x0008
    private static let cursorExists = 0x0040
    private static let stateChanged = 0x4000

    init(_ recorded: [UInt8]) { self.recorded = recorded }

    /// A packet with all that continues it.
    private struct Packet {
        /// Of the first one.
        var payload: ArraySlice<UInt8>
        /// As sent.
        var range: Range<Int>
        var first: UInt8 { payload.first ?? 0 }
        var isEnd: Bool { first == 0xfe && payload.count < MySQLPackets.longest }
    }

    private mutating func next() -> Packet? {
        let start = position
        var payload: ArraySlice<UInt8>?
        while position + 4 <= recorded.count {
            let length =
                Int(recorded[position]) | Int(recorded[position + 1]) << 8 | Int(recorded[position + 2]) << 16
            guard length <= recorded.count - position - 4 else { return nil }
            payload = payload ?? recorded[position + 4..<position + 4 + length]
            position += 4 + length
            if length < MySQLPackets.longest { return payload.map { Packet(payload: $0, range: start..<position) } }
        }
        return nil
    }

    private mutating func emit(_ payload: [UInt8]) {
        converted += MySQLWords.packet(payload, sequence: sequence)
        sequence &+= 1
    }

    private mutating func emit(_ packet: Packet) {
        var start = packet.range.lowerBound
        while start < packet.range.upperBound {
            let length = Int(recorded[start]) | Int(recorded[start + 1]) << 8 | Int(recorded[start + 2]) << 16
            converted += recorded[start..<start + 3] + [sequence] + recorded[start + 4..<start + 4 + length]
            sequence &+= 1
            start += 4 + length
        }
    }

    /// The answer to a query or an execution; false when it is none that can be given.
    mutating func results() -> Bool {
        while let packet = next() {
            let status: Int?
            switch packet.first {
            case 0xff:
                emit(packet)
                return position == recorded.count
            // A request for a file.
            case 0xfb: return false
            case 0 where packet.payload.count >= 7: status = accept(ok: packet)
            default: status = resultSet(packet)
            }
            guard let status else { return false }
            if status & Self.moreResults == 0 { return position == recorded.count }
        }
        return false
    }

    /// The status behind the rows; nil when the recording is not whole.
    private mutating func resultSet(_ head: Packet) -> Int? {
        guard let count = Self.columnCount(Array(head.payload)) else { return nil }
        emit(Self.lengthEncoded(count))
        for _ in 0..<count {
            guard let definition = next(), !definition.isEnd, definition.first != 0xff else { return nil }
            emit(Self.plain(definition: Array(definition.payload)))
        }
        guard position < recorded.count else { return nil }
        let start = position
        guard let packet = next() else { return nil }
        if packet.isEnd, packet.payload.count < 7 {
            // The end of the definitions is there; no rows follow when they wait for a fetch.
            let status = Self.status(ofEnd: Array(packet.payload))
            if status & Self.cursorExists != 0 { return accept(end: packet) }
            emit(packet)
        } else {
            position = start
            if packet.isEnd, Self.status(ofEnd: Array(packet.payload)) & Self.cursorExists != 0 {
                _ = next()
                return accept(end: packet)
            }
            unknownStatus = converted.count + 7
            emit([0xfe, 0, 0, 2, 0])
        }
        return rowsToEnd()
    }

    private mutating func rowsToEnd() -> Int? {
        while let packet = next() {
            if packet.isEnd { return accept(end: packet) }
            emit(packet)
            // An error ends the rows.
            if packet.first == 0xff {
                unknownStatus = nil
                return 0
            }
        }
        return nil
    }

    /// EOF, or the OK that stands for it.
    private mutating func accept(end packet: Packet) -> Int {
        let payload = Array(packet.payload)
        let status = Self.status(ofEnd: payload) & ~Self.stateChanged
        var warnings = 0
        if payload.count < 7 {
            var fields = MySQLFields(payload, from: 1)
            warnings = fields.integer(2).map { Int($0) } ?? 0
        } else {
            warnings = Self.okFields(payload).warnings
        }
        if let place = unknownStatus {
            let bytes = MySQLWords.little(status & ~Self.moreResults, 2)
            (converted[place], converted[place + 1]) = (bytes[0], bytes[1])
            unknownStatus = nil
        }
        emit([0xfe] + MySQLWords.little(warnings, 2) + MySQLWords.little(status, 2))
        isInTransaction = status & Self.inTransaction != 0
        return status
    }

    private mutating func accept(ok packet: Packet) -> Int {
        let payload = Array(packet.payload)
        let fields = Self.okFields(payload)
        let status = fields.status & ~Self.stateChanged
        var info = payload[fields.end...]
        // With session states, the text has a length before it, and the states may follow.
        var text = MySQLFields(payload, from: fields.end)
        if let count = text.lengthEncoded(), count <= text.left,
            count == text.left || fields.status & Self.stateChanged != 0
        {
            info = payload[text.position..<text.position + count]
        }
        emit(
            Array(payload[..<fields.statusPlace]) + MySQLWords.little(status, 2) + MySQLWords.little(fields.warnings, 2)
                + info)
        isInTransaction = status & Self.inTransaction != 0
        return status
    }

    /// The rows of a cursor.
    mutating func rows() -> Bool { rowsToEnd() != nil && position == recorded.count }

    /// Definitions up to their end.
    mutating func fields() -> Bool {
        while let packet = next() {
            if packet.isEnd { return accept(end: packet) >= 0 && position == recorded.count }
            emit(packet)
            if packet.first == 0xff { return position == recorded.count }
        }
        return false
    }

    /// The answer to PREPARE, with a number of ours.
    mutating func statement(number: UInt32) -> Bool {
        guard let head = next() else { return false }
        if head.first == 0xff {
            emit(head)
            return position == recorded.count
        }
        var fields = MySQLFields(Array(head.payload), from: 5)
        guard head.first == 0, let columns = fields.integer(2), let parameters = fields.integer(2), fields.skip(1),
            let warnings = fields.integer(2)
        else { return false }
        emit(
            [0] + MySQLWords.little(Int(number), 4) + MySQLWords.little(Int(columns), 2)
                + MySQLWords.little(Int(parameters), 2) + [0] + MySQLWords.little(Int(warnings), 2))
        for count in [parameters, columns] where count > 0 {
            for _ in 0..<count {
                guard let definition = nextDefinition() else { return false }
                emit(Self.plain(definition: Array(definition.payload)))
            }
            emit([0xfe, 0, 0, 2, 0])
        }
        parameterCount = Int(parameters)
        // Behind the last definition there may be an EOF, or it was nobody's in the recording.
        if position < recorded.count { return next()?.isEnd == true && position == recorded.count }
        return true
    }

    private mutating func nextDefinition() -> Packet? {
        while let packet = next() { if !packet.isEnd { return packet } }
        return nil
    }

    /// The number of columns when definitions follow (`MySQLAnswer` reads the same).
    private static func columnCount(_ head: [UInt8]) -> Int? {
        var fields = MySQLFields(head)
        var count = fields.lengthEncoded()
        if fields.left == 1, let last = head.last, last < 2, head.first != 0 {
            guard last == 1 else { return nil }
        } else if fields.left > 0, head.first == 1 {
            count = fields.lengthEncoded()
        } else if fields.left > 0 {
            return nil
        }
        guard let count, count > 0, count <= 65_535 else { return nil }
        return count
    }

    private static func lengthEncoded(_ count: Int) -> [UInt8] {
        count < 0xfb ? [UInt8(count)] : [0xfc] + MySQLWords.little(count, 2)
    }

    /// Behind six texts a definition has 13 bytes; MariaDB may put another text before them.
    private static func plain(definition: [UInt8]) -> [UInt8] {
        var fields = MySQLFields(definition)
        for _ in 0..<6 where !fields.skipString() { return definition }
        let end = fields.position
        guard fields.left != 13, fields.skipString(), fields.left == 13 else { return definition }
        return Array(definition[..<end] + definition[fields.position...])
    }

    private static func status(ofEnd payload: [UInt8]) -> Int {
        if payload.count >= 7 { return okFields(payload).status }
        var fields = MySQLFields(payload, from: 3)
        return fields.integer(2).map { Int($0) } ?? 0
    }

    private static func okFields(_ payload: [UInt8]) -> (status: Int, statusPlace: Int, warnings: Int, end: Int) {
        var fields = MySQLFields(payload, from: 1)
        _ = fields.lengthEncoded()
        _ = fields.lengthEncoded()
        let place = fields.position
        let status = fields.integer(2).map { Int($0) } ?? 0
        let warnings = fields.integer(2).map { Int($0) } ?? 0
        return (status, place, warnings, fields.position)
    }
}
