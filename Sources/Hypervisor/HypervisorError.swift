import CLibvirt
import OperatingSystem

/// libvirt's refusal: its own code and message, what was being done, and to which node or domain.
package struct HypervisorError: Error, Sendable, CustomStringConvertible {
    package enum Cause: Sendable, Hashable {
        case noConnection, noDomain, unsupported, denied, pauseTooLong, other
    }

    package let doing: String
    package let message: String
    /// `virErrorNumber`, so that libvirt's manual stays usable.
    package let code: Int32
    package let cause: Cause

    init(_ doing: String) {
        self.doing = doing
        guard let last = unsafe virGetLastError() else {
            (message, code, cause) = ("unknown error", 0, .other)
            return
        }
        let (code, domain) = unsafe (last.pointee.code, last.pointee.domain)
        message = unsafe last.pointee.message.map { unsafe String(cString: $0) } ?? "error \(code)"
        self.code = code
        cause =
            switch code {
            case Int32(VIR_ERR_NO_DOMAIN.rawValue): .noDomain
            case Int32(VIR_ERR_NO_SUPPORT.rawValue), Int32(VIR_ERR_CONFIG_UNSUPPORTED.rawValue): .unsupported
            case Int32(VIR_ERR_ACCESS_DENIED.rawValue), Int32(VIR_ERR_AUTH_FAILED.rawValue): .denied
            case Int32(VIR_ERR_NO_CONNECT.rawValue), Int32(VIR_ERR_RPC.rawValue): .noConnection
            case Int32(VIR_ERR_SYSTEM_ERROR.rawValue) where domain == Int32(VIR_FROM_RPC.rawValue): .noConnection
            default: .other
            }
    }

    init(_ doing: String, message: String, cause: Cause) {
        (self.doing, self.message, self.cause, code) = (doing, message, cause, 0)
    }

    init(_ doing: String, _ error: SystemError) {
        self.init(doing, message: "\(error)", cause: .other)
    }

    package var description: String { "cannot \(doing): \(message)" }
}
