//! Which Message-IDs are looked up, and what is wrong with a section. What becomes of real mail is in tests/it/replies.rs.

use super::*;
use crate::config::{LoadOptions, load_text};
use crate::store::{Memory, Stores};

fn built(text: &str, stores: bool) -> (usize, Vec<String>, Vec<String>) {
    let text = format!("[modules.replies]\n{text}\n");
    let loaded = load_text("/etc/torwart/torwart.toml", &text, &LoadOptions::default()).expect("a configuration that loads");
    let services = Services {
        stores: stores.then(|| Arc::new(Stores::alone(Arc::new(Memory::new())))),
        ..Services::default()
    };
    let mut findings = Vec::new();
    let rules = (FAMILY.build)(loaded.config.modules.section(MODULE), &services, &mut findings);
    let said = |f: &Diagnostic| format!("{}: {}", f.place.as_ref().map_or(0, |p| p.line()), f.message);
    let away = services.away.lock().unwrap().clone();
    (rules.len(), findings.iter().map(said).collect(), away)
}

#[test]
fn identifiers_with_and_without_brackets_are_the_same() {
    assert_eq!(id_key("<a@b>"), id_key(" a@b "));
    assert_ne!(id_key("<a@b>"), id_key("<A@b>"));
    assert_eq!(id_key("<>"), None);
    assert_eq!(id_key(&"x".repeat(2_000)), None);
    assert_eq!(ids("Your mail of Friday <a@b>, <c@d>"), ["a@b", "c@d"]);
    assert_eq!(ids("a@b"), ["a@b"]);
    assert_eq!(ids("<a@b"), ["<a@b"]);
    assert_eq!(ids(&"<a>".repeat(1_000)).len(), MOST_IDS);
    assert_eq!(mark("Anna@Example.ORG"), mark("anna@example.org"));
    assert_eq!(mark("a@b").len(), 8);
}

#[test]
fn the_section_is_checked_with_a_store_and_without() {
    for stores in [true, false] {
        let (rules, said, away) = built("", stores);
        assert_eq!((rules, said.len()), (if stores { 2 } else { 0 }, 0));
        assert_eq!(away, if stores { vec![] } else { vec!["REPLY"] });
        assert_eq!(built("action = \"rejekt\"", stores).1, ["2: `rejekt` is no action"]);
        assert_eq!(
            built("expire = \"0s\"", stores).1,
            ["2: nothing can be remembered for no time at all"]
        );
        let (_, said, _) = built("key_prefix = \"rr\"\ncookie_key = \"00\"\nexpires = \"1d\"", stores);
        assert_eq!(
            said[0],
            "3: `cookie_key` is known in rspamd, but not in this version; it has no effect"
        );
        assert!(said[1].starts_with("4: ") && said[1].contains("expires"), "{said:?}");
    }
}
