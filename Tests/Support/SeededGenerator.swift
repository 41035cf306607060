import Model

/// The same seed gives the same test on every machine.
package struct SeededGenerator: RandomNumberGenerator {
    private var random: SplitMix64

    package init(_ seed: UInt64) { random = SplitMix64(seed: seed) }

    package mutating func next() -> UInt64 { random.next() }

    /// True once in `n` times.
    package mutating func once(in n: Int) -> Bool { Int.random(in: 0..<n, using: &self) == 0 }

    /// Cuts `bytes` into pieces of 1 to `longest` bytes.
    package mutating func cut(_ bytes: [UInt8], longest: Int) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var position = 0
        while position < bytes.count {
            let end = min(bytes.count, position + Int.random(in: 1...longest, using: &self))
            pieces.append(bytes[position..<end])
            position = end
        }
        return pieces
    }
}
