package import Wire

/// Which requests of a server's connections were heard and which of them answered, so that each is counted once: as heard,
/// or as lost. Pure.
package struct HeardRequests: Sendable {
    /// How many were heard, and the number behind the last one that was answered or lost.
    private struct Connection {
        var heard = 0
        var answered = 0
    }

    private var connections = NumberTable<Connection>()

    package init() {}

    package func contains(_ id: ConnectionID) -> Bool { connections.contains(id) }

    package mutating func opened(_ id: ConnectionID) { connections[id] = Connection() }

    /// True when the reply before it was still out: the client pipelines. Nil when it was not one of the server's.
    package mutating func heard(_ number: Int, on id: ConnectionID) -> Bool? {
        connections.update(id) { connection in
            connection.heard = number + 1
            return number > connection.answered
        }
    }

    /// True when it was one of the server's.
    package mutating func answered(_ number: Int, on id: ConnectionID) -> Bool {
        connections.update(id) { $0.answered = number + 1 } != nil
    }

    /// How many of those that were lost were not heard. Requests that were heard whole are replayed, also when their
    /// replies were not heard.
    package mutating func lost(_ count: Int, on id: ConnectionID) -> Int {
        connections.update(id) { connection in
            defer { connection.answered = connection.heard }
            return max(0, count - max(0, connection.heard - connection.answered))
        } ?? 0
    }

    /// True when it was one of the server's.
    package mutating func closed(_ id: ConnectionID) -> Bool {
        defer { connections.remove(id) }
        return connections.contains(id)
    }
}
