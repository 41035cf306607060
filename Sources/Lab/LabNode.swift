import Foundation
import Hypervisor
package import OperatingSystem

/// A further machine of the lab: a private host with nothing on it but a libvirt for virtual machines, on one Ethernet with the
/// lab's own host, and with disks that all of these machines see.
///
/// It can be powered on and off, which is done as with a switch: what runs on it ends. Needs root.
package struct LabNode: Sendable {
    /// So many may be there, beside the lab's own host.
    package static let most = 4

    package let number: Int
    private let files: LabFiles

    package init(_ number: Int, _ files: LabFiles) { (self.number, self.files) = (number, files) }

    package var name: String { "node\(number)" }
    package var host: PrivateHost {
        PrivateHost(directory: "\(files.directory)-\(name)", name: "\(files.group.name)-\(name)", cache: files.cache)
    }
    package var isOn: Bool { host.holder != nil }

    /// Where another node sends a migrating machine's memory: a libvirt transport URI.
    package var transport: String { "unix://\(host.directory)/migration.sock" }

    /// What runs on it at first.
    var guest: Guest {
        Guest(name: "guest\(number)", address: "10.50.0.5\(number)", mac: "52:54:00:00:50:5\(number)")
    }

    private var disk: String { "\(host.directory)/\(guest.name).qcow2" }

    /// Those of a lab that was brought up with some, powered on or not.
    package static func all(_ files: LabFiles) -> [LabNode] {
        (1...most).map { LabNode($0, files) }.filter { FileManager.default.fileExists(atPath: $0.host.directory) }
    }

    package static func named(_ name: String, _ files: LabFiles) throws(LabError) -> LabNode {
        let known = all(files)
        guard let node = known.first(where: { $0.name == name }) else {
            throw .unknownNode(name, known: known.map(\.name))
        }
        return node
    }

    /// Powers it on, puts it on the lab's Ethernet, and returns when its libvirt answers. One that is on stays on; what a killed
    /// process left half done is done.
    package func powerOn(interrupt: InterruptSignal) throws {
        try files.alone(interrupt) { try switchOn(interrupt: interrupt) }
    }

    func switchOn(interrupt: InterruptSignal) throws {
        guard files.host.holder != nil else { throw LabError.notUp }
        let wasOn = isOn
        do {
            let holder = try host.holder ?? host.start(interrupt: interrupt)
            if try !isWired { try wire(holder) }
        } catch {
            if !wasOn { try? host.stop() }
            throw error
        }
    }

    private var isWired: Bool {
        get throws {
            // The last step of it.
            let link = try ChildProcess.run(try host.inside + ["ip", "-oneline", "link", "show", "dev", "lan", "up"])
            return link.status == 0 && link.output.contains(" master br0 ")
        }
    }

    /// It goes with the node's network namespace, a moment after the node.
    private func wire(_ holder: Int32) throws {
        _ = try ChildProcess.run(try files.host.inside + ["ip", "link", "delete", "dev", name])
        _ = try ChildProcess.run(try host.inside + ["ip", "link", "delete", "dev", "br0"])
        try files.host.run(
            ["ip", "-batch", "-"],
            input: """
                link add name \(name) type veth peer name lan netns \(holder)
                link set dev \(name) master br0
                link set dev \(name) up
                """)
        try host.run(
            ["ip", "-batch", "-"],
            input: """
                link add name br0 type bridge
                link set dev br0 up
                link set dev lan master br0
                link set dev lan up
                """)
    }

    /// What runs on it ends at once; its disks stay.
    package func powerOff(interrupt: InterruptSignal) throws { try files.alone(interrupt) { try host.stop() } }

    /// Its machine is there some seconds later.
    func startGuest() throws { try guest.start(on: host, disk: disk) }

    /// Ends it and removes what it had on disk.
    func remove() throws { try host.end() }
}
