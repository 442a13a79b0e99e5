//! Any bytes as a rule file of SpamAssassin up to an empty line, and the rest as the message that its rules look at.

use super::patterns::split;
use super::regexp::check;
use std::sync::OnceLock;
use tempfile::TempDir;
use torwart::config::{Config, LoadOptions, load_text};
use torwart::family::Services;
use torwart::rules::spamassassin::FAMILY;

static SETTINGS: OnceLock<(TempDir, Config)> = OnceLock::new();

fn settings() -> (TempDir, Config) {
    let folder = tempfile::tempdir().expect("there is a folder for such things");
    let text = format!("[modules.spamassassin]\nruleset = '{}/*.cf'\n", folder.path().display());
    let loaded = load_text("rules.toml", &text, &LoadOptions::default()).expect("it names a file");
    (folder, loaded.config)
}

/// One input.
pub fn run(data: &[u8]) {
    let (rules, message) = split(data);
    let (folder, config) = SETTINGS.get_or_init(settings);
    std::fs::write(folder.path().join("a.cf"), rules).expect("it is ours");
    let mut findings = Vec::new();
    let section = config.modules.section("spamassassin");
    check(&(FAMILY.build)(section, &Services::default(), &mut findings), message);
}
