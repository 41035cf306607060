import CLibFuzzer
import FuzzEntries
import Synchronization

/// The call into libFuzzer, which calls back with every input.
enum Driver {
    /// libFuzzer's callback is a C function and carries nothing; it is called on the thread that called libFuzzer.
    private static let target = Mutex<FuzzTarget?>(nil)

    /// libFuzzer's exit code. It reads the program's arguments.
    static func run(_ chosen: FuzzTarget) -> Int32 {
        target.withLock { $0 = chosen }
        var count = CommandLine.argc
        var vector = unsafe CommandLine.unsafeArgv
        return unsafe withUnsafeMutablePointer(to: &vector) { pointer in
            unsafe pointer.withMemoryRebound(to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?.self, capacity: 1)
            {
                unsafe LLVMFuzzerRunDriver(&count, $0) { bytes, length in
                    let input = unsafe Array(UnsafeBufferPointer(start: bytes, count: length))
                    Driver.accept(input)
                    return 0
                }
            }
        }
    }

    private static func accept(_ input: [UInt8]) {
        guard let target = target.withLock(\.self) else { return }
        do throws(BrokenInvariant) {
            try target.run(input)
        } catch {
            fatalError("\(target.name): \(error)")
        }
    }
}
