import Foundation
import OperatingSystem
import Testing

extension SystemTests.WatchTests {
    /// Also before: a test run that was ended leaves its files.
    private static func remove(_ paths: [String]) {
        for path in paths { try? FileManager.default.removeItem(atPath: path) }
    }

    /// What discover writes is a service file: the other commands take it as it is.
    @Test func discoverDrawsAFileThatIsTaken() throws {
        let inventory = try LabHost.inventory()
        let drawn = Whatif.state + "/drawn.yaml"
        defer { Self.remove([drawn]) }
        Self.remove([drawn])
        let result = try Whatif.run(
            "discover", "--node", "lab", "--for", "5 s", "--output", drawn, "--service", "drawn", "--json")
        #expect(result.status == 0, "\(result.errors)")
        let flows = try #require(
            try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]])
        let ends = Set(
            flows.map { flow in
                [flow["clientDomain"], flow["serverDomain"], flow["protocol"]].map { $0 as? String ?? "-" }
            })
        #expect(ends == [["-", "web1", "http"], ["web1", "app1", "http"], ["app1", "db1", "postgresql"]])
        #expect(flows.allSatisfy { ($0["exchanges"] as? Int ?? 0) > 0 && $0["errors"] as? Int == 0 })
        let text = try String(contentsOfFile: drawn, encoding: .utf8)
        #expect(text.contains("{ name: app, domains: [app1], serves: \"http:8080\", calls: [db] }"))
        #expect(text.contains("tier: app\n"))
        let watched = try Whatif.run("watch", drawn, "--for", "1 s")
        #expect(watched.output.contains("drawn, all of 1"), "\(watched.errors)")
        let again = try Whatif.run("discover", "--node", "lab", "--for", "1 s", "--output", drawn)
        #expect(again.status == 2 && again.errors.contains("is there already"))
        #expect(try LabHost.inventory() == inventory)
    }

    /// From the domains' interfaces to a trace, and on to what may leave the machine.
    @Test func aTraceOfTheWholeService() throws {
        let (trace, redacted) = (Whatif.state + "/lab.wtrace", Whatif.state + "/lab-redacted.wtrace")
        defer { Self.remove([trace, redacted]) }
        Self.remove([trace, redacted])
        let result = try Whatif.run(
            "capture", Whatif.root + "/Experiments/auction.yaml", "-o", trace, "--for", "4 s", "--json")
        #expect(result.status == 0, "\(result.errors)")
        let said = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
        let protocols = try #require(said["protocols"] as? [String: [String: Any]])
        #expect(Set(protocols.keys) == ["http", "postgresql"])
        #expect((said["notSeen"] as? [String: Int])?["dropped"] == 0)
        let mode = try FileManager.default.attributesOfItem(atPath: trace)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let lines = try Whatif.run("trace", "export", trace, "--format", "json").output.split(separator: "\n")
        #expect(lines.count == said["exchanges"] as? Int)
        #expect(try Whatif.run("trace", "redact", trace, "-o", redacted).status == 0)
        let held = try Data(contentsOf: URL(filePath: redacted))
        #expect(try Data(contentsOf: URL(filePath: trace)).range(of: Data("SELECT".utf8)) != nil)
        // The visitors' cookies are what logs them in.
        let cookies = try Whatif.run("trace", "export", trace, "--format", "json", "--payload").output
            .matches(of: /session=([A-Za-z0-9_.-]{8,})/).map { String($0.output.1) }
        #expect(cookies.allSatisfy { held.range(of: Data($0.utf8)) == nil })
    }
}
