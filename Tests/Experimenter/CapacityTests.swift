import Model
import Testing

@testable import Experimenter

@Suite struct CapacityTests {
    private let cpu = { (share: Double) in Allocation([.cpu: share]) }

    @Test func experimentsTakeNothingFromEachOther() {
        let capacity = Capacity(processors: 2)
        #expect(capacity.admits(cpu(8), beside: [], onLine: 5), "the only one always can")
        #expect(capacity.admits(cpu(0.6), beside: [cpu(0.6)], onLine: 0.5))
        #expect(!capacity.admits(cpu(0.6), beside: [cpu(1)], onLine: 0.5))
        #expect(
            !capacity.admits(Allocation([.memory: 1e9]), beside: [cpu(0.1)], onLine: 0),
            "without a quota it takes all it can get")
        #expect(capacity.admits(Allocation([.vcpus: 1]), beside: [cpu(0.5)], onLine: 0.5))
        #expect(!capacity.admits(Allocation([.vcpus: 4, .cpu: 3]), beside: [cpu(0.1)], onLine: 0))
    }

    /// What is cloned along needs processors, too: as the allocation says, or as it has on-line.
    @Test func clonesOfOtherTiersCount() {
        let along = Capacity(processors: 2, joined: [0.5], behind: [])
        #expect(along.admits(cpu(0.4), beside: [cpu(0.4)], onLine: 0.2))
        #expect(!along.admits(cpu(0.5), beside: [cpu(0.4)], onLine: 0.2))
        #expect(along.cores(Allocation([.cpu: 0.4, .withCPU: 0.2])) == 0.4 + 0.2)
        #expect(!Capacity(processors: 2, joined: [nil]).admits(cpu(0.1), beside: [cpu(0.1)], onLine: 0))
        #expect(abs(Capacity(processors: 8, joined: [1, 1], behind: [0.5]).cores(cpu(0.3)) - 2.8) < 1e-9)
    }
}
