//! Addresses of Bitcoin and of what goes back to it, told from other words by their checksums. Whether they were ever used nobody asks.

use regex::bytes::{Captures, Regex};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

const BASE_58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BASE_32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Letters of an address at least.
const SHORTEST: usize = 14;

static CANDIDATE: LazyLock<Regex> = LazyLock::new(|| {
    let old = "(?<old>[13LM][1-9A-HJ-NP-Za-km-z]{25,34})";
    let letters = format!("[02-9ac-hj-np-z]{{{SHORTEST},90}}");
    Regex::new(&format!(
        r"(?-u)\b(?:{old}|bc1(?<new>{letters})|(?:(?<prefix>[a-z]{{1,20}}):)?(?<cash>{letters}))\b"
    ))
    .expect("the pattern is fixed")
});

/// All addresses of a text in order.
pub(super) fn all(text: &[u8]) -> impl Iterator<Item = String> {
    let valid = |found: &Captures<'_>| {
        let part = |name| found.name(name).map(|m| m.as_bytes());
        match (part("old"), part("new"), part("cash")) {
            (Some(word), ..) => is_base_58(word),
            (_, Some(word), _) => is_bech_32(word),
            (.., Some(word)) => is_cash(part("prefix").unwrap_or(b"bitcoincash"), word),
            _ => false,
        }
    };
    let text = if has_long_word(text) { text } else { &[] };
    CANDIDATE.captures_iter(text).filter(valid).filter_map(|found| {
        let word = found.get(0)?.as_bytes();
        String::from_utf8(word.to_vec()).ok()
    })
}

/// There is a row of letters and digits as long as the shortest address: every so many bytes one is looked at, and around it if it is
/// one.
fn has_long_word(text: &[u8]) -> bool {
    let mut at = SHORTEST - 1;
    while let Some(back) = text
        .get(..=at)
        .map(|t| t.iter().rev().take_while(|b| b.is_ascii_alphanumeric()).take(SHORTEST).count())
    {
        if back == SHORTEST {
            return true;
        }
        at += SHORTEST - back;
    }
    false
}

/// A byte of version, twenty of a hash, four of SHA-256 of SHA-256 of these.
fn is_base_58(word: &[u8]) -> bool {
    let mut bytes = [0_u8; 25];
    for letter in word {
        let Some(digit) = BASE_58.iter().position(|l| l == letter) else {
            return false;
        };
        let mut carry = digit;
        for byte in bytes.iter_mut().rev() {
            carry += usize::from(*byte) * 58;
            *byte = (carry % 256).try_into().unwrap_or_default();
            carry /= 256;
        }
        if carry != 0 {
            return false;
        }
    }
    let (hashed, sum) = bytes.split_at(21);
    Sha256::digest(Sha256::digest(hashed)).starts_with(sum)
}

/// A code over groups of five bits, as BIP 173 has it.
fn is_bech_32(word: &[u8]) -> bool {
    const SUMS: [u64; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let prefix = [3, 3, 0, 2, 3].into_iter();
    digits(word).is_some_and(|digits| code(prefix.chain(digits), 25, &SUMS) == 1)
}

/// The longer code of Bitcoin Cash.
fn is_cash(prefix: &[u8], word: &[u8]) -> bool {
    const SUMS: [u64; 5] = [0x98_f2bc_8e61, 0x79_b76d_99e2, 0xf3_3e5f_b3c4, 0xae_2eab_e2a8, 0x1e_4f43_e470];
    let prefix = prefix.iter().map(|b| u64::from(b & 31)).chain([0]);
    digits(word).is_some_and(|digits| code(prefix.chain(digits), 35, &SUMS) == 1)
}

fn digits(word: &[u8]) -> Option<Vec<u64>> {
    let digit = |letter: &u8| BASE_32.iter().position(|l| l == letter)?.try_into().ok();
    word.iter().map(digit).collect()
}

/// The remainder of a polynomial over groups of five bits, the highest of which stands at `top`.
fn code(digits: impl Iterator<Item = u64>, top: u32, sums: &[u64; 5]) -> u64 {
    digits.fold(1, |state, digit| {
        let over = state >> top;
        let moved = ((state & ((1 << top) - 1)) << 5) ^ digit;
        let added = sums.iter().enumerate().filter(|(bit, _)| over >> bit & 1 == 1);
        added.fold(moved, |state, (_, sum)| state ^ sum)
    })
}

#[cfg(test)]
mod tests {
    use super::all;

    fn found(text: &str) -> Vec<String> {
        all(text.as_bytes()).collect()
    }

    #[test]
    fn addresses_have_their_checksums() {
        for address in [
            "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
            "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
            "LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1",
            "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
            "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
            "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
            "bchtest:qpm2qsznhks23z7629mms6s4cwef74vcwvqcw003ap",
        ] {
            assert_eq!(found(&format!("to ({address}).")), [address]);
            assert_eq!(found(&format!("http://a.example/{address}é")), [address]);
            assert!(found(&format!("x{address}")).iter().all(|a| a != address));
            let last = if address.ends_with('a') { 'z' } else { 'a' };
            assert!(found(&format!("{}{last}", &address[..address.len() - 1])).is_empty(), "{address}");
        }
    }

    #[test]
    fn others_are_words() {
        for word in [
            "1boatSLRHtKNngkdXEeobR76b53LETtpyT",
            "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
            "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
            "ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9",
        ] {
            assert!(found(word).is_empty(), "{word}");
        }
    }
}
