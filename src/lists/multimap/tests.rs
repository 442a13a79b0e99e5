//! Maps as configured, against clients in them and beside them.

use super::*;
use crate::config::{LoadOptions, load_text};
use std::path::Path;

struct Built {
    rules: Vec<Rule>,
    findings: Vec<Diagnostic>,
}

impl Built {
    /// Each finding with its help, in one line each.
    fn said(&self) -> Vec<String> {
        let one = |f: &Diagnostic| format!("{}: {}", f.place.as_ref().map_or(0, |p| p.line()), f.message);
        self.findings.iter().map(one).collect()
    }

    fn help(&self) -> Vec<&str> {
        self.findings.iter().map(|f| f.help.as_deref().unwrap_or_default()).collect()
    }
}

fn built(text: &str) -> Built {
    let loaded = load_text("/etc/torwart/torwart.toml", text, &LoadOptions::default()).expect("a configuration that loads");
    let mut findings = Vec::new();
    let section = loaded.config.modules.section("multimap");
    let rules = (FAMILY.build)(section, &Services::default(), &mut findings);
    Built { rules, findings }
}

#[test]
fn the_rule_of_the_guide() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("local_rbl.txt");
    std::fs::write(&path, "10.88.113.21\n").unwrap();
    let b = built(&format!(
        "[modules.multimap.blacklist_ip]\ntype = \"ip\"\nmap = \"{}\"\nsymbol = \"LOCAL_RBL_HIT\"\naction = \"reject\"\n\
         description = \"Lokale RBL-Hit\"\nprefilter = true\n",
        path.display()
    ));
    assert_eq!(b.said(), Vec::<String>::new());
    let rule = &b.rules[0];
    assert_eq!(
        (rule.name.as_str(), rule.order, rule.always),
        ("blacklist_ip", order::ADDRESS_MAPS, true)
    );
    let defined = &rule.symbols[0];
    assert_eq!((defined.symbol.as_str(), defined.score), ("LOCAL_RBL_HIT", Some(0.0)));
    assert_eq!(defined.description.as_deref(), Some("Lokale RBL-Hit"));
    assert_eq!(defined.groups, ["multimap"]);
}

#[test]
fn the_symbol_is_the_rules_name() {
    let b = built(
        "[modules.multimap.mine]\ntype = \"ip\"\nmap = [\"10.0.0.1 OTHER:3\", \"10.0.0.2 5\"]\nscore = 2\nnshots = 3\ngroup = \"g\"\n",
    );
    assert_eq!(b.said(), Vec::<String>::new());
    let names: Vec<_> = b.rules[0].symbols.iter().map(|d| (d.symbol.as_str(), d.score, d.shots)).collect();
    assert_eq!(names, [("mine", Some(2.0), Some(3))]);
}

#[test]
fn a_rule_or_the_module_may_be_switched_off() {
    let b = built("[modules.multimap.a]\nenabled = false\ntype = \"from\"\n[modules.multimap.b]\ntype = \"ip\"\nmap = []\n");
    assert_eq!((b.rules.len(), b.said()), (1, vec![]));
}

#[test]
fn other_types_are_refused_by_name() {
    let b = built(
        "[modules.multimap.a]\ntype = \"from\"\nfilter = \"email\"\n[modules.multimap.b]\ntype = \"hedaer\"\n[modules.multimap.c]\nmap = []\n",
    );
    assert!(b.rules.is_empty());
    assert_eq!(
        b.said(),
        [
            "2: maps of type `from` are known in rspamd, but not in this version",
            "5: `hedaer` is no type of map",
            "6: rule `c` of multimap has no type",
        ]
    );
    assert_eq!(b.help()[1], "did you mean `header`?");
}

#[test]
fn mistakes_are_told_with_place_and_remedy() {
    let b = built("[modules.multimap.a]\ntype = \"ip\"\nmap = [\"10.0.0.1\", \"mail\"]\nactoin = \"reject\"\n");
    assert!(b.rules.is_empty());
    let said = b.said().join("\n");
    assert!(said.contains("3: entry 2: `mail` is neither an address nor a network"), "{said}");
    assert!(said.contains("actoin"), "{said}");
    let b = built("[modules.multimap.a]\ntype = \"ip\"\nmap = \"10.0.0.1\"\naction = \"rejcet\"\n");
    assert_eq!(b.said(), ["4: `rejcet` is no action", "3: `10.0.0.1` is an address, not a file"]);
    assert_eq!(b.help(), ["did you mean `reject`?", "write a list: [\"10.0.0.1\"]"]);
    let b = built("[modules.multimap.a]\ntype = \"ip\"\nmap = \"https://example.org/list\"\n");
    assert_eq!(b.said(), ["3: maps from `https://` are known in rspamd, but not in this version"]);
}

#[test]
fn names_without_a_folder_lie_with_the_maps_and_relative_paths_count_from_the_configuration() {
    let at = |text| list_file(text, "/etc/torwart/torwart.toml", Path::new("/srv/maps")).unwrap();
    assert_eq!(at("a.txt"), Path::new("/srv/maps/a.txt"));
    assert_eq!(at("lists/a.txt"), Path::new("/etc/torwart/lists/a.txt"));
    assert_eq!(at("./a.txt"), Path::new("/etc/torwart/./a.txt"));
    assert_eq!(at("/x/a.txt"), Path::new("/x/a.txt"));
    assert_eq!(at("fallback+file:///x/a.txt"), Path::new("/x/a.txt"));
}

/// What a rule says of a client, in the words `SYMBOL*weight [options]`, and the text of its decision.
fn asked(settings: &str, client: &str) -> (Vec<String>, Vec<Option<String>>) {
    use crate::message::{Envelope, Limits, Mail};
    let b = built(&format!("[modules.multimap.mine]\ntype = \"ip\"\n{settings}"));
    assert_eq!(b.said(), Vec::<String>::new());
    let mail = Mail::parse(b"", &Limits::default());
    let envelope = Envelope {
        ip: client.parse().ok(),
        ..Envelope::default()
    };
    let scan = Scan::new(&mail, &envelope);
    let mut hits = Hits::default();
    if let crate::engine::Run::Check(check) = &b.rules[0].run {
        check.check(&scan, &mut hits);
    }
    let shown = hits.hits.iter().map(|h| format!("{}*{} {:?}", h.symbol, h.weight, h.options));
    (shown.collect(), hits.pre_results.into_iter().map(|p| p.message).collect())
}

#[test]
fn hits_and_decisions() {
    let map = "map = [\"10.88.113.21\", \"192.0.2.0/24 OTHER:3\", \"203.0.113.5 5\", \"2001:db8::/32\"]\n";
    let rejects = format!("{map}action = \"reject\"\n");
    let (hits, decisions) = asked(&rejects, "10.88.113.21");
    assert_eq!(hits, ["mine*1 [\"10.88.113.21\"]"]);
    assert_eq!(decisions, [Some("Matched map: mine".to_owned())]);
    assert_eq!(asked(&rejects, "10.88.113.22"), (vec![], vec![]));
    assert_eq!(asked(&rejects, "nobody"), (vec![], vec![]));
    assert_eq!(asked(map, "2001:DB8::5").0, ["mine*1 [\"2001:db8::5\"]"]);
    assert_eq!(asked(map, "203.0.113.5").0, ["mine*5 [\"203.0.113.5\"]"]);
    assert_eq!(asked(map, "::ffff:192.0.2.9").0, ["OTHER*3 [\"192.0.2.9\"]"]);
    let listed = format!("{map}symbols = [\"ELSE\"]\n");
    assert_eq!(asked(&listed, "192.0.2.9").0, ["mine*3 [\"192.0.2.9\", \"OTHER\"]"]);
}
