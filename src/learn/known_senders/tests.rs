//! The section. What becomes of real mail is in tests/it/replies.rs.

use super::*;
use crate::config::{LoadOptions, load_text};
use crate::store::{Memory, Stores};

fn built(text: &str, stores: bool) -> (usize, Vec<String>, Vec<String>) {
    let loaded = load_text("/etc/torwart/torwart.toml", text, &LoadOptions::default()).expect("a configuration that loads");
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
fn off_unless_switched_on_and_checked_all_the_same() {
    for stores in [true, false] {
        assert_eq!(built("", stores), (0, vec![], vec![]));
        assert_eq!(built("[modules.known_senders]\nmax_recipients = 3\n", stores), (0, vec![], vec![]));
        let (rules, said, away) = built("[modules.known_senders]\nenabled = true\nmax_senders = 100000\n", stores);
        assert_eq!((rules, said.len()), (if stores { 2 } else { 0 }, 0));
        assert_eq!(away.len(), if stores { 0 } else { 4 });
        for (line, part) in [
            ("max_ttl = \"0s\"", "nobody can be known"),
            ("domains = \"https://maps.example.org/free\"", "fetches no maps"),
            ("domain = [\"x\"]", "domain"),
        ] {
            let (rules, said, _) = built(&format!("[modules.known_senders]\n{line}\n"), stores);
            assert_eq!(rules, 0);
            assert!(said.iter().any(|s| s.starts_with("2: ") && s.contains(part)), "{line}: {said:?}");
        }
    }
}
