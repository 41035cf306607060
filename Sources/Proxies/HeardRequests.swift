package import Wire

/// Which requests of a server's connections were heard and which of them answered, so that each is counted once: as heard,
/// or as lost. Pure.
package struct HeardRequests: Sendable {
    /// How many were heard, and the number behind the last one that was answered or lost.
    private struct Connection {
        var heard = 0
        var answered = 0
    }

    private var connections: [ConnectionID: Connection] = [:]

    package init() {}

    package func contains(_ id: ConnectionID) -> Bool { connections[id] != nil }

    package mutating func opened(_ id: ConnectionID) { connections[id] = Connection() }

    /// True when the reply before it was still out: the client pipelines.
    package mutating func heard(_ number: Int, on id: ConnectionID) -> Bool {
        connections[id]?.heard = number + 1
        return number > connections[id]?.answered ?? 0
    }

    package mutating func answered(_ number: Int, on id: ConnectionID) { connections[id]?.answered = number + 1 }

    /// How many of those that were lost were not heard. Requests that were heard whole are replayed, also when their
    /// replies were not heard.
    package mutating func lost(_ count: Int, on id: ConnectionID) -> Int {
        guard let connection = connections[id] else { return 0 }
        connections[id]?.answered = connection.heard
        return max(0, count - max(0, connection.heard - connection.answered))
    }

    /// True when it was one of the server's.
    package mutating func closed(_ id: ConnectionID) -> Bool { connections.removeValue(forKey: id) != nil }
}
