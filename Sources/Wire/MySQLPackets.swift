package import Model

/// Cuts one direction of a MySQL connection into messages (MySQL Source Code Documentation, "MySQL Packets").
///
/// A packet is a length of three bytes, a sequence number and a payload. A payload of 16 MiB - 1 is continued in the
/// next packet, which may be empty; what comes out here is whole.
package struct MySQLPackets: Sendable {
    package enum Failure: Error { case malformed, tooLarge }

    /// What is kept of a message's payload: rows and files are passed over, but for what tells them apart.
    package enum Keeping: Sendable {
        case head(Int)
        /// A longer one is too large.
        case all(limit: Int)
    }

    package struct Message: Sendable {
        /// Of its first packet and of its last.
        package fileprivate(set) var sequence: UInt8
        package fileprivate(set) var lastSequence: UInt8
        /// Of the payload.
        package fileprivate(set) var length = 0
        /// As sent, headers included.
        package fileprivate(set) var byteCount = 0
        package let firstByte: Timestamp
    }

    /// A packet with a payload of this length is continued.
    package static let longest = 0xff_ffff

    private var header: UInt32 = 0
    private var headerCount = 0
    /// Bytes of the packet's payload that are still to come.
    private var left = 0
    private var message: Message?
    private var keeping = Keeping.head(0)
    /// What was kept of the message that `next` gave last, or of the one that is under way.
    package private(set) var payload: [UInt8] = []

    package init() {}

    package var isBetweenMessages: Bool { message == nil }
    package var retainedBytes: Int { payload.count }

    /// The next whole message, or nil when the bytes are used up. `wanted` is of messages that begin here.
    package mutating func next(
        _ bytes: Span<UInt8>, from position: inout Int, at time: Timestamp, keeping wanted: Keeping
    ) throws(Failure) -> Message? {
        while true {
            while headerCount < 4 {
                guard position < bytes.count else { return nil }
                if message == nil { begin(wanted, at: time) }
                header |= UInt32(bytes[position]) << UInt32(8 * headerCount)
                position += 1
                headerCount += 1
                if headerCount == 4 { try readHeader() }
            }
            let here = min(left, bytes.count - position)
            if case .head(let most) = keeping {
                payload.append(bytes.extracting(position..<position + max(0, min(here, most - payload.count))))
            } else {
                payload.append(bytes.extracting(position..<position + here))
            }
            position += here
            left -= here
            guard left == 0 else { return nil }
            let isContinued = Int(header & 0xff_ffff) == Self.longest
            header = 0
            headerCount = 0
            if isContinued { continue }
            defer { message = nil }
            return message
        }
    }

    private mutating func begin(_ wanted: Keeping, at time: Timestamp) {
        keeping = wanted
        message = Message(sequence: 0, lastSequence: 0, firstByte: time)
        // A large message's room is given back.
        payload.removeAll(keepingCapacity: payload.capacity < 1 << 20)
    }

    private mutating func readHeader() throws(Failure) {
        guard var open = message else { return }
        left = Int(header & 0xff_ffff)
        let sequence = UInt8(truncatingIfNeeded: header >> 24)
        if open.byteCount == 0 {
            open.sequence = sequence
        } else if sequence != open.lastSequence &+ 1 {
            throw .malformed
        }
        open.lastSequence = sequence
        open.length += left
        open.byteCount += left + 4
        if case .all(let limit) = keeping, open.length > limit { throw .tooLarge }
        message = open
    }
}

/// Reads a payload's fields; nil when it ends too early ("Protocol Data Types").
package struct MySQLFields: Sendable {
    private let bytes: [UInt8]
    package private(set) var position: Int

    package init(_ bytes: [UInt8], from position: Int = 0) {
        self.bytes = bytes
        self.position = min(position, bytes.count)
    }

    package var left: Int { bytes.count - position }

    /// An integer of up to eight bytes, the lowest first.
    package mutating func integer(_ count: Int) -> UInt64? {
        guard count <= left else { return nil }
        var value: UInt64 = 0
        for index in 0..<count { value |= UInt64(bytes[position + index]) << UInt64(8 * index) }
        position += count
        return value
    }

    package mutating func byte() -> UInt8? { integer(1).map { UInt8(truncatingIfNeeded: $0) } }

    package mutating func skip(_ count: Int) -> Bool {
        guard count >= 0, count <= left else { return false }
        position += count
        return true
    }

    /// A length-encoded integer; 0xfb (NULL) and 0xff are none.
    package mutating func lengthEncoded() -> Int? {
        guard let first = byte() else { return nil }
        switch first {
        case 0xfc: return integer(2).flatMap { Int(exactly: $0) }
        case 0xfd: return integer(3).flatMap { Int(exactly: $0) }
        case 0xfe: return integer(8).flatMap { Int(exactly: $0) }
        case 0xfb, 0xff: return nil
        default: return Int(first)
        }
    }

    /// Passes over a length-encoded string.
    package mutating func skipString() -> Bool { lengthEncoded().map { skip($0) } ?? false }

    /// Where the bytes up to the next NUL stand; behind it reading goes on.
    package mutating func terminated() -> Range<Int>? {
        guard let end = bytes.span.firstIndex(of: 0, from: position) else { return nil }
        defer { position = end + 1 }
        return position..<end
    }
}
