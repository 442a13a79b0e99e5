//! HTTPCrypt: the sealed requests and answers of `rspamc --key` (`http-api` 7). Pure: bytes in, bytes out.
//!
//! X25519 agrees on a key, XChaCha20 hides, Poly1305 seals. Not libsodium's layout: the first block of the key stream is
//! spent on the seal alone, which covers nothing but the hidden bytes.

use super::auth::base32;
use blake2::{Blake2b512, Digest};

use chacha20::cipher::{KeyIvInit, StreamCipher};
use chacha20::{R20, XChaCha20, hchacha};
use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit;
use std::io::Read;
use subtle::ConstantTimeEq;
use x25519_dalek::{PublicKey, StaticSecret};

/// Bytes of a nonce: drawn anew for each text.
pub const NONCE: usize = 24;
/// Bytes of a seal.
pub const SEAL: usize = 16;
/// Bytes of the key stream that the seal takes.
const BLOCK: usize = 64;
/// Bytes of a key's digest that name it.
const NAME: usize = 5;

/// A public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Public([u8; 32]);

impl From<[u8; 32]> for Public {
    fn from(bytes: [u8; 32]) -> Public {
        Public(bytes)
    }
}

/// A private key with its public one.
#[derive(Clone)]
pub struct Pair {
    secret: StaticSecret,
    public: Public,
}

/// What two parties share.
pub struct Shared([u8; 32]);

impl Public {
    /// Reads rspamd's base32.
    pub fn parse(text: &str) -> Option<Public> {
        base32::decode(text)?.try_into().ok().map(Public)
    }

    /// The key itself.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The short name by which a client says which key it means.
    pub fn name(&self) -> String {
        let digest = Blake2b512::digest(self.0);
        base32::encode(digest.get(..NAME).unwrap_or_default())
    }
}

impl std::fmt::Display for Public {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&base32::encode(&self.0))
    }
}

impl Pair {
    /// Reads a private key in rspamd's base32.
    pub fn parse(secret: &str) -> Option<Pair> {
        let bytes: [u8; 32] = base32::decode(secret)?.try_into().ok()?;
        Some(Pair::of(bytes))
    }

    /// A new one, from the operating system's random numbers.
    pub fn generate() -> std::io::Result<Pair> {
        random().map(Pair::of)
    }

    fn of(bytes: [u8; 32]) -> Pair {
        let secret = StaticSecret::from(bytes);
        let public = Public(PublicKey::from(&secret).to_bytes());
        Pair { secret, public }
    }

    /// The half that others may know.
    pub fn public(&self) -> &Public {
        &self.public
    }

    /// The key shared with `other`; `None` for one of the few public keys that share the same with everybody.
    pub fn shared(&self, other: &Public) -> Option<Shared> {
        let agreed = self.secret.diffie_hellman(&PublicKey::from(other.0));
        let key = hchacha::<R20>(&(*agreed.as_bytes()).into(), &[0; 16].into());
        agreed.was_contributory().then(|| Shared(key.into()))
    }
}

impl Shared {
    /// Seals under a new random nonce: nonce, seal, hidden bytes.
    pub fn seal(&self, plain: &[u8]) -> std::io::Result<Vec<u8>> {
        Ok(self.seal_with(random()?, plain))
    }

    fn seal_with(&self, nonce: [u8; NONCE], plain: &[u8]) -> Vec<u8> {
        let (mut cipher, sealer) = self.streams(nonce);
        let mut hidden = plain.to_vec();
        cipher.apply_keystream(&mut hidden);
        let mut sealed = Vec::with_capacity(NONCE + SEAL + hidden.len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&sealer.compute_unpadded(&hidden));
        sealed.append(&mut hidden);
        sealed
    }

    /// Opens what [`Shared::seal`] made; `None` where the seal is broken.
    pub fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>()?;
        let (seal, hidden) = rest.split_first_chunk::<SEAL>()?;
        let (mut cipher, sealer) = self.streams(*nonce);
        let whole: bool = sealer.compute_unpadded(hidden).as_slice().ct_eq(seal).into();
        whole.then(|| {
            let mut plain = hidden.to_vec();
            cipher.apply_keystream(&mut plain);
            plain
        })
    }

    /// The cipher behind its first block, and the sealer keyed by that.
    fn streams(&self, nonce: [u8; NONCE]) -> (XChaCha20, Poly1305) {
        let mut cipher = XChaCha20::new(&self.0.into(), &nonce.into());
        let mut block = [0; BLOCK];
        cipher.apply_keystream(&mut block);
        let key = block.first_chunk::<32>().expect("a block holds two keys");
        (cipher, Poly1305::new(key.into()))
    }
}

fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RECORDED: &[u8] = include_bytes!("../../tests/golden/http/httpcrypt-request.bin");
    const PUBLIC: &str = "a9pdcyyirq1y7sd4ff33zbuywa17mhu3uzyb8btn4j8ef14sszzy";
    const SECRET: &str = "aeadbmk4mac1z891mbkshbaitth3rkei6g59wq193pq338tfsgty";

    fn recorded() -> (Pair, Shared, &'static [u8]) {
        let server = Pair::parse(SECRET).unwrap();
        let client = Public::parse("cnf66eettoqcns37r3774wdxxb539xuthp3naosjucsro3tde3oy").unwrap();
        let body = RECORDED.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        let shared = server.shared(&client).unwrap();
        (server, shared, &RECORDED[body..][..206])
    }

    #[test]
    fn the_recorded_request_opens() {
        let (server, shared, body) = recorded();
        assert_eq!(server.public().to_string(), PUBLIC);
        assert_eq!(server.public().name(), "ojwp1ksu");
        let plain = String::from_utf8(shared.open(body).unwrap()).unwrap();
        assert!(plain.starts_with("POST /checkv2 HTTP/1.0\r\nContent-Length: "), "{plain}");
        let nonce = body[..NONCE].try_into().unwrap();
        assert_eq!(
            shared.seal_with(nonce, plain.as_bytes()),
            body,
            "sealing again gives the same bytes"
        );
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        assert_eq!(Public::parse("abc"), None);
        assert_eq!(Public::parse(&PUBLIC.replace('a', "!")), None);
        let (server, _, _) = recorded();
        assert!(server.shared(&Public([0; 32])).is_none(), "nothing is shared with everybody");
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_for_the_other_alone(plain in proptest::collection::vec(any::<u8>(), 0..300), flip in 0_usize..10_000) {
            let (one, other) = (Pair::generate().unwrap(), Pair::generate().unwrap());
            let mut sealed = one.shared(other.public()).unwrap().seal(&plain).unwrap();
            let shared = other.shared(one.public()).unwrap();
            prop_assert_eq!(shared.open(&sealed), Some(plain));
            let at = flip % sealed.len();
            sealed[at] ^= 1;
            prop_assert_eq!(shared.open(&sealed), None);
            sealed.truncate(at);
            prop_assert_eq!(shared.open(&sealed), None);
        }
    }
}
