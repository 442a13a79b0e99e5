//! To whom it says it goes: how many recipients To, Cc and Bcc name, how they are named, and whether the envelope agrees. Facts, hardly
//! verdicts: other rules build on them. Lists that look generated are not judged here.

use crate::engine::{Hits, Rule, Scan};
use crate::family::Family;
use crate::rules::alias::{named, plain};
use std::collections::HashMap;

crate::symbols! {
    "headers" {
        RCPT_COUNT_ZERO = both(0.0), "the recipient headers name nobody";
        RCPT_COUNT_ONE = both(0.0), "one recipient";
        RCPT_COUNT_TWO = both(0.0), "two recipients";
        RCPT_COUNT_THREE = both(0.0), "three or four recipients";
        RCPT_COUNT_FIVE = both(0.0), "five or six recipients";
        RCPT_COUNT_SEVEN = both(0.0), "seven to eleven recipients";
        RCPT_COUNT_TWELVE = both(0.0), "twelve to 49 recipients";
        RCPT_COUNT_GT_50 = both(0.0), "50 recipients or more";
        TO_DN_RECIPIENTS = both(2.0), "a recipient's name is just `recipient` or `recipients`";
        TO_DN_NONE = both(0.0), "no recipient has a name";
        TO_DN_ALL = both(0.0), "every recipient has a name";
        TO_DN_SOME = both(0.0), "some recipients have a name";
        TO_DN_EQ_ADDR_ALL = both(0.0), "every recipient's name is his address";
        TO_DN_EQ_ADDR_SOME = both(0.0), "the names of some recipients are their addresses";
        TO_MATCH_ENVRCPT_ALL = both(0.0), "every recipient is also one of the envelope";
        TO_MATCH_ENVRCPT_SOME = both(0.0), "some recipients are also of the envelope";
    }
}

/// The recipients. No settings.
pub const FAMILY: Family = Family {
    name: "recipients",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| vec![Rule::check("CHECK_TO_CC", recipients)],
};

fn recipients(scan: &Scan<'_>, hits: &mut Hits) {
    let Some(named) = named(scan) else { return };
    let symbol = match named.len() {
        0 => &RCPT_COUNT_ZERO,
        1 => &RCPT_COUNT_ONE,
        2 => &RCPT_COUNT_TWO,
        3..=4 => &RCPT_COUNT_THREE,
        5..=6 => &RCPT_COUNT_FIVE,
        7..=11 => &RCPT_COUNT_SEVEN,
        12..=49 => &RCPT_COUNT_TWELVE,
        _ => &RCPT_COUNT_GT_50,
    };
    hits.with(symbol, named.len().to_string());

    let mut envelope: HashMap<String, usize> = HashMap::new();
    for given in &scan.envelope.recipients {
        *envelope.entry(plain(scan.compat, &given.address).to_ascii_lowercase()).or_default() += 1;
    }
    let (mut names, mut repeats, mut matches) = (0, 0, 0);
    for recipient in &named {
        let address = plain(scan.compat, &recipient.address);
        let name = recipient.name.as_str();
        if name.eq_ignore_ascii_case("recipient") || name.eq_ignore_ascii_case("recipients") {
            hits.add(&TO_DN_RECIPIENTS);
        }
        match name {
            // `"" <>` has a name like its address: both are empty.
            name if name.eq_ignore_ascii_case(&address) => repeats += 1,
            "" => {}
            _ => names += 1,
        }
        matches += envelope.get(&address.to_ascii_lowercase()).copied().unwrap_or(0);
    }
    names_shown(named.len(), names, repeats, hits);
    // Pairs are counted, so a recipient given twice may stand in for one who is missing: as the peer has it.
    if matches == named.len() {
        hits.add(&TO_MATCH_ENVRCPT_ALL);
    } else if matches > 0 {
        hits.add(&TO_MATCH_ENVRCPT_SOME);
    }
}

fn names_shown(all: usize, names: usize, repeats: usize, hits: &mut Hits) {
    if names == 0 && repeats == 0 {
        hits.add(&TO_DN_NONE);
    } else if names == all {
        hits.add(&TO_DN_ALL);
    } else if names > 0 {
        hits.add(&TO_DN_SOME);
    }
    if repeats == all {
        hits.add(&TO_DN_EQ_ADDR_ALL);
    } else if repeats > 0 {
        hits.add(&TO_DN_EQ_ADDR_SOME);
    }
}
