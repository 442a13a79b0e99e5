//! Trees in the manner of those that mail suites ship: `torwart config import` says what becomes of each, word for word.
//!
//! `TORWART_BLESS=1` writes the expected reports anew; read the difference before it is committed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::tools::{Folder, run};

/// Suites, with a folder each below `tests/config/trees-like`.
const SUITES: [&str; 3] = ["docker-mailserver", "mailcow", "mailu"];

fn import(tree: &Path, more: &[&str]) -> (i32, String) {
    // Nothing that happens to lie on this machine.
    let elsewhere = ["DBDIR", "SHAREDIR", "RULESDIR"].map(|name| format!("--var={name}=/nowhere"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_torwart"));
    let ran = run(command.args(["config", "import"]).arg(tree).args(elsewhere).args(more), b"");
    (ran.code, ran.stdout + &ran.stderr)
}

#[test]
fn every_suite_has_its_report() {
    let bless = std::env::var_os("TORWART_BLESS").is_some();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = String::new();
    for suite in SUITES {
        let tree = root.join("tests/config/trees-like").join(suite);
        let (code, report) = import(&tree, &[]);
        let report = report.replace(root.to_str().unwrap(), ".");
        assert_eq!(code, 2, "{suite}: {report}");
        let expect = tree.with_extension("report");
        if bless {
            fs::write(&expect, &report).unwrap();
        } else if fs::read_to_string(&expect).unwrap_or_default() != report {
            wrong += &format!("{suite}:\n{report}\n");
        }
        let long: Vec<&str> = report.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(long.is_empty(), "{suite}: {long:?}");
        let (_, json) = import(&tree, &["--json"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
        assert!(json["lost"]["symbols"].as_u64().is_some_and(|count| count > 100), "{json}");
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_exit_code_tells_whether_a_tree_can_be_read() {
    let folder = Folder::new("import");
    assert_eq!(import(&folder.join("nowhere"), &[]).0, 1);
    folder.write("rspamd.conf", "options { max_urls = 7; ");
    assert_eq!(import(folder.path(), &[]).0, 1);
    folder.write(
        "rspamd.conf",
        "options { max_recipients = 7; history_rows = 9; }\nactions { reject = 15; }\n",
    );
    let (code, report) = import(folder.path(), &[]);
    // Without their sections modules are off, and symbols worth nothing, with rspamd as well.
    assert_eq!(code, 0, "{report}");
    assert!(
        report.contains("options.max_recipients (rspamd.conf:1)\n      scan.max_recipients\n"),
        "{report}"
    );
}
