import Arguments
import Foundation
import Lab
import OperatingSystem
import Planning
import Report
import Store

/// `whatif lab power`
enum LabPowerCommand: Command {
    static let schema = CommandSchema(
        "lab power", "Show the lab's further nodes, or power one on or off.",
        discussion: """
            Of a lab that was brought up with --nodes. Off is as with a switch: what runs on the node ends at once, and its disks
            stay. On returns when the node's libvirt answers. A node that is already as it should be stays so. Plans do the same
            by 'lab: N' of a node in a data-centre file.
            """,
        operands: [
            .init("NODE", "One of the nodes, such as node2.", isRequired: false),
            .init("STATE", "on or off.", isRequired: false),
        ],
        options: [.flag("json", "A JSON list of nodes.")])

    private struct Document: Encodable {
        var node: String
        var state: String
        var connect: String
    }

    static func run(_ arguments: ParsedArguments) throws -> ExitCode {
        try Inputs.requireRoot("the lab")
        let files = LabFiles(try StateDirectory.standard())
        guard files.holder != nil else { throw LabError.notUp }
        var nodes = LabNode.all(files)
        if let name = arguments.operand(0) {
            let node = try LabNode.named(name, files)
            switch arguments.operand(1) {
            case nil: break
            case "on": try node.powerOn(interrupt: try InterruptSignal())
            case "off": try node.powerOff(interrupt: try InterruptSignal())
            case let other?: throw UsageError("lab power: found '\(other)', expected on or off")
            }
            nodes = [node]
        }
        let documents = nodes.map {
            Document(node: $0.name, state: $0.isOn ? "on" : "off", connect: $0.host.uri("qemu"))
        }
        if arguments.flag("json") {
            Terminal.print(try MatrixData.encode(documents))
        } else if documents.isEmpty {
            Terminal.print("the lab has no further nodes; 'whatif lab up --nodes 3' brings it up with three")
        } else {
            var table = TextTable(["node", "state", "connect"], [.left, .left, .left])
            for document in documents { table.add([document.node, document.state, document.connect]) }
            Terminal.print(table.text)
        }
        return .done
    }
}

extension NodeAccess {
    /// The lab's own way to its nodes, and its own switch.
    init(_ node: LabNode) {
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
        let command = { (state: String) in "'\(program)' lab power \(node.name) \(state)" }
        self.init(
            connect: node.host.uri("qemu"), transport: node.transport,
            power: .command(on: command("on"), off: command("off")))
    }
}
