import Foundation
import Model
import Testing

@testable import Lab

/// The lab's services have nothing in common that two machines must not have.
@Suite struct AuctionServiceTests {
    private static let recipes = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Sandbox").path

    private func definition(_ number: Int, _ tier: String) throws -> String {
        try AuctionService(number).definition(tier, recipes: Self.recipes, volume: "/v")
    }

    @Test func theFirstIsAsItStands() throws {
        for tier in AuctionService.tiers {
            let template = try String(contentsOfFile: "\(Self.recipes)/lab/domains/\(tier)1.xml", encoding: .utf8)
            #expect(try definition(1, tier) == template.replacing("@VOLUME@", with: "/v"))
        }
    }

    @Test func noTwoHaveANameOrAnAddressInCommon() throws {
        var seen: Set<String> = []
        for number in 1...AuctionService.most {
            for (tier, name) in zip(AuctionService.tiers, AuctionService(number).domains) {
                let text = try definition(number, tier)
                #expect(text.contains("<name>\(name)</name>") && text.contains("<source dir='/v/\(name)'/>"))
                let own = text.matches(of: /(mac |ip family='ipv\d' )address='([0-9a-f:.]+)'/).map {
                    String($0.output.2)
                }
                #expect(own.count == 3)
                for address in own { #expect(seen.insert(address).inserted, "\(address) of \(name)") }
            }
        }
        #expect(seen.contains("10.50.0.38") && seen.contains("fd00:50::18") && seen.contains("52:54:00:00:50:28"))
    }

    @Test func eachKnowsItsOwnTiers() throws {
        let hosts = try String(contentsOfFile: "\(Self.recipes)/lab/image/hosts", encoding: .utf8)
        #expect(AuctionService.first.hosts(hosts) == hosts)
        let third = AuctionService(3)
        #expect(third.hosts(hosts).contains("10.50.0.22 app1\n") && third.hosts(hosts).contains("10.50.0.1  node\n"))
        #expect(third.web.address.description == "10.50.0.12")
    }
}
