//! `rspamadm dkim_keygen`: a private key for signing mail, and the record that publishes the other half.

use super::super::print;
use super::Call;
use super::keypair::{Pair, write_secret};
use anyhow::{Context, Result, bail};
use base64ct::{Base64, Encoding};
use clap::Parser;
use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

/// Characters of one string of a TXT record at most (RFC 1035, section 3.3).
const LONGEST: usize = 255;

/// Make a DKIM key
#[derive(Parser)]
#[command(name = "rspamadm dkim_keygen")]
struct Args {
    /// The domain; the record does not show it
    #[arg(short, long)]
    domain: Option<String>,
    /// The selector
    #[arg(short, long, default_value = "selector")]
    selector: String,
    /// Write the private key to this file
    #[arg(short = 'k', long, value_name = "FILE")]
    privkey: Option<PathBuf>,
    /// Bits of an RSA key: 512 to 4096; verifiers want 1024 at least
    #[arg(short, long, default_value_t = 1024)]
    bits: usize,
    /// rsa or ed25519
    #[arg(short = 't', long = "type", value_name = "KIND", default_value = "rsa")]
    kind: String,
    /// The peer reads no further words, and refuses none
    #[arg(hide = true)]
    rest: Vec<OsString>,
}

pub(super) fn run(call: &Call) -> Result<ExitCode> {
    let args: Args = call.read()?;
    let (private, public) = match args.kind.as_str() {
        "rsa" => rsa(args.bits)?,
        "ed25519" => {
            let pair = Pair::signing()?;
            (Base64::encode_string(pair.private()) + "\n", Base64::encode_string(pair.public()))
        }
        other => bail!("invalid key type: {other}"),
    };
    match &args.privkey {
        Some(file) => write_secret(file, &private, 0o640)?,
        None => print(&private),
    }
    print(&record(&args.selector, &args.kind, &public));
    Ok(ExitCode::SUCCESS)
}

/// A private key in PEM, its public half in base64.
fn rsa(bits: usize) -> Result<(String, String)> {
    if !(512..=4096).contains(&bits) {
        bail!("Bits number must be in the interval 512...4096");
    }
    let key = RsaPrivateKey::new(&mut rsa::rand_core::OsRng, bits).context("cannot make an RSA key")?;
    let private = key.to_pkcs8_pem(LineEnding::LF).context("cannot write the private key")?;
    let public = key
        .to_public_key()
        .to_public_key_pem(LineEnding::LF)
        .context("cannot write the public key")?;
    let public = public.lines().filter(|line| !line.starts_with('-')).collect();
    Ok((private.to_string(), public))
}

/// The record for a zone; what is too long for one string comes in several.
fn record(selector: &str, kind: &str, public: &str) -> String {
    let mut record = format!("{selector}._domainkey IN TXT ( \"v=DKIM1; k={kind}; \"\n");
    let mut rest = format!("p={public}");
    if rest.len() <= LONGEST {
        return record + &format!("\t\"{rest}\" ) ;\n");
    }
    while !rest.is_empty() {
        let behind = rest.split_off(rest.len().min(LONGEST));
        record += &format!("\t\"{rest}\"\n");
        rest = behind;
    }
    record + ") ; \n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_keys_come_in_several_strings() {
        let short = record("s", "rsa", "abc");
        assert_eq!(short, "s._domainkey IN TXT ( \"v=DKIM1; k=rsa; \"\n\t\"p=abc\" ) ;\n");
        let key = "x".repeat(600);
        let long = record("s", "rsa", &key);
        let strings: Vec<&str> = long.split('"').skip(3).step_by(2).collect();
        assert!(strings.iter().all(|s| s.len() <= 255), "{strings:?}");
        assert_eq!(strings.concat(), format!("p={key}"));
        assert!(long.ends_with("\"\n) ; \n"));
    }
}
