//! Texts of swindlers: they introduce themselves to strangers, or want money into a wallet for their silence.

mod wallet;

use crate::engine::{Hits, Rule, Scan};
use crate::family::Family;
use crate::rules::regexp::MAX_SIZE;
use crate::rules::regexp::kind::Kind;
use regex::bytes::Regex;
use std::sync::LazyLock;

crate::symbols! {
    "scams" {
        INTRODUCTION = both(2.0), "the text introduces its writer by name or title", shots 1;
        BITCOIN_ADDR = both(0.0), "the text has the address of a wallet", shots 1;
        LEAKED_PASSWORD_SCAM_RE = both(0.0), "the address of a wallet, and a sign of extortion";
    }
}

/// Scams. No settings.
pub const FAMILY: Family = Family {
    name: "scams",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| vec![Rule::check("SCAMS", scams)],
};

/// Wallets that are told of a message.
const WALLETS: usize = 100;

static INTRODUCED: LazyLock<Regex> = LazyLock::new(|| {
    let title = "(?:mr|mrs|ms|miss|master|sir|prof(?:essor)?|d(?:octo)?r|rev(?:erend)?)";
    Regex::new(&format!(r"(?i-u)\b(?:my name is|(?:i am|this is)\s+{title})\b")).expect("the pattern is fixed")
});
static EXTORTION: LazyLock<Regex> = LazyLock::new(|| {
    let words = r"\b(?:password|passphrase|wallet)\b|victim|prey|webcam|masturbati(?:ng|on)|onanism";
    Regex::new(&format!("(?i-u){words}")).expect("the pattern is fixed")
});
static PICTURE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?i-u)<img\s(?:[^>]*\s)?src\s*=\s*["']?\s*data:"#).expect("the pattern is fixed"));

fn scams(scan: &Scan<'_>, hits: &mut Hits) {
    let (mut introduced, mut wallets) = (false, Vec::new());
    each_body(scan, &mut |text| {
        introduced = introduced || INTRODUCED.is_match(text);
        for wallet in wallet::all(text) {
            if wallets.len() < WALLETS && !wallets.contains(&wallet) {
                wallets.push(wallet);
            }
        }
    });
    if introduced {
        hits.add(&INTRODUCTION);
    }
    if wallets.is_empty() {
        return;
    }
    hits.weighted(&BITCOIN_ADDR, 1.0, wallets);
    let headers = scan.mail.headers();
    let mut extorts = false;
    each_body(scan, &mut |text| extorts = extorts || EXTORTION.is_match(text) || hides(text));
    if extorts || headers.has("List-Unsubscribe") || headers.has("X-PHP-Originating-Script") || shows_data(scan) {
        hits.add(&LEAKED_PASSWORD_SCAM_RE);
    }
}

/// The texts as SpamAssassin's `body` patterns see them, no further than patterns look.
fn each_body(scan: &Scan<'_>, look: &mut dyn FnMut(&[u8])) {
    Kind::SaBody.texts(scan, &mut |text| look(text.get(..MAX_SIZE).unwrap_or(text)));
}

/// There are characters that are not seen or change their neighbours, to break up words.
fn hides(text: &[u8]) -> bool {
    let text = if text.is_ascii() { "" } else { &*String::from_utf8_lossy(text) };
    let hidden = |c: char| {
        matches!(c, '\u{ad}' | '\u{300}'..='\u{33f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    };
    text.contains(hidden)
}

/// A picture stands in the HTML itself.
fn shows_data(scan: &Scan<'_>) -> bool {
    let html = scan.mail.parts().iter().filter(|p| p.mime_type() == "text/html");
    html.filter_map(|p| p.text()).any(|text| PICTURE.is_match(text.as_bytes()))
}
