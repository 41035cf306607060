package import Model

/// Measurements with a chosen response time, for tests of what reads matrices.
package enum Surface {
    package static func measurement(p95: Double) -> Measurement? {
        // One request in ten takes `p95`, a little more or less each, so that the 380th of 400 takes that; the others a third of it.
        let samples = (0..<400).map { index -> ResponseSample in
            let wobble = 1 + 0.001 * Double(index / 10 * 17 % 40 - 19)
            let seconds = index % 10 == 9 ? p95 * wobble : p95 / 3
            return ResponseSample(
                due: Timestamp(nanoseconds: Int64(index) * 50_000_000), response: .nanoseconds(Int64(seconds * 1e9)))
        }
        guard let times = ResponseTimes(samples, answered: 400, window: .seconds(20)) else { return nil }
        return Measurement(
            started: Timestamp(nanoseconds: 0), window: 20, clone: times, onLine: times, requests: RequestAccount(),
            answers: AnswerAccount(), cpuUsed: 0.3, onLineCPUUsed: 0.3, energy: nil)
    }

    package static func cell(_ cpu: Double, p95: Double) -> Cell {
        let allocation = Allocation([.cpu: cpu])
        guard let measurement = measurement(p95: p95) else { return Cell(allocation) }
        return Cell(allocation, .measured(measurement))
    }
}
