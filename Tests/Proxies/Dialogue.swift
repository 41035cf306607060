import Model
import OperatingSystem
import Proxies
import Wire

/// A connection to a real server as the in-proxy has one: logs in and asks, and every byte also goes to the reader of the
/// protocol, which must lose nothing.
struct Dialogue {
    struct Loss: Error { let reason: LossReason }

    private let name: ApplicationProtocol
    private let socket: Descriptor
    private let poller: Poller
    private var reader: any ConnectionReader
    private var events: [WireEvent] = []

    init(_ name: ApplicationProtocol, _ port: UInt16) throws {
        self.name = name
        socket = try Sockets.connect(to: 0x7f00_0001, port)
        poller = try Poller()
        try poller.add(socket.raw, token: 0, writable: true)
        guard let entry = ProtocolTable.entry(name) else { throw LogInFailure.closed(name) }
        reader = entry.reader(ReaderSetting(0, fromStart: true))
        _ = try poller.wait(nanoseconds: Self.patience)
        let error = Sockets.error(of: socket)
        guard error == 0 else { throw SystemError("connect", code: error) }
        try poller.change(socket.raw, token: 0, writable: false)
    }

    private static let patience: Int64 = 20_000_000_000
    private static let time = Timestamp(nanoseconds: 0)

    /// A connection that is logged in.
    init(_ name: ApplicationProtocol, _ port: UInt16, _ logIn: any ClientLogIn) throws {
        try self.init(name, port)
        try self.logIn(logIn)
    }

    private mutating func logIn(_ logIn: any ClientLogIn) throws {
        var logIn = logIn
        try send(logIn.begin())
        while true {
            let bytes = try receive()
            switch try logIn.received(bytes.span) {
            case .send(let answer): try send(answer)
            case .done(let rest):
                guard rest.isEmpty else { throw Loss(reason: .malformed) }
                events.removeAll()
                return
            }
        }
    }

    /// Sends a request and waits for as many exchanges.
    mutating func ask(_ bytes: [UInt8], exchanges count: Int = 1) throws -> [Exchange] {
        events.removeAll()
        try send(bytes)
        while true {
            let exchanges = events.compactMap { event in
                if case .exchange(_, let exchange) = event { exchange } else { nil }
            }
            if exchanges.count >= count { return exchanges }
            _ = try receive()
        }
    }

    private mutating func send(_ bytes: [UInt8]) throws {
        if bytes.isEmpty { return }
        var events: [WireEvent] = []
        reader.client(bytes.span, at: Self.time) { events.append($0) }
        try take(events)
        var start = 0
        while start < bytes.count {
            guard let count = Sockets.send(socket, bytes, from: start) else { throw LogInFailure.closed(name) }
            start += count
        }
    }

    private mutating func receive() throws -> [UInt8] {
        guard !(try poller.wait(nanoseconds: Self.patience)).isEmpty else { throw SystemError("wait", code: 110) }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        switch Sockets.receive(socket, into: &buffer) {
        case .nothingYet: return []
        case .ended, .failed: throw LogInFailure.closed(name)
        case .bytes(let count, _):
            let bytes = Array(buffer.prefix(count))
            var events: [WireEvent] = []
            reader.server(bytes.span, at: Self.time) { events.append($0) }
            try take(events)
            return bytes
        }
    }

    private mutating func take(_ events: [WireEvent]) throws {
        for case .lost(_, _, let reason, _) in events { throw Loss(reason: reason) }
        self.events += events
    }
}
