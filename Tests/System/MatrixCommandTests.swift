import Foundation
import Glibc
import Model
import OperatingSystem
import Store
import TestSupport
import Testing

/// `whatif matrix …` as it is typed, on a store in a state directory of its own; needs no rights.
@Suite struct MatrixCommandTests {
    private let state = "/tmp/whatif-matrix-commands-\(getpid())-\(UInt64.random(in: 0 ... .max))"

    private func matrix(_ words: String...) throws -> ProgramResult { try whatif(["matrix"] + words) }

    private func whatif(_ words: [String]) throws -> ProgramResult {
        try ChildProcess.run(["env", "WHATIF_STATE=\(state)", Whatif.binary] + words)
    }

    private static func record(_ id: String, tier: String = "app", started: Int64) -> CampaignRecord {
        var record = CampaignRecord(
            id: id, service: "asked", tier: tier, domain: tier + "1", connect: "lxc:///system", node: "lab",
            started: Timestamp(nanoseconds: (1_577_836_800 + started) * 1_000_000_000),
            sla: SLA(.p95, below: .milliseconds(50), over: .seconds(60)), goal: .cheapest,
            onLine: Allocation([.cpu: 0.4]), matrix: ResultMatrix(axes: [Axis(.cpu, [0.4, 0.8])]))
        for (cpu, p95) in [(0.4, 0.07), (0.8, 0.03)] {
            record.matrix[Allocation([.cpu: .number(cpu)])] = Surface.cell(cpu, p95: p95)
        }
        record.state = .done
        return record
    }

    /// An old campaign and a newer one of a tier, and an older one of another.
    private func withCampaigns(_ body: (_ path: String) throws -> Void) throws {
        defer { try? FileManager.default.removeItem(atPath: state) }
        let path = try StateDirectory(state).matrices
        let store = try MatrixStore(path)
        var new = Self.record("new", started: 3)
        (new.version, new.onLine) = ("0123456789ab", Allocation([.cpu: 0.8]))
        for record in [Self.record("other", tier: "db", started: 1), Self.record("old", started: 2), new] {
            try store.save(record)
        }
        try body(path)
    }

    @Test func itIsSaidWhichCampaignItIs() throws {
        try withCampaigns { _ in
            let heading =
                "campaign new: tier app (app1) of asked, on node lab, 2020-01-01T00:00:03Z, live requests, clones of its disk, "
                + "program 01234567\n"
            #expect(try matrix("show").output.hasPrefix(heading))
            #expect(try matrix("query", "--where", "cpu > 50%").output.hasPrefix(heading))
            let list = try matrix("list").output.split(separator: "\n")
            #expect(list[1].split(separator: " ").prefix(5) == ["new", "asked", "app", "app1", "2020-01-01T00:00:03Z"])
            #expect(try matrix("list", "--csv").output.contains("old,asked,app,app1,1577836802.0,done,"))
            let show = try matrix("show", "--json").output
            #expect(show.contains("\"window\" : ") && show.contains("\"started\" : "))
        }
        let none = try matrix("list")
        try? FileManager.default.removeItem(atPath: state)
        #expect(none.status == 0 && none.errors.contains("there is no campaign yet; 'whatif run FILE.yaml' makes one"))
    }

    @Test(arguments: [
        (["query", "--where", "p95 < 1 ms"], 3, "no cell of campaign new is such: its p95 is 30.0 ms to 70.0 ms"),
        (["query", "--where", "state = invalid"], 3, "its states are measured 2"),
        (["query", "--where", "energy > 1 mJ"], 3, "no cell has a figure of energy"),
        (["query", "--where", "cpu < 5%"], 3, "the nearest is cpu 40%"),
        (["query", "--all", "--where", "memory = 1 GiB"], 2, "there is no axis 'memory'; there are cpu"),
        (["query", "--all", "--order", "memory"], 2, "there is no axis 'memory'"),
        (["query", "--json", "--csv"], 2, "--json and --csv are two forms; write one of them"),
        (["query", "--sql", "--json"], 2, "--json and --sql are two forms"),
        (["query", "--limit", "0"], 2, "--limit"),
        (["plot", "--where", "cpu < 5%"], 2, "the nearest is cpu 40%"),
        (["show", "--campaign", "nev"], 2, "there is no campaign 'nev'; did you mean 'new'?"),
        (["diff", "other", "new"], 2, "other is of tier db, new of app: their cells are of different things"),
    ])
    func whatMeetsNothingIsExplained(_ words: [String], _ status: Int32, _ error: String) throws {
        try withCampaigns { _ in
            let result = try whatif(["matrix"] + words)
            #expect(result.status == status && result.errors.contains(error), "\(result.errors)")
        }
    }

    @Test func whatElseIsNotAsItWasIsSaid() throws {
        try withCampaigns { _ in
            let text = try matrix("diff", "old", "new").output
            #expect(text.contains("  - on-line: cpu 40% before, cpu 80% after\n"))
            #expect(text.contains("  - program: unknown before, 0123456789ab after"))
            #expect(
                try matrix("diff", "old", "new", "--json").output.contains("\"on-line: cpu 40% before, cpu 80% after\"")
            )
        }
    }

    @Test func aFileThatIsThereIsNotOverwritten() throws {
        try withCampaigns { _ in
            let path = state + "/there.csv"
            try "mine".write(toFile: path, atomically: true, encoding: .utf8)
            let result = try matrix("export", "--output", path)
            #expect(result.status == 2 && result.errors.contains("\(path) is there already; name another file"))
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "mine")
        }
    }

    /// No other campaign is taken in the stead of one that is damaged, nor is it taken for none.
    @Test func whatIsDamagedIsSaid() throws {
        try withCampaigns { path in
            try ChildProcess.succeed(
                ["sqlite3", path], input: "UPDATE campaign SET state = 'running' WHERE id = 'new';")
            for words in [
                ["matrix", "query"], ["matrix", "query", "--near", "cpu = 50%"],
                ["matrix", "query", "--campaign", "new"],
                ["matrix", "export"], ["matrix", "show"], ["ask", "cheapest", "--service", "asked"],
                ["ask", "cheapest"],
            ] {
                let result = try whatif(words)
                #expect(result.status == 1 && result.output.isEmpty, "\(words): \(result.output)")
                #expect(result.errors.contains("read campaign new"), "\(words): \(result.errors)")
            }
            #expect(try matrix("show", "--campaign", "old").status == 0)
            // Of all the others it is said as well, and they answer.
            let others = try matrix("query", "--all", "--where", "cpu > 50%")
            #expect(others.status == 0 && others.errors.contains("read campaign new") && others.output.contains("old "))
            // What is whole is written.
            let all = try matrix("export", "--all")
            #expect(all.status == 1 && all.errors.contains("read campaign new"))
            #expect(all.output.split(separator: "\n").count == 2)
            try ChildProcess.succeed(["sqlite3", path], input: "DELETE FROM cell WHERE id = 2 << 24;")
            let cells = try matrix("export", "--all")
            #expect(cells.status == 1 && cells.errors.contains("read campaign old"))
            #expect(cells.output.split(separator: "\n").count == 1 && cells.output.contains("\"campaign\":\"other\""))
        }
    }
}
