import Model
import Testing

@testable import Wire

/// From packets of real programs through a trace and back.
@Suite struct TraceRecorderTests {
    private let fixture: TraceFixture

    init() throws { fixture = try TraceFixture() }

    @Test(arguments: TsharkTests.cases) func aTraceHoldsWhatWasHeard(_ item: TsharkTests.Case) throws {
        let captured = try CapturedPackets(path: CapturedPackets.directory + item.file)
        let servers = captured.servers(port: item.port, item.protocolName)
        var dissector = Dissector(servers)
        var recorder = TraceRecorder(servers)
        var events: [WireEvent] = []
        for packet in captured.packets {
            dissector.accept(packet.bytes.span, link: captured.link, at: packet.time) { events.append($0) }
        }
        let end = captured.packets.last?.time ?? Timestamp(nanoseconds: 0)
        dissector.finish(at: end) { events.append($0) }
        var records: [TraceRecord] = []
        for event in events { recorder.record(event) { records.append($0) } }
        if let drops = recorder.drops(dissector.counters, CaptureStatistics(received: 9, dropped: 4), at: end) {
            records.append(drops)
        }
        let none = recorder.drops(dissector.counters, CaptureStatistics(received: 9, dropped: 4), at: end)
        #expect(none == nil)

        let reader = try TraceReader(try fixture.write("a", [records]))
        let read = try reader.all()
        // What only one protocol says can be read again from the bytes.
        #expect(read == records.map { $0.withoutDetail })
        let summary = try reader.scan().summary
        let heard = Heard(events: events)
        let exchanges = events.count { if case .exchange = $0 { true } else { false } }
        #expect(summary.exchanges == exchanges && summary.connections == dissector.counters.connections)
        #expect(summary.drops.packets == 4 && summary.drops.missingBytes == dissector.counters.missingBytes)
        #expect((summary.lostRequests > 0) == !heard.losses.isEmpty)
    }

    @Test func aChoiceIsOfTimesConnectionsAndProtocols() throws {
        var script = TraceScript(50)
        let records = script.records(400)
        let path = try fixture.write("a", stride(from: 0, to: 400, by: 40).map { Array(records[$0..<$0 + 40]) })
        let times = records.map(\.time).sorted()
        var window = TraceWindow()
        (window.from, window.to) = (times[100], times[300])
        let id = try #require(records.compactMap(\.connection).first)
        for (connections, protocols) in [([], []), ([id], []), ([], [.http])]
            as [(Set<ConnectionID>, Set<ApplicationProtocol>)]
        {
            let choice = TraceChoice(window, connections: connections, protocols: protocols)
            let reader = try TraceReader(path, window)
            var chosen: [Exchange] = []
            while let record = try reader.next() {
                guard choice.takes(record, reader.connections), case .exchange(_, let exchange) = record else {
                    continue
                }
                chosen.append(exchange)
            }
            let expected = records.compactMap { record -> Exchange? in
                guard case .exchange(let on, let exchange) = record else { return nil }
                let time = exchange.request.passage.firstByte
                let isChosen = connections.isEmpty || connections.contains(on)
                let isRead = protocols.isEmpty || protocols.contains(exchange.protocolName)
                return time >= window.from && time < window.to && isChosen && isRead ? exchange : nil
            }
            #expect(chosen == expected)
            #expect(choice.takesPackets == (connections.isEmpty && protocols.isEmpty))
        }
    }
}

extension TraceRecord {
    fileprivate var withoutDetail: TraceRecord {
        guard case .exchange(let id, var exchange) = self else { return self }
        exchange.detail = .none
        return .exchange(id, exchange)
    }
}
