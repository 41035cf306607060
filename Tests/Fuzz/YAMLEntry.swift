import Model
import Planning
import YAML

/// Files that people write: a service file, a data-centre file or an error that says where, and any tree.
enum YAMLEntry {
    static func run(_ bytes: [UInt8]) throws(BrokenInvariant) {
        let text = String(decoding: bytes, as: UTF8.self)
        if let file = try decoded(ServiceFile.self, text) {
            try BrokenInvariant.unless(
                (!file.callers.isEmpty || file.campaign.client != nil) && !file.campaign.axes.isEmpty,
                "half a service file")
            try BrokenInvariant.unless(file.campaign.experiment.most > .zero, "an experiment of no length")
        }
        if let centre = try decoded(DataCentreFile.self, text)?.centre {
            let isWhole = centre.nodes.allSatisfy { $0.capacity.count == centre.resources.count }
            try BrokenInvariant.unless(isWhole && !centre.resources.isEmpty, "half a data centre")
            try BrokenInvariant.unless(
                centre.domains.allSatisfy { $0.node.map { centre.nodes[$0].isOn } ?? true }, "a domain runs nowhere")
        }
        if let simulation = try decoded(SimulationFile.self, text) {
            try BrokenInvariant.unless(
                simulation.length > .zero && !simulation.services.isEmpty, "half a simulation")
        }
        let tree = try? YAMLDecoder.decode(Tree.self, from: text, file: "f")
        try BrokenInvariant.unless(tree.map { $0.depth <= 64 } ?? true, "nested too deeply")
    }

    private static func decoded<File: Decodable>(_ type: File.Type, _ text: String) throws(BrokenInvariant) -> File? {
        do { return try YAMLDecoder.decode(type, from: text, file: "f") } catch {
            // A line ends with any of Unicode's line ends, at most one a byte.
            let lines = text.utf8.count + 1
            try BrokenInvariant.unless((1...lines).contains(error.line) && error.column > 0, "an error is nowhere")
            try BrokenInvariant.unless(!error.reason.isEmpty, "an error says nothing")
            return nil
        }
    }

    /// Anything, read in every way that decoding knows.
    private struct Tree: Decodable {
        private(set) var depth = 1

        private struct Key: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            if let mapping = try? decoder.container(keyedBy: Key.self) {
                for key in mapping.allKeys where try !mapping.decodeNil(forKey: key) {
                    depth = max(depth, try mapping.decode(Tree.self, forKey: key).depth + 1)
                }
            } else if var list = try? decoder.unkeyedContainer() {
                while !list.isAtEnd { depth = max(depth, try list.decode(Tree.self).depth + 1) }
            } else {
                let value = try decoder.singleValueContainer()
                _ = try value.decode(String.self)
                _ = try? value.decode(Double.self)
                _ = try? value.decode(Int.self)
                _ = try? value.decode(UInt8.self)
                _ = try? value.decode(Bool.self)
            }
        }
    }
}
