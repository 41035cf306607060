import Foundation
import FoundationXML
import Hypervisor
import Model
import Testing

@Suite struct DomainDescriptionTests {
    /// As libvirt shows a running container.
    private static let running = """
        <domain type='lxc' id='3894'>
          <name>app1</name>
          <uuid>4f474f4a-9ff9-4ffe-8b42-4286ea6fff89</uuid>
          <memory unit='KiB'>262144</memory>
          <os><type arch='x86_64'>exe</type><init>/init</init></os>
          <devices>
            <filesystem type='mount'><source dir='/data'/><target dir='/data'/><readonly/></filesystem>
            <filesystem type='mount' accessmode='passthrough'><source dir='/volume/app1'/><target dir='/'/></filesystem>
            <interface type='bridge'>
              <mac address='52:54:00:00:50:20'/><source bridge='br0'/>
              <ip address='10.50.0.20' family='ipv4' prefix='24'/>
              <route family='ipv4' address='0.0.0.0' gateway='10.50.0.1'/>
              <target dev='vnet0'/><guest dev='eth0'/>
            </interface>
            <interface type='network'><mac address='52:54:00:00:51:20'/><source network='back'/></interface>
            <console type='pty' tty='/dev/pts/0'><source path='/dev/pts/0'/><target type='lxc' port='0'/></console>
          </devices>
        </domain>
        """

    static var container: DomainDescription {
        get throws { try DomainDescription(xml: running, name: "app1") }
    }

    @Test func whatMattersIsRead() throws {
        let description = try DomainDescription(xml: Self.running, name: "app1")
        #expect(description.type == "lxc")
        #expect(description.root == "/volume/app1")
        #expect(description.interfaces.count == 2)
        #expect(description.interfaces.first?.device == "vnet0")
        #expect(description.interfaces.first?.addresses == [IPAddress(v4: 0x0a32_0014)])
    }

    /// libvirt's driver for containers sets both at the start only.
    @Test func processorsAndRatesAreInTheDefinition() throws {
        let description = try DomainDescription(
            xml: Self.running.replacing(
                "<guest dev='eth0'/>",
                with: "<bandwidth><inbound average='1000' peak='5000'/><outbound average='128'/></bandwidth>"),
            name: "app1")
        #expect(
            description.interfaces.map(\.rate) == [
                NetworkRate(inbound: 1000, outbound: 128), NetworkRate(inbound: 0, outbound: 0),
            ])
        let xml = try description.clone(named: "c", root: "/c", bridge: "b", device: "d", processors: "0-1,3")
        let document = try XMLDocument(xmlString: xml)
        #expect(try document.nodes(forXPath: "/domain/vcpu/@cpuset").map(\.stringValue) == ["0-1,3"])
        #expect(try document.nodes(forXPath: "//bandwidth").isEmpty)
    }

    @Test func aCloneKeepsItsIdentityInsideAndNothingOutside() throws {
        let description = try DomainDescription(xml: Self.running, name: "app1")
        let xml = try description.clone(named: "whatif-1", root: "/volume/whatif-1", bridge: "wib1", device: "wic1")
        let clone = try DomainDescription(xml: xml, name: "whatif-1")
        #expect(clone.root == "/volume/whatif-1")
        let interface = try #require(clone.interfaces.first)
        #expect(clone.interfaces.count == 1)
        #expect(interface.mac == "52:54:00:00:50:20" && interface.device == "wic1")
        #expect(interface.addresses == [IPAddress(v4: 0x0a32_0014)])
        let document = try XMLDocument(xmlString: xml)
        #expect(try document.nodes(forXPath: "/domain/name").first?.stringValue == "whatif-1")
        #expect(try document.nodes(forXPath: "/domain/uuid").isEmpty)
        #expect(try document.nodes(forXPath: "//source/@bridge").map(\.stringValue) == ["wib1"])
        #expect(try document.nodes(forXPath: "//source[@dir='/volume/app1']").isEmpty)
        #expect(try document.nodes(forXPath: "//interface/route/@gateway").count == 1)
    }

    /// A clone must not write where production writes.
    @Test(arguments: [
        ("<readonly/>", "", "the mount of /data"),
        ("<console", "<hostdev mode='capabilities' type='net'/><console", "a <hostdev>"),
        (
            "<devices>", "<lxc:namespace xmlns:lxc='http://libvirt.org/schemas/domain/lxc/1.0'/><devices>",
            "a namespace of the node"
        ),
    ])
    func whatWouldBeSharedWithProductionIsNamed(_ from: String, _ to: String, _ what: String) throws {
        #expect(try DomainDescription(xml: Self.running, name: "app1").shared == [])
        let xml = Self.running.replacing(from, with: to)
        #expect(try DomainDescription(xml: xml, name: "app1").shared == [what])
    }

    @Test func whatHasNoRootCannotBeDescribedAsAClone() throws {
        let description = try DomainDescription(
            xml: "<domain type='qemu'><name>vm</name><devices/></domain>", name: "vm")
        #expect(throws: HypervisorError.self) {
            try description.clone(named: "c", root: "/", bridge: "b", device: "d")
        }
    }

    @Test(arguments: ["", "<domain", "no xml"])
    func whatIsNoXMLIsRefused(_ text: String) {
        #expect(throws: HypervisorError.self) { try DomainDescription(xml: text, name: "x") }
    }
}
