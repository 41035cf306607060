import OperatingSystem

/// A socket and what is still to be sent on it.
struct SocketBuffer {
    let descriptor: Descriptor
    private var unsent: [UInt8] = []
    private var start = 0

    init(_ descriptor: Descriptor) { self.descriptor = descriptor }

    var unsentCount: Int { unsent.count - start }

    mutating func append(_ bytes: [UInt8]) {
        // What the other side is slow to take is not kept twice.
        if start > 1 << 20 {
            unsent.removeSubrange(..<start)
            start = 0
        }
        unsent += bytes
    }

    /// The same as `append` and `flush`, without keeping what the kernel takes at once.
    mutating func send(_ bytes: [UInt8]) -> Bool? {
        guard unsentCount == 0 else {
            append(bytes)
            return flush()
        }
        guard let count = Sockets.send(descriptor, bytes, from: 0) else { return nil }
        if count < bytes.count { unsent += bytes[count...] }
        return count < bytes.count
    }

    /// Sends what the kernel takes; true when something is left for later, nil when the connection is gone.
    mutating func flush() -> Bool? {
        while start < unsent.count {
            guard let count = Sockets.send(descriptor, unsent, from: start) else { return nil }
            if count == 0 { return true }
            start += count
        }
        // A large answer's room is given back.
        unsent.removeAll(keepingCapacity: unsent.capacity <= 1 << 16)
        start = 0
        return false
    }
}
