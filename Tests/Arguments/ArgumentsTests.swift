import Arguments
import Testing

@Suite struct ArgumentsTests {
    private static let schema = CommandSchema(
        "matrix query", "Ask.", operands: [.init("FILE", "A file.", isRequired: false)],
        options: [.value("where", "CONDITION", "Which."), .flag("json", "JSON.")])

    private func parse(_ words: String...) throws -> ParsedArguments {
        try ParsedArguments(words[...], schema: Self.schema)
    }

    @Test func valuesComeBehindASpaceOrASign() throws {
        #expect(try parse("--where", "p95 < 1 s").value("where") == "p95 < 1 s")
        #expect(try parse("--where=p95=1 s", "f").value("where") == "p95=1 s")
        #expect(try parse("f", "--json").flag("json"))
        #expect(try parse("f").operand(0) == "f")
    }

    @Test(arguments: [
        (["--jsno"], "did you mean --json?"), (["--where"], "needs a value"), (["--json=1"], "takes no value"),
        (["a", "b"], "'b' is one word too many"), (["--x"], "has no option --x"),
    ])
    func mistakesSayTheWayOut(_ words: [String], _ message: String) throws {
        let error = try #require(throws: UsageError.self) { try ParsedArguments(words[...], schema: Self.schema) }
        #expect(error.description.contains(message))
    }

    @Test func requiredOperandsAreAskedFor() throws {
        let schema = CommandSchema("run", "Run.", operands: [.init("FILE.yaml", "The file.")])
        let error = try #require(throws: UsageError.self) { try ParsedArguments([], schema: schema) }
        #expect(error.description == "FILE.yaml is missing; usage: whatif run FILE.yaml")
        #expect(try ParsedArguments(["--help"], schema: schema).wantsHelp)
    }

    @Test func helpShowsEveryOption() {
        #expect(Self.schema.help.contains("--where CONDITION  Which."))
        #expect(Self.schema.help.contains("Usage: whatif matrix query [FILE] [options]"))
    }

    private static let capture = CommandSchema(
        "capture", "Record.", operands: [.init("FILE", "Files.", isRepeated: true)],
        options: [
            .value("output", "FILE", "Where to.", short: "o"), .repeated("server", "SERVER", "Whom.", short: "s"),
            .flag("verbose", "More.", short: "v"),
        ])

    @Test func oneLetterStandsForAnOption() throws {
        for words in [["-o", "a", "-v", "f"], ["-oa", "f", "-v"], ["--output", "a", "--verbose", "f"]] {
            let parsed = try ParsedArguments(words[...], schema: Self.capture)
            #expect(parsed.value("output") == "a" && parsed.flag("verbose") && parsed.operands == ["f"])
        }
        let error = try #require(throws: UsageError.self) { try ParsedArguments(["-x"], schema: Self.capture) }
        #expect(error.description.contains("has no option -x; -o is --output, -s is --server, -v is --verbose"))
    }

    @Test func aRepeatedOptionKeepsEachValueAndAnotherTheLast() throws {
        let words = ["--server", "a", "-s", "b", "--server=c", "-o", "1", "-o", "2", "f"]
        let parsed = try ParsedArguments(words[...], schema: Self.capture)
        #expect(parsed.values("server") == ["a", "b", "c"])
        #expect(parsed.value("output") == "2" && parsed.values("output") == ["2"])
        #expect(parsed.values("none") == [])
    }

    @Test func theLastOperandMayTakeAllThatIsLeft() throws {
        #expect(
            try ParsedArguments(["a", "-", "--", "-o", "--x"], schema: Self.capture).operands == [
                "a", "-", "-o", "--x",
            ])
        #expect(throws: UsageError.self) { try ParsedArguments([], schema: Self.capture) }
        #expect(Self.capture.help.contains("Usage: whatif capture FILE … [options]"))
        #expect(Self.capture.help.contains("  -s, --server SERVER …"))
    }

    @Test func numbersBelowZeroAreOperands() throws {
        #expect(try parse("-5").operand(0) == "-5")
    }
}
