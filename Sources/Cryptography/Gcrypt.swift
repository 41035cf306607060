import CGcrypt

/// The way to libgcrypt, which has to be made ready before anything else of it is called.
enum Gcrypt {
    /// Made once, by the thread that asks first, and the others wait for it. The order is that of the manual, "Initializing
    /// the library". Secure memory is for long-lived keys, and there are none here.
    private static let isReady: Bool = {
        guard unsafe gcry_check_version(GCRYPT_VERSION) != nil else { return false }
        // Another library of this process may have been first.
        if whatif_gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P) != 0 { return true }
        return whatif_gcry_control(GCRYCTL_DISABLE_SECMEM) == 0
            && whatif_gcry_control(GCRYCTL_INITIALIZATION_FINISHED) == 0
    }()

    static func call(_ doing: String, _ body: () -> gcry_error_t) throws(CryptographyError) {
        guard isReady else { throw CryptographyError("start libgcrypt \(GCRYPT_VERSION) or newer") }
        let code = body()
        guard code == 0 else { throw CryptographyError(doing, code: code) }
    }
}
