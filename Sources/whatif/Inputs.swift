import Arguments
import Foundation
import Hypervisor
import Lab
import Model
import OperatingSystem
import Planning
import Report
import Store
import Wire
import YAML

/// A file that cannot be read.
struct FileError: Error, CustomStringConvertible {
    let description: String
}

/// Something that the machine lacks for what was asked.
struct Lacking: Error, CustomStringConvertible {
    let description: String
}

enum SystemErrorCode {
    static let noSpace = ENOSPC
}

/// What several commands read: service and data-centre files, durations, the state directory, the node.
enum Inputs {
    static func serviceFile(_ path: String) throws -> ServiceFile {
        var file = try YAMLDecoder.decode(ServiceFile.self, from: try text("service file", path), file: path)
        // Beside the service file.
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        file.variants = file.variants.mapValues { URL(fileURLWithPath: $0, relativeTo: folder).path }
        file.campaign.trace = file.campaign.trace.map { URL(fileURLWithPath: $0, relativeTo: folder).path }
        return file
    }

    static func dataCentre(_ path: String) throws -> DataCentreFile {
        var file = try YAMLDecoder.decode(
            DataCentreFile.self, from: try text("data-centre file", path), file: path)
        guard !file.sizing.isEmpty else { return file }
        let store = try MatrixStore(try StateDirectory.standard().matrices)
        for (place, sizing) in file.sizing.sorted(by: { $0.key < $1.key }) {
            let line = "\(path): domain \(file.centre.domains[place].name): sized-by \(sizing.source)"
            let record = try record(sizing.source, store, line)
            guard let allocation = record.answer?.allocation else {
                throw FileError(
                    description:
                        "\(line): campaign \(record.id) found no allocation; say what the domain needs, or find it first"
                )
            }
            do { try file.size(place, by: allocation, of: record.id) } catch {
                throw FileError(description: "\(line): \(error)")
            }
        }
        return file
    }

    /// What was moved from here to where it is counts as what the file says moved. Whoever may not read that plans without it, as for
    /// a data centre that somebody else keeps.
    static func learnMoves(_ file: inout DataCentreFile, at time: Timestamp) {
        guard let state = try? StateDirectory.standard(), unsafe access(state.decisions, R_OK | W_OK) == 0 else {
            return
        }
        do {
            let moves = try DecisionStore(state.decisions).moves(in: file.name)
            for (place, domain) in file.centre.domains.enumerated() {
                guard let (node, at) = moves[domain.name], time >= at, let home = domain.node,
                    file.centre.nodes[home].name == node
                else { continue }
                file.goal.recentMoves.append(RecentMove(domain: place, at: file.goal.now - (time - at)))
            }
        } catch { Terminal.complain("what was moved from here is not known: \(error)") }
    }

    static func simulation(_ path: String) throws -> SimulationFile {
        var file = try YAMLDecoder.decode(SimulationFile.self, from: try text("simulation file", path), file: path)
        let measured = file.measuredTiers
        guard !measured.isEmpty else { return file }
        let store = try MatrixStore(try StateDirectory.standard().matrices)
        for (service, tier, source) in measured {
            let name = "\(file.services[service].name)/\(file.services[service].tiers[tier].name)"
            let line = "\(path): tier \(name): work-of \(source)"
            guard let work = try record(source, store, line).work else {
                throw FileError(description: "\(line): nothing was measured in it; say its work, such as 0.6 ms")
            }
            file.take(work, service: service, tier: tier)
        }
        return file
    }

    /// The campaign that a file names.
    private static func record(
        _ source: SizingSource, _ store: MatrixStore, _ place: String
    ) throws -> CampaignRecord {
        let found =
            switch source {
            case .campaign(let id): try store.campaign(id)
            case .latest(let service, let tier): try store.latestDone(service: service, tier: tier)
            }
        guard let record = found else {
            throw FileError(
                description: "\(place): there is no such campaign; 'whatif matrix list' shows what there is")
        }
        return record
    }

    /// A plan as `whatif plan --json` writes it.
    static func plan(_ path: String) throws -> PlanDocument {
        let text = try text("plan", path)
        do { return try JSONDecoder().decode(PlanDocument.self, from: Data(text.utf8)) } catch {
            throw FileError(
                description:
                    "plan \(path): not a plan as 'whatif plan --json' writes it: \(place(error as? DecodingError))")
        }
    }

    private static func place(_ error: DecodingError?) -> String {
        let (path, reason): ([any CodingKey], String) =
            switch error {
            case .keyNotFound(let key, let context): (context.codingPath, "'\(key.stringValue)' is missing")
            case .dataCorrupted(let context), .typeMismatch(_, let context), .valueNotFound(_, let context):
                (context.codingPath, context.debugDescription)
            default: ([], "it cannot be read")
            }
        let steps = path.map { $0.intValue.map { "item \($0 + 1)" } ?? $0.stringValue }
        return reason + (steps.isEmpty ? "" : " in " + steps.joined(separator: ", "))
    }

    /// What a file holds; `kind` says in errors what it should be.
    static func text(_ kind: String, _ path: String) throws(FileError) -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            let reason = FileManager.default.fileExists(atPath: path) ? "it cannot be read" : "there is no such file"
            throw FileError(description: "\(kind) \(path): \(reason)")
        }
        return String(decoding: data, as: UTF8.self)
    }

    static func duration(_ arguments: ParsedArguments, _ name: String) throws -> Duration? {
        guard let text = arguments.value(name) else { return nil }
        do { return try Units.duration(text) } catch { throw UsageError("--\(name): \(error)") }
    }

    /// `10.0.0.5:80=http`, `[2001:db8::5]:80=http`; the protocol may be left out where there is a usual one.
    static func server(_ text: String, usually usual: ApplicationProtocol? = nil) throws -> WatchedServer {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
        let name = parts.count == 2 ? ApplicationProtocol(rawValue: parts[1]) : parts.count == 1 ? usual : nil
        guard let endpoint = parts.first.flatMap({ Endpoint($0) }), let name, ProtocolTable.entry(name) != nil else {
            throw UsageError(
                "--server: found '\(text)', expected ADDRESS:PORT\(usual == nil ? "=PROTOCOL" : "[=PROTOCOL]") such as "
                    + "10.0.0.5:80=http (protocols: "
                    + ProtocolTable.all.map(\.name.rawValue).joined(separator: ", ") + ")")
        }
        return WatchedServer(endpoint, name)
    }

    static func count(_ arguments: ParsedArguments, _ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let text = arguments.value(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw UsageError(
                "--\(name): found '\(text)', expected a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// The node of '--connect' and '--node', entered and connected, and the name of the private host if it is one.
    static func node(_ arguments: ParsedArguments, _ state: StateDirectory) throws -> (Node, name: String?) {
        let name = arguments.value("node")
        if let name, name != "lab" { throw UsageError("--node: there is no private host '\(name)', expected lab") }
        try enter(node: name, state)
        return (try Node(connect: arguments.value("connect") ?? "lxc:///system"), name)
    }

    static func requireRoot(_ doing: String) throws {
        guard ProcessIdentity.isRoot else {
            throw Lacking(
                description: "\(doing) needs root (CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_NET_RAW); run it with sudo")
        }
    }

    /// Moves into the node of a service file before anything is connected. Paths stay what they are: the node's mount
    /// namespace is a copy of this machine's.
    static func enter(node: String?, _ state: StateDirectory) throws {
        if node == "lab" { try LabFiles(state).enter() }
    }
}
