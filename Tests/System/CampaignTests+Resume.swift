import Foundation
import Glibc
import Model
import OperatingSystem
import Store
import Testing

extension SystemTests.CampaignTests {
    /// Killed in mid-campaign, it goes on where it was: no cell lost, none measured twice. Then a cell that was only
    /// interpolated is checked, and does not stand: whoever is to be told is.
    @Test func aKilledCampaignGoesOnAndIsChecked() throws {
        let told = Whatif.state + "/told.json"
        try? FileManager.default.removeItem(atPath: told)
        let (port, received) = (18_087, Whatif.state + "/received.txt")
        let changes = [
            ("p95: 60 ms", "p95: 100 s"), ("[28%, 60%, 80%, 100%]", "[28%, 50%, 60%, 80%, 100%]"),
            // What a further control says would change what was measured before it.
            ("closing: false", "closing: false, correct: false"),
            (
                "find: exhaustive",
                """
                find: { fill: 100000% }
                  check:
                    threshold: 0%
                    notify: { command: "cat > \(told)", webhook: "http://127.0.0.1:\(port)/check" }
                """
            ),
        ]
        let narrow = try Self.serviceFile(changes, named: "resumed.yaml")
        // What goes on has a further value on its axis, and lets the on-line load move further.
        let file = try Self.serviceFile(
            changes + [("[28%, 50%", "[28%, 40%, 50%"), ("load: 1000%", "load: 900%")],
            named: "extended.yaml")
        let inventory = try LabHost.inventory()
        let store = try MatrixStore(Whatif.state + "/matrices.db")
        let earlier = try store.campaign(nil)?.id
        let run = try Whatif.start(["run", narrow], log: "run.log")
        #expect(
            try Whatif.wait(seconds: 60) {
                guard let record = try store.campaign(nil), record.id != earlier else { return false }
                return record.matrix.measuredCount == 1
            }, "\(Whatif.log("run.log"))")
        kill(run.pid, SIGKILL)
        run.wait()
        try Whatif.run("sandbox", "gc")
        #expect(try LabHost.inventory() == inventory)
        let broken = try #require(try store.campaign(nil))
        #expect(broken.state == .interrupted && broken.answer == nil)

        let resumed = try Whatif.run("run", file, "--resume")
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(
            resumed.errors.contains("measured otherwise: control: mean ") && resumed.errors.contains("load 900%"),
            "\(resumed.errors)")
        let record = try #require(try store.campaign(nil))
        #expect(record.id == broken.id && record.state == .done && record.started == broken.started)
        // The cell of the on-line allocation is of the further controls as well.
        for cell in broken.matrix.cells {
            guard let measured = cell.measurement else { continue }
            let kept = record.matrix[cell.allocation]?.measurement
            #expect(kept?.started == measured.started && kept?.clone == measured.clone)
        }
        #expect(record.matrix.measuredCount == 3 && record.matrix.cells.count == broken.matrix.cells.count + 1)
        #expect(record.answer?.allocation == Allocation([.cpu: 0.28]))

        let listener = try LabHost.start([
            "timeout", "60", "python3", "-c",
            """
            import http.server
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_POST(self):
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                    open("\(received)", "w").write(self.path + " " + body.decode())
                    self.send_response(204)
                    self.end_headers()
                def log_message(self, *words): pass
            http.server.HTTPServer(("127.0.0.1", \(port)), Handler).handle_request()
            """,
        ])
        defer { listener.end() }
        #expect(
            try Whatif.wait(seconds: 60) {
                try LabHost.run(["ss", "-Hltn", "sport", "= :\(port)"]).output.contains("\(port)")
            })
        let open = try #require(record.matrix.cells.first { $0.state == "interpolated" })
        let check = try Whatif.run("check", file, "--cell", open.allocation.description)
        #expect(check.status == 3 && check.errors.contains("the check of \(open.allocation) failed"), "\(check.errors)")
        let checked = try #require(try store.campaign(nil)?.matrix[open.allocation])
        // What was expected is of all that was known then, the control before the check included.
        let expected = try #require(checked.check)
        #expect(
            checked.state == "checked" && expected.metric == .p95 && expected.measured == checked.estimate(.p95)?.value)
        listener.wait()
        let notice = try String(contentsOfFile: told, encoding: .utf8)
        #expect(notice.contains("\"event\":\"check-failed\"") && notice.contains(record.id))
        #expect(try String(contentsOfFile: received, encoding: .utf8) == "/check " + notice)

        let again = try Whatif.run("check", file, "--cell", open.allocation.description)
        #expect(again.status == 2 && again.errors.contains("was measured"), "\(again.errors)")
        let other = try Whatif.run("check", file, "--cell", "cpu 33%")
        #expect(other.status == 2 && other.errors.contains("no cell of the matrix; its axes: cpu [28%, 40%"))
        #expect(try Whatif.run("check", file).errors.contains("nothing to check: the answer, cpu 28%, was measured"))

        // A question about the cell that is left has it measured, and nothing else.
        let before = try #require(try store.campaign(nil))
        let left = try #require(before.matrix.cells.first { $0.state == "interpolated" })
        let asked = try Whatif.run("ask", "p99 at \(left.allocation)", "--run", "--file", file)
        #expect(asked.status == 0 && asked.output.contains("(95% interval), measured"), "\(asked)")
        let after = try #require(try store.campaign(nil))
        #expect(after.id == record.id && after.matrix[left.allocation]?.measurement != nil)
        // The control beside it corrects what the others come to, and none of them is measured again.
        for cell in before.matrix.cells where cell.allocation != left.allocation {
            #expect(after.matrix[cell.allocation]?.measurement?.started == cell.measurement?.started)
        }
        #expect(after.answer?.verdict == before.answer?.verdict)
    }
}
