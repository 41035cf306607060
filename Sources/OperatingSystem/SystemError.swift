import Glibc

/// A failed system call: what was tried, on what, and the kernel's own reason.
package struct SystemError: Error, CustomStringConvertible, Sendable {
    package let doing: String
    package let code: Int32

    package init(_ doing: String, code: Int32 = errno) {
        self.doing = doing
        self.code = code
    }

    package var reason: String { unsafe String(cString: strerror(code)) }
    package var description: String { "cannot \(doing): \(reason)" }
}

/// The result of a system call that answers −1 on failure; interrupted calls are made again.
@discardableResult
package func check<Result: SignedInteger>(
    _ doing: @autoclosure () -> String, _ call: () -> Result
) throws(SystemError) -> Result {
    while true {
        let result = call()
        if result != -1 { return result }
        if errno != EINTR { throw SystemError(doing()) }
    }
}
