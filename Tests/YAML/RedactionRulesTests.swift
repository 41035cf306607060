import Testing
import Wire
import YAML

@Suite struct RedactionRulesTests {
    private func read(_ text: String) throws -> RedactionRules {
        try YAMLDecoder.decode(RedactionRules.self, from: text, file: "rules.yaml")
    }

    @Test func keyByKey() throws {
        let rules = try read("headers: [X-Tenant]\nbodies: drop\nsql-literals: keep\n")
        #expect(rules.headers == ["X-Tenant"] && rules.bodies == .drop && rules.sqlLiterals == .keep)
        #expect(rules.parameters == RedactionRules().parameters && rules.redisValues == .drop)
    }

    @Test(arguments: [
        ("header: [a]", "rules.yaml:1:9: unknown key 'header'"),
        ("bodies: maybe", "rules.yaml:1:9: found 'maybe', expected keep or drop"),
    ])
    func mistakesSayTheirPlace(_ text: String, _ message: String) throws {
        let error = try #require(throws: YAMLError.self) { try read(text) }
        #expect(error.description.hasPrefix(message), "\(error)")
    }
}
