import Foundation
import OperatingSystem
import Testing

extension SystemTests.MachineCloneTests {
    /// UEFI keeps what to boot, and more, in a file that the machine writes: its clone has one of its own.
    @Test func aMachineWithFirmwareVariablesIsCloned() throws {
        let disk = Self.volume + "/vm3.qcow2"
        let definition = Whatif.state + "/lab/vm3.xml"
        let firmware = """
            <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>
            <nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd'/>
            """
        let xml = try Self.virsh("dumpxml", "--inactive", "vm1").replacing(/<uuid>.*<\/uuid>/, with: "")
            .replacing("<name>vm1", with: "<name>vm3").replacing("vm1.qcow2", with: "vm3.qcow2")
            .replacing("00:50:40", with: "00:50:43").replacing("10.50.0.40", with: "10.50.0.43")
            .replacing("<type ", with: firmware + "<type ")
        try Data(xml.utf8).write(to: URL(fileURLWithPath: definition))
        try LabHost.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "64M"]).expectSuccess()
        _ = try Self.virsh("define", definition)
        defer {
            _ = try? Self.virsh("destroy", "vm3")
            _ = try? Self.virsh("undefine", "vm3", "--nvram")
            for file in [disk, definition] { _ = try? LabHost.run(["rm", file]) }
        }
        _ = try Self.virsh("start", "vm3")
        let original = GuestView(try Self.inside, at: "10.50.0.43")
        try #require(Whatif.wait(seconds: 120) { original.isUp })
        let variables = "/var/lib/libvirt/qemu/nvram/vm3_VARS.fd"
        let before = try LabHost.run(["md5sum", variables]).output

        let clone = try #require(try clone("vm3", ["--from", "memory"]).first)
        let show = try Whatif.run("sandbox", "show", clone.id).output
        #expect(show.contains("file /var/lib/libvirt/qemu/nvram/\(clone.domain)-variables.fd"), "\(show)")
        let view = try view(clone)
        #expect(Whatif.wait(seconds: 60) { view.isUp })
        #expect(try view.token == original.token)
        #expect(try Whatif.run("sandbox", "remove", clone.id).status == 0)
        #expect(try LabHost.run(["ls", "/var/lib/libvirt/qemu/nvram"]).output == "vm3_VARS.fd\n")
        #expect(try LabHost.run(["md5sum", variables]).output == before)
    }
}
