//! `rspamadm keypair`: key pairs as rspamd writes them. Making them is here, signing with them in `seal`, encrypting in `crypt`.

use super::super::{print, report};
use super::{Call, crypt, seal};
use crate::config::ucl;
use crate::http::auth::base32;
use anyhow::{Context, Result, anyhow, bail};
use blake2::{Blake2b512, Digest};
use clap::{Args, Parser, Subcommand};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};

/// Make key pairs; sign, verify, encrypt and decrypt files with them
#[derive(Parser)]
#[command(name = "rspamadm keypair", args_conflicts_with_subcommands = true)]
struct Line {
    #[command(flatten)]
    generate: Generate,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Make a key pair; also without any command
    #[command(visible_aliases = ["gen", "g"])]
    Generate(Generate),
    /// Sign files
    #[command(visible_aliases = ["sig", "s"])]
    Sign(seal::Sign),
    /// Check the signatures of files
    #[command(visible_aliases = ["ver", "v"])]
    Verify(seal::Verify),
    /// Encrypt files for whoever has the private key
    #[command(visible_aliases = ["crypt", "enc", "e"])]
    Encrypt(crypt::Encrypt),
    /// Decrypt files
    #[command(visible_aliases = ["dec", "d"])]
    Decrypt(crypt::Decrypt),
}

#[derive(Args)]
struct Generate {
    /// For signing, not for encryption
    #[arg(short, long)]
    sign: bool,
    /// Not in this version: a key on the curve P-256
    #[arg(short, long)]
    nist: bool,
    /// Print JSON
    #[arg(short, long, conflicts_with = "ucl")]
    json: bool,
    /// Print UCL; also without any option
    #[arg(short, long)]
    ucl: bool,
    /// Write it to a file that only this user can read
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(call: &Call) -> Result<ExitCode> {
    let line: Line = call.read()?;
    match line.command {
        None => generate(&line.generate),
        Some(Command::Generate(args)) => generate(&args),
        Some(Command::Sign(args)) => seal::sign(&args),
        Some(Command::Verify(args)) => seal::verify(&args),
        Some(Command::Encrypt(args)) => crypt::encrypt(&args),
        Some(Command::Decrypt(args)) => crypt::decrypt(&args),
    }
}

fn generate(args: &Generate) -> Result<ExitCode> {
    if args.nist {
        bail!("rspamadm keypair --nist: not in this version of torwart; without it the key is on curve25519");
    }
    let pair = if args.sign { Pair::signing()? } else { Pair::encrypting()? };
    let told = pair.told();
    let text = if args.json { report::pretty(&told) } else { ucl::to_text(&told) };
    match &args.output {
        Some(file) => write_secret(file, &text, 0o600)?,
        None => print(&text),
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a file that is not for everybody.
pub(super) fn write_secret(file: &Path, text: &str, mode: u32) -> Result<()> {
    let opened = std::fs::File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(file);
    let mut opened = opened.map_err(|e| anyhow!("cannot open output file {}: {}", file.display(), crate::daemon::unix::plain(&e)))?;
    opened
        .write_all(text.as_bytes())
        .with_context(|| format!("cannot write {}", file.display()))
}

/// Bytes that nobody can guess.
fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| anyhow!("the system gives no random numbers"))?;
    Ok(bytes)
}

/// Two halves on curve25519.
pub(super) struct Pair {
    public: Vec<u8>,
    private: Vec<u8>,
    kind: &'static str,
}

impl Pair {
    fn encrypting() -> Result<Pair> {
        let private = random()?;
        Ok(Pair {
            public: x25519(private, X25519_BASEPOINT_BYTES).to_vec(),
            private: private.to_vec(),
            kind: "kex",
        })
    }

    /// Ed25519; the private half is the seed with the public one behind it.
    pub(super) fn signing() -> Result<Pair> {
        let seed = random()?;
        let key = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|e| anyhow!("cannot make a key: {e}"))?;
        let public = key.public_key().as_ref().to_vec();
        Ok(Pair {
            private: [&seed[..], &public].concat(),
            public,
            kind: "sign",
        })
    }

    pub(super) fn public(&self) -> &[u8] {
        &self.public
    }

    pub(super) fn private(&self) -> &[u8] {
        &self.private
    }

    fn told(&self) -> Value {
        json!({ "keypair": {
            "privkey": base32::encode(&self.private),
            "pubkey": base32::encode(&self.public),
            "id": base32::encode(&Blake2b512::digest(&self.public)),
            "encoding": "base32",
            "algorithm": "curve25519",
            "type": self.kind,
        } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_half_follows_from_the_private_one() {
        // Made by rspamadm 3.4.
        let private = base32::decode("e5aahg7k6yza1z8wrzxu9oz89aiofjh8cwpeupixxcbkwz6ck83y").unwrap();
        let public = x25519(private[..32].try_into().unwrap(), X25519_BASEPOINT_BYTES);
        assert_eq!(base32::encode(&public), "t9hjyur39hrfcoxabe5rpf5umi6dggjnf1j1mx31m5zwzji6hbxy");
        let id = "qmd77nfbe8izpysic9k3x8wyxj3h9mjb8wxm4z5xwbmeyhiqcwhqh4pkn7n9bpmnw9ckz1fteyms1ubg164c7jea3e4s9rm1x4zz44n";
        assert_eq!(base32::encode(&Blake2b512::digest(public)), id);
    }

    #[test]
    fn pairs_differ() {
        let [a, b] = [Pair::signing().unwrap(), Pair::signing().unwrap()];
        assert_ne!(a.private, b.private);
        assert_eq!((a.private.len(), a.public.len()), (64, 32));
        assert_eq!(a.private[32..], a.public);
        assert_eq!(Pair::encrypting().unwrap().private.len(), 32);
    }
}
