import Model
import TestSupport
import Testing

@testable import Wire

/// Protocols by what is said, whatever the port; and encryption by its first bytes.
@Suite struct ProtocolFinderTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        /// Client and server in turn, the client first; an empty turn is none.
        var turns: [String]
        var found: ApplicationProtocol?
        var exchanges = 0
        var port: UInt16 = 4711

        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(
            name: "HTTP", turns: ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 204 No\r\n\r\n"], found: .http,
            exchanges: 1),
        Case(
            name: "HTTP at Redis' port", turns: ["GET / HTTP/1.0\r\n\r\n", "HTTP/1.0 204 No\r\n\r\n"], found: .http,
            exchanges: 1, port: 6379),
        Case(name: "RESP", turns: ["*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "$1\r\nb\r\n"], found: .redis, exchanges: 1),
        Case(name: "inline Redis", turns: ["PING\r\n", "+PONG\r\n"], found: .redis, exchanges: 1, port: 6379),
        Case(
            name: "PostgreSQL", turns: ["\0\0\0\u{8}\u{4}\u{d2}\u{16}\u{2f}", "N"], found: .postgresql),
        Case(
            name: "a server that speaks first", turns: ["", "220 mail ready\r\n", "EHLO a\r\n", "250 b\r\n"],
            found: .tcp, exchanges: 1),
        Case(name: "something else", turns: ["\u{1}\u{2}\u{3}hello", "\u{4}world"], found: .tcp, exchanges: 1),
        Case(name: "nothing", turns: [], found: nil),
    ]

    private func heard(_ item: Case) -> Heard {
        var conversation = Conversation([])
        conversation.turns = item.turns.enumerated().filter { !$0.element.isEmpty }.map {
            Conversation.Turn($0.offset % 2 == 0 ? .client : .server, $0.element.unicodeScalars.map { UInt8($0.value) })
        }
        var random = SeededGenerator(1)
        var place = Place()
        place.server.port = item.port
        var dissector = Dissector(.everything)
        var events: [WireEvent] = []
        for segment in conversation.segments(.init(), &random) {
            dissector.accept(place.packet(segment).span, link: .ethernet, at: Timestamp(nanoseconds: 0)) {
                events.append($0)
            }
        }
        dissector.finish(at: Timestamp(nanoseconds: 1)) { events.append($0) }
        return Heard(events: events)
    }

    @Test(arguments: cases) func byWhatIsSaid(_ item: Case) {
        let heard = heard(item)
        let found = heard.events.compactMap { if case .recognised(_, let name, _) = $0 { name } else { nil } }
        #expect(found == [item.found].compactMap(\.self))
        #expect(heard.all.count == item.exchanges && heard.all.allSatisfy { $0.protocolName == item.found })
    }

    /// A ClientHello is reported once, and what follows is silence: also where a protocol was named.
    @Test(arguments: [true, false]) func encryptionIsToldOnce(_ isNamed: Bool) {
        let hello = [22, 3, 1, 0, 100, 1] + [UInt8](repeating: 7, count: 99)
        let turns: [Conversation.Turn] = [
            .init(.client, hello), .init(.server, [22, 3, 3, 0, 1, 2]), .init(.client, hello),
        ]
        var random = SeededGenerator(1)
        let place = Place()
        let servers = [WatchedServer(place.server, .http)]
        var dissector = Dissector(isNamed ? .servers(servers) : .everything)
        var events: [WireEvent] = []
        for segment in Conversation(turns).segments(.init(), &random) {
            dissector.accept(place.packet(segment).span, link: .ethernet, at: Timestamp(nanoseconds: 0)) {
                events.append($0)
            }
        }
        let heard = Heard(events: events)
        #expect(heard.losses == [.encrypted] && heard.requests.isEmpty && heard.all.isEmpty && heard.closed == 1)
    }

    /// From the middle, with a SYN or without: the side with the service's port serves.
    @Test func aConnectionFromTheMiddle() {
        let get = Array("GET / HTTP/1.1\r\n\r\n".utf8)
        let turns: [Conversation.Turn] = [.init(.client, get), .init(.server, Array("HTTP/1.1 204 No\r\n\r\n".utf8))]
        var conversation = Conversation(turns)
        conversation.hasHandshake = false
        var random = SeededGenerator(1)
        var place = Place()
        (place.client.port, place.server.port) = (1025, 8080)
        var dissector = Dissector(.everything)
        var exchanges = 0
        for segment in conversation.segments(.init(), &random) {
            dissector.accept(place.packet(segment).span, link: .ethernet, at: Timestamp(nanoseconds: 0)) { event in
                if case .exchange = event { exchanges += 1 }
            }
        }
        #expect(exchanges == 1)
    }
}
