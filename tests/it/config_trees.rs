//! Mistakes in rspamd trees and all that a person reads of each: `tests/config/trees/NAME/` and `NAME.expect`, what
//! `torwart check --rspamd` says there.
//!
//! `TORWART_BLESS=1` writes the expected texts anew; read the difference before it is committed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::filter::Torwart;
use crate::support::tools::run;

/// Modules that are missed in every tree; told in one of the cases, left out of the others.
const ALWAYS: [&str; 2] = [
    "warning: this version has no module ",
    "warning: rules of multimap that look up lists from the net",
];
/// The case that shows them.
const SHOWN: &str = "unsupported-module";

/// Standard error, standard output and the exit code, by `folder` as its place.
fn said(name: &str) -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(Torwart::binary());
    command.args(["check", "--rspamd", &format!("tests/config/trees/{name}")]);
    command.current_dir(here).env_remove("TORWART_CONFIG").env_remove("NO_COLOR");
    let ran = run(&mut command, b"");
    let heard = ran.stderr.replace(&format!("{}/", here.display()), "");
    let told = |paragraph: &&str| name == SHOWN || !ALWAYS.iter().any(|line| paragraph.starts_with(line) && !paragraph.contains("-->"));
    // The files read stand on one line each before the first finding.
    let (files, findings) = heard.split_at(
        heard
            .find("\nwarning: ")
            .or(heard.find("\nnote: "))
            .map_or(heard.len(), |at| at + 1),
    );
    let findings: Vec<&str> = findings.trim_end().split("\n\n").filter(told).collect();
    format!("{files}{}\n\nstdout: {}exit: {}\n", findings.join("\n\n"), ran.stdout, ran.code)
}

#[test]
fn every_mistake_in_a_tree_is_told() {
    let bless = std::env::var_os("TORWART_BLESS").is_some();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for entry in fs::read_dir("tests/config/trees").expect("the folder of trees is in the repository") {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        seen += 1;
        let found = said(path.file_name().and_then(|name| name.to_str()).expect("a name"));
        let expect = path.with_extension("expect");
        if bless {
            fs::write(&expect, &found).unwrap();
        } else if fs::read_to_string(&expect).unwrap_or_default() != found {
            wrong.push(format!("{}:\n{found}", path.display()));
        }
    }
    assert!(seen >= 15, "only {seen} trees found");
    assert!(
        wrong.is_empty(),
        "{} texts differ from what is expected:\n\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
