import FoundationXML

/// What of a machine would reach outside of it, in production's way: refused where a clone cannot do without, and else
/// replaced by something of the clone's own.
enum MachineDevice {
    /// In words for the operator; nil when a clone can have it. Disks and interfaces are judged elsewhere.
    static func obstacle(_ device: XMLElement) -> String? {
        switch device.name {
        case "hostdev": "it has a device of the node (<hostdev>): detach it"
        case "shmem": "it shares memory with others (<shmem>): detach it"
        case "filesystem":
            device.first("readonly") != nil
                ? nil
                : "it writes to \(device.first("source")?["dir"] ?? "a folder") of the node (<filesystem>): make it read-only"
        case "redirdev":
            device["type"] == "spicevmc" ? nil : "it has a USB device that is redirected from elsewhere: detach it"
        case "smartcard":
            device["mode"] == "passthrough" && device["type"] == "spicevmc" ? nil : "it has a smart card: detach it"
        case "input":
            ["passthrough", "evdev"].contains(device["type"])
                ? "it has an input device of the node (<input type='\(device["type"] ?? "")'>): detach it" : nil
        case "tpm":
            device.first("backend")?["type"] == "emulator" ? nil : "it has a TPM of the node: detach it"
        case "memory":
            ["nvdimm", "virtio-pmem"].contains(device["model"])
                ? "it has memory that is a file of the node (\(device["model"] ?? "")): detach it" : nil
        default: nil
        }
    }

    /// Of what stands beside `<devices>`.
    static func obstacle(ofSetting setting: XMLElement) -> String? {
        switch setting.bareName {
        case "commandline": "it has arguments of its own for QEMU (<qemu:commandline>): nobody can tell what they share"
        case "launchSecurity": "its memory is encrypted (<launchSecurity>): nobody can read it"
        case "os":
            setting.first("loader").map { $0["readonly"] == "no" && $0["type"] == "pflash" } == true
                ? "its firmware is a file that it writes (<loader readonly='no'>)" : nil
        default: nil
        }
    }

    /// Takes away or replaces what the original's has outside.
    static func makePrivate(_ device: XMLElement) {
        switch device.name {
        case "serial", "parallel", "console": makePort(device)
        case "channel": makeChannel(device)
        case "graphics": makeScreen(device)
        case "audio": makeSilent(device)
        case "rng": makeRandom(device)
        case "vsock":
            // Chosen by libvirt: the numbers are the node's.
            device.replace(XMLElement("cid", ["auto": "yes"]))
        case "lease": device.detach()
        default: break
        }
        device.drop("alias")
    }

    /// Of what stands beside `<devices>`.
    static func makePrivate(setting: XMLElement) {
        switch setting.bareName {
        case "seclabel" where setting["type"] != "none":
            // Labels of its own, as libvirt makes them.
            setting.detach()
        case "sysinfo":
            // libvirt wants the UUID that the domain has.
            for entry in setting.first("system")?.elements(forName: "entry") ?? [] where entry["name"] == "uuid" {
                entry.detach()
            }
        default: break
        }
    }

    /// A terminal that nobody has opened, or none at all where the original's port leads somewhere.
    private static func makePort(_ port: XMLElement) {
        port.drop("source", "log", "protocol")
        port.set("tty", nil)
        if port["type"] != "pty" { port.set("type", "null") }
    }

    /// A socket of libvirt's own for the agent and its like; ends that lead elsewhere are cut.
    private static func makeChannel(_ channel: XMLElement) {
        channel.drop("source", "log", "protocol")
        channel.first("target")?.set("state", nil)
        if !["unix", "pty", "spicevmc"].contains(channel["type"]) { channel.set("type", "null") }
    }

    /// A screen that nobody can look at.
    private static func makeScreen(_ screen: XMLElement) {
        switch screen["type"] {
        case "vnc", "spice":
            for name in ["port", "tlsPort", "autoport", "websocket", "listen", "socket", "passwd", "passwdValidTo"] {
                screen.set(name, nil)
            }
            screen.replace(XMLElement("listen", ["type": "none"]))
        case "egl-headless": break
        default: screen.detach()
        }
    }

    private static func makeSilent(_ audio: XMLElement) {
        for child in audio.childElements { child.detach() }
        for attribute in audio.attributes ?? [] where attribute.name != "id" {
            audio.removeAttribute(forName: attribute.name ?? "")
        }
        audio.set("type", "none")
    }

    private static func makeRandom(_ generator: XMLElement) {
        guard generator.first("backend")?["model"] == "egd" else { return }
        generator.replace(XMLElement("backend", text: "/dev/urandom", ["model": "random"]))
    }
}
