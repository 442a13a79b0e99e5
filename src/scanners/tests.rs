//! Scanners as configured: defaults, mistakes, and the reference configuration.

use super::antivirus::{FAMILY, configured};
use super::options::{OnFailure, Options};
use crate::config::{Diagnostic, LoadOptions, load_text};
use crate::engine::{Action, Stage};
use crate::family::Services;
use std::time::Duration;

fn read(text: &str) -> (Vec<Options>, Vec<Diagnostic>) {
    let loaded = load_text("/etc/torwart/torwart.toml", text, &LoadOptions::default()).expect("a configuration that loads");
    let mut findings = Vec::new();
    let section = loaded.config.modules.section("antivirus");
    let options = configured(section, &Services::default(), &mut findings);
    (options, findings)
}

fn one(lines: &str) -> Options {
    let (mut options, findings) = read(&format!("[modules.antivirus.clamav]\n{lines}\n"));
    assert!(findings.is_empty(), "{findings:?}");
    options.pop().expect("one scanner")
}

#[test]
fn little_needs_to_be_said() {
    let o = one("servers = \"127.0.0.1\"");
    assert_eq!(o.servers.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.1:3310"]);
    let s = &o.symbols;
    assert_eq!(
        [&s.found, &s.failed, &s.encrypted, &s.macros],
        ["CLAMAV", "CLAMAV_FAIL", "CLAMAV_ENCRYPTED", "CLAMAV_MACRO"]
    );
    assert_eq!((o.score, o.group.as_str(), o.action), (0.0, "antivirus", None));
    assert_eq!((o.manner.exchange, o.manner.attempts), (Duration::from_secs(5), 3));
    assert_eq!(
        (o.cache, o.on_failure),
        (Some(("rs_".to_owned(), Duration::from_secs(3600))), OnFailure::Tag)
    );
    assert!(o.choice.parts && o.choice.all && !o.choice.text && !o.choice.images);
}

#[test]
fn much_can_be_said() {
    let o = one(
        "servers = [\"a:1,b\", \"/run/c\"]\nsymbol = \"V\"\naction = \"add_header\"\nmax_size = \"20MB\"\nmin_size = 3\n\
         mime_parts_filter_ext = { exe = \".EXE\" }\nmime_parts_filter_regex = [\"^x$\"]\nwhitelist = [\"A B\", \"C\"]\n\
         patterns = { ONE = \"/^abc/i\", TWO = \"def\" }\non_failure = \"tempfail\"\nsymbol_type = \"postfilter\"",
    );
    assert_eq!(
        o.servers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["a:1", "b:3310", "/run/c"]
    );
    assert_eq!((o.symbols.failed.as_str(), o.action), ("V_FAIL", Some(Action::AddHeader)));
    assert_eq!((o.choice.min, o.choice.max, o.choice.all), (Some(3), Some(20_000_000), false));
    assert_eq!(o.choice.filter.as_ref().map(|f| f.endings.clone()), Some(vec!["exe".to_owned()]));
    let list = o.whitelist.as_ref().expect("a list");
    assert!(list.content().contains("a b") && list.content().contains("C") && !list.content().contains("A"));
    assert!(o.patterns[0].1.is_match("ABCd") && o.patterns[0].0 == "ONE" && o.patterns[1].0 == "TWO");
    assert!(o.late && o.on_failure == OnFailure::Tempfail);
}

#[test]
fn mistakes_are_told_with_their_place() {
    for (lines, told) in [
        ("server = \"x\"", "server"),
        ("", "has no servers"),
        ("servers = \"host:x\"", "`x` is no port"),
        ("servers = \"h\"\naction = \"rejct\"", "`rejct` is no action"),
        ("servers = \"h\"\npatterns = { A = \"(\" }", "`(` is no pattern"),
        ("servers = \"h\"\ntimeout = 5", "unit"),
        ("servers = \"h\"\ntimeout = \"0s\"", "longer than nothing"),
        ("servers = \"h\"\nmax_size = -1", "not negative"),
        ("servers = \"h\"\non_failure = \"drop\"", "drop"),
        ("servers = \"h\"\nwhitelist = \"http://x/y\"", "is no file"),
        ("servers = \"h\"\ntype = \"clamv\"", "`clamv` is no type of scanner"),
    ] {
        let (options, findings) = read(&format!("[modules.antivirus.clamav]\n{lines}\n"));
        assert!(options.is_empty(), "{lines}");
        let error = findings
            .iter()
            .find(|f| f.is_error())
            .unwrap_or_else(|| panic!("{lines}: {findings:?}"));
        assert!(error.message.contains(told), "{lines}: {}", error.message);
        assert!(error.place.is_some(), "{lines}");
    }
}

#[test]
fn other_scanners_are_for_later() {
    let (options, findings) = read("[modules.antivirus.sophos]\nservers = \"h\"\n[modules.antivirus.x]\nenabled = false\n");
    assert!(options.is_empty());
    let said: Vec<&str> = findings.iter().map(|f| f.message.as_str()).collect();
    assert_eq!(said, ["this version has no scanner type `sophos`; the block has no effect"]);
    assert!(!findings[0].is_error());
}

#[test]
fn the_reference_shows_the_defaults() {
    let reference = include_str!("../../config/torwart.toml");
    let (_, table) = reference.split_once("#[modules.antivirus.clamav]").expect("the example");
    // Lines that begin with # and no blank are the example; it ends at the next table.
    let lines = table.lines().filter_map(|l| l.strip_prefix('#')).filter(|l| !l.starts_with(' '));
    let text: Vec<&str> = lines.take_while(|l| !l.starts_with('[')).collect();
    let shown = one(&text.join("\n"));
    let plain =
        one("servers = \"127.0.0.1:3310\"\nsymbol = \"CLAM_VIRUS\"\nscore = 20.0\naction = \"reject\"\nmax_size = \"100MB\"\nmin_size = 0");
    assert_eq!(format!("{:?}", shown.symbols), format!("{:?}", plain.symbols));
    assert_eq!(format!("{:?}", shown.choice), format!("{:?}", plain.choice));
    assert_eq!(format!("{:?}", shown.manner), format!("{:?}", plain.manner));
    assert_eq!(
        (shown.cache, shown.message, shown.version_interval),
        (plain.cache, plain.message, plain.version_interval)
    );
    assert_eq!((shown.group, shown.action, shown.late), (plain.group, plain.action, plain.late));
    assert_eq!(
        (shown.on_failure, shown.log_clean, shown.show_attachments),
        (plain.on_failure, plain.log_clean, plain.show_attachments)
    );
    assert_eq!(text.len(), 34, "every setting is shown");
}

#[test]
fn a_rule_declares_all_its_symbols() {
    let text = "[modules.antivirus.clamav]\nservers = \"h\"\nsymbol = \"V\"\nscore = 3.0\npatterns = { P = \"x\", V_MACRO = \"y\" }\n";
    let loaded = load_text("/etc/torwart/torwart.toml", text, &LoadOptions::default()).unwrap();
    let rules = (FAMILY.build)(loaded.config.modules.section("antivirus"), &Services::default(), &mut Vec::new());
    let [rule] = rules.as_slice() else {
        panic!("{} rules", rules.len())
    };
    let symbols: Vec<&str> = rule.symbols.iter().map(|d| d.symbol.as_str()).collect();
    assert_eq!(symbols, ["V", "V_FAIL", "V_ENCRYPTED", "V_MACRO", "P"]);
    assert_eq!((rule.stage, rule.symbols[0].score), (Stage::Filter, Some(3.0)));
}
