import Foundation
package import Model

extension Format {
    /// `2026-11-22T14:03:10Z`
    package static func date(_ time: Timestamp) -> String {
        Date(timeIntervalSince1970: (Double(time.nanoseconds) / 1e9).rounded(.down)).formatted(.iso8601)
    }
}
