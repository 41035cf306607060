import CLibvirt
import Glibc

/// libvirt's lists of named values of several types.
enum TypedParameter: Hashable {
    case unsigned(UInt64)
    case signed(Int64)
    case unsigned32(UInt32)
    case text(String)

    /// Numbers of any type.
    var number: Double? {
        switch self {
        case .unsigned(let value): Double(value)
        case .signed(let value): Double(value)
        case .unsigned32(let value): Double(value)
        case .text: nil
        }
    }
}

typealias TypedParameters = [String: TypedParameter]

extension TypedParameters {
    /// Calls a setter of libvirt with these, and tells what it returned.
    func withList(_ body: (virTypedParameterPtr?, Int32) -> Int32) -> Int32 {
        var list: virTypedParameterPtr?
        var count: Int32 = 0
        var capacity: Int32 = 0
        defer { unsafe virTypedParamsFree(list, count) }
        for (name, value) in self.sorted(by: { $0.key < $1.key }) {
            switch value {
            case .unsigned(let value): unsafe virTypedParamsAddULLong(&list, &count, &capacity, name, value)
            case .signed(let value): unsafe virTypedParamsAddLLong(&list, &count, &capacity, name, value)
            case .unsigned32(let value): unsafe virTypedParamsAddUInt(&list, &count, &capacity, name, value)
            case .text(let value): unsafe virTypedParamsAddString(&list, &count, &capacity, name, value)
            }
        }
        return unsafe body(list, count)
    }

    /// Calls a getter of libvirt, first with no list to learn how long it is; nil when it fails.
    static func read(_ body: (virTypedParameterPtr?, UnsafeMutablePointer<Int32>) -> Int32) -> TypedParameters? {
        var count: Int32 = 0
        guard unsafe body(nil, &count) == 0 else { return nil }
        guard count > 0 else { return [:] }
        // libvirt wants memory of malloc: it frees texts in it.
        let list = unsafe calloc(Int(count), MemoryLayout<virTypedParameter>.stride)?.bindMemory(
            to: virTypedParameter.self, capacity: Int(count))
        let capacity = count
        defer { unsafe virTypedParamsFree(list, capacity) }
        guard let list = unsafe list, unsafe body(list, &count) == 0 else { return nil }
        var values: TypedParameters = [:]
        for index in 0..<Int(Swift.min(count, capacity)) {
            let parameter = unsafe list[index]
            let name = unsafe withUnsafeBytes(of: parameter.field) {
                unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            values[name] = unsafe TypedParameter(parameter)
        }
        return values
    }
}

extension TypedParameter {
    fileprivate init?(_ parameter: virTypedParameter) {
        switch unsafe UInt32(bitPattern: parameter.type) {
        case VIR_TYPED_PARAM_LLONG.rawValue: self = .signed(unsafe parameter.value.l)
        case VIR_TYPED_PARAM_ULLONG.rawValue: self = .unsigned(unsafe parameter.value.ul)
        case VIR_TYPED_PARAM_INT.rawValue: self = .signed(Int64(unsafe parameter.value.i))
        case VIR_TYPED_PARAM_UINT.rawValue: self = .unsigned32(unsafe parameter.value.ui)
        case VIR_TYPED_PARAM_STRING.rawValue:
            guard let text = unsafe parameter.value.s else { return nil }
            self = .text(unsafe String(cString: text))
        default: return nil
        }
    }
}
