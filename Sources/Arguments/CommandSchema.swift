import Model

/// What a command takes, declared once: parsing and help come from the same declaration.
package struct CommandSchema: Sendable {
    package struct Option: Sendable {
        package let name: String
        /// What the value is, as shown in help; nil is a switch.
        package let value: String?
        package let help: String
        /// One letter that stands for it: `-o`.
        package let short: Character?
        /// It may be given several times, and each counts; else the last does.
        package let isRepeated: Bool

        private init(_ name: String, _ value: String?, _ help: String, _ short: Character?, isRepeated: Bool) {
            self.name = name
            self.value = value
            self.help = help
            self.short = short
            self.isRepeated = isRepeated
        }

        /// `--name VALUE`
        package static func value(
            _ name: String, _ value: String, _ help: String, short: Character? = nil
        ) -> Option { Option(name, value, help, short, isRepeated: false) }

        /// `--name VALUE --name VALUE`
        package static func repeated(
            _ name: String, _ value: String, _ help: String, short: Character? = nil
        ) -> Option { Option(name, value, help, short, isRepeated: true) }

        /// `--name`
        package static func flag(_ name: String, _ help: String, short: Character? = nil) -> Option {
            Option(name, nil, help, short, isRepeated: false)
        }

        /// As help shows it.
        var usage: String {
            (short.map { "-\($0), " } ?? "") + "--\(name)" + (value.map { " \($0)" } ?? "") + (isRepeated ? " …" : "")
        }
    }

    package struct Operand: Sendable {
        package let name: String
        package let help: String
        package let isRequired: Bool
        /// Takes all words that are left; only the last one can.
        package let isRepeated: Bool

        package init(_ name: String, _ help: String, isRequired: Bool = true, isRepeated: Bool = false) {
            self.name = name
            self.help = help
            self.isRequired = isRequired
            self.isRepeated = isRepeated
        }

        var usage: String {
            let name = isRepeated ? "\(name) …" : name
            return isRequired ? name : "[\(name)]"
        }
    }

    /// The words that name it, such as `lab`, `up`.
    package let path: [String]
    package let summary: String
    package let discussion: String
    package let operands: [Operand]
    package let options: [Option]

    package init(
        _ path: String, _ summary: String, discussion: String = "", operands: [Operand] = [], options: [Option] = []
    ) {
        self.path = path.split(separator: " ").map(String.init)
        self.summary = summary
        self.discussion = discussion
        self.operands = operands
        self.options = options
    }

    package var name: String { path.joined(separator: " ") }

    package var usage: String {
        let operands = operands.map(\.usage)
        let options = options.isEmpty ? [] : ["[options]"]
        return (["whatif", name] + operands + options).joined(separator: " ")
    }

    package var help: String {
        var text = "\(summary)\n\nUsage: \(usage)\n"
        if !discussion.isEmpty { text += "\n\(discussion)\n" }
        let rows =
            operands.map { ($0.name, $0.help) }
            + options.map { ($0.usage, $0.help) } + [("--help", "Show this.")]
        let width = rows.map(\.0.count).max() ?? 0
        text += "\n"
        for (name, help) in rows {
            text += "  \(name)\(String(repeating: " ", count: width - name.count))  \(help)\n"
        }
        return text
    }
}

/// Words that do not fit; the way out is in the message.
package struct UsageError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// The words of one call, by the schema's names.
package struct ParsedArguments: Sendable {
    package private(set) var operands: [String] = []
    private var values: [String: [String]] = [:]
    private var flags: Set<String> = []
    package private(set) var wantsHelp = false

    package init(_ words: ArraySlice<String>, schema: CommandSchema) throws(UsageError) {
        var rest = words
        while let word = rest.popFirst() {
            if word == "--help" || word == "-h" {
                wantsHelp = true
            } else if word == "--" {
                // What follows are operands, whatever they look like.
                operands += rest
                rest = []
            } else if word.hasPrefix("--") {
                try long(String(word.dropFirst(2)), &rest, schema)
            } else if let letter = word.dropFirst().first, word.hasPrefix("-"), letter.isLetter {
                try short(letter, String(word.dropFirst(2)), &rest, schema)
            } else {
                operands.append(word)
            }
        }
        if wantsHelp { return }
        guard operands.count <= schema.operands.count || schema.operands.last?.isRepeated == true else {
            throw UsageError("'\(operands[schema.operands.count])' is one word too many; usage: \(schema.usage)")
        }
        if let missing = schema.operands.dropFirst(operands.count).first, missing.isRequired {
            throw UsageError("\(missing.name) is missing; usage: \(schema.usage)")
        }
    }

    private mutating func long(
        _ text: String, _ rest: inout ArraySlice<String>, _ schema: CommandSchema
    ) throws(UsageError) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let name = parts.first ?? ""
        guard let option = schema.options.first(where: { $0.name == name }) else {
            let near = Nearest.of(name, in: schema.options.map(\.name)).map { "; did you mean --\($0)?" } ?? ""
            throw UsageError("'whatif \(schema.name)' has no option --\(name)\(near) (see --help)")
        }
        try take(option, parts.count > 1 ? parts[1] : nil, &rest)
    }

    /// `-o VALUE` or `-oVALUE`; letters of switches are not written together.
    private mutating func short(
        _ letter: Character, _ text: String, _ rest: inout ArraySlice<String>, _ schema: CommandSchema
    ) throws(UsageError) {
        guard let option = schema.options.first(where: { $0.short == letter }) else {
            let known = schema.options.compactMap { option in option.short.map { "-\($0) is --\(option.name)" } }
            let hint = known.isEmpty ? "" : "; \(known.joined(separator: ", "))"
            throw UsageError("'whatif \(schema.name)' has no option -\(letter)\(text)\(hint) (see --help)")
        }
        try take(option, text.isEmpty ? nil : text, &rest)
    }

    private mutating func take(
        _ option: CommandSchema.Option, _ given: String?, _ rest: inout ArraySlice<String>
    ) throws(UsageError) {
        let name = option.name
        guard let kind = option.value else {
            if given != nil { throw UsageError("--\(name) takes no value") }
            flags.insert(name)
            return
        }
        guard let value = given ?? rest.popFirst() else { throw UsageError("--\(name) needs a value: \(kind)") }
        values[name] = (option.isRepeated ? values[name] ?? [] : []) + [value]
    }

    package func flag(_ name: String) -> Bool { flags.contains(name) }
    package func value(_ name: String) -> String? { values[name]?.last }
    /// All values of an option that may be repeated, in the order given.
    package func values(_ name: String) -> [String] { values[name] ?? [] }
    package func operand(_ index: Int) -> String? { operands.indices.contains(index) ? operands[index] : nil }
}
