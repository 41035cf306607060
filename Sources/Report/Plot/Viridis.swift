import Glibc

/// The colour map viridis of van der Walt and Smith (CC0): equal steps of the value are equal steps to the eye, also in shades
/// of grey and for the colour-blind.
enum Viridis {
    struct Colour: Hashable, Sendable {
        let red: UInt8
        let green: UInt8
        let blue: UInt8

        /// `#440154`
        var hex: String { "#" + [red, green, blue].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }

        /// Whether black is easier to read on it than white, by the relative luminance of WCAG 2.1. At 0.25 white has a contrast of
        /// 3.5 and black one of 6; below it the lighter letters are still the clearer ones.
        var isLight: Bool {
            let linear = { (part: UInt8) -> Double in
                let value = Double(part) / 255
                return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
            }
            return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue) > 0.25
        }
    }

    /// From dark to light.
    static let colours: [Colour] = {
        let digits = table.utf8.map { UInt8($0 < 0x3a ? $0 - 0x30 : $0 - 0x57) }
        return stride(from: 0, to: digits.count, by: 6).map { at in
            let part = { (place: Int) in digits[at + place] << 4 | digits[at + place + 1] }
            return Colour(red: part(0), green: part(2), blue: part(4))
        }
    }()

    /// Of a share between 0 and 1.
    static func index(_ share: Double) -> Int { min(255, max(0, Int(share * 256))) }

    static func colour(_ share: Double) -> Colour { colours[index(share)] }

    private static let table = """
        44015444025645045745055946075a46085c460a5d460b5e470d60470e6147106347116447136548146748166848176948186a481a6c\
        481b6d481c6e481d6f481f70482071482173482374482475482576482677482878482979472a7a472c7a472d7b472e7c472f7d46307e\
        46327e46337f463480453581453781453882443983443a83443b84433d84433e85423f85424086424186414287414487404588404688\
        3f47883f48893e49893e4a893e4c8a3d4d8a3d4e8a3c4f8a3c508b3b518b3b528b3a538b3a548c39558c39568c38588c38598c375a8c\
        375b8d365c8d365d8d355e8d355f8d34608d34618d33628d33638d32648e32658e31668e31678e31688e30698e306a8e2f6b8e2f6c8e\
        2e6d8e2e6e8e2e6f8e2d708e2d718e2c718e2c728e2c738e2b748e2b758e2a768e2a778e2a788e29798e297a8e297b8e287c8e287d8e\
        277e8e277f8e27808e26818e26828e26828e25838e25848e25858e24868e24878e23888e23898e238a8d228b8d228c8d228d8d218e8d\
        218f8d21908d21918c20928c20928c20938c1f948c1f958b1f968b1f978b1f988b1f998a1f9a8a1e9b8a1e9c891e9d891f9e891f9f88\
        1fa0881fa1881fa1871fa28720a38620a48621a58521a68522a78522a88423a98324aa8325ab8225ac8226ad8127ad8128ae8029af7f\
        2ab07f2cb17e2db27d2eb37c2fb47c31b57b32b67a34b67935b77937b87838b9773aba763bbb753dbc743fbc7340bd7242be7144bf70\
        46c06f48c16e4ac16d4cc26c4ec36b50c46a52c56954c56856c66758c7655ac8645cc8635ec96260ca6063cb5f65cb5e67cc5c69cd5b\
        6ccd5a6ece5870cf5773d05675d05477d1537ad1517cd2507fd34e81d34d84d44b86d54989d5488bd6468ed64590d74393d74195d840\
        98d83e9bd93c9dd93ba0da39a2da37a5db36a8db34aadc32addc30b0dd2fb2dd2db5de2bb8de29bade28bddf26c0df25c2df23c5e021\
        c8e020cae11fcde11dd0e11cd2e21bd5e21ad8e219dae319dde318dfe318e2e418e5e419e7e419eae51aece51befe51cf1e51df4e61e\
        f6e620f8e621fbe723fde725
        """
}
