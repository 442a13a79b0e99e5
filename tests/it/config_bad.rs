//! Mistakes in configuration files and the exact text drawn for each: `tests/config/bad/NAME.toml` and `NAME.expect`.
//!
//! `TORWART_BLESS=1` writes the expected texts anew; read the difference before it is committed.

use std::fs;
use std::path::Path;

use torwart::config::{LoadOptions, Report, load};

fn drawn(path: &Path) -> String {
    let environment = Box::new(|_: &str| None);
    match load(&LoadOptions {
        environment,
        ..LoadOptions::file(path)
    }) {
        Ok(loaded) => Report(loaded.warnings).to_string(),
        Err(report) => report.to_string(),
    }
}

#[test]
fn every_mistake_is_drawn() {
    let bless = std::env::var_os("TORWART_BLESS").is_some();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for entry in fs::read_dir("tests/config/bad").expect("the folder of mistakes is in the repository") {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        seen += 1;
        let found = drawn(&path);
        assert!(!found.is_empty(), "{} is drawn as nothing", path.display());
        let expect = path.with_extension("expect");
        if bless {
            fs::write(&expect, &found).unwrap();
        } else if fs::read_to_string(&expect).unwrap_or_default() != found {
            wrong.push(format!("{}:\n{found}", path.display()));
        }
    }
    assert!(seen >= 30, "only {seen} mistakes found");
    assert!(
        wrong.is_empty(),
        "{} texts differ from what is expected:\n\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
