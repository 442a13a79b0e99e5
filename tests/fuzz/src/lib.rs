//! Functions that take any bytes and must not panic, hang or answer nonsense, and inputs to begin with. Driven by cargo-fuzz (`tests/fuzz/run`)
//! and, over the seeds and drawn changes of them, by the tests (`tests/it/fuzz.rs`), which include this file.

pub mod expressions;
pub mod html;
pub mod mail;
pub mod milter;
pub mod patterns;
pub mod regexp;
pub mod rules;
pub mod seeds;
pub mod spamassassin;
pub mod tree;
pub mod ucl;
pub mod urls;

/// One target.
pub struct Target {
    /// Its name, and that of its file in `fuzz_targets`.
    pub name: &'static str,
    /// Takes one input.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All targets, by name.
pub const TARGETS: [Target; 11] = [
    target("expressions", expressions::run, seeds::expressions),
    target("html", html::run, seeds::html),
    target("mail", mail::run, seeds::mails),
    target("milter", milter::run, seeds::sessions),
    target("patterns", patterns::run, seeds::patterns),
    target("regexp", regexp::run, seeds::regexp),
    target("rules", rules::run, seeds::mails),
    target("spamassassin", spamassassin::run, seeds::spamassassin),
    target("tree", tree::run, seeds::trees),
    target("ucl", ucl::run, seeds::ucl),
    target("urls", urls::run, seeds::urls),
];

const fn target(name: &'static str, run: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>) -> Target {
    Target { name, run, seeds }
}
