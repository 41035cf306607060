import Foundation
import Glibc
import Model
import OperatingSystem
import Store
import TestSupport
import Testing

/// Questions as they are typed, to a stored campaign in a state directory of their own; needs no rights. What is run for
/// them stands with the campaigns.
@Suite struct AskCommandTests {
    private static let id = "20200101-000000-a5c0"
    private let state = "/tmp/whatif-ask-commands-\(getpid())-\(UInt64.random(in: 0 ... .max))"

    private func ask(_ words: String...) throws -> ProgramResult { try ask(words) }

    private func ask(_ words: [String]) throws -> ProgramResult {
        try ChildProcess.run(["env", "WHATIF_STATE=\(state)", Whatif.binary, "ask"] + words)
    }

    /// p95 at each quota; blank at 60 %.
    private func withCampaign(_ body: () throws -> Void) throws {
        defer { try? FileManager.default.removeItem(atPath: state) }
        let store = try MatrixStore(StateDirectory(state).matrices)
        let figures = [(0.2, 0.2), (0.4, 0.07), (0.8, 0.03), (1.0, 0.02)]
        var record = CampaignRecord(
            id: Self.id, service: "asked", tier: "app", domain: "app1", connect: "lxc:///system", node: nil,
            started: Timestamp(nanoseconds: 1_577_836_800_000_000_000),
            sla: SLA(.p95, below: .milliseconds(50), over: .seconds(60)), goal: .cheapest,
            onLine: Allocation([.cpu: 0.4]), matrix: ResultMatrix(axes: [Axis(.cpu, [0.2, 0.4, 0.6, 0.8, 1.0])]))
        for (cpu, p95) in figures { record.matrix[Allocation([.cpu: cpu])] = Surface.cell(cpu, p95: p95) }
        record.control = ControlResult(
            allocation: record.onLine, measurement: try #require(Surface.measurement(p95: 0.07)),
            limits: ControlLimits())
        record.state = .done
        try store.save(record)
        try body()
    }

    @Test func questionsAreAnsweredAsTyped() throws {
        try withCampaign {
            let open = try ask("cheapest cpu", "--service", "asked")
            #expect(open.status == 3, "\(open)")
            #expect(
                open.output.hasPrefix("Not sure enough (95% is asked for); of what is known, most probably cpu "))
            #expect(
                open.output.contains(
                    "  1. cpu 60%: p95 ")
                    && open.output.contains(
                        "\n  whatif ask 'cheapest cpu' --campaign \(Self.id) --file FILE.yaml --run\n"),
                "\(open.output)")

            let other = try ask(
                "cheapest", "cpu", "where", "p50 < 10.5 ms", "--service", "asked", "--json")
            #expect(other.status == 0, "\(other)")
            let document = try #require(
                try JSONSerialization.jsonObject(with: Data(other.output.utf8)) as? [String: Any])
            let place = try #require(document["place"] as? [String: Any])
            #expect(
                place["allocation"] as? [String: Double] == ["cpu": 0.8] && place["state"] as? String == "measured")
            #expect(document["outcome"] as? String == "found" && document["command"] == nil)
            #expect(try #require(document["nothingBetter"] as? Double) >= 0.95)

            for (question, status, words) in [
                ("p95 at cpu 60%", 0, "The p95 of app1 at cpu 60% is"),
                ("does p95 < 50 ms hold at cpu 80%?", 0, "Yes: p95 < 50.0 ms holds for app1 at cpu 80%."),
                ("does p95 < 50 ms hold at cpu 40%", 3, "No: "),
                ("cheapest cpu where p95 < 15 ms", 3, "Nothing does"),
                ("lowest p95", 0, "The lowest p95 of app1 is at cpu 100%."),
            ] as [(String, Int32, String)] {
                let result = try ask(question, "--campaign", Self.id)
                #expect(result.status == status && result.output.hasPrefix(words), "\(question): \(result)")
            }
        }
    }

    @Test func whatCannotBeAskedIsSaid() throws {
        try withCampaign {
            for (words, message) in [
                (
                    ["cheapest cpu at load 1.5"],
                    "'cheapest cpu at load 1.5', at character 17: campaign \(Self.id) has no"
                ),
                (["cheapest cpu where p96 < 1 s"], "at character 20: unknown name 'p96'; did you mean"),
                (
                    ["cheapest cpu", "--confidence", "20%"],
                    "--confidence: found '20%', expected a percentage from 50%"
                ),
                (["cheapest cpu", "--run"], "needs its service file: --file FILE.yaml"),
                (["cheapest cpu", "--run", "--file", "/nowhere.yaml"], "there is no such file"),
            ] {
                let result = try ask(["--campaign", Self.id] + words)
                #expect(result.status == 2 && result.errors.contains(message), "\(words): \(result)")
            }
            let service = try ask("cheapest cpu", "--service", "askd")
            #expect(service.status == 2 && service.errors.contains("did you mean 'asked'?"), "\(service)")
            let campaign = try ask("cheapest cpu", "--campaign", "none")
            #expect(campaign.status == 2 && campaign.errors.contains("there is no campaign 'none'"), "\(campaign)")
        }
    }
}
