import CGcrypt

/// What libgcrypt could not do, with its own reason. It quotes no bytes that were given to it.
package struct CryptographyError: Error, Hashable, CustomStringConvertible, Sendable {
    package let doing: String
    /// libgcrypt's packed code, as `gpg-error` reads it; 0 when the reason is not the library's.
    package let code: UInt

    init(_ doing: String, code: gcry_error_t = 0) {
        self.doing = doing
        self.code = UInt(code)
    }

    package var description: String {
        guard code != 0 else { return "cannot \(doing)" }
        // The manual, "Multi-Threading": the other function for this, `gcry_strerror`, is not safe with threads.
        var reason = [CChar](repeating: 0, count: 200)
        _ = unsafe gpg_strerror_r(gcry_error_t(truncatingIfNeeded: code), &reason, reason.count)
        let text = String(decoding: reason.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return "cannot \(doing): \(text) (libgcrypt error \(code))"
    }
}
