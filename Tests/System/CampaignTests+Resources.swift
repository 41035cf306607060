import Foundation
import Glibc
import Model
import OperatingSystem
import Store
import Testing

/// Campaigns over other resources than the processor, on the real lab; virsh and the kernel tell what clones had.
extension SystemTests.CampaignTests {
    /// A figure that virsh tells of a domain.
    private func figure(_ name: String, _ words: String...) throws -> String {
        let text = try LabHost.run(["virsh", "--connect", "lxc:///system"] + words).output
        let line = text.split(separator: "\n").first { $0.split(separator: " ").first == name[...] }
        return line?.split(separator: " ").last.map(String.init) ?? "-"
    }

    @Test func twoAxesAreMeasured() throws {
        let file = try Self.serviceFile(
            [
                ("cpu: [28%, 60%, 80%, 100%]", "cpu: [50%, 80%], memory: [200 MiB, 256 MiB]"),
                // Two at once are sooner done.
                ("find: exhaustive", "find: exhaustive\n  sandboxes: 2"),
            ], named: "two.yaml")
        let (production, inventory) = (try LabHost.production(), try LabHost.inventory())
        let (status, seen) = try Whatif.campaign(file) { clone in
            try figure("vcpu_quota", "schedinfo", clone) + "/" + figure("hard_limit", "memtune", clone)
        }
        #expect([0, 3].contains(status), "\(Whatif.log("run.log"))")
        #expect(try LabHost.production() == production && LabHost.inventory() == inventory)
        for pair in ["28000/262144", "50000/204800", "50000/262144", "80000/204800", "80000/262144"] {
            #expect(seen.contains(pair), "\(pair) in \(seen)")
        }
        let record = try #require(try MatrixStore(Whatif.state + "/matrices.db").campaign(nil))
        #expect(record.onLine == Allocation([.cpu: 0.28, .memory: 268_435_456]))
        #expect(record.control?.allocation == record.onLine)
        #expect(record.matrix.cells.map(\.state) == ["measured", "measured", "measured", "measured"])
        for measurement in record.matrix.cells.compactMap(\.measurement) {
            #expect(measurement.requests.captured == measurement.requests.sent && measurement.requests.failed == 0)
        }
        let query = try Whatif.run("matrix", "query", "--where", "memory = 200 MiB and cpu >= 60%", "--csv")
        #expect(query.output.split(separator: "\n").count == 2 && query.output.contains("\n0.8,209715200.0,measured,"))
        #expect(try Whatif.run("matrix", "show").output.contains("80%  256 MiB  measured"))
        #expect(try Whatif.run("matrix", "plot", "--output", "-").output.contains(">CPU quota (% of one core)<"))
        #expect(try Whatif.run("matrix", "plot").output.contains("CPU quota (% of one core)"))
    }

    /// The smallest of each, all at once: as libvirt, the kernel and tc tell it.
    @Test func aCloneHasWhatItsAllocationSays() throws {
        let axes = [
            "cpu-set: [0, 0-1]", "shares: [512, 1024]", "disk-read: [20 MiB/s, 30 MiB/s]",
            "disk-write: [5 MiB/s, 10 MiB/s]", "network: [1 MiB/s, 2 MiB/s]",
        ]
        let file = try Self.serviceFile(
            [
                ("cpu: [28%, 60%, 80%, 100%]", axes.joined(separator: ", ")), ("p95: 60 ms", "p95: 100 s"),
                ("find: exhaustive", "find: cheapest"),
            ], named: "all.yaml")
        let (production, inventory) = (try LabHost.production(), try LabHost.inventory())
        let (status, seen) = try Whatif.campaign(file) { clone in
            let allowed = try LabHost.firstProcess(of: clone).map { pid in
                try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8).split(separator: "\n")
                    .first { $0.hasPrefix("Cpus_allowed_list") }?.split(separator: "\t").last.map(String.init) ?? ""
            }
            let limits = try LabHost.virsh("blkiotune", clone)
            let rates = try ["wic", "wil"].map { prefix in
                try LabHost.run(["tc", "qdisc", "show", "dev", prefix + clone.dropFirst("whatif-".count)]).output
                    .contains("rate 8388Kbit")
            }
            return [
                allowed ?? "-", try figure("cpu_shares", "schedinfo", clone),
                try figure("vcpu_quota", "schedinfo", clone),
                "\(limits.contains(",\(20 << 20)\n"))", "\(limits.contains(",\(5 << 20)\n"))", "\(rates)",
            ].joined(separator: " ")
        }
        #expect(status == 0, "\(Whatif.log("run.log"))")
        #expect(seen.contains("0 512 28000 true true [true, true]"), "\(seen)")
        #expect(try LabHost.production() == production && LabHost.inventory() == inventory)
        let record = try #require(try MatrixStore(Whatif.state + "/matrices.db").campaign(nil))
        #expect(record.onLine.values[.network] == .unlimited && record.onLine.values[.diskRead] == .unlimited)
        #expect(record.answer?.verdict == .cheapest(try #require(record.matrix.cells.first).allocation))
        #expect(record.matrix.cells.count == 32 && record.matrix.measuredCount == 1)
        // What a container's driver sets at the start only is not applied.
        let apply = try Whatif.run("apply", file, "--yes")
        #expect(apply.status == 2 && apply.errors.contains("virsh edit app1"), "\(apply.errors)")
        #expect(try LabHost.production() == production)
    }

    /// What a name of `software` means is run in the clone alone; `as-is` is nothing.
    @Test func softwareIsTried() throws {
        let file = try Self.serviceFile(
            [
                ("cpu: [28%, 60%, 80%, 100%]", "software: [as-is, tuned, broken]"),
                ("campaign:", "software: { tuned: \"echo tuned > /etc/whatif-test\", broken: \"exit 3\" }\ncampaign:"),
                ("warm-up: 1 s", "warm-up: 1 s\n  boot-limit: 4 s"),
            ], named: "software.yaml")
        let (production, inventory) = (try LabHost.production(), try LabHost.inventory())
        let volume = Whatif.state + "/lab/volume/"
        let (status, seen) = try Whatif.campaign(file) { clone in
            try LabHost.run(["cat", "\(volume)\(clone)/etc/whatif-test"]).output
        }
        #expect([0, 3].contains(status), "\(Whatif.log("run.log"))")
        #expect(seen == ["", "tuned\n"])
        #expect(try LabHost.run(["test", "-e", volume + "app1/etc/whatif-test"]).status == 1)
        #expect(try LabHost.production() == production && LabHost.inventory() == inventory)
        let record = try #require(try MatrixStore(Whatif.state + "/matrices.db").campaign(nil))
        #expect(record.onLine == Allocation([.software: .asIs]))
        // The control's clone is one as it is.
        #expect(record.matrix.cells.map(\.state) == ["measured", "measured", "invalid"])
        guard case .invalid(_, let reasons) = record.matrix.cells[2].content else { return }
        #expect(reasons.first?.contains("'exit 3' ended with exit code 3") == true, "\(reasons)")
    }

    /// Another definition of the domain: its own disks and address, and whatever else it says.
    @Test func aVariantIsTried() throws {
        let folder = Whatif.state + "/variants"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let own = try LabHost.virsh("dumpxml", "--inactive", "app1")
        #expect(own.contains("<memory unit='KiB'>262144</memory>"))
        let larger = own.replacing("<memory unit='KiB'>262144</memory>", with: "<memory unit='KiB'>300000</memory>")
        try larger.write(toFile: folder + "/larger.xml", atomically: true, encoding: .utf8)
        let replacements = [
            ("cpu: [28%, 60%, 80%, 100%]", "variant: [as-is, larger]"),
            ("campaign:", "variants: { larger: variants/larger.xml }\ncampaign:"),
        ]
        let file = try Self.serviceFile(replacements, named: "variant.yaml")
        let (production, inventory) = (try LabHost.production(), try LabHost.inventory())
        let (status, seen) = try Whatif.campaign(file) { clone in
            let xml = try LabHost.virsh("dumpxml", clone)
            return xml.contains("<memory unit='KiB'>300000</memory>") ? "larger" : xml.isEmpty ? "-" : "as-is"
        }
        #expect([0, 3].contains(status), "\(Whatif.log("run.log"))")
        #expect(seen.isSuperset(of: ["larger", "as-is"]))
        #expect(try LabHost.production() == production && LabHost.inventory() == inventory)

        for (from, to, words) in [
            ("52:54:00:00:50:20", "52:54:00:00:50:29", "has the MAC address 52:54:00:00:50:29, and the domain's"),
            ("type='lxc'", "type='qemu'", "its type is qemu, and that of the domain lxc"),
            ("</domain>", "", "the variant 'larger' is no domain"),
            (
                "<console ", "<filesystem type='mount'><source dir='/srv'/><target dir='/srv'/></filesystem><console ",
                "it would share with production: the mount of /srv"
            ),
        ] {
            #expect(larger.contains(from))
            try larger.replacing(from, with: to).write(
                toFile: folder + "/larger.xml", atomically: true, encoding: .utf8)
            let refused = try Whatif.run("run", file)
            #expect(refused.status == 2 && refused.errors.contains(words), "\(refused.errors)")
            #expect(try LabHost.inventory() == inventory)
        }
    }

    /// What a driver, or the machine, cannot is said before anything is made.
    @Test func whatCannotBeSetIsRefused() throws {
        let hasFrequencies = FileManager.default.fileExists(atPath: "/sys/devices/system/cpu/cpu0/cpufreq")
        let inventory = try LabHost.inventory()
        for (axis, code, words) in [
            ("vcpus: [1, 2]", 2, "vcpus cannot be set for app1"),
            (
                "frequency: [1 GHz, 2 GHz]", hasFrequencies ? 2 : 4,
                hasFrequencies
                    ? "keep clones and domains on different cores" : "frequency cannot be set on this machine"
            ),
        ] as [(String, Int32, String)] {
            let file = try Self.serviceFile([("cpu: [28%, 60%, 80%, 100%]", axis)], named: "cannot.yaml")
            let refused = try Whatif.run("run", file)
            #expect(refused.status == code && refused.errors.contains(words), "\(refused.errors)")
            #expect(try LabHost.inventory() == inventory)
        }
    }

    /// The answer is shown, and changes nothing by itself; then its resources are set on the on-line domain together.
    @Test func anAnswerIsShownThenApplied() throws {
        // A limit that every allocation keeps: the smallest is the answer.
        let file = try Self.serviceFile(
            [
                ("cpu: [28%, 60%, 80%, 100%]", "cpu: [33%, 60%], memory: [224 MiB, 256 MiB]"),
                ("p95: 60 ms", "p95: 100 s"), ("find: exhaustive", "find: cheapest"),
            ], named: "apply.yaml")
        let run = try Whatif.run("run", file, "--json")
        #expect(run.status == 0, "\(run.errors)")
        let shown = try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any]
        #expect(shown?["answer"] as? [String: Double] == ["cpu": 0.33, "memory": Double(224 << 20)])

        let before = try LabHost.production() + settings()
        let dry = try Whatif.run("apply", file, "--dry-run")
        #expect(dry.status == 0 && dry.errors.contains("app1: cpu 28% → 33%"), "\(dry.errors)")
        #expect(dry.errors.contains("app1: memory 256 MiB → 224 MiB"))
        let unasked = try Whatif.run("apply", file)
        #expect(unasked.status == 2 && unasked.errors.contains("--yes"))
        #expect(try LabHost.production() + settings() == before)

        let apply = try Whatif.run("apply", file, "--yes", "--observe", "8 s", "--json")
        #expect(apply.status == 0, "\(apply.errors)")
        #expect(try figure("vcpu_quota", "schedinfo", "app1") == "33000")
        #expect(try figure("hard_limit", "memtune", "app1") == "\(224 << 10)")
        let done = try JSONSerialization.jsonObject(with: Data(apply.output.utf8)) as? [String: Any]
        #expect(done?["isApplied"] as? Bool == true && done?["meetsSLA"] as? Bool == true)
        let changes = try #require(done?["changes"] as? [[String: Any]])
        #expect(changes.map { $0["resource"] as? String } == ["cpu", "memory"] && changes[0]["to"] as? Double == 0.33)
        _ = try LabHost.virsh("schedinfo", "app1", "--set", "vcpu_quota=28000")
        _ = try LabHost.virsh("memtune", "app1", "--hard-limit", "262144")
        #expect(try Whatif.run("apply", file, "--dry-run").errors.contains("cpu 28% → 33%"))

        // More than any node has.
        let store = try MatrixStore(Whatif.state + "/matrices.db")
        var record = try #require(try store.campaign(nil))
        let huge = Allocation([.cpu: 0.33, .memory: 0x1p50])
        record.answer = Answer(.cheapest(huge), reasons: [])
        try store.save(record)
        let kept = try settings()
        let crowded = try Whatif.run("apply", file, "--yes")
        #expect(crowded.status == 3 && crowded.errors.contains("no room for that: it takes 1024 TiB more memory"))
        #expect(try settings() == kept)
    }

    /// Everything that can be set of the lab's domains: what libvirt says, now and for the next start, and every file of their
    /// cgroups that can be written and read, but for those that count.
    private func settings() throws -> String {
        let domains = try ["web1", "app1", "db1"].map { name in
            try LabHost.virsh(
                "dumpxml --inactive \(name); memtune \(name); blkiotune \(name); schedinfo \(name); vcpucount \(name); "
                    + "domiflist \(name)")
        }
        let found = try LabHost.run([
            "find", "/sys/fs/cgroup/", "-path", "*machine*", "-type", "f", "-perm", "-600", "-not", "-name",
            "*usage*", "-not", "-name", "*failcnt", "-not", "-name", "*pressure*", "-not", "-name", "*peak*", "-not",
            "-name", "*procs", "-not",
            "-name", "*threads", "-not", "-name", "tasks",
        ]).output.split(separator: "\n").sorted()
        #expect(found.contains { $0.contains("cfs_quota") || $0.contains("cpu.max") } && found.count > 50)
        return try domains.joined() + LabHost.run(["grep", "-a", ""] + found.map(String.init)).output
    }
}
