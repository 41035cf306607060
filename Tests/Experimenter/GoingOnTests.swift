import Model
import TestSupport
import Testing
import YAML

@testable import Experimenter

@Suite struct GoingOnTests {
    private func record(_ service: String = "auction", tier: String = "app", with: [String]? = nil) -> CampaignRecord {
        CampaignRecord(
            id: service + "-1", service: service, tier: tier, with: with, domain: tier + "1", connect: "lxc:///system",
            node: nil, started: Timestamp(nanoseconds: 0),
            sla: SLA(.p95, below: .milliseconds(50), over: .seconds(60)), goal: .cheapest,
            onLine: Allocation([.cpu: 0.2]), matrix: ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4])]))
    }

    /// Cells of something else are not gone on with, and not repeated either.
    @Test func whatIsOfSomethingElseIsRefused() throws {
        try record().requireSubject(of: record())
        for (other, words) in [
            (record("shop"), "its service is 'shop', and the file's is 'auction'"),
            (record(tier: "db"), "its tier is 'db'"), (record(with: ["db"]), "what is cloned along is 'db'"),
        ] {
            #expect { try record().requireSubject(of: other) } throws: { "\($0)".contains(words) }
            #expect(throws: CampaignError.self) { try record().goingOn(with: other) }
        }
    }

    /// Cells keep the program that measured them.
    @Test func whatAnotherProgramMeasuredIsKnownByIt() throws {
        var (earlier, now) = (record(), record())
        (earlier.version, now.version) = ("one", "two")
        for cell in earlier.matrix.cells {
            earlier.matrix[cell.allocation] = Surface.cell(cell.allocation[.cpu]?.number ?? 0, p95: 0.1)
        }
        var onward = try now.goingOn(with: earlier)
        #expect(onward.version == "two" && onward.matrix.cells.map(\.measurement?.version) == ["one", "one"])
        let fresh = Surface.cell(0.4, p95: 0.2)
        onward.matrix[fresh.allocation] = fresh
        now.version = "three"
        #expect(try now.goingOn(with: onward).matrix.cells.map(\.measurement?.version) == ["one", "two"])
        now.version = "two"
        #expect(try now.goingOn(with: onward).matrix.cells.map(\.measurement?.version) == ["one", nil])
    }

    /// Cells that were measured while a name stood for something else are not gone on with.
    @Test func namesThatHaveChangedTheirMeaningAreRefused() throws {
        var (earlier, now) = (record(), record())
        (earlier.meanings, now.meanings) = (
            ["software 'tuned'": "a", "software 'old'": "b"], ["software 'tuned'": "a", "mix 'x'": "c"]
        )
        let merged = try now.goingOn(with: earlier)
        #expect(merged.meanings == ["software 'tuned'": "a", "software 'old'": "b", "mix 'x'": "c"])
        now.meanings?["software 'tuned'"] = "d"
        #expect { try now.goingOn(with: earlier) } throws: {
            "\($0)".contains("software 'tuned' is not what it was when it measured; begin a new campaign")
        }
        // What nobody wrote down cannot have changed.
        earlier.meanings = nil
        _ = try now.goingOn(with: earlier)
    }

    @Test func meaningsAreThoseOfTheFile() throws {
        let text = { (command: String) in
            """
            service: s
            connect: lxc:///system
            sla: { p95: 1 s }
            tiers: [{ name: a, domains: [a], serves: "http:80", calls: [b] }, { name: b, domains: [b], serves: "http:80", prepare: "true" }]
            software: { tuned: "\(command)", unused: "false" }
            campaign: { tier: b, axes: { software: [as-is, tuned] } }
            """
        }
        let meanings = try ["one", "two", "one"].map {
            CampaignRecord.meanings(try YAMLDecoder.decode(ServiceFile.self, from: text($0), file: "f"))
        }
        #expect(meanings[0].keys.sorted() == ["'prepare' of tier b", "software 'tuned'"])
        #expect(meanings[0] == meanings[2] && meanings[0] != meanings[1])
        // FNV-1a of its authors' own test vectors.
        #expect(Fingerprint.of("") == "cbf29ce484222325" && Fingerprint.of("foobar") == "85944171f73967e8")
    }
}
