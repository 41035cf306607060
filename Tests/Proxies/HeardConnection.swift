import Model
import Wire

/// A client's HTTP connection, packet for packet, as a capture has it; packets may be left out.
struct HeardConnection {
    struct Packet {
        let segment: TCPSegment
        let bytes: [UInt8]
        let time: Timestamp
    }

    private(set) var packets: [Packet] = []
    private let client: Endpoint
    private let server: Endpoint
    private var said: (client: UInt32, server: UInt32) = (1_000, 5_000)

    init(_ number: Int, to server: Endpoint, at time: Timestamp) {
        client = Endpoint(IPAddress(v4: 0x0a00_0002), UInt16(40_000 + number))
        self.server = server
        packets.append(packet(fromClient: true, .syn, [], time))
        packets.append(packet(fromClient: false, [.syn, .acknowledgement], [], time))
        said = (said.client + 1, said.server + 1)
    }

    private func packet(
        fromClient: Bool, _ flags: TCPSegment.Flags, _ bytes: [UInt8], _ time: Timestamp
    ) -> Packet {
        let segment = TCPSegment(
            source: fromClient ? client : server, destination: fromClient ? server : client,
            sequence: fromClient ? said.client : said.server, acknowledged: fromClient ? said.server : said.client,
            flags: flags, payload: 0..<bytes.count)
        return Packet(segment: segment, bytes: bytes, time: time)
    }

    /// A segment that was sent; only what is heard is in the capture.
    mutating func say(_ text: String, fromClient: Bool, at time: Timestamp, isHeard: Bool = true) {
        let bytes = Array(text.utf8)
        if isHeard { packets.append(packet(fromClient: fromClient, .acknowledgement, bytes, time)) }
        if fromClient { said.client += UInt32(bytes.count) } else { said.server += UInt32(bytes.count) }
    }

    /// A request and its reply, two milliseconds later.
    mutating func exchange(
        _ path: String, at time: Timestamp, requestIsHeard: Bool = true, replyIsHeard: Bool = true
    ) {
        say("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n", fromClient: true, at: time, isHeard: requestIsHeard)
        say(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", fromClient: false, at: time + .milliseconds(2),
            isHeard: replyIsHeard)
    }

    mutating func close(at time: Timestamp) {
        packets.append(packet(fromClient: true, [.fin, .acknowledgement], [], time))
        said.client += 1
        packets.append(packet(fromClient: false, [.fin, .acknowledgement], [], time))
    }
}

extension [HeardConnection] {
    /// All packets in the order of their times.
    var packets: [HeardConnection.Packet] {
        flatMap(\.packets).enumerated().sorted {
            ($0.element.time, $0.offset) < ($1.element.time, $1.offset)
        }.map(\.element)
    }
}
