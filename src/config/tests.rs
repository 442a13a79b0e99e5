//! The room as a whole: texts in, settings or findings out.

use std::fs;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use serde::Deserialize;

use super::schema::{Autolearn, Group, Rewrite, SymbolSettings, Threshold, Upstream};
use super::*;

const REFERENCE: &str = include_str!("../../config/torwart.toml");

fn options() -> LoadOptions {
    let environment = Box::new(|name: &str| (name == "LEVEL").then(|| "debug".to_owned()));
    LoadOptions {
        environment,
        standard: "/nowhere/torwart.toml".into(),
        ..LoadOptions::default()
    }
}

fn config(text: &str) -> Config {
    load_text("test.toml", text, &options())
        .unwrap_or_else(|report| panic!("{report}"))
        .config
}

fn messages(text: &str) -> Vec<String> {
    let findings = load_text("test.toml", text, &options()).map_or_else(|report| report.0, |loaded| loaded.warnings);
    findings.into_iter().map(|finding| finding.message).collect()
}

/// The reference with its examples switched on.
fn with_examples() -> String {
    let example = |line: &str| {
        line.strip_prefix('#')
            .filter(|rest| rest.starts_with(|c: char| c == '[' || c.is_ascii_alphabetic()))
            .map(str::to_owned)
    };
    REFERENCE
        .lines()
        .map(|line| example(line).unwrap_or_else(|| line.to_owned()) + "\n")
        .collect()
}

#[test]
fn the_reference_configuration_is_the_defaults() {
    let loaded = load_text("torwart.toml", REFERENCE, &options()).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert_eq!(loaded.warnings, []);
    assert_eq!(config(""), Config::default());
}

#[test]
fn the_reference_shows_every_key() {
    fn walk(path: &str, json: &serde_json::Value, shown: &dyn Fn(&str) -> bool, missing: &mut Vec<String>) {
        let serde_json::Value::Object(table) = json else { return };
        for (key, value) in table {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            // Tables of further tables by name are shown as examples.
            let named =
                ["upstream", "groups", "composites", "modules", "redis.modules"].contains(&path.as_str()) || path.ends_with(".named");
            if !named && !shown(&path) {
                missing.push(path.clone());
            }
            walk(&path, value, shown, missing);
        }
    }
    let (tree, errors) = native_tree(REFERENCE);
    assert_eq!(errors, []);
    let mut missing = Vec::new();
    walk(
        "",
        &serde_json::to_value(Config::default()).unwrap(),
        &|path| tree.at(path.split('.')).is_some(),
        &mut missing,
    );
    assert_eq!(missing, Vec::<String>::new());

    let (tree, errors) = native_tree(&with_examples());
    assert_eq!(errors, []);
    for (path, settings) in [
        ("upstream.scan1", serde_json::to_value(Upstream::default()).unwrap()),
        ("groups.headers", serde_json::to_value(Group::default()).unwrap()),
        (
            "groups.headers.symbols.MISSING_SUBJECT",
            serde_json::to_value(SymbolSettings::default()).unwrap(),
        ),
        (
            "composites.NAKED_MAIL",
            serde_json::json!({"expression": 0, "score": 0, "group": 0, "description": 0, "policy": 0, "enabled": 0}),
        ),
    ] {
        walk(path, &settings, &|path| tree.at(path.split('.')).is_some(), &mut missing);
    }
    assert_eq!(missing, Vec::<String>::new());
}

fn native_tree(text: &str) -> (value::Value, Vec<Diagnostic>) {
    native::parse(&std::sync::Arc::new(value::Source {
        name: "t".to_owned(),
        text: text.to_owned(),
        built_in: false,
        lenient: false,
    }))
}

#[test]
fn the_examples_of_the_reference_load() {
    let loaded = load_text("torwart.toml", &with_examples(), &options()).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(loaded.config.groups["headers"].symbols["MISSING_DATE"].score, Some(1.5));
    assert_eq!(
        loaded.config.modules.names().collect::<Vec<_>>().join(" "),
        "multimap regexp phishing url_suspect milter_headers history_redis replies known_senders greylist ratelimit antivirus"
    );
    assert!(
        loaded.warnings.iter().all(|warning| warning.message.contains("has no effect")),
        "{:?}",
        loaded.warnings
    );
}

#[test]
fn settings_are_typed() {
    let config = config(
        "[scan]\ntimeout = '1m30s'\nmax_message = '2GiB'\n\
         [listen.controller]\nsockets = ['*:0', 'unix:/run/c?mode=0600']\ntrusted = ['10.1.2.3/8']\npassword = 'tea and biscuits'\n\
         [actions]\nreject = 12\nquarantine = 9.5\ngreylist = false\nrewrite_subject = { score = 8, subject = 'Spam: %s' }\n\
         [groups.g]\nmax_score = 3\nsymbols = { A = 1, B = { weight = 2.5, one_shot = true }, C = false }\n\
         [bayes]\nautolearn = { spam = 6.0 }\n[redis.greylist]\ndb = 3\n",
    );
    assert_eq!(config.scan.timeout, Duration::from_secs(90));
    assert_eq!(config.scan.max_message.0, 2 << 30);
    let controller = &config.listen.controller;
    assert_eq!(
        controller.sockets,
        [Address::AnyTcp { port: 0 }, "unix:/run/c?mode=0600".parse().unwrap()]
    );
    assert_eq!(
        (controller.trusted[0].to_string().as_str(), controller.password.expose()),
        ("10.0.0.0/8", "tea and biscuits")
    );
    let actions = &config.actions;
    assert_eq!(
        (actions.reject, actions.quarantine, actions.greylist),
        (Threshold(Some(12.0)), Threshold(Some(9.5)), Threshold(None))
    );
    assert_eq!(
        actions.rewrite_subject,
        Rewrite {
            score: Some(8.0),
            subject: "Spam: %s".to_owned()
        }
    );
    let symbols = &config.groups["g"].symbols;
    assert_eq!(
        (symbols["A"].score, symbols["B"].score, symbols["B"].one_shot, symbols["C"].enabled),
        (Some(1.0), Some(2.5), Some(true), Some(false))
    );
    assert_eq!(
        config.bayes.autolearn,
        Autolearn {
            spam: Some(6.0),
            ham: None
        }
    );
    assert_eq!(config.redis.modules["greylist"].db, 3);
    assert!(!format!("{config:?}").contains("biscuits"));
    assert_eq!(config.place("listen.controller.sockets.1").unwrap().to_string(), "test.toml:5:19");
    assert_eq!(config.place("scan.gtube"), None);
}

#[test]
fn appending_and_the_environment() {
    let config = config(
        "[listen.milter]\n'+remove_headers' = ['X-${ENV:LEVEL}']\n[log]\nlevel = '${ENV:LEVEL}'\ndebug = ['http']\n'+debug' = ['milter']\n",
    );
    assert_eq!(config.listen.milter.remove_headers.len(), 9);
    assert_eq!(config.listen.milter.remove_headers[8], "X-debug");
    assert_eq!(config.log.level, schema::Level::Debug);
    assert_eq!(config.log.debug, ["http", "milter"]);
}

#[test]
fn the_command_line_wins() {
    let overrides = [
        "log.level=debug",
        "scan.timeout = \"3s\"",
        "listen.http.sockets=[]",
        "paths.state=/srv/it's here",
    ];
    let options = LoadOptions {
        overrides: overrides.map(str::to_owned).to_vec(),
        ..options()
    };
    let config = load_text("test.toml", "[log]\nlevel = 'error'", &options).unwrap().config;
    assert_eq!(
        (config.log.level, config.scan.timeout),
        (schema::Level::Debug, Duration::from_secs(3))
    );
    assert_eq!(
        (config.listen.http.sockets.len(), config.paths.state.to_str()),
        (0, Some("/srv/it's here"))
    );
    let level = config.tree.0.as_ref().unwrap().at(["log", "level"]).unwrap();
    let file = level.overridden.as_ref().unwrap();
    assert_eq!((level.place.file(), file.place.file()), ("command line", "test.toml"));
    assert!(file.overridden.as_ref().unwrap().place.source().built_in);

    let wrong = LoadOptions {
        overrides: vec!["log.levle=debug".to_owned(), "nonsense".to_owned()],
        ..options
    };
    let report = load_text("test.toml", "", &wrong).unwrap_err().to_string();
    assert!(
        report.contains("command line:1:5") && report.contains("did you mean `level`?") && report.contains("no TOML"),
        "{report}"
    );
}

fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    fs::write(folder.join(name), text).unwrap();
}

#[test]
fn files_and_drop_ins() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "torwart.toml", "\u{feff}[actions]\r\nreject = 20\r\ngreylist = 3\r\n");
    fs::create_dir(folder.join("conf.d")).unwrap();
    write(folder, "conf.d/20-b.toml", "[actions]\nreject = 30\n");
    write(folder, "conf.d/10-a.toml", "[actions]\nreject = 25\nadd_header = 5\n");
    write(folder, "conf.d/.hidden.toml", "rubbish");
    write(folder, "conf.d/30-c.toml.bak", "rubbish");
    let main = folder.join("torwart.toml");

    let loaded = load(&LoadOptions {
        file: Some(main.clone()),
        ..options()
    })
    .unwrap();
    let actions = &loaded.config.actions;
    assert_eq!(
        (actions.reject.0, actions.add_header.0, actions.greylist.0),
        (Some(30.0), Some(5.0), Some(3.0))
    );
    assert_eq!(
        loaded.origin.to_string(),
        format!("file {}, named by --config, and 2 files of conf.d", main.display())
    );

    let path = main.display().to_string();
    let environment = Box::new(move |name: &str| (name == "TORWART_CONFIG").then(|| path.clone()));
    let loaded = load(&LoadOptions { environment, ..options() }).unwrap();
    assert!(loaded.origin.to_string().contains("named by TORWART_CONFIG"), "{}", loaded.origin);

    let loaded = load(&LoadOptions {
        standard: main.clone(),
        ..options()
    })
    .unwrap();
    assert_eq!(loaded.origin.main, MainFile::Standard(main));
    let loaded = load(&options()).unwrap();
    assert_eq!(loaded.origin.to_string(), "compiled-in defaults, there is no /nowhere/torwart.toml");
    assert_eq!(loaded.config, Config::default());
}

#[test]
fn files_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let large = fs::File::create(folder.join("large.toml")).unwrap();
    large.set_len((16 << 20) + 1).unwrap();
    write(folder, "latin.toml", b"\xef\xbb\xbfa = 1\nb = \"\xe9\"\n");
    fs::create_dir(folder.join("conf.d")).unwrap();
    fs::create_dir(folder.join("conf.d/folder.toml")).unwrap();
    let report = |name: &str| {
        load(&LoadOptions {
            file: Some(folder.join(name)),
            ..options()
        })
        .unwrap_err()
        .to_string()
    };
    for (name, awaited) in [
        ("missing.toml", "missing.toml: there is no such file"),
        ("large.toml", "large.toml is larger than 16 MiB"),
        ("", "it is a folder"),
        ("latin.toml", "latin.toml:2:6"),
        ("latin.toml", "conf.d/folder.toml: it is a folder"),
    ] {
        let report = report(name);
        assert!(report.contains(awaited), "{name}: {report}");
    }
}

#[test]
fn all_errors_at_once_and_no_echoes() {
    assert_eq!(
        messages("[composites.A]\nexpression = 5\n"),
        ["expected a string, found a whole number"]
    );
    assert_eq!(
        messages("[actions]\nreject = 'x'\nadd_header = 20\n"),
        ["expected a score or false, found a string"]
    );
    assert_eq!(
        messages("[listen.milter]\nsockets = [1]\n[listen.http]\nsockets = []\n[listen.controller]\nsockets = []\n").len(),
        1
    );
    let many: String = (0..300).map(|at| format!("key{at} = 1\n")).collect();
    let found = messages(&many);
    assert_eq!(
        (found.len(), found[100].as_str()),
        (101, "more than 100 errors; the rest is not shown")
    );
}

#[test]
fn rubbish_without_end_has_a_bounded_report() {
    for line in ["a = 8s\n", "foo\n", "a = \"", "d = 1979-05-27\n", "[[[["] {
        let report = load_text("test.toml", &line.repeat(5_000), &options()).unwrap_err();
        assert!(
            (1..=super::load::MOST_FINDINGS + 1).contains(&report.0.len()),
            "{line}: {}",
            report.0.len()
        );
        assert!(report.to_string().len() < 200_000, "{line}");
    }
}

#[test]
fn deep_names_do_not_exhaust_the_stack() {
    let deep = "a.".repeat(20_000);
    for text in [
        format!("{deep}a = 1"),
        format!("[{deep}a]\nb = 1"),
        format!("scan = {{ {deep}a = 1 }}"),
        "[".repeat(20_000),
        "a = {b = ".repeat(20_000),
    ] {
        let report = load_text("test.toml", &text, &options()).unwrap_err();
        assert!(!report.to_string().is_empty());
    }
}

#[test]
fn named_listeners_are_read() {
    let config = config("[listen.milter.submission]\nsockets = ['127.0.0.1:11999']\non_failure = 'accept'\n");
    assert_eq!(config.listen.milter.named["submission"].sockets[0].to_string(), "127.0.0.1:11999");
    assert_eq!(config.listen.milter.sockets[0].to_string(), "127.0.0.1:11332");
    assert_eq!(
        messages("[listen.milter.submission]\nsockts = []\n"),
        ["unknown key `sockts` in [listen.milter.submission]"]
    );
}

#[derive(Debug, Default, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct Greylist {
    #[serde(with = "crate::base::quantity::duration")]
    timeout: Duration,
    message: String,
    masks: Vec<u8>,
}

#[test]
fn a_family_reads_its_own_section() {
    let config = config(
        "[modules.greylist]\ntimeout = '5m'\nmesage = 'x'\nmasks = [19, 300]\n\
         [modules.multimap]\nenabled = false\n[modules.multimap.a]\ntype = 'ip'\n[modules.multimap.\"b.c\"]\ntype = 'ip'\n[modules]\nspf = false\n",
    );
    let mut findings = Vec::new();
    let section = config.modules.section("greylist").unwrap();
    let read: Greylist = section.read(&mut findings).unwrap();
    assert_eq!(
        read,
        Greylist {
            timeout: Duration::from_secs(300),
            masks: vec![19],
            ..Greylist::default()
        }
    );
    let found: Vec<_> = findings.iter().map(Diagnostic::one_line).collect();
    assert_eq!(
        found,
        [
            "test.toml:3:1: unknown key `mesage` in [modules.greylist] (did you mean `message`?)",
            "test.toml:4:14: 300 is out of range, expected a whole number from 0 to 255",
        ]
    );
    assert_eq!(section.error_at("masks.1", "no").place.unwrap().to_string(), "test.toml:4:14");
    assert_eq!(section.error_at("absent", "no").place.unwrap().line(), 1);

    let multimap = config.modules.section("multimap").unwrap();
    assert_eq!(
        multimap
            .tables()
            .map(|(name, rule)| (name.to_owned(), rule.path().to_owned()))
            .collect::<Vec<_>>()
            .len(),
        2
    );
    assert!(multimap.without_tables().tables().next().is_none() && !multimap.enabled() && section.enabled());
    assert!(!config.modules.section("spf").unwrap().enabled());
    assert!(config.modules.section("rbl").is_none());
}

#[test]
fn secrets_do_not_reach_reports() {
    let text =
        "[listen.controller]\npassword = 'tea' # biscuits\nwrite_pasword = \"cake\"\n[redis]\npassword = 5\nkey = { password = \"pie\" }\n";
    let report = load_text("test.toml", text, &options()).unwrap_err().to_string();
    for secret in ["tea", "biscuits", "pie"] {
        assert!(!report.contains(secret), "{report}");
    }
}

/// Pieces that configuration files are made of, to be put together at random.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "=",
        " = ",
        "\n",
        "\r\n",
        "\"",
        "'",
        "\"\"\"",
        ",",
        ".",
        "#",
        "+",
        "-",
        "\u{feff}",
        "ä",
        "\0",
        "scan",
        "timeout",
        "\"8s\"",
        "8",
        "listen",
        "milter",
        "sockets",
        "[\"127.0.0.1:1\"]",
        "actions",
        "reject",
        "modules",
        "multimap",
        "groups",
        "true",
        "false",
        "1e999",
        "redis",
        "password",
        "\"+remove_headers\"",
        "${ENV:X}",
        "composites",
        "1979-05-27",
        "inf",
        "0x10",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_panics(text in pieces()) {
        let options = LoadOptions { overrides: vec![text.clone()], ..options() };
        if let Err(report) = load_text("test.toml", &text, &options) {
            prop_assert!(!report.draw(true).is_empty());
            prop_assert!(!report.to_string().is_empty());
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "torwart.toml", &bytes);
        if let Err(report) = load(&LoadOptions { file: Some(folder.path().join("torwart.toml")), ..options() }) {
            prop_assert!(!report.to_string().is_empty());
        }
    }

    #[test]
    fn addresses_round_trip(text in "(\\*|localhost|10\\.[0-9]\\.[0-9]\\.[0-9]|\\[::[0-9]{1,4}\\]):[0-9]{1,5}|unix:/[a-z/]{0,20}(\\?mode=0[0-7]{3})?|\\PC{0,20}") {
        if let Ok(address) = text.parse::<Address>() {
            prop_assert_eq!(address.to_string().parse(), Ok(address));
        }
    }
}
