import Model
import YAML

/// Files that people write: a service file or an error that says where, and any tree.
enum YAMLEntry {
    static func run(_ bytes: [UInt8]) throws(BrokenInvariant) {
        let text = String(decoding: bytes, as: UTF8.self)
        // A line ends with any of Unicode's line ends, at most one a byte.
        let lines = text.utf8.count + 1
        switch Result(catching: { () throws(YAMLError) in
            try YAMLDecoder.decode(ServiceFile.self, from: text, file: "f")
        }) {
        case .success(let file):
            try BrokenInvariant.unless(
                (!file.callers.isEmpty || file.campaign.client != nil) && !file.campaign.axes.isEmpty,
                "half a service file")
            try BrokenInvariant.unless(file.campaign.experiment.most > .zero, "an experiment of no length")
        case .failure(let error):
            try BrokenInvariant.unless((1...lines).contains(error.line) && error.column > 0, "an error is nowhere")
            try BrokenInvariant.unless(!error.reason.isEmpty, "an error says nothing")
        }
        let tree = try? YAMLDecoder.decode(Tree.self, from: text, file: "f")
        try BrokenInvariant.unless(tree.map { $0.depth <= 64 } ?? true, "nested too deeply")
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
