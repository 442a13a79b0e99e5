//! `rspamadm keypair encrypt` and `decrypt`: files for whoever has the private key. A mark, a public key made for this file alone,
//! the seal, the nonce, the hidden bytes: that is what the peer opens. What rspamd 3.4 itself makes cannot be opened by anybody:
//! it writes the receiver's public key in place of the file's own, and that one's private half is gone.

use super::super::print;
use super::seal::{Keys, Whose, beside};
use crate::http::seal::{NONCE, Pair, Public, SEAL};
use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What an encrypted file begins with.
const MARK: &[u8] = b"ruclev1";
const KEY: usize = 32;

#[derive(Args)]
pub(super) struct Encrypt {
    #[command(flatten)]
    receiver: Whose,
    /// What the name of the encrypted file ends with
    #[arg(short, long, default_value = "enc")]
    suffix: String,
    /// Remove what was encrypted
    #[arg(short, long)]
    rm: bool,
    /// Write over encrypted files that are there
    #[arg(short, long)]
    force: bool,
    /// Files to encrypt
    files: Vec<PathBuf>,
}

#[derive(Args)]
pub(super) struct Decrypt {
    /// The file with the key pair
    #[arg(short, long, value_name = "FILE")]
    keypair: Option<PathBuf>,
    /// Write over the encrypted file itself
    #[arg(short = 'S', long)]
    keep_suffix: bool,
    /// Write over files that are there
    #[arg(short, long)]
    force: bool,
    /// Remove what was decrypted
    #[arg(short, long)]
    rm: bool,
    /// Files to decrypt; the end of their names is taken off
    files: Vec<PathBuf>,
}

pub(super) fn encrypt(args: &Encrypt) -> Result<ExitCode> {
    let receiver = match &args.receiver.keypair {
        Some(file) => Keys::of_file(file)?.encrypting()?.public().to_owned(),
        None => Public::from(args.receiver.alone()?),
    };
    for file in &args.files {
        let place = beside(file, &format!(".{}", args.suffix));
        let hidden = hide(&receiver, &read(file)?)?;
        write(&place, &hidden, args.force)?;
        finish("encrypted", file, &place, args.rm)?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn decrypt(args: &Decrypt) -> Result<ExitCode> {
    let pair = Keys::of_file(args.keypair.as_deref().context("no keypair specified")?)?.encrypting()?;
    for file in &args.files {
        let place = if args.keep_suffix { file.clone() } else { file.with_extension("") };
        if place == *file && !args.keep_suffix {
            bail!("{} has no end to take off its name; -S writes over it", file.display());
        }
        let shown = open(&pair, &read(file)?).map_err(|why| anyhow!("cannot decrypt {}: {why}", file.display()))?;
        write(&place, &shown, args.force || args.keep_suffix)?;
        finish("decrypted", file, &place, args.rm && place != *file)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))
}

fn write(place: &Path, bytes: &[u8], over: bool) -> Result<()> {
    if place.exists() && !over {
        bail!("{} is there already; -f writes over it", place.display());
    }
    std::fs::write(place, bytes).with_context(|| format!("cannot write {}", place.display()))
}

fn finish(done: &str, file: &Path, place: &Path, remove: bool) -> Result<()> {
    if remove {
        std::fs::remove_file(file).with_context(|| format!("cannot remove {}", file.display()))?;
    }
    let removed = if remove { " (removed)" } else { "" };
    print(&format!("{done} {}{removed} -> {}\n", file.display(), place.display()));
    Ok(())
}

fn hide(receiver: &Public, plain: &[u8]) -> Result<Vec<u8>> {
    let own = Pair::generate().context("the system gives no random numbers")?;
    let shared = own
        .shared(receiver)
        .context("this public key is none: it shares the same with everybody")?;
    let sealed = shared.seal(plain).context("the system gives no random numbers")?;
    let (nonce, rest) = sealed.split_at(NONCE);
    let (seal, hidden) = rest.split_at(SEAL);
    Ok([MARK, own.public().as_bytes(), seal, nonce, hidden].concat())
}

fn open(pair: &Pair, hidden: &[u8]) -> Result<Vec<u8>, &'static str> {
    let rest = hidden.strip_prefix(MARK).ok_or("it is no file that rspamadm has encrypted")?;
    let parts = rest.split_first_chunk::<KEY>().and_then(|(key, rest)| {
        let (seal, rest) = rest.split_at_checked(SEAL)?;
        let (nonce, hidden) = rest.split_at_checked(NONCE)?;
        Some((Public::from(*key), [nonce, seal, hidden].concat()))
    });
    let (key, sealed) = parts.ok_or("it is cut off")?;
    if key == *pair.public() {
        return Err("rspamd 3.4 has lost the key that it encrypted this with; nobody can open it");
    }
    let shown = pair.shared(&key).and_then(|shared| shared.open(&sealed));
    shown.ok_or("it is for another key, or damaged")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_receiver_opens_it_and_only_whole() {
        let [one, other] = [Pair::generate().unwrap(), Pair::generate().unwrap()];
        for plain in [&b""[..], b"text\n", &[0xff; 70_000]] {
            let hidden = hide(one.public(), plain).unwrap();
            assert_eq!(open(&one, &hidden).as_deref(), Ok(plain));
            assert_eq!(open(&other, &hidden), Err("it is for another key, or damaged"));
            assert!((0..80).all(|length| open(&one, &hidden[..length.min(hidden.len() - 1)]).is_err()));
        }
        let theirs = [MARK, one.public().as_bytes(), &[0; 50]].concat();
        assert!(open(&one, &theirs).unwrap_err().contains("nobody can open it"));
    }
}
