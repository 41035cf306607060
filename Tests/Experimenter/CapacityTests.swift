import Model
import Testing

@testable import Experimenter

@Suite struct CapacityTests {
    @Test func experimentsTakeNothingFromEachOther() {
        let cpu = { (share: Double) in Allocation([.cpu: share]) }
        let admits = { (next: Allocation, running: [Allocation], onLine: Double) in
            Capacity.admits(next, beside: running, onLine: onLine, processors: 2)
        }
        #expect(admits(cpu(8), [], 5), "the only one always can")
        #expect(admits(cpu(0.6), [cpu(0.6)], 0.5))
        #expect(!admits(cpu(0.6), [cpu(1)], 0.5))
        #expect(!admits(Allocation([.memory: 1e9]), [cpu(0.1)], 0), "without a quota it takes all it can get")
        #expect(admits(Allocation([.vcpus: 1]), [cpu(0.5)], 0.5))
        #expect(!admits(Allocation([.vcpus: 4, .cpu: 3]), [cpu(0.1)], 0))
    }
}
