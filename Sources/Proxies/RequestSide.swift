import Model
import OperatingSystem

/// The in-proxy's sockets, on the loop's thread. It decides nothing: `InProxy` does.
struct RequestSide {
    private struct Connection {
        var socket: SocketBuffer
        var isConnected = false
    }

    var proxy = InProxy()
    private let target: Endpoint
    private let source: UInt32?
    private let poller: Poller
    private let clock: SteadyClock
    private var connections: [InProxy.Slot: Connection] = [:]

    init(target: Endpoint, source: UInt32?, poller: Poller, clock: SteadyClock) {
        self.target = target
        self.source = source
        self.poller = poller
        self.clock = clock
    }

    private var now: Timestamp { Timestamp(nanoseconds: clock.now) }

    var nextDue: Timestamp? { proxy.nextDue }

    mutating func sendDue() throws(SystemError) { try perform(proxy.due(at: now)) }

    private mutating func perform(_ actions: [InProxy.Action]) throws(SystemError) {
        for action in actions {
            switch action {
            case .open(let slot):
                guard let address = target.address.v4 else { continue }
                do {
                    let descriptor = try Sockets.connect(to: address, target.port, from: source)
                    try poller.add(descriptor.raw, token: UInt64(slot), writable: true)
                    connections[slot] = Connection(socket: SocketBuffer(descriptor))
                } catch {
                    // Refused at once: the request that follows is accounted for as cut off.
                    continue
                }
            case .send(let slot, let bytes):
                guard connections[slot] != nil else {
                    proxy.ended(slot, at: now)
                    continue
                }
                connections[slot]?.socket.append(bytes)
                if connections[slot]?.isConnected == true { try flush(slot) }
            case .close(let slot):
                connections[slot] = nil
            }
        }
    }

    mutating func handle(_ event: Poller.Event) throws(SystemError) {
        let slot = InProxy.Slot(event.token)
        guard let connection = connections[slot] else { return }
        if event.writable, !connection.isConnected {
            if Sockets.error(of: connection.socket.descriptor) != 0 {
                end(slot)
                return
            }
            connections[slot]?.isConnected = true
            try poller.change(connection.socket.descriptor.raw, token: event.token, writable: false)
        }
        if event.writable { try flush(slot) }
        guard event.readable, connections[slot] != nil else { return }
        switch Sockets.receive(connection.socket.descriptor) {
        case .bytes(let bytes): try perform(proxy.received(bytes.span, on: slot, at: now))
        case .nothingYet: break
        case .ended: end(slot)
        }
    }

    private mutating func end(_ slot: InProxy.Slot) {
        connections[slot] = nil
        proxy.ended(slot, at: now)
    }

    private mutating func flush(_ slot: InProxy.Slot) throws(SystemError) {
        guard let hasMore = connections[slot]?.socket.flush(), let connection = connections[slot] else {
            end(slot)
            return
        }
        try poller.change(connection.socket.descriptor.raw, token: UInt64(slot), writable: hasMore)
    }
}
