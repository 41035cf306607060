import Foundation
package import Model

/// One of the lab's auction services: three containers with addresses of their own, alike but for these.
///
/// The first is web1, app1 and db1 at 10.50.0.10, .20 and .30; the second web2, app2 and db2 at .11, .21 and .31.
package struct AuctionService: Sendable {
    /// From 1.
    package let number: Int

    /// As many as there are addresses for.
    package static let most = 9
    package static let first = AuctionService(1)

    package init(_ number: Int) { self.number = number }

    /// The tiers in the order in which they start.
    static let tiers = ["db", "app", "web"]

    /// In that order.
    package var domains: [String] { Self.tiers.map { "\($0)\(number)" } }
    package var web: Endpoint { Endpoint(IPAddress(v4: 0x0a32_000a + UInt32(number) - 1), 80) }
    var app: String { "app\(number)" }

    /// The definition of a tier's domain, from that of the first service.
    func definition(_ tier: String, recipes: String, volume: String) throws -> String {
        let template = try String(contentsOfFile: "\(recipes)/lab/domains/\(tier)1.xml", encoding: .utf8)
        return template.replacingOccurrences(of: "@VOLUME@", with: volume)
            .replacingOccurrences(of: "<name>\(tier)1</name>", with: "<name>\(tier)\(number)</name>")
            .replacingOccurrences(of: "\(volume)/\(tier)1'", with: "\(volume)/\(tier)\(number)'")
            .replacing(/52:54:00:00:50:(\d)0/) { "52:54:00:00:50:\($0.output.1)\(number - 1)" }
            .replacing(/'(10\.50\.0\.|fd00:50::)(\d)0'/) { "'\($0.output.1)\($0.output.2)\(number - 1)'" }
    }

    /// The hosts file of its containers: they know the next tier by the name that it has in the first service.
    func hosts(_ template: String) -> String {
        template.replacing(#/10\.50\.0\.(\d)0 /#) { "10.50.0.\($0.output.1)\(number - 1) " }
    }
}
