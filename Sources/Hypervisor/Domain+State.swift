import CLibvirt

/// Whether a domain runs.
package enum DomainState: String, Sendable, Hashable {
    case running, paused, off, other
}

extension Domain {
    package func state() throws(HypervisorError) -> DomainState {
        var state: Int32 = 0
        var reason: Int32 = 0
        guard unsafe virDomainGetState(handle, &state, &reason, 0) == 0 else {
            throw HypervisorError("read the state of \(name)")
        }
        return switch UInt32(bitPattern: state) {
        case VIR_DOMAIN_RUNNING.rawValue, VIR_DOMAIN_BLOCKED.rawValue: .running
        case VIR_DOMAIN_PAUSED.rawValue: .paused
        case VIR_DOMAIN_SHUTOFF.rawValue: .off
        default: .other
        }
    }

    /// Whether it is paused because it is on its way: it comes from another node, or goes to one.
    package func isPausedOnItsWay() throws(HypervisorError) -> Bool {
        var (state, reason): (Int32, Int32) = (0, 0)
        guard unsafe virDomainGetState(handle, &state, &reason, 0) == 0 else {
            throw HypervisorError("read the state of \(name)")
        }
        let reasons = [VIR_DOMAIN_PAUSED_MIGRATION, VIR_DOMAIN_PAUSED_STARTING_UP]
        return state == Int32(VIR_DOMAIN_PAUSED.rawValue) && reasons.contains { reason == Int32($0.rawValue) }
    }

    /// Whether it is off because it was migrated to another node, where it goes on.
    func hasMovedAway() throws(HypervisorError) -> Bool {
        var (state, reason): (Int32, Int32) = (0, 0)
        guard unsafe virDomainGetState(handle, &state, &reason, 0) == 0 else {
            throw HypervisorError("read the state of \(name)")
        }
        return state == Int32(VIR_DOMAIN_SHUTOFF.rawValue) && reason == Int32(VIR_DOMAIN_SHUTOFF_MIGRATED.rawValue)
    }

    /// Stops the processors. What is sent to the domain meanwhile waits.
    package func suspend() throws(HypervisorError) {
        guard unsafe virDomainSuspend(handle) == 0 else { throw HypervisorError("suspend \(name)") }
    }

    /// A domain that runs already is no error, so that clean-up can be repeated.
    package func resume() throws(HypervisorError) {
        guard unsafe virDomainResume(handle) != 0 else { return }
        let error = HypervisorError("resume \(name)")
        if try state() != .running { throw error }
    }
}
