import Arguments
import Lab
import Model
import OperatingSystem
import Report
import Store

/// `whatif lab up`
enum LabUpCommand: Command {
    static let schema = CommandSchema(
        "lab up", "Bring up the lab: a private host with a real three-tier auction service.",
        discussion: """
            nginx (web1), gunicorn with an auction application (app1) and PostgreSQL (db1), in containers of libvirt on btrfs,
            in namespaces of their own. Nothing touches the root namespaces. Needs root. The first time, the containers' root
            file system is built from Debian packages.

            --with vm: also a virtual machine, vm1, that tells of its memory and disk by HTTP. --with storage: also a storage
            machine with LVM, store1, and a virtual machine, vm2, with disks on two of its logical volumes: clone that with
            --connect qemu:///system --storage '\(Lab.storage.command)' --export \(Lab.storage.export) --volume vda=data/vm2
            --volume vdb=data/vm2-thin.

            --nodes N: also N further machines, node1 and so on, each a private host with a libvirt of its own and a virtual
            machine on it (guest1 and so on), between which plans move them: Experiments/lab-centre.yaml.
            """,
        options: [
            .repeated("with", "WHAT", "vm or storage; both may be said."),
            .value(
                "services", "N",
                "So many auction services, up to \(AuctionService.most): also web2, app2 and db2, and so on."),
            .value("nodes", "N", "So many further nodes for virtual machines, up to \(LabNode.most) (default 0)."),
        ])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        try Inputs.requireRoot("the lab")
        let further = try arguments.values("with").map { text in
            guard let addition = Lab.Addition(rawValue: text) else {
                let known = Lab.Addition.allCases.map(\.rawValue).joined(separator: " or ")
                throw UsageError("--with: found '\(text)', expected \(known)")
            }
            return addition
        }
        let services = try LabLoadCommand.number(arguments, "services")
        let nodes = arguments.value("nodes").map { Int($0) ?? -1 } ?? 0
        guard (0...LabNode.most).contains(nodes) else {
            throw UsageError("--nodes: expected a number up to \(LabNode.most)")
        }
        let files = LabFiles(try StateDirectory.standard())
        var lab = Lab(files, interrupt: try InterruptSignal(), say: Terminal.note)
        try lab.up(with: Set(further), services: services, nodes: nodes)
        return .done
    }
}

/// `whatif lab status`
enum LabStatusCommand: Command {
    static let schema = CommandSchema(
        "lab status", "Show the lab's domains, their addresses and CPU quotas.",
        options: [.flag("json", "A JSON list of domains.")])

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        let files = LabFiles(try StateDirectory.standard())
        try files.enter()
        let domains = try Lab.status(files)
        if arguments.flag("json") {
            Terminal.print(try MatrixData.encode(domains))
        } else {
            let hasNodes = domains.contains { $0.node != nil }
            var table = TextTable(
                ["domain", "state", "address", "cpu quota"] + (hasNodes ? ["node"] : []),
                [.left, .left, .left, .right, .left])
            for domain in domains {
                table.add(
                    [
                        domain.name, domain.isRunning ? "running" : "stopped", domain.address,
                        domain.cpuQuota.map(Format.percent) ?? "unlimited",
                    ] + (hasNodes ? [domain.node ?? "lab"] : []))
            }
            Terminal.print(table.text)
        }
        return .done
    }
}

/// `whatif lab load`
enum LabLoadCommand: Command {
    static let schema = CommandSchema(
        "lab load", "Put the auction service under an open-loop load of sessions.",
        options: [
            .value("rate", "N", "Requests a second on average (default 40)."),
            .value("for", "DURATION", "How long, such as '5 min' (default: until Ctrl-C)."),
            .value("seed", "N", "Which visitors come (default 1)."),
            .value("service", "N", "Which of the lab's services they visit (default 1)."),
            .flag("json", "The report as one JSON object, times in seconds."),
        ])

    /// A number of services, or of one of them.
    static func number(_ arguments: ParsedArguments, _ option: String) throws -> Int {
        guard let number = Int(arguments.value(option) ?? "1"), (1...AuctionService.most).contains(number) else {
            throw UsageError("--\(option): expected a number from 1 to \(AuctionService.most)")
        }
        return number
    }

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        try Inputs.requireRoot("the lab")
        guard let rate = Double(arguments.value("rate") ?? "40"), rate > 0, rate <= 100_000 else {
            throw UsageError("--rate: expected requests a second, such as 40")
        }
        guard let seed = UInt64(arguments.value("seed") ?? "1") else {
            throw UsageError("--seed: expected a whole number")
        }
        let duration = try Inputs.duration(arguments, "for")
        let service = AuctionService(try number(arguments, "service"))
        try LabFiles(try StateDirectory.standard()).enterForLoad()
        let report = try LoadRun.run(
            service, rate: rate, duration: duration, seed: seed, interrupt: try InterruptSignal()
        ) { elapsed, sent, answered in
            Terminal.passing("load: \(Format.decimal(elapsed, 0)) s, \(sent) requests sent, \(answered) answered")
        }
        if arguments.flag("json") {
            Terminal.print(try MatrixData.encode(report))
        } else {
            let time = { (seconds: Double?) in seconds.map(Format.milliseconds) ?? "–" }
            Terminal.print(
                """
                \(report.sent) requests in \(Format.decimal(report.seconds, 1)) s, \(report.answered) answered \
                (\(Format.significant(report.throughput))/s), \(report.failed) failed, \(report.unanswered) unanswered
                mean \(time(report.mean)), p50 \(time(report.p50)), p95 \(time(report.p95)), p99 \(time(report.p99)); \
                sent at most \(Format.milliseconds(report.latest)) late
                """)
        }
        return .done
    }
}

/// `whatif lab down`
enum LabDownCommand: Command {
    static let schema = CommandSchema("lab down", "Take the lab down; nothing of it is left.")

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        try Inputs.requireRoot("the lab")
        let files = LabFiles(try StateDirectory.standard())
        try Lab(files, interrupt: try InterruptSignal(), say: Terminal.note).down()
        Terminal.note("the lab is down")
        return .done
    }
}
