import Glibc

// The room's only uses of raw memory: searching and copying at the speed of the machine. Bounds are checked here, once.

extension Span<UInt8> {
    @inline(__always) func big16(_ offset: Int) -> UInt16 { UInt16(bigEndian: load(offset)) }
    @inline(__always) func big32(_ offset: Int) -> UInt32 { UInt32(bigEndian: load(offset)) }
    @inline(__always) func big64(_ offset: Int) -> UInt64 { UInt64(bigEndian: load(offset)) }

    @inline(__always) private func load<Word: FixedWidthInteger & BitwiseCopyable>(_ offset: Int) -> Word {
        precondition(offset >= 0 && offset <= count - MemoryLayout<Word>.size)
        return unsafe withUnsafeBytes { bytes in unsafe bytes.loadUnaligned(fromByteOffset: offset, as: Word.self) }
    }

    /// Where `byte` stands at or behind `start`.
    package func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        guard start >= 0, start < count else { return nil }
        return unsafe withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress,
                let found = unsafe memchr(base + start, Int32(byte), buffer.count - start)
            else { return nil }
            return unsafe UnsafeRawPointer(base).distance(to: found)
        }
    }

    func starts(with text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard count >= length else { return false }
        return unsafe withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return length == 0 }
            return unsafe memcmp(base, text.utf8Start, length) == 0
        }
    }
}

extension [UInt8] {
    package init(_ span: Span<UInt8>) {
        self.init()
        append(span)
    }

    /// Adds the bytes; room grows as with any append, so that many small ones cost no more than one large.
    package mutating func append(_ span: Span<UInt8>) {
        unsafe span.withUnsafeBufferPointer { buffer in unsafe append(contentsOf: buffer) }
    }
}
