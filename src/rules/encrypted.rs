//! Encrypted and signed parts. Text beside an encrypted part is what attackers put there: the reader's program may show both as one.

use crate::engine::{Hits, Rule, Scan};
use crate::family::Family;

crate::symbols! {
    "mime_types" {
        BOGUS_ENCRYPTED_AND_TEXT = both(10.0), "an encrypted part stands beside readable text";
        ENCRYPTED_PGP = both(-0.5), "a part is encrypted with PGP", shots 1;
        ENCRYPTED_SMIME = both(-0.5), "a part is encrypted with S/MIME", shots 1;
        SIGNED_PGP = both(-2.0), "a part is signed with PGP", shots 1;
        SIGNED_SMIME = both(-2.0), "a part is signed with S/MIME", shots 1;
    }
}

/// Encryption. No settings.
pub const FAMILY: Family = Family {
    name: "encrypted_parts",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| vec![Rule::check("BOGUS_ENCRYPTED_AND_TEXT", encrypted)],
};

/// Looks at what stands directly in a multipart, wherever it is.
fn encrypted(scan: &Scan<'_>, hits: &mut Hits) {
    let parts = scan.mail.parts();
    let mut beside = Vec::new();
    let mut text = false;
    for part in parts.iter().filter(|p| p.is_multipart()).flat_map(|p| &p.children) {
        let Some(part) = parts.get(*part) else { continue };
        let kind = part.sub_type();
        let kind = kind.strip_prefix("x-").unwrap_or(kind);
        match (part.main_type(), kind) {
            ("text", _) => text = true,
            ("application", "pkcs7-mime") => {
                hits.add(&ENCRYPTED_SMIME);
                beside.push("smime part".to_owned());
            }
            ("application", "pkcs7-signature") => hits.add(&SIGNED_SMIME),
            ("application", "pgp-encrypted") => {
                hits.add(&ENCRYPTED_PGP);
                beside.push("pgp part".to_owned());
            }
            ("application", "pgp-signature") => hits.add(&SIGNED_PGP),
            _ => {}
        }
    }
    if text && !beside.is_empty() {
        hits.weighted(&BOGUS_ENCRYPTED_AND_TEXT, 1.0, beside);
    }
}
