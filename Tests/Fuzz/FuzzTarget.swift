import Model
import Wire

/// What held of no input before this one: the fuzzer stops, the test fails.
package struct BrokenInvariant: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }

    static func unless(_ holds: Bool, _ description: @autoclosure () -> String) throws(BrokenInvariant) {
        if !holds { throw BrokenInvariant(description()) }
    }
}

/// A way for foreign bytes into the program: any input may go in, and what comes out must keep its invariants.
package struct FuzzTarget: Sendable {
    package let name: String
    /// Longer inputs find nothing that shorter ones do not, and each takes its time.
    package let longest: Int
    /// The file of Tools/FuzzTargets with the words of the language, without its ending.
    package let dictionary: String?
    package let run: @Sendable ([UInt8]) throws(BrokenInvariant) -> Void

    package init(
        _ name: String, longest: Int = 1024, dictionary: String? = nil,
        run: @escaping @Sendable ([UInt8]) throws(BrokenInvariant) -> Void
    ) {
        self.name = name
        self.longest = longest
        self.dictionary = dictionary
        self.run = run
    }

    // A new target is a function that takes bytes and throws `BrokenInvariant`, in a file of its own, and a line here:
    // a folder of that name in Tests/Wire/Corpora is then replayed by `CorpusTests`. A new protocol needs no line.
    package static let all: [FuzzTarget] =
        [
            FuzzTarget("packet", longest: 4096, dictionary: "packet", run: PacketEntry.run),
            FuzzTarget("reassembly", run: ReassemblyEntry.run),
            FuzzTarget("connection", run: ConnectionEntry.run),
            FuzzTarget("http-requests", dictionary: "http") { (input) throws(BrokenInvariant) in
                try HTTPParserEntry.run(.requests, input)
            },
            FuzzTarget("http-replies", dictionary: "http") { (input) throws(BrokenInvariant) in
                try HTTPParserEntry.run(.replies, input)
            },
            FuzzTarget("postgresql-frontend", dictionary: "postgresql", run: PostgreSQLEntry.frontend),
            FuzzTarget("postgresql-backend", dictionary: "postgresql", run: PostgreSQLEntry.backend),
            FuzzTarget("yaml", dictionary: "yaml", run: YAMLEntry.run),
            FuzzTarget("trace", longest: 2048, run: TraceEntry.file),
            FuzzTarget("trace-payload", run: TraceEntry.payload),
            FuzzTarget("redaction", dictionary: "http", run: RedactionEntry.run),
            FuzzTarget("histogram", longest: 512, run: HistogramEntry.payload),
            FuzzTarget("histogram-log", run: HistogramEntry.log),
            FuzzTarget("save-image", longest: 512, run: SaveImageEntry.run),
            FuzzTarget("session", dictionary: "session", run: SessionEntry.run),
            FuzzTarget("storage", dictionary: "storage", run: StorageEntry.run),
            FuzzTarget("lvm-report", dictionary: "storage", run: VolumeReportEntry.run),
            FuzzTarget("domain-xml", longest: 4096, dictionary: "domain-xml", run: DomainEntry.run),
            FuzzTarget("matrix-query", longest: 512, dictionary: "matrix-query", run: MatrixQueryEntry.run),
            FuzzTarget("question", longest: 512, dictionary: "question", run: QuestionEntry.run),
        ]
        + [ApplicationProtocol.postgresql, .mysql, .redis].map { name in
            FuzzTarget("log-in-\(name.rawValue)", dictionary: name.rawValue) { (input) throws(BrokenInvariant) in
                try LogInEntry.run(name, input)
            }
        }
        + ProtocolTable.all.map { entry in
            FuzzTarget(entry.name.rawValue, dictionary: entry.name.rawValue) { (input) throws(BrokenInvariant) in
                try ReaderEntry.run(entry, input)
            }
        }
        + ApplicationProtocol.allCases.map { name in
            FuzzTarget("answers-" + name.rawValue, dictionary: name.rawValue) { (input) throws(BrokenInvariant) in
                try AnswerEntry.run(name, input)
            }
        }
        + [ApplicationProtocol.http, .postgresql, .mysql, .redis].map { name in
            FuzzTarget("shadow-" + name.rawValue, dictionary: name.rawValue) { (input) throws(BrokenInvariant) in
                try ShadowEntry.run(name, input)
            }
        }

    package static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}
