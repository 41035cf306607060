import Foundation
import Glibc
import Hypervisor
import OperatingSystem
import Testing

extension SystemTests {
    /// Clones of a virtual machine, and what it gets, on a real one.
    @Suite(.serialized, .noLab, .machine) struct MachineTests {
        private func plan(_ host: MachineHost, _ name: String) -> MemoryCapturePlan {
            MemoryCapturePlan(
                memory: "\(host.folder)/whatif-\(name).save",
                overlays: ["vda": "\(host.folder)/whatif-\(name)-vda.qcow2"], pauseLimit: .seconds(30))
        }

        /// A clone of a captured machine, standing, on a disk of its own.
        private func clone(
            _ capture: MemoryCapture, _ name: String, on bridge: IsolatedBridge, _ host: MachineHost
        ) throws -> Domain {
            let disk = "\(host.folder)/\(name).qcow2"
            try ChildProcess.succeed(
                ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", host.folder + "/vm1.qcow2", disk])
            let xml = try capture.original.machineClone(
                .init(
                    name: name, disks: ["vda": DiskImage(.file(disk), format: "qcow2")], bridge: bridge.name,
                    device: bridge.name + "t", hasMemory: true))
            return try host.node.restore(capture.image, as: xml, named: name, paused: true)
        }

        @Test func thisMachineTakesMemoryInTheBackground() throws {
            let ability = try MachineHost.shared.domain.captureAbility()
            #expect(ability.way == .background && ability.reason == nil)
            #expect(ability.description == "background snapshot")
        }

        @Test(arguments: [CaptureWay.background, .live])
        func clonesGoOnFromTheMomentAndTheOriginalDoesNotNotice(_ way: CaptureWay) throws {
            let host = try MachineHost.shared
            let (domain, original) = (try host.domain, try host.original)
            let before = try host.footprint()
            let (token, counter, disk) = (try original.token, try original.counter, try original.ask("disk"))
            let plan = plan(host, "t")
            let capture = try domain.capture(plan, way)
            #expect(capture.way == way && capture.pause > .zero && capture.pause < capture.duration)
            #expect(try domain.overlays() == plan.overlays)
            // The original writes on.
            let later = try original.ask("write?1")
            #expect(later != disk)

            let bridges = [try IsolatedBridge("wib1", on: host.host), try IsolatedBridge("wib2", on: host.host)]
            defer { bridges.forEach { $0.remove() } }
            var clones: [Domain] = []
            defer { clones.forEach { try? $0.destroy() } }
            for (number, bridge) in bridges.enumerated() {
                let clone = try clone(capture, "whatif-t\(number)", on: bridge, host)
                clones.append(clone)
                #expect(try clone.state() == .paused)
                try clone.resume()
                #expect(try clone.description().interfaces.map(\.mac) == ["52:54:00:00:50:40"])
            }
            for bridge in bridges {
                #expect(Whatif.wait(seconds: 60) { bridge.view.isUp })
                #expect(try bridge.view.token == token)
                let count = try bridge.view.counter
                #expect(count >= counter)
                #expect(try Whatif.wait(seconds: 60) { try bridge.view.counter > count })
                #expect(try bridge.view.ask("memory") == host.memory)
                #expect(try bridge.view.ask("disk") == disk)
            }
            // Each has an agent of its own.
            let said = try clones[0].runInGuest("cat /run/token", within: .seconds(20))
            #expect(said.output.hasPrefix(token) && said.status == 0)
            let written = try bridges[0].view.ask("write?2")
            #expect(written != disk && written != later)
            #expect(try bridges[1].view.ask("disk") == disk)
            for (clone, bridge) in zip(clones, bridges) {
                try clone.destroy()
                try FileManager.default.removeItem(atPath: "\(host.folder)/\(clone.name).qcow2")
                bridge.remove()
            }

            try domain.endCapture(memory: plan.memory, overlays: plan.overlays)
            #expect(try host.footprint() == before)
            #expect(try original.token == token && original.ask("memory") == host.memory)
            #expect(try original.counter > counter)
            #expect(try original.ask("disk") == later)
            // Once more does nothing.
            try domain.endCapture(memory: plan.memory, overlays: plan.overlays)
            #expect(try host.footprint() == before)
        }

        @Test(arguments: [CaptureWay.background, .live])
        func aPauseThatWouldBeTooLongIsGivenUp(_ way: CaptureWay) throws {
            let host = try MachineHost.shared
            let (domain, original) = (try host.domain, try host.original)
            let before = try host.footprint()
            let token = try original.token
            var plan = plan(host, "short")
            plan.pauseLimit = .microseconds(1)
            let error = #expect(throws: HypervisorError.self) { try domain.capture(plan, way) }
            #expect(error?.cause == .pauseTooLong, "\(String(describing: error))")
            #expect(try domain.state() == .running)
            #expect(try host.footprint() == before)
            #expect(try original.token == token)
        }

        /// When a capture is killed, by what can be seen of it from outside.
        enum Moment: CaseIterable {
            case imageBegun, standing, overlaid

            func isReached(_ domain: Domain, _ folder: String) throws -> Bool {
                switch self {
                case .imageBegun: FileManager.default.fileExists(atPath: folder + "/whatif-bench.save")
                case .standing: try domain.state() == .paused
                case .overlaid: try !domain.overlays().isEmpty
                }
            }
        }

        @Test(arguments: [CaptureWay.background, .live], Moment.allCases)
        func aKilledCaptureIsUndone(_ way: CaptureWay, _ moment: Moment) throws {
            let host = try MachineHost.shared
            let (domain, original) = (try host.domain, try host.original)
            let before = try host.footprint()
            let token = try original.token
            let process = try ChildProcess(
                [Whatif.root + "/.build/debug/machine", "capture", MachineHost.state, way.rawValue])
            var ended: Int32?
            _ = try Whatif.wait(seconds: 60) {
                ended = process.poll()
                return try ended != nil || moment.isReached(domain, host.folder)
            }
            #expect(ended == nil, "it was over before")
            kill(process.pid, SIGKILL)
            process.wait()
            // With nobody's help.
            #expect(try Whatif.wait(seconds: 60) { try domain.state() == .running })
            try domain.endCapture(
                memory: host.folder + "/whatif-bench.save",
                overlays: ["vda": host.folder + "/whatif-bench-vda.qcow2"])
            #expect(try domain.state() == .running)
            #expect(try host.footprint() == before)
            #expect(try original.token == token)
        }

        /// What a process that was killed leaves is found by names alone.
        @Test func halfACaptureIsUndone() throws {
            let host = try MachineHost.shared
            let (domain, original) = (try host.domain, try host.original)
            let before = try host.footprint()
            let plan = plan(host, "half")
            // As background snapshots are prepared; then the machine stands, on an overlay, with half an image.
            _ = try host.virsh(
                "qemu-monitor-command", "vm1",
                #"{"execute":"migrate-set-capabilities","arguments":{"capabilities":"#
                    + #"[{"capability":"background-snapshot","state":true}]}}"#)
            try domain.suspend()
            try domain.overlayDisks(plan.overlays)
            try Data("LibvirtQemudPart".utf8).write(to: URL(fileURLWithPath: plan.memory))
            #expect(!original.isUp)

            try domain.endCapture(memory: plan.memory)
            #expect(original.isUp)
            #expect(try host.footprint() == before)
        }

        /// Somebody's snapshot over our overlay: what production needs is not removed, and a second capture is refused.
        @Test func whatTheMachineNeedsIsNeverRemoved() throws {
            let host = try MachineHost.shared
            let domain = try host.domain
            let before = try host.footprint()
            let plan = plan(host, "one")
            try domain.overlayDisks(plan.overlays)
            #expect(throws: HypervisorError.self) { try domain.capture(self.plan(host, "two"), .live) }
            // The end of another capture does not touch this one.
            try domain.endCapture(memory: nil, overlays: ["vda": host.folder + "/whatif-two-vda.qcow2"])
            #expect(try domain.overlays() == plan.overlays)

            let overlay = host.folder + "/operator.qcow2"
            _ = try host.virsh(
                "snapshot-create-as", "vm1", "--disk-only", "--no-metadata", "--diskspec", "vda,file=\(overlay)")
            let error = #expect(throws: HypervisorError.self) {
                try domain.endCapture(memory: nil, overlays: plan.overlays)
            }
            #expect(error?.message.contains(overlay) == true)
            #expect(try FileManager.default.fileExists(atPath: #require(plan.overlays["vda"])))
            _ = try host.virsh("blockcommit", "vm1", "vda", "--active", "--pivot", "--shallow", "--wait")
            try FileManager.default.removeItem(atPath: overlay)
            try domain.endCapture(memory: nil, overlays: plan.overlays)
            #expect(try host.footprint() == before)
        }

        @Test func whatIsNotOursIsLeftAlone() throws {
            let host = try MachineHost.shared
            let domain = try host.domain
            let overlay = host.folder + "/operator.qcow2"
            #expect(throws: HypervisorError.self) { try domain.overlayDisks(["vda": overlay]) }
            _ = try host.virsh(
                "snapshot-create-as", "vm1", "--disk-only", "--no-metadata", "--diskspec", "vda,file=\(overlay)")
            #expect(try domain.overlays().isEmpty)
            try domain.endCapture(memory: host.folder + "/vm1.qcow2", overlays: ["vda": host.folder + "/vm1.qcow2"])
            #expect(try domain.description().disks.first?.image?.source == .file(overlay))
            #expect(FileManager.default.fileExists(atPath: host.folder + "/vm1.qcow2"))
            _ = try host.virsh("blockcommit", "vm1", "vda", "--active", "--pivot", "--shallow", "--wait")
            try FileManager.default.removeItem(atPath: overlay)
        }
    }
}
