//! Signatures of files beside them, as `rspamadm keypair sign`, `verify` and `signtool` make and check them: Ed25519 over the
//! file's bytes, 64 bytes long.

use super::super::print;
use super::Call;
use crate::base::hex;
use crate::config::ucl::{self, Disk, Options};
use crate::http::auth::base32;
use crate::http::seal::Pair;
use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Parser};
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct Sign {
    /// The file with the key pair
    #[arg(short, long, value_name = "FILE")]
    keypair: Option<PathBuf>,
    /// What the name of the signature ends with
    #[arg(short, long, default_value = "sig")]
    suffix: String,
    /// Files to sign
    files: Vec<PathBuf>,
}

/// Somebody's public key.
#[derive(Args)]
pub(super) struct Whose {
    /// A file with the public key
    #[arg(short, long, value_name = "FILE", group = "key")]
    pubkey: Option<PathBuf>,
    /// The public key
    #[arg(short = 'P', long, value_name = "BASE32", group = "key")]
    pubstring: Option<String>,
    /// A file with the key pair
    #[arg(short, long, value_name = "FILE", group = "key")]
    pub(super) keypair: Option<PathBuf>,
}

impl Whose {
    /// The key, where it does not come with a pair.
    pub(super) fn alone(&self) -> Result<[u8; 32]> {
        match (&self.pubkey, &self.pubstring) {
            (Some(file), _) => key_in(file),
            (_, Some(text)) => public_key(text),
            _ => bail!("no key specified"),
        }
    }
}

#[derive(Args)]
pub(super) struct Verify {
    #[command(flatten)]
    key: Whose,
    /// Not in this version: the key is on the curve P-256
    #[arg(short, long)]
    nist: bool,
    /// What the name of the signature ends with
    #[arg(short, long, default_value = "sig")]
    suffix: String,
    /// Files to check
    files: Vec<PathBuf>,
}

/// Sign and verify files
#[derive(Parser)]
#[command(name = "rspamadm signtool")]
struct SignTool {
    /// Check signatures, make none
    #[arg(short, long)]
    verify: bool,
    /// What the name of the signature ends with
    #[arg(short = 'S', long, default_value = ".sig")]
    suffix: String,
    /// The public key
    #[arg(short, long, value_name = "BASE32")]
    pubkey: Option<String>,
    /// A file with the public key
    #[arg(short = 'P', long, value_name = "FILE")]
    pubfile: Option<PathBuf>,
    /// The file with the key pair
    #[arg(short, long, value_name = "FILE")]
    keypair: Option<PathBuf>,
    /// Say nothing, the exit code tells
    #[arg(short, long)]
    quiet: bool,
    /// Not in this version: a key on the curve P-256
    #[arg(short, long)]
    openssl: bool,
    /// Not in this version: where the public key goes
    #[arg(long, value_name = "FILE")]
    pubout: Option<PathBuf>,
    /// Not in this version: edit each file before it is signed
    #[arg(short, long)]
    edit: bool,
    /// Not in this version: the editor for that
    #[arg(long, value_name = "PROGRAM")]
    editor: Option<PathBuf>,
    /// Files
    files: Vec<PathBuf>,
}

pub(super) fn sign(args: &Sign) -> Result<ExitCode> {
    let key = args.keypair.as_deref().context("no keypair specified")?;
    let key = Keys::of_file(key)?.private()?;
    for file in &args.files {
        let (place, signature) = seal(&key, file, &format!(".{}", args.suffix))?;
        print(&format!(
            "signed {} -> {} ({})\n",
            file.display(),
            place.display(),
            hex::encode(&signature)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn verify(args: &Verify) -> Result<ExitCode> {
    if args.nist {
        bail!("rspamadm keypair verify --nist: not in this version of torwart");
    }
    let public = match &args.key.keypair {
        Some(file) => Keys::of_file(file)?.public,
        None => args.key.alone()?.to_vec(),
    };
    let mut good = true;
    for file in &args.files {
        let (place, signature, right) = check(&public, file, &format!(".{}", args.suffix))?;
        let word = if right { "verified" } else { "FAILED to verify" };
        print(&format!(
            "{word} {} -> {} ({})\n",
            file.display(),
            place.display(),
            hex::encode(&signature)
        ));
        good &= right;
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(super) fn signtool(call: &Call) -> Result<ExitCode> {
    let args: SignTool = call.read()?;
    if args.openssl || args.edit || args.pubout.is_some() || args.editor.is_some() {
        bail!("rspamadm signtool --openssl, --pubout, --edit, --editor: not in this version of torwart");
    }
    let say = |line: String| {
        if !args.quiet {
            print(&line)
        }
    };
    if !args.verify {
        let key = Keys::of_file(args.keypair.as_deref().context("no keypair for signing")?)?.private()?;
        for file in &args.files {
            let (place, _) = seal(&key, file, &args.suffix)?;
            say(format!("signed {}; stored hash in {}\n", file.display(), place.display()));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let public = match (&args.pubkey, &args.pubfile, &args.keypair) {
        (Some(text), ..) => public_key(text)?.to_vec(),
        (_, Some(file), _) => key_in(file)?.to_vec(),
        (_, _, Some(file)) => Keys::of_file(file)?.public,
        _ => bail!("no pubkey for verification"),
    };
    let mut good = true;
    for file in &args.files {
        let (_, _, right) = check(&public, file, &args.suffix)?;
        let word = if right { "verified" } else { "FAILED to verify" };
        say(format!("{word} {}\n", file.display()));
        good &= right;
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The keys of a file that `rspamadm keypair` wrote.
pub(super) struct Keys {
    public: Vec<u8>,
    private: Vec<u8>,
    signs: bool,
    file: PathBuf,
}

impl Keys {
    pub(super) fn of_file(file: &Path) -> Result<Keys> {
        let shown = file.display();
        let parsed = ucl::read(&file.to_string_lossy(), &Disk::anywhere(), &Options::default());
        let parsed = parsed.map_err(|report| anyhow!("cannot load {shown}: {}", report.draw(false)))?;
        let tree = ucl::to_json(&parsed.tree);
        let pair = tree.get("keypair").unwrap_or(&tree);
        let text = |key: &str| pair.get(key).and_then(|v| v.as_str());
        if text("algorithm").is_some_and(|a| a != "curve25519") {
            bail!("cannot use {shown}: only keys on curve25519 are in this version of torwart");
        }
        let key = |name: &str| {
            let bytes = match text("encoding") {
                None | Some("base32") => text(name).and_then(base32::decode),
                Some("hex") => text(name).and_then(hex::decode),
                Some(_) => None,
            };
            bytes.with_context(|| format!("cannot load {shown}: there is no {name} in base32 or hex"))
        };
        Ok(Keys {
            public: key("pubkey")?,
            private: key("privkey")?,
            signs: text("type") == Some("sign"),
            file: file.to_owned(),
        })
    }

    /// The pair, where it is for encryption.
    pub(super) fn encrypting(&self) -> Result<Pair> {
        let shown = self.file.display();
        if self.signs {
            bail!("{shown} is a key pair for signing; make one for encryption with `rspamadm keypair`");
        }
        let pair =
            Pair::parse(&base32::encode(&self.private)).with_context(|| format!("the private key in {shown} is not 32 bytes long"))?;
        if pair.public().as_bytes()[..] != self.public {
            bail!("the keys in {shown} do not belong together");
        }
        Ok(pair)
    }

    fn private(&self) -> Result<Ed25519KeyPair> {
        let shown = self.file.display();
        if !self.signs {
            bail!("{shown} is a key pair for encryption; make one for signing with `rspamadm keypair --sign`");
        }
        let seed = self
            .private
            .get(..32)
            .with_context(|| format!("the private key in {shown} is too short"))?;
        Ed25519KeyPair::from_seed_and_public_key(seed, &self.public).map_err(|e| anyhow!("the keys in {shown} do not belong together: {e}"))
    }
}

/// A public key alone in a file.
fn key_in(file: &Path) -> Result<[u8; 32]> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    public_key(text.trim())
}

fn public_key(text: &str) -> Result<[u8; 32]> {
    let key = base32::decode(text).and_then(|key| key.try_into().ok());
    key.with_context(|| format!("\"{text}\" is no public key: 32 bytes in rspamd's base32"))
}

pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Signs a file; gives where the signature went, and the signature.
fn seal(key: &Ed25519KeyPair, file: &Path, suffix: &str) -> Result<(PathBuf, Vec<u8>)> {
    let content = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let (place, signature) = (beside(file, suffix), key.sign(&content).as_ref().to_vec());
    std::fs::write(&place, &signature).with_context(|| format!("cannot write {}", place.display()))?;
    Ok((place, signature))
}

/// Checks the signature of a file; gives where it lies, the signature, and whether it is right.
fn check(public: &[u8], file: &Path, suffix: &str) -> Result<(PathBuf, Vec<u8>, bool)> {
    let place = beside(file, suffix);
    let content = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let signature = std::fs::read(&place).with_context(|| format!("cannot read {}", place.display()))?;
    let right = UnparsedPublicKey::new(&ED25519, public).verify(&content, &signature).is_ok();
    Ok((place, signature, right))
}
