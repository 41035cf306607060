import Foundation
import FoundationXML
import Hypervisor
import Testing

@Suite struct MachineCloneTests {
    private func read(_ xml: String) throws -> DomainDescription { try DomainDescription(xml: xml, name: "vm") }

    private func clone(
        _ xml: String, _ disks: [String], memory: Bool = true, variables: String? = nil, processors: Int? = nil
    ) throws -> XMLDocument {
        let images = disks.map { ($0, DiskImage(.file("/clones/\($0)"), format: "qcow2")) }
        let text = try read(xml).machineClone(
            .init(
                name: "whatif-1", disks: Dictionary(uniqueKeysWithValues: images), bridge: "wib1", device: "wic1",
                hasMemory: memory, firmwareVariables: variables, processors: processors))
        return try XMLDocument(xmlString: text)
    }

    private func values(_ document: XMLDocument, _ path: String) throws -> [String] {
        try document.nodes(forXPath: path).map { $0.stringValue ?? "" }
    }

    @Test func disksMemoryAndProcessorsAreRead() throws {
        let desktop = try read(MachineXML.desktop)
        #expect(desktop.isMachine && desktop.memoryKiB == 4_194_304 && desktop.processors == 2)
        #expect(desktop.hasAgentChannel)
        #expect(desktop.firmwareVariables == "/var/lib/libvirt/qemu/nvram/win10_VARS.fd")
        #expect(desktop.disks.map(\.target) == ["vda", "sda", "sdb"])
        #expect(desktop.disks.map(\.isWritable) == [true, false, false])
        #expect(desktop.disks[0].image == DiskImage(.file("/srv/overlay.qcow2"), format: "qcow2"))
        #expect(desktop.disks[0].backing == [.file("/srv/win10.qcow2"), .block("/dev/vg/base")])
        #expect(desktop.disks[2].image == nil)

        let cloud = try read(MachineXML.cloud)
        #expect(cloud.memoryKiB == 524_288 && cloud.processors == 1 && !cloud.hasAgentChannel)
        let hosts = [DiskSource.Host(name: "192.0.2.1", port: 6789), .init(name: "192.0.2.2", port: 6789)]
        #expect(cloud.disks[0].image?.source == .network(kind: "rbd", name: "vms/0a5f_disk", hosts: hosts))
        #expect(cloud.disks[1].image?.source == .block("/dev/mapper/vg-data"))
        #expect(cloud.disks.map(\.isWritable) == [true, true, false])

        let least = try read(MachineXML.least)
        #expect(least.memoryKiB == 262_144 && least.disks.first?.image?.format == "raw")
        #expect(try DomainDescriptionTests.container.disks.isEmpty)
    }

    /// One that boots has as many as it is given; one that goes on has those of its image.
    @Test(arguments: [(1, "1", "4"), (2, "2", "4"), (6, "6", "6")])
    func aCloneBootsWithItsProcessors(_ count: Int, _ current: String, _ most: String) throws {
        let booted = try clone(MachineXML.desktop, ["vda"], memory: false, variables: "/v", processors: count)
        #expect(try values(booted, "/domain/vcpu") == [most] && values(booted, "/domain/vcpu/@current") == [current])
        let twin = try clone(MachineXML.desktop, ["vda"], variables: "/v", processors: count)
        #expect(try values(twin, "/domain/vcpu") == ["4"] && values(twin, "/domain/vcpu/@current") == ["2"])
    }

    @Test func aCloneIsTheSameInsideAndAnotherOutside() throws {
        let document = try clone(MachineXML.desktop, ["vda"], variables: "/clones/vars")
        #expect(try values(document, "/domain/name") == ["whatif-1"])
        #expect(try values(document, "/domain/@id").isEmpty)
        for gone in ["uuid", "metadata", "seclabel", "sysinfo/system/entry[@name='uuid']"] {
            #expect(try values(document, "/domain/\(gone)").isEmpty, "\(gone)")
        }
        #expect(try values(document, "/domain/os/nvram") == ["/clones/vars"])
        for kept in [
            "cpu[@mode='host-passthrough'][@migratable='on']", "os/type[@machine='pc-q35-7.2']", "sysinfo/system/entry",
            "memory[.='4194304']", "vcpu[@current='2']", "devices/disk/serial[.='0001']",
            "devices/disk/address[@bus='0x04']", "devices/interface/address[@bus='0x01']",
            "devices/interface/driver[@queues='2']", "devices/video/model[@type='qxl']", "devices/sound", "devices/tpm",
            "devices/disk/driver[@cache='none'][@discard='unmap']", "features/hyperv/relaxed",
        ] {
            #expect(try values(document, "/domain/\(kept)").count == 1, "\(kept)")
        }
    }

    /// Nothing that the original's XML names outside of the machine is in the clone's, but what is only read.
    @Test(arguments: [
        (MachineXML.desktop, ["vda"], ["/usr/", "/iso/virtio.iso"]),
        (MachineXML.cloud, ["vda", "vdb"], ["vms/0a5f_disk.config", "192.0.2.1"]), (MachineXML.least, ["vda"], []),
    ])
    func nothingOutsideIsShared(_ xml: String, _ disks: [String], _ readOnly: [String]) throws {
        let document = try clone(xml, disks, variables: "/clones/vars")
        let outside = try values(
            document,
            "//@file | //@path | //@dev[name(..)!='target'] | //@host | //@service | //@tty | //@port[name(..)='graphics']"
                + " | //@passwd | //@listen | //@address[name(..)='listen'] | //@serverName | //@network | //@bridge"
                + " | //source/@name | //source/host/@name | //nvram | //script | //@address[name(..)='cid'] | //auth")
        let ours = ["/clones/", "wib1", "hd"]
        for value in outside where !(readOnly + ours).contains(where: value.hasPrefix) {
            Issue.record("shared: \(value)")
        }
        #expect(try values(document, "//graphics[@type='sdl' or @type='dbus']").isEmpty)
        #expect(try values(document, "//graphics").count == values(document, "//graphics/listen[@type='none']").count)
        #expect(try values(document, "//audio[@type!='none']").isEmpty)
    }

    @Test func portsThatLeadSomewhereAreCut() throws {
        let document = try clone(MachineXML.desktop, ["vda"], variables: "/clones/vars")
        #expect(try values(document, "//serial/@type") == ["null"])
        #expect(try values(document, "//console/@type") == ["pty"])
        #expect(try values(document, "//channel/@type") == ["unix", "spicevmc", "null"])
        #expect(try values(document, "//serial/source | //serial/log | //channel/source | //channel/protocol").isEmpty)
        #expect(try values(document, "//vsock/cid/@auto") == ["yes"])
        #expect(try values(document, "//rng/backend") == ["/dev/urandom"])
    }

    @Test func onlyTheFirstInterfaceIsConnected() throws {
        let document = try clone(MachineXML.desktop, ["vda"], variables: "/v")
        #expect(try values(document, "//interface/mac/@address") == ["52:54:00:6b:3c:58", "52:54:00:6b:3c:59"])
        #expect(try values(document, "//interface/@type") == ["bridge", "bridge"])
        #expect(try values(document, "//interface/source/@bridge") == ["wib1", "wib1"])
        #expect(try values(document, "//interface[1]/target/@dev") == ["wic1"])
        #expect(try values(document, "//interface[1]/link | //interface[2]/target").isEmpty)
        #expect(try values(document, "//interface[2]/link/@state") == ["down"])
        #expect(try values(document, "//interface/filterref | //interface/bandwidth").isEmpty)
        // Without a memory image there is no need for the others.
        let cold = try clone(MachineXML.desktop, ["vda"], memory: false, variables: "/v")
        #expect(try values(cold, "//interface/mac/@address") == ["52:54:00:6b:3c:58"])
    }

    @Test(arguments: [
        (DiskSource.file("/c/vda"), "file", "source[@file='/c/vda']"),
        (.block("/dev/vg/c"), "block", "source[@dev='/dev/vg/c']"),
        (
            .nbd(export: "c", .init(name: "192.0.2.9", port: 10809)), "network",
            "source[@protocol='nbd'][@name='c']/host[@name='192.0.2.9'][@port='10809']"
        ),
        (
            .nbd(export: nil, .init(socket: "/run/c.sock")), "network",
            "source[@protocol='nbd']/host[@transport='unix'][@socket='/run/c.sock']"
        ),
        (
            .iscsi(target: "iqn.2026-01.x:c", unit: 1, .init(name: "192.0.2.9", port: 3260)), "network",
            "source[@protocol='iscsi'][@name='iqn.2026-01.x:c/1']/host[@port='3260']"
        ),
    ])
    func aDiskGoesWhereItIsSaid(_ source: DiskSource, _ type: String, _ path: String) throws {
        let text = try read(MachineXML.cloud).machineClone(
            .init(
                name: "c", disks: ["vda": DiskImage(source, format: "raw"), "vdb": DiskImage(source, format: "qcow2")],
                bridge: "b", device: "d", hasMemory: false))
        let document = try XMLDocument(xmlString: text)
        for (target, format) in [("vda", "raw"), ("vdb", "qcow2")] {
            let disk = "//disk[target/@dev='\(target)'][@type='\(type)']"
            #expect(try values(document, "\(disk)/\(path)").count == 1)
            #expect(try values(document, "\(disk)/source").count == 1)
            #expect(try values(document, "\(disk)/driver/@type") == [format])
            #expect(try values(document, "\(disk)/auth | \(disk)/shareable").isEmpty)
        }
        #expect(try values(document, "//iotune/total_iops_sec") == ["500"])
        #expect(try read(text).disks.first?.image?.source == source)
    }

    /// Each with its name in the refusal.
    @Test(arguments: [
        ("<hostdev mode='subsystem' type='pci'/>", "hostdev"), ("<shmem name='s'/>", "shmem"),
        ("<filesystem><source dir='/home'/><target dir='home'/></filesystem>", "/home"),
        ("<redirdev bus='usb' type='tcp'><source mode='connect' host='h' service='1'/></redirdev>", "USB"),
        ("<smartcard mode='host'/>", "smart card"), ("<input type='passthrough' bus='virtio'/>", "input"),
        ("<tpm model='tpm-tis'><backend type='passthrough'/></tpm>", "TPM"),
        ("<memory model='nvdimm'><source><path>/tmp/nvdimm</path></source></memory>", "nvdimm"),
        ("<interface type='hostdev'><mac address='52:54:00:00:00:02'/></interface>", "52:54:00:00:00:02"),
        ("<disk type='file' device='floppy'><source file='/f'/><target dev='fda'/></disk>", "fda"),
        ("<disk type='file' device='disk'><source file='/other'/><target dev='vdz'/></disk>", "vdz"),
    ])
    func whatCannotBeClonedIsRefusedByName(_ device: String, _ word: String) throws {
        let xml = MachineXML.least.replacing("</devices>", with: device + "</devices>")
        let error = #expect(throws: HypervisorError.self) { try clone(xml, ["vda"]) }
        #expect(error?.cause == .unsupported && error?.message.contains(word) == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        ("<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'/>", "arguments"),
        ("<launchSecurity type='sev'/>", "encrypted"),
    ])
    func settingsThatCannotBeClonedAreRefused(_ setting: String, _ word: String) throws {
        let xml = MachineXML.least.replacing("<devices>", with: setting + "<devices>")
        #expect(try read(xml).obstacles(withMemory: false).count == 1)
        #expect(try read(xml).obstacles(withMemory: true).first?.contains(word) == true)
    }

    @Test func whatIsOnlyReadIsKept() throws {
        let device = "<filesystem><source dir='/doc'/><target dir='doc'/><readonly/></filesystem>"
        let xml = MachineXML.least.replacing("</devices>", with: device + "</devices>")
        #expect(try values(clone(xml, ["vda"]), "//filesystem/source/@dir") == ["/doc"])
    }

    @Test func firmwareVariablesNeedACopy() throws {
        let error = #expect(throws: HypervisorError.self) { try clone(MachineXML.desktop, ["vda"]) }
        #expect(error?.message.contains("win10_VARS.fd") == true)
    }

    @Test func aContainerIsNoMachine() throws {
        #expect(throws: HypervisorError.self) {
            try DomainDescriptionTests.container.machineClone(
                .init(name: "c", disks: [:], bridge: "b", device: "d", hasMemory: false))
        }
    }
}
