import Model
import Testing

@testable import Experimenter

@Suite struct LiveSandboxTests {
    /// What is set while a clone runs may differ; what it is made with, or what was run in it, may not.
    @Test func clonesAreUsedAgainWhereTheyCanBecomeTheNext() {
        let first = Allocation([.cpu: .number(0.6), .memory: .number(1e9), .software: .name("as-is")])
        let with = { (resource: Resource, setting: Setting) in
            var next = first
            next.values[resource] = setting
            return next
        }
        #expect(first.fits(clonesOf: first))
        #expect(with(.cpu, .number(0.3)).fits(clonesOf: first))
        #expect(with(.network, .number(1e6)).fits(clonesOf: first))
        #expect(!with(.memory, .number(2e9)).fits(clonesOf: first))
        #expect(!with(.software, .name("tuned")).fits(clonesOf: first))
        #expect(!with(.load, .number(1.5)).fits(clonesOf: first))
        #expect(!with(.node, .name("big")).fits(clonesOf: first))
    }
}
