import Model
import Survey
import Testing
import Wire
import YAML

/// From what interfaces heard to a service file.
@Suite struct DiscoveryTests {
    private static let visitor = IPAddress(v4: 0x0a32_0001)
    private static let web = ObservedDomain(name: "web1", interface: "v1", addresses: [IPAddress(v4: 0x0a32_000a)])
    private static let app1 = ObservedDomain(name: "app1", interface: "v2", addresses: [IPAddress(v4: 0x0a32_0014)])
    private static let app2 = ObservedDomain(name: "app2", interface: "v3", addresses: [IPAddress(v4: 0x0a32_0015)])
    private static let db = ObservedDomain(name: "db", interface: "v4", addresses: [IPAddress(v4: 0x0a32_001e)])

    /// What an interface hears of `count` exchanges that take `milliseconds` each.
    private func hear(
        _ survey: inout TrafficSurvey, _ id: ConnectionID, from client: IPAddress, to server: ObservedDomain,
        _ port: UInt16, _ name: ApplicationProtocol, _ count: Int, milliseconds: Int64 = 10
    ) {
        let start = Timestamp(nanoseconds: 0)
        survey.take(
            .opened(id, client: Endpoint(client, 40_000), server: Endpoint(server.addresses[0], port), start))
        survey.take(.recognised(id, name, start))
        for number in 0..<count {
            let asked = Passage(firstByte: start, lastByte: start, byteCount: 1)
            let end = Timestamp(nanoseconds: milliseconds * 1_000_000)
            let answered = Passage(firstByte: end, lastByte: end, byteCount: 1)
            let request = Request(number: number, passage: asked, key: 0)
            survey.take(.exchange(id, Exchange(name, request: request, reply: Reply(passage: answered))))
        }
    }

    /// Three tiers; what passes two interfaces is heard at both.
    private var flows: [ObservedFlow] {
        var surveys = [TrafficSurvey](repeating: TrafficSurvey(), count: 4)
        let (web, app1, app2, db) = (Self.web, Self.app1, Self.app2, Self.db)
        hear(&surveys[0], 1, from: Self.visitor, to: web, 80, .http, 30)
        for index in [0, 1] { hear(&surveys[index], 2, from: web.addresses[0], to: app1, 8080, .http, 20) }
        for index in [0, 2] { hear(&surveys[index], 3, from: web.addresses[0], to: app2, 8080, .http, 10) }
        for index in [1, 3] { hear(&surveys[index], 4, from: app1.addresses[0], to: db, 5432, .postgresql, 60) }
        return ObservedFlow.merge(zip([web, app1, app2, db], surveys).map { ($0, $1) })
    }

    @Test func aFlowThatPassesTwoInterfacesCountsOnce() {
        #expect(flows.map(\.traffic.exchanges) == [60, 30, 20, 10])
        #expect(flows.map(\.serverDomain) == ["db", "web1", "app1", "app2"])
        #expect(flows.map(\.clientDomain) == ["app1", nil, "web1", "web1"])
    }

    @Test func whoCallsWhom() {
        let sketch = ServiceSketch(flows)
        #expect(sketch.tiers.map(\.name) == ["web", "app", "db"])
        #expect(sketch.tiers.map(\.domains) == [["web1"], ["app1", "app2"], ["db"]])
        #expect(sketch.tiers.map(\.calls) == [["app"], ["db"], []])
        #expect(sketch.campaignTier?.name == "app")
    }

    @Test func theFileIsTakenAsItIs() throws {
        let text = try #require(
            ServiceSketch(flows).yaml(
                service: "a \"shop\"", connect: "lxc:///system", node: "lab", heardFor: .seconds(10)))
        let file = try YAMLDecoder.decode(ServiceFile.self, from: text, file: "discovered.yaml")
        #expect(file.service == "a \"shop\"" && file.node == "lab" && file.connect == "lxc:///system")
        #expect(file.tiers.map(\.name) == ["web", "app", "db"] && file.tiers[1].serves.port == 8080)
        #expect(file.tiers.map(\.calls) == [["app"], ["db"], []])
        #expect(file.campaign.tier == "app" && file.sla.limit == .milliseconds(20))
    }

    @Test func withoutATierThatCanBeSearchedThereIsNoFile() {
        var survey = TrafficSurvey()
        hear(&survey, 1, from: Self.visitor, to: Self.db, 5432, .postgresql, 5)
        let sketch = ServiceSketch(ObservedFlow.merge([(Self.db, survey)]))
        #expect(sketch.tiers.count == 1 && sketch.campaignTier == nil)
        #expect(sketch.yaml(service: "s", connect: "x", node: nil, heardFor: .seconds(1)) == nil)
    }

    @Test func encryptedAndSilentConnectionsAreNoTier() {
        var survey = TrafficSurvey()
        let server = Endpoint(Self.web.addresses[0], 443)
        for id in [1, 2] as [ConnectionID] {
            survey.take(.opened(id, client: Endpoint(Self.visitor, 40_000), server: server, .distantPast))
        }
        survey.take(.lost(1, count: 1, .encrypted, .distantPast))
        let flows = ObservedFlow.merge([(Self.web, survey)])
        #expect(flows.count == 1 && flows[0].traffic.encrypted == 1 && flows[0].traffic.connections == 2)
        #expect(ServiceSketch(flows).tiers.isEmpty)
    }
}
