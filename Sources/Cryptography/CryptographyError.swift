import CCrypto

/// What libcrypto could not do, with its own reason. It quotes no bytes that were given to it.
package struct CryptographyError: Error, Hashable, CustomStringConvertible, Sendable {
    package let doing: String
    /// libcrypto's packed code, as `openssl errstr` reads it; 0 when it gave none.
    package let code: UInt

    /// Takes the oldest error of this thread's queue, the cause of those behind it, and empties the queue.
    init(_ doing: String) {
        self.doing = doing
        code = ERR_get_error()
        ERR_clear_error()
    }

    package var description: String {
        guard code != 0, let reason = unsafe ERR_reason_error_string(code) else { return "cannot \(doing)" }
        return unsafe "cannot \(doing): \(String(cString: reason)) (libcrypto error \(String(code, radix: 16)))"
    }
}
