import Foundation
import FuzzEntries
import Testing

/// What fuzzing found worth keeping, replayed: inputs that reach each branch of each parser, and those that broke one.
@Suite struct CorpusTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appending(path: "Corpora", directoryHint: .isDirectory)

    private static func inputs(_ name: String) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(
            at: folder.appending(path: name, directoryHint: .isDirectory), includingPropertiesForKeys: nil)
    }

    @Test(arguments: FuzzTarget.all.map(\.name)) func everyInputKeepsTheInvariants(_ name: String) throws {
        let target = try #require(FuzzTarget.named(name))
        let inputs = try Self.inputs(name)
        #expect(!inputs.isEmpty, "no inputs: Tools/fuzz \(name) 60, then Tools/fuzz \(name) --keep")
        for input in inputs {
            let bytes = [UInt8](try Data(contentsOf: input))
            #expect(throws: Never.self, "\(name)/\(input.lastPathComponent)") { try target.run(bytes) }
        }
    }

    @Test func everyCorpusHasItsTarget() throws {
        let entries = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        for folder in entries where folder != "README.md" {
            #expect(FuzzTarget.named(folder) != nil, "\(folder)")
        }
    }
}
