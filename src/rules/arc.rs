//! Presence and order of ARC sets: what can be said of them without asking DNS for a key. Whether a chain verifies is not judged here.

use crate::engine::{Hits, Rule, Scan, order};
use crate::family::Family;

crate::symbols! {
    "policies" {
        ARC_NA = both(0.0), "there is no ARC set";
        ARC_INVALID = both(0.5), "the ARC sets do not form a chain";
        ARC_REJECT = both(1.0), "an ARC set says that the chain was broken before";
    }
}

/// Authenticated received chain, as far as no DNS is needed. No settings yet.
pub const FAMILY: Family = Family {
    name: "arc",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| vec![Rule::check("ARC_CHECK", check).at(order::STRUCTURE)],
};

/// What a seal or a signature says of its place in the chain.
#[derive(Debug, PartialEq)]
struct Tags {
    instance: u32,
    validation: Option<String>,
    domain: String,
}

impl Tags {
    fn read(value: &str) -> Tags {
        let tag = |name: &str| {
            let mut pairs = value.split(';').filter_map(|p| p.split_once('='));
            pairs.find(|(n, _)| n.trim() == name).map(|(_, v)| v.trim().to_owned())
        };
        Tags {
            instance: tag("i").and_then(|i| i.parse().ok()).unwrap_or(0),
            validation: tag("cv"),
            domain: tag("d").unwrap_or_else(|| "nil".into()),
        }
    }
}

fn check(scan: &Scan<'_>, hits: &mut Hits) {
    let all = |name: &str| -> Vec<Tags> {
        let mut tags: Vec<Tags> = scan.mail.headers().all(name).map(|h| Tags::read(&h.value())).collect();
        tags.sort_by_key(|t| t.instance);
        tags
    };
    let (signatures, seals) = (all("ARC-Message-Signature"), all("ARC-Seal"));
    if signatures.is_empty() || seals.is_empty() {
        hits.add(&ARC_NA);
    } else if signatures.len() != seals.len() {
        hits.with(&ARC_INVALID, "invalid count of seals and signatures");
    } else if let Err((symbol, reason)) = chain(&signatures, &seals) {
        hits.with(symbol, reason);
    }
}

type Fault = (&'static crate::engine::Symbol, String);

/// Sets count from 1 without a gap, the first says `none`, every further one `pass`.
fn chain(signatures: &[Tags], seals: &[Tags]) -> Result<(), Fault> {
    for (i, (signature, seal)) in (1u32..).zip(signatures.iter().zip(seals)) {
        for (what, tags) in [("signature", signature), ("seal", seal)] {
            if tags.instance != i {
                let reason = format!("bad i for {what}: {}, expected {i}; d={}", tags.instance, tags.domain);
                return Err((&ARC_INVALID, reason));
            }
        }
        match (i, seal.validation.as_deref()) {
            (_, None) => return Err((&ARC_INVALID, format!("no cv on i={i}"))),
            (1, Some("none")) | (2.., Some("pass")) => {}
            (1, Some(_)) => return Err((&ARC_INVALID, "cv is not \"none\" for i=1".into())),
            (_, Some(cv)) => return Err((&ARC_REJECT, format!("cv is {cv} on i={i}"))),
        }
    }
    Ok(())
}
