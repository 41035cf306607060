import Foundation
import Glibc
import OperatingSystem
import Store
import Testing

extension SystemTests {
    /// `whatif clone` of a virtual machine, on the real lab.
    @Suite(.serialized, .labWithMachines) final class MachineCloneTests {
        struct Made: Decodable {
            var id, domain, address: String
            var addresses: [String]
            var pause: Double?
            var way: String?
        }

        static let place = ["--node", "lab", "--connect", "qemu:///system"]
        static let volume = Whatif.state + "/lab/volume"
        let footprint: String
        let original: GuestView

        init() throws {
            footprint = try Self.footprint()
            original = GuestView(try Self.inside)
            try #require(original.isUp)
        }

        static var inside: [String] {
            get throws {
                let pid = try String(contentsOfFile: Whatif.state + "/lab/pid", encoding: .utf8).filter(\.isNumber)
                return ["nsenter", "--target", pid, "--net", "--mount", "--"]
            }
        }

        static func virsh(_ arguments: String...) throws -> String {
            try LabHost.run(["virsh", "--connect", "qemu:///system"] + arguments).output
        }

        /// What must be as it was: the machine's description with the chain of its disk, that it runs, the files beside
        /// it, and everything of the node.
        static func footprint() throws -> String {
            [
                try LabHost.machines(["vm1", "vm2"]), try LabHost.inventory(),
                try LabHost.run(["ip", "netns", "list"]).output,
                try LabHost.run(["ls", "/var/lib/libvirt/images"]).output,
                try storage("volumes lvs -o lv_name,origin,attr"),
                try storage("netstat -ltn | sort; ps | grep -c '[q]emu-nbd'; tgtadm --op show --mode target"),
            ].joined(separator: "\n")
        }

        /// What a shell of the storage machine says.
        static func storage(_ script: String) throws -> String {
            let output = try ChildProcess.run(
                try inside + ["timeout", "20", "busybox", "nc", "10.50.0.60", "7001"],
                input: "(\(script)) 2>&1; echo over\nexit\n"
            ).output
            try #require(output.hasSuffix("over\n"), "\(script): \(output)")
            return String(output.dropLast(5))
        }

        func clone(_ arguments: String...) throws -> [Made] { try clone("vm1", arguments) }

        func clone(_ name: String, _ arguments: [String]) throws -> [Made] {
            Whatif.prepare()
            let result = try ChildProcess.run([Whatif.binary, "clone", name] + arguments + Self.place + ["--json"])
            #expect(result.status == 0, "\(result.errors)")
            return try JSONDecoder().decode([Made].self, from: Data(result.output.utf8))
        }

        /// A clone as its neighbours see it, at its outside address.
        func view(_ clone: Made) throws -> GuestView {
            GuestView([Whatif.binary, "sandbox", "exec", clone.id, "--"], at: clone.address)
        }

        func expectNothingLeft() throws {
            #expect(try Whatif.run("sandbox", "list").output == "the sandbox is empty\n")
            #expect(try Self.footprint() == footprint)
        }

        @Test func twinsGoOnFromOneMoment() throws {
            let (token, disk) = (try original.token, try original.ask("disk"))
            let memory = try original.ask("fill?16")
            let clones = try clone("--from", "memory", "--count", "2")
            try #require(clones.count == 2)
            #expect(clones.allSatisfy { $0.way == "background" && $0.pause ?? 0 > 0 })
            let counter = try original.counter
            let later = try original.ask("write?1")
            #expect(later != disk)
            for clone in clones {
                let view = try view(clone)
                #expect(Whatif.wait(seconds: 60) { view.isUp })
                #expect(try view.token == token && view.ask("memory") == memory && view.ask("disk") == disk)
                let count = try view.counter
                #expect(try Whatif.wait(seconds: 60) { try view.counter > count })
            }
            let again = try ChildProcess.run([Whatif.binary, "clone", "vm1"] + Self.place)
            #expect(again.status == 2 && again.errors.contains("captured already for another clone"), "\(again.errors)")
            let show = try Whatif.run("sandbox", "show", clones[0].id).output
            #expect(show.contains("memory  256.0 MiB") && show.contains("holds   capture vda "), "\(show)")
            let removed = try Whatif.run("sandbox", "remove", clones[1].id)
            #expect(removed.status == 0 && removed.output.contains("of 2 clones"), "\(removed.errors)")
            try expectNothingLeft()
            #expect(try original.token == token && original.ask("disk") == later && original.counter >= counter)
        }

        /// Nothing but the node's neighbour table tells the machine's IPv6 address. Its memory holds the MACs of the neighbours
        /// that it has talked to, and they stand for others now.
        @Test func aTwinGoesOnOverIPv6() throws {
            let over6 = GuestView(try Self.inside, at: "[fd00:50::40]")
            #expect(Whatif.wait(seconds: 60) { over6.isUp })
            let clone = try #require(try self.clone("--from", "memory").first)
            #expect(clone.addresses.count == 2)
            let address = try #require(clone.addresses.last)
            let view = GuestView([Whatif.binary, "sandbox", "exec", clone.id, "--"], at: "[\(address)]")
            #expect(Whatif.wait(seconds: 60) { view.isUp })
            #expect(try view.token == original.token)
            #expect(try Whatif.run("sandbox", "remove", clone.id).status == 0)
            try expectNothingLeft()
        }

        /// A clone that boots has another token; the disk is that of the moment. One from an image begins with that.
        @Test(arguments: ["disk", "image"]) func twinsBoot(_ source: String) throws {
            let (token, disk) = (try original.token, try original.ask("write?4"))
            let image = Self.volume + "/stored.qcow2"
            if source == "image" {
                try LabHost.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "64M"]).expectSuccess()
            }
            defer { _ = try? LabHost.run(["rm", "-f", image]) }
            let clone = try #require(
                try self.clone(
                    "--from", source == "disk" ? "disk" : image, "--prepare", "echo ready > /tmp/prepared"
                ).first)
            #expect(clone.pause == nil)
            let view = try view(clone)
            #expect(Whatif.wait(seconds: 60) { view.isUp })
            #expect(try view.token != token)
            let holds = try view.ask("disk")
            #expect((holds == disk) == (source == "disk"))
            #expect(try view.ask("write?3") != holds)
            #expect(try original.ask("disk") == disk)
            #expect(try Whatif.run("sandbox", "remove", clone.id).status == 0)
            _ = try LabHost.run(["rm", "-f", image])
            try expectNothingLeft()
        }

        @Test(arguments: [
            (["vm1", "--from", "ram"], "--from: found 'ram', expected disk, memory, or the path of an image"),
            (["vm1", "--from", "/nowhere/image"], "/nowhere/image"),
            (["vm1", "--address", "vm1"], "--address: found 'vm1', expected an IPv4 or IPv6 address"),
            (["vm3"], "there is no domain 'vm3' on this node; domains here: store1, vm1, vm2"),
        ])
        func whatCannotBeClonedIsRefused(_ arguments: [String], _ words: String) throws {
            Whatif.prepare()
            let result = try ChildProcess.run([Whatif.binary, "clone"] + arguments + Self.place)
            #expect([1, 2].contains(result.status) && result.errors.contains(words), "\(result.errors)")
            try expectNothingLeft()
        }

        @Test func aContainersMemoryIsNotCloned() throws {
            let result = try Whatif.run("clone", "web1", "--from", "memory", "--node", "lab")
            #expect(
                result.status == 2 && result.errors.contains("driver for containers does not save"), "\(result.errors)")
            try expectNothingLeft()
        }

        /// One of two gets it, and the other hears so, whichever comes first.
        @Test func twoAtOnce() throws {
            let token = try original.token
            let commands = try (0..<2).map { number in
                try Whatif.start(["clone", "vm1", "--from", "memory"] + Self.place, log: "clone\(number).log")
            }
            let codes = commands.map { $0.wait() }
            #expect(codes.sorted() == [0, 2], "\(Whatif.log("clone0.log")) \(Whatif.log("clone1.log"))")
            #expect((Whatif.log("clone0.log") + Whatif.log("clone1.log")).contains("captured already"))
            #expect(try original.token == token)
            let id = try #require(try Journal(Whatif.state + "/journal.db").entries().first?.clone)
            #expect(try Whatif.run("sandbox", "remove", id).status == 0)
            try expectNothingLeft()
        }

        /// Its operator defines the machine anew from what it was, and starts that, while it writes to our overlay: what it
        /// wrote there stays until somebody has looked at it.
        @Test func whatTheOriginalWroteIsNeverRemoved() throws {
            let before = try Self.virsh("dumpxml", "--inactive", "vm1")
            let clone = try #require(try self.clone("--from", "disk").first)
            _ = try original.ask("write?5")
            let overlay = "\(Self.volume)/\(clone.domain)-vda-original.qcow2"
            try LabHost.run(["test", "-s", overlay]).expectSuccess()
            _ = try Self.virsh("destroy", "vm1")
            let definition = Whatif.state + "/lab/vm1.xml"
            try Data(before.utf8).write(to: URL(fileURLWithPath: definition))
            _ = try Self.virsh("define", definition)
            try FileManager.default.removeItem(atPath: definition)
            let refused = try Whatif.run("sandbox", "remove", clone.id)
            #expect(refused.status == 1 && refused.errors.contains("holds what the guest wrote"), "\(refused.errors)")
            try LabHost.run(["test", "-s", overlay]).expectSuccess()
            try LabHost.run(["rm", overlay]).expectSuccess()
            #expect(try Whatif.run("sandbox", "gc").status == 0)
            _ = try Self.virsh("start", "vm1")
            #expect(Whatif.wait(seconds: 60) { original.isUp })
            #expect(try Whatif.run("sandbox", "list").output == "the sandbox is empty\n")
        }
    }
}
