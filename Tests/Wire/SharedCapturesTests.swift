import Model
import Testing

@testable import Wire

/// Every capture of the collection beside the project, read by us and by tshark: the same requests, replies, statuses
/// and statements, and the same bytes. What differs is listed here by name, with the reason.
@Suite(.enabled(if: Tshark.isInstalled, "tshark is not installed (apt install tshark)"))
struct SharedCapturesTests {
    @Test func theCollectionIsThere() {
        #expect(
            SharedCaptures.files.count > 150,
            "no captures in \(SharedCaptures.directory): the shared data belong beside the project's folder")
    }

    /// A reason for a capture that is not there explains nothing.
    @Test func everyReasonHasItsCapture() {
        #expect(ExplainedCapture.all.allSatisfy { SharedCaptures.files.contains($0.file) })
    }

    @Test(arguments: SharedCaptures.files) func sideBySide(_ file: String) throws {
        try SharedCaptures.withPlain(file) { path in
            let explained = ExplainedCapture.all.first { $0.file == file }?.differences ?? []
            guard let capture = try? CapturedPackets(path: path) else {
                #expect(explained.contains { $0.what == "the whole file" }, "\(file) is not read")
                return
            }
            var found: [String: Int] = [:]
            let ours = Overview(capture)
            let theirs = try Overview(tshark: path)
            for service in ours.merged(with: theirs).sorted() {
                let comparison = TsharkTests.Comparison(
                    capture.events(port: service.port, service.protocolName).said(service.protocolName),
                    try Tshark.said(in: path, port: service.port, service.protocolName))
                for difference in comparison.differences {
                    // A place, a target or a text behind the kind is not counted apart.
                    let words = difference.split(separator: " ").prefix(4).joined(separator: " ")
                    found["\(service): \(words)", default: 0] += 1
                }
            }
            for direction in Set(ours.bytes.keys).union(theirs.bytes.keys)
            where ours.bytes[direction] != theirs.bytes[direction] {
                found["bytes", default: 0] += 1
            }
            let expected = Dictionary(explained.map { ($0.what, $0.count) }, uniquingKeysWith: +)
            #expect(found == expected, "\(file)")
        }
    }
}
