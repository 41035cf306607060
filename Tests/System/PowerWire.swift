import Foundation
import OperatingSystem

/// A wire that leads nowhere, with what powers nodes on it: a board management controller (OpenIPMI's simulator, which speaks
/// the real protocol) that is wired to the lab's node 3, and a network card of node 2 that hears magic packets.
struct PowerWire {
    static let address = "52:54:00:0a:00:02"
    let folder: String

    init(_ folder: String) throws {
        self.folder = folder
        remove()
        try FileManager.default.createDirectory(atPath: folder + "/state", withIntermediateDirectories: true)
        try write("controller.conf", Self.controller(folder))
        try write("controller.emu", Self.emulation)
        try write("password", "sesame")
        try write("chassis", Self.chassis(folder))
        try write("wake.py", Self.wake)
        try write("wire", Self.wire(folder))
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    private func write(_ name: String, _ text: String) throws {
        try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
    }

    /// Plans for a data centre, and carries the plan out on this wire.
    func apply(_ centre: String) throws -> ProgramResult {
        try write("centre.yaml", centre)
        let plan = try Whatif.run("plan", "\(folder)/centre.yaml", "--json")
        guard plan.status == 0 else { return plan }
        try write("plan.json", plan.output)
        return try ChildProcess.run([
            "unshare", "--net", "--", "sh", "\(folder)/wire", Whatif.binary, "apply", "\(folder)/centre.yaml", "--plan",
            "\(folder)/plan.json", "--yes",
        ])
    }

    /// What the controller and the card were told, a line each.
    func said() throws -> [String] {
        try String(contentsOfFile: folder + "/said", encoding: .utf8).split(separator: "\n").map(String.init)
    }

    /// ipmi_lan(5)
    private static func controller(_ folder: String) -> String {
        """
        name "node3"
        set_working_mc 0x20
          startlan 1
            addr 127.0.0.1 623
            priv_limit admin
            allowed_auths_admin none md2 md5 straight
            guid a123456789abcdefa123456789abcdef
          endlan
          chassis_control "sh \(folder)/chassis 0x20"
          user 2 true "operator" "sesame" admin 10 none md2 md5 straight

        """
    }

    /// ipmi_sim_cmd(5)
    private static let emulation = """
        mc_setbmc 0x20
        mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
        sel_enable 0x20 1000 0x0a
        mc_enable 0x20

        """

    /// What the controller is wired to. It answers its client when this ends, and the client waits some seconds only.
    private static func chassis(_ folder: String) -> String {
        """
        echo "$@" >> \(folder)/said
        case "$2 $3 $4" in
        "get power ") echo "power:0" ;;
        "set power 1") setsid flock -s \(folder)/busy \(Whatif.binary) lab power node3 on >> \(folder)/switched 2>&1 < /dev/null & ;;
        "set power 0" | "set shutdown 1") setsid flock -s \(folder)/busy \(Whatif.binary) lab power node3 off >> \(folder)/switched 2>&1 < /dev/null & ;;
        esac
        exit 0

        """
    }

    /// A network card that hears magic packets: six bytes of ones and sixteen times its address.
    private static let wake = """
        import os, socket, subprocess, sys
        folder, program = sys.argv[1:3]
        heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        heard.bind(("", 9))
        print("ready", flush=True)
        address = sys.argv[3]
        magic = b"\\xff" * 6 + bytes.fromhex(address.replace(":", "")) * 16
        while True:
            if magic in heard.recv(2048):
                with open(folder + "/said", "a") as said: said.write(f"woken: {address}\\n")
                subprocess.run(["flock", "-s", folder + "/busy", program, "lab", "power", "node2", "on"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        """

    /// Runs a command beside the controller and the card, on a wire that leads nowhere.
    private static func wire(_ folder: String) -> String {
        """
        ip link set lo up
        ip link add wire0 type veth peer name wire1 && ip addr add 192.0.2.1/24 dev wire0 && ip link set wire0 up && ip link set wire1 up
        ip route add 255.255.255.255 dev wire0
        mkfifo \(folder)/ready
        ipmi_sim -c \(folder)/controller.conf -f \(folder)/controller.emu -s \(folder)/state -n > \(folder)/controller.log 2>&1 &
        controller=$!
        python3 \(folder)/wake.py \(folder) \(Whatif.binary) \(address) > \(folder)/ready &
        card=$!
        # What they have begun comes to its end first.
        trap 'flock \(folder)/busy kill $controller $card; flock \(folder)/busy rm -f \(folder)/ready' EXIT
        trap 'exit 1' INT TERM
        read ready < \(folder)/ready
        # IPMI's port, 623.
        until grep -q ':026F ' /proc/net/udp; do
            kill -0 $controller || exit 1
            sleep 0.05
        done
        "$@"

        """
    }

    static func centre(_ folder: String, cpu: String, state: String, on nodes: [String]) -> String {
        let common = "cpu: 200%, memory: 2 GiB, boot: 3 s, power: { idle: 90 W, busy: 240 W }"
        // Off it goes by the lab.
        let node2 = state == "on" ? "" : ", switch: { wake-on-lan: '\(address)' }"
        let domains = nodes.enumerated().map { index, node in
            "  - { name: guest\(index + 1), on: \(node), cpu: \(cpu), memory: 256 MiB, dirty-rate: 1 MiB/s"
                + (index == 0 ? ", pinned: true }" : " }")
        }
        return """
            data-centre: lab
            reserve: { cpu: 10%, memory: 10% }
            migration: { bandwidth: 100 MB/s, shared-disks: true, within: 2 min, cooldown: 1 s }
            nodes:
              - { name: node1, lab: 1, \(common) }
              - { name: node2, lab: 2, state: \(state), \(common)\(node2) }
              - { name: node3, lab: 3, state: \(state), \(common),
                  switch: { ipmi: 127.0.0.1, user: operator, password-file: \(folder)/password } }
            domains:
            \(domains.joined(separator: "\n"))

            """
    }
}
