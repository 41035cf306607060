import Model
import Proxies

/// What the proxy wants done, as a value.
extension InProxy {
    mutating func due(at now: Timestamp) -> [Action] {
        var actions: [Action] = []
        due(at: now, &actions)
        return actions
    }

    mutating func received(
        _ bytes: Span<UInt8>, on slot: Slot, at now: Timestamp, heard: Timestamp? = nil
    ) -> [Action] {
        var actions: [Action] = []
        received(bytes, on: slot, at: now, heard: heard, &actions)
        return actions
    }

    mutating func ended(_ slot: Slot, at now: Timestamp, isReset: Bool = false) -> [Action] {
        var actions: [Action] = []
        ended(slot, at: now, isReset: isReset, &actions)
        return actions
    }
}
