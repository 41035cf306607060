import CNftables

/// nft's refusal of a ruleset.
package struct RulesetError: Error, Sendable, CustomStringConvertible {
    package let reason: String
    package var description: String { "nft refuses the sandbox's rules: \(reason)" }
}

/// libnftables, in the calling thread's network namespace. Needs CAP_NET_ADMIN.
enum Ruleset {
    /// Gives what the commands answer.
    @discardableResult
    static func apply(_ commands: String) throws(RulesetError) -> String {
        guard let context = unsafe nft_ctx_new(UInt32(NFT_CTX_DEFAULT)) else {
            throw RulesetError(reason: "no memory for a context")
        }
        defer { unsafe nft_ctx_free(context) }
        unsafe nft_ctx_buffer_error(context)
        unsafe nft_ctx_buffer_output(context)
        guard unsafe nft_run_cmd_from_buffer(context, commands) == 0 else {
            let text = unsafe nft_ctx_get_error_buffer(context).map { unsafe String(cString: $0) } ?? ""
            throw RulesetError(reason: text.split(separator: "\n").first.map(String.init) ?? "no reason given")
        }
        return unsafe nft_ctx_get_output_buffer(context).map { unsafe String(cString: $0) } ?? ""
    }
}
