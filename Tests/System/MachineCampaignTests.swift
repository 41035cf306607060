import Foundation
import Glibc
import Model
import OperatingSystem
import Store
import Testing

extension SystemTests {
    /// Campaigns whose clones are virtual machines, on the real lab.
    @Suite(.serialized, .labWithMachines) final class MachineCampaignTests {
        private var visitor: ChildProcess?
        private let original: GuestView
        private let before: String

        init() throws {
            original = GuestView(try Self.inside())
            try #require(original.isUp)
            before = try Self.footprint()
        }

        /// One request after the other, from the lab's bridge, none sooner than an eighth of a second after the one before: what
        /// the guest does not answer in time is asked again. By one process, as each start of one takes as long as an answer.
        private func visit(_ address: String) throws {
            visitor = try ChildProcess(
                try Self.inside() + [
                    "curl", "--silent", "--output", "/dev/null", "--max-time", "5", "--rate", "8/s",
                    "http://\(address)/cgi-bin/state?[1-1000000]",
                ])
        }

        private static func inside() throws -> [String] {
            let pid = try String(contentsOfFile: Whatif.state + "/lab/pid", encoding: .utf8).filter(\.isNumber)
            return ["nsenter", "--target", pid, "--net", "--mount", "--"]
        }

        deinit { visitor?.end() }

        private static func virsh(_ arguments: String...) throws -> String {
            try LabHost.run(["virsh", "--connect", "qemu:///system"] + arguments).output
        }

        private static func footprint() throws -> String {
            [
                // In one run of virsh, most of whose time is its start. Whether the guest's agent has come up is not ours.
                try virsh("dumpxml vm1; dumpxml --inactive vm1; domblklist vm2")
                    .replacing(/\sstate='(dis)?connected'/, with: ""),
                try LabHost.inventory(),
                try LabHost.run(["ls", "/var/lib/libvirt/images"]).output,
            ].joined(separator: "\n")
        }

        private func serviceFile(_ campaign: String, of domain: String = "domains: [vm1]") throws -> String {
            try visit(domain.contains("vm2") ? "10.50.0.41" : "10.50.0.40")
            let path = Whatif.state + "/machine.yaml"
            try """
            service: guest
            connect: qemu:///system
            node: lab
            sla: { p95: 100 s }
            tiers:
              - { name: vm, \(domain), serves: "http:80" }
            \(campaign)
              tier: vm
              client: 10.50.0.1
              experiment: 6 s
              warm-up: 1 s
              time-bound: 5 min
              find: exhaustive
              control: { mean: 10000%, throughput: 100%, load: 1000%, closing: false }
              limits: { lost: 5%, late: 30%, stolen: 100% }
            """.write(toFile: path, atomically: true, encoding: .utf8)
            return path
        }

        private func check(_ status: Int32, cells: Int) throws -> CampaignRecord {
            #expect(status == 0, "\(Whatif.log("run.log"))")
            let (now, then) = (try Self.footprint(), before)
            #expect(now == then, "\(Set(now.split(separator: "\n")).symmetricDifference(then.split(separator: "\n")))")
            #expect(try Whatif.run("sandbox", "list").output == "the sandbox is empty\n")
            let record = try #require(try MatrixStore(Whatif.state + "/matrices.db").campaign(nil))
            #expect(record.matrix.measuredCount == cells, "\(Whatif.log("run.log"))")
            for measurement in record.matrix.cells.compactMap(\.measurement)
                + [record.control?.measurement].compactMap(\.self)
            {
                #expect(
                    measurement.requests.captured == measurement.requests.sent && measurement.requests.captured >= 20)
                #expect(measurement.requests.failed == 0 && measurement.requests.mismatched == 0)
            }
            return record
        }

        /// Each clone goes on from a moment of the guest, whose balloon then leaves it what its allocation says; its disks lie
        /// over snapshots that another machine serves.
        @Test func memoryOfTwinsOfAMoment() throws {
            let token = try original.token
            let file = try serviceFile(
                "campaign:\n  clone: memory\n  axes: { memory: [160 MiB, 192 MiB] }",
                of: """
                    domains: [vm2], storage: { ask: "busybox nc 10.50.0.60 7000", export: "nbd://10.50.0.60:10900-10999",
                        volumes: { vda: data/vm2, vdb: data/vm2-thin } }
                    """)
            let (status, seen) = try Whatif.campaign(file) { clone in
                let line = try Self.virsh("dommemstat", clone).split(separator: "\n").first { $0.hasPrefix("actual ") }
                return line.map { String($0.dropFirst("actual ".count)) } ?? "-"
            }
            let record = try check(status, cells: 2)
            #expect(seen.isSuperset(of: ["\(160 << 10)", "\(192 << 10)", "\(256 << 10)"]), "\(seen)")
            #expect(record.onLine == Allocation([.memory: 268_435_456]) && record.clone == .memory)
            #expect(record.matrix.cells.allSatisfy { $0.measurement?.pause ?? 0 > 0 })
            #expect(record.matrix.cells.allSatisfy { $0.measurement?.capture == "background snapshot" })
            #expect(MatrixAnswer.says(record, "clones went on from a moment of the domain's memory and disks"))
            #expect(try original.token == token)
        }

        /// A machine that boots, with its virtual processors plugged and its software changed by its guest agent.
        @Test func processorsAndSoftwareOfTwinsThatBoot() throws {
            let file = try serviceFile(
                """
                software: { marked: "echo marked > /run/marked" }
                campaign:
                  axes: { vcpus: [1, 2], software: [as-is, marked] }
                """)
            let (status, seen) = try Whatif.campaign(file) { clone in
                try Self.virsh("vcpucount", clone, "--current", "--live").filter(\.isNumber)
            }
            let record = try check(status, cells: 4)
            #expect(seen.isSuperset(of: ["1", "2"]), "\(seen)")
            #expect(record.onLine == Allocation([.vcpus: .number(1), .software: .asIs]))
            #expect(record.matrix.cells.allSatisfy { $0.measurement?.pause == nil })
        }

        /// Another definition on the same disk, whose memory is larger and whose disk has another name.
        @Test func aVariantOfAMachineIsTried() throws {
            let own = try Self.virsh("dumpxml", "--inactive", "vm1")
            let variant = own.replacing("262144", with: "327680").replacing("dev='vda'", with: "dev='vdb'")
                .replacing(/<address type='pci'[^\n]*/, with: "")
            try variant.write(toFile: Whatif.state + "/larger.xml", atomically: true, encoding: .utf8)
            let file = try serviceFile(
                """
                variants: { larger: larger.xml }
                campaign:
                  axes: { variant: [as-is, larger] }
                """)
            let (status, seen) = try Whatif.campaign(file) { clone in
                let disks = try Self.virsh("domblklist", clone)
                let memory = try Self.virsh("dommemstat", clone).contains("actual 327680\n")
                return "\(disks.contains("vdb")) \(memory)"
            }
            let record = try check(status, cells: 2)
            #expect(seen.contains("true true") && seen.contains("false false"), "\(seen)")
            #expect(record.onLine == Allocation([.variant: .asIs]))
        }

        /// Of the on-line machine, all together.
        @Test func aMachinesAllocationIsApplied() throws {
            var record = CampaignRecord(
                id: "20261121-000000-apply", service: "guest", tier: "vm", domain: "vm1", connect: "qemu:///system",
                node: "lab", started: Timestamp(nanoseconds: 0),
                sla: SLA(.p95, below: .seconds(100), over: .seconds(60)), goal: .cheapest, onLine: Allocation(),
                matrix: ResultMatrix(axes: [Axis(.vcpus, [1, 2])]))
            let file = try serviceFile("campaign:\n  axes: { vcpus: [1, 2] }")
            let apply = { (values: [Resource: Setting]) in
                record.answer = Answer(.cheapest(Allocation(values)), reasons: [])
                record.state = .done
                try MatrixStore(Whatif.state + "/matrices.db").save(record)
                return try Whatif.run("apply", file, "--campaign", record.id, "--yes")
            }
            let done = try apply([
                .cpu: .number(0.8), .shares: .number(512), .memory: .number(201_326_592), .processors: .name("0"),
                .diskWrite: .number(1_048_576),
            ])
            #expect(done.status == 0, "\(done.errors)")
            let schedule = try Self.virsh("schedinfo", "vm1").filter { $0 != " " }
            #expect(schedule.contains("vcpu_quota:80000\n") && schedule.contains("cpu_shares:512\n"))
            #expect(try Self.virsh("dommemstat", "vm1").contains("actual \(192 << 10)\n"))
            #expect(try Self.virsh("emulatorpin", "vm1").contains(" 0\n"))
            #expect(
                try Self.virsh("blkdeviotune", "vm1", "vda").filter { $0 != " " }.contains("write_bytes_sec:1048576\n"))

            // More than the machine was started with: what was set before is set back.
            let failed = try apply([.cpu: .number(0.5), .memory: .number(314_572_800)])
            #expect(failed.status == 1 && failed.errors.contains("does not take memory 300 MiB"), "\(failed.errors)")
            #expect(failed.errors.contains("everything is again as it was before"))
            #expect(try Self.virsh("schedinfo", "vm1").filter { $0 != " " }.contains("vcpu_quota:80000\n"))

            // The quota is that of the whole machine, before and after.
            let plugged = try apply([.vcpus: .number(2)])
            #expect(plugged.status == 0, "\(plugged.errors)")
            #expect(try Self.virsh("vcpucount", "vm1", "--current", "--live").hasPrefix("2"))
            #expect(try Self.virsh("schedinfo", "vm1").filter { $0 != " " }.contains("vcpu_quota:40000\n"))

            // It starts as it is defined: nothing of this is left for whoever comes next.
            _ = try Self.virsh("destroy", "vm1")
            _ = try Self.virsh("start", "vm1")
            #expect(Whatif.wait(seconds: 60) { original.isUp })
            let now = try Self.virsh("dumpxml", "vm1")
            #expect(!now.contains("<cputune>") && !now.contains("<iotune>"))
        }
    }
}

/// What `whatif matrix show` says of an answer.
private enum MatrixAnswer {
    static func says(_ record: CampaignRecord, _ words: String) -> Bool {
        (try? Whatif.run("matrix", "show", "--campaign", record.id).output.contains(words)) == true
    }
}
