//! rspamd's base32: zbase32's letters, but bits taken from the low end. No padding.

const LETTERS: &[u8; 32] = b"ybndrfg8ejkmcpqxot1uwisza345h769";

/// Writes bytes, five bits a letter, least significant first.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0u32, 0u32);
    let mut letter = |value: u32| text.push(char::from(LETTERS.get((value & 31) as usize).copied().unwrap_or(b'y')));
    for &byte in bytes {
        held |= u32::from(byte) << bits;
        bits += 8;
        while bits >= 5 {
            letter(held);
            held >>= 5;
            bits -= 5;
        }
    }
    if bits > 0 {
        letter(held);
    }
    text
}

/// Reads letters in any case; `None` where one is not of the alphabet. A last partial byte is dropped.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut held, mut bits) = (0u32, 0u32);
    for letter in text.bytes() {
        let letter = letter.to_ascii_lowercase();
        let value = LETTERS.iter().position(|&l| l == letter)?;
        held |= u32::try_from(value).ok()? << bits;
        bits += 5;
        if bits >= 8 {
            bytes.push((held & 0xff).try_into().ok()?);
            held >>= 8;
            bits -= 8;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let text = encode(&bytes);
            prop_assert_eq!(text.len(), (bytes.len() * 8).div_ceil(5));
            prop_assert_eq!(decode(&text), Some(bytes.clone()));
            prop_assert_eq!(decode(&text.to_ascii_uppercase()), Some(bytes));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = decode(&text);
        }
    }

    #[test]
    fn the_low_end_comes_first() {
        assert_eq!(encode(&[1]), "by");
        assert_eq!(encode(&[0x20]), "yb");
        assert_eq!(decode("l"), None);
    }
}
