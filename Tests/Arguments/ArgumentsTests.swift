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
}
