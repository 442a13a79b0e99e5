//! Colours: how they are written, and which of them a reader cannot tell apart.

/// A colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Color {
    /// Red.
    pub r: u8,
    /// Green.
    pub g: u8,
    /// Blue.
    pub b: u8,
    /// 0: not seen; 255: nothing shines through.
    pub alpha: u8,
}

impl Color {
    pub(super) const BLACK: Color = Color {
        r: 0,
        g: 0,
        b: 0,
        alpha: 255,
    };
    pub(super) const WHITE: Color = Color {
        r: 255,
        g: 255,
        b: 255,
        alpha: 255,
    };

    /// A reader cannot tell the two apart.
    pub(super) fn alike(self, other: Color) -> bool {
        let apart = |a: u8, b: u8| f32::from(a) - f32::from(b);
        let (r, g, b) = (apart(self.r, other.r), apart(self.g, other.g), apart(self.b, other.b));
        let red = (f32::from(self.r) + f32::from(other.r)) / 2.0;
        let distance = 2.0 * r * r + 4.0 * g * g + 3.0 * b * b + red * (r * r - b * b) / 256.0;
        distance.max(0.0).sqrt() / 256.0 < 0.1
    }
}

/// A colour by name, `#rgb`, `rgb()` or `hsl()`.
pub(super) fn color(word: &str) -> Option<Color> {
    let word = word.trim();
    if let Some(hex) = word.strip_prefix('#') {
        return hex_color(hex);
    }
    if let Some((name, rest)) = word.split_once('(') {
        return function(name, rest.trim_end_matches(')'));
    }
    let lower = word.to_ascii_lowercase();
    let at = NAMED.binary_search_by_key(&lower.as_str(), |(name, _)| name).ok()?;
    let [_, r, g, b] = NAMED.get(at)?.1.to_be_bytes();
    let alpha = if lower == "transparent" { 0 } else { 255 };
    Some(Color { r, g, b, alpha })
}

fn hex_color(hex: &str) -> Option<Color> {
    let digits: Option<Vec<u8>> = hex
        .chars()
        .take(9)
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect();
    Some(match digits?.as_slice() {
        [r, g, b] => Color {
            r: r * 17,
            g: g * 17,
            b: b * 17,
            alpha: 255,
        },
        [a, b, c, d, e, f] => Color {
            r: a << 4 | b,
            g: c << 4 | d,
            b: e << 4 | f,
            alpha: 255,
        },
        [a, b, c, d, e, f, g, h] => Color {
            r: a << 4 | b,
            g: c << 4 | d,
            b: e << 4 | f,
            alpha: g << 4 | h,
        },
        _ => return None,
    })
}

/// A number that fits a byte, cut at both ends.
fn byte(value: f32) -> u8 {
    let cut = value.clamp(0.0, 255.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut to 0..=255 above")]
    let whole = cut as u8;
    whole
}

fn function(name: &str, rest: &str) -> Option<Color> {
    let mut values = rest.split([',', ' ', '/']).map(str::trim).filter(|v| !v.is_empty());
    let mut next = |whole: f32| -> Option<f32> {
        let value = values.next()?;
        match value.strip_suffix('%') {
            Some(percent) => Some(percent.parse::<f32>().ok()? * whole / 100.0),
            None => value.parse().ok(),
        }
    };
    let (a, b, c) = match name {
        "rgb" | "rgba" => (next(255.0)?, next(255.0)?, next(255.0)?),
        "hsl" | "hsla" => (next(360.0)?, next(1.0)?, next(1.0)?),
        _ => return None,
    };
    let alpha = byte(next(1.0).unwrap_or(1.0) * 255.0);
    let (r, g, b) = if name.starts_with("rgb") { (a, b, c) } else { from_hsl(a, b, c) };
    Some(Color {
        r: byte(r),
        g: byte(g),
        b: byte(b),
        alpha,
    })
}

fn from_hsl(hue: f32, saturation: f32, light: f32) -> (f32, f32, f32) {
    let reach = saturation * light.min(1.0 - light);
    let channel = |n: f32| {
        let k = (n + hue / 30.0).rem_euclid(12.0);
        255.0 * (light - reach * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0))
    };
    (channel(0.0), channel(8.0), channel(4.0))
}

/// Sorted: the names of CSS, and those of a window that mail programs write.
#[rustfmt::skip]
const NAMED: &[(&str, u32)] = &[
    ("aliceblue", 0xf0_f8ff), ("antiquewhite", 0xfa_ebd7), ("aqua", 0x00_ffff), ("aquamarine", 0x7f_ffd4), ("azure", 0xf0_ffff),
    ("beige", 0xf5_f5dc), ("bisque", 0xff_e4c4), ("black", 0x00_0000), ("blanchedalmond", 0xff_ebcd), ("blue", 0x00_00ff),
    ("blueviolet", 0x8a_2be2), ("brown", 0xa5_2a2a), ("burlywood", 0xde_b887), ("cadetblue", 0x5f_9ea0), ("chartreuse", 0x7f_ff00),
    ("chocolate", 0xd2_691e), ("coral", 0xff_7f50), ("cornflowerblue", 0x64_95ed), ("cornsilk", 0xff_f8dc), ("crimson", 0xdc_143c),
    ("cyan", 0x00_ffff), ("darkblue", 0x00_008b), ("darkcyan", 0x00_8b8b), ("darkgoldenrod", 0xb8_860b), ("darkgray", 0xa9_a9a9),
    ("darkgreen", 0x00_6400), ("darkgrey", 0xa9_a9a9), ("darkkhaki", 0xbd_b76b), ("darkmagenta", 0x8b_008b), ("darkolivegreen", 0x55_6b2f),
    ("darkorange", 0xff_8c00), ("darkorchid", 0x99_32cc), ("darkred", 0x8b_0000), ("darksalmon", 0xe9_967a), ("darkseagreen", 0x8f_bc8f),
    ("darkslateblue", 0x48_3d8b), ("darkslategray", 0x2f_4f4f), ("darkslategrey", 0x2f_4f4f), ("darkturquoise", 0x00_ced1),
    ("darkviolet", 0x94_00d3), ("deeppink", 0xff_1493), ("deepskyblue", 0x00_bfff), ("dimgray", 0x69_6969), ("dimgrey", 0x69_6969),
    ("dodgerblue", 0x1e_90ff), ("firebrick", 0xb2_2222), ("floralwhite", 0xff_faf0), ("forestgreen", 0x22_8b22), ("fuchsia", 0xff_00ff),
    ("gainsboro", 0xdc_dcdc), ("ghostwhite", 0xf8_f8ff), ("gold", 0xff_d700), ("goldenrod", 0xda_a520), ("gray", 0x80_8080),
    ("green", 0x00_8000), ("greenyellow", 0xad_ff2f), ("grey", 0x80_8080), ("honeydew", 0xf0_fff0), ("hotpink", 0xff_69b4),
    ("indianred", 0xcd_5c5c), ("indigo", 0x4b_0082), ("ivory", 0xff_fff0), ("khaki", 0xf0_e68c), ("lavender", 0xe6_e6fa),
    ("lavenderblush", 0xff_f0f5), ("lawngreen", 0x7c_fc00), ("lemonchiffon", 0xff_facd), ("lightblue", 0xad_d8e6),
    ("lightcoral", 0xf0_8080), ("lightcyan", 0xe0_ffff), ("lightgoldenrodyellow", 0xfa_fad2), ("lightgray", 0xd3_d3d3),
    ("lightgreen", 0x90_ee90), ("lightgrey", 0xd3_d3d3), ("lightpink", 0xff_b6c1), ("lightsalmon", 0xff_a07a),
    ("lightseagreen", 0x20_b2aa), ("lightskyblue", 0x87_cefa), ("lightslategray", 0x77_8899), ("lightslategrey", 0x77_8899),
    ("lightsteelblue", 0xb0_c4de), ("lightyellow", 0xff_ffe0), ("lime", 0x00_ff00), ("limegreen", 0x32_cd32), ("linen", 0xfa_f0e6),
    ("magenta", 0xff_00ff), ("maroon", 0x80_0000), ("mediumaquamarine", 0x66_cdaa), ("mediumblue", 0x00_00cd), ("mediumorchid", 0xba_55d3),
    ("mediumpurple", 0x93_70db), ("mediumseagreen", 0x3c_b371), ("mediumslateblue", 0x7b_68ee), ("mediumspringgreen", 0x00_fa9a),
    ("mediumturquoise", 0x48_d1cc), ("mediumvioletred", 0xc7_1585), ("midnightblue", 0x19_1970), ("mintcream", 0xf5_fffa),
    ("mistyrose", 0xff_e4e1), ("moccasin", 0xff_e4b5), ("navajowhite", 0xff_dead), ("navy", 0x00_0080), ("oldlace", 0xfd_f5e6),
    ("olive", 0x80_8000), ("olivedrab", 0x6b_8e23), ("orange", 0xff_a500), ("orangered", 0xff_4500), ("orchid", 0xda_70d6),
    ("palegoldenrod", 0xee_e8aa), ("palegreen", 0x98_fb98), ("paleturquoise", 0xaf_eeee), ("palevioletred", 0xdb_7093),
    ("papayawhip", 0xff_efd5), ("peachpuff", 0xff_dab9), ("peru", 0xcd_853f), ("pink", 0xff_c0cb), ("plum", 0xdd_a0dd),
    ("powderblue", 0xb0_e0e6), ("purple", 0x80_0080), ("rebeccapurple", 0x66_3399), ("red", 0xff_0000), ("rosybrown", 0xbc_8f8f),
    ("royalblue", 0x41_69e1), ("saddlebrown", 0x8b_4513), ("salmon", 0xfa_8072), ("sandybrown", 0xf4_a460), ("seagreen", 0x2e_8b57),
    ("seashell", 0xff_f5ee), ("sienna", 0xa0_522d), ("silver", 0xc0_c0c0), ("skyblue", 0x87_ceeb), ("slateblue", 0x6a_5acd),
    ("slategray", 0x70_8090), ("slategrey", 0x70_8090), ("snow", 0xff_fafa), ("springgreen", 0x00_ff7f), ("steelblue", 0x46_82b4),
    ("tan", 0xd2_b48c), ("teal", 0x00_8080), ("thistle", 0xd8_bfd8), ("tomato", 0xff_6347), ("transparent", 0x00_0000),
    ("turquoise", 0x40_e0d0), ("violet", 0xee_82ee), ("wheat", 0xf5_deb3), ("white", 0xff_ffff), ("whitesmoke", 0xf5_f5f5),
    ("window", 0xff_ffff), ("windowtext", 0x00_0000), ("yellow", 0xff_ff00), ("yellowgreen", 0x9a_cd32),
];
