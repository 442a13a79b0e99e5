//! `$1$`: PBKDF2 whose pseudo-random function is keyed BLAKE2b-512 itself, not an HMAC over it.

use blake2::digest::{FixedOutput, KeyInit, Update};
use blake2::{Blake2b512, Blake2bMac512, Digest};

const ROUNDS: usize = 16_000;

/// The first 32 bytes of the first block.
pub fn derive(password: &[u8], salt: &[u8]) -> [u8; 32] {
    let short: [u8; 64];
    let key = if password.len() > 64 {
        short = Blake2b512::digest(password).into();
        &short
    } else {
        password
    };
    let keyed = Blake2bMac512::new_from_slice(key).expect("a key of at most 64 bytes is always taken");
    let prf = |data: &[&[u8]]| -> [u8; 64] {
        let mut state = keyed.clone();
        data.iter().for_each(|part| Update::update(&mut state, part));
        state.finalize_fixed().into()
    };
    let mut round = prf(&[salt, &1u32.to_be_bytes()]);
    let mut block = round;
    for _ in 1..ROUNDS {
        round = prf(&[&round]);
        block.iter_mut().zip(round).for_each(|(b, r)| *b ^= r);
    }
    let mut out = [0; 32];
    out.iter_mut().zip(block).for_each(|(o, b)| *o = b);
    out
}
