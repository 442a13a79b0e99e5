//! One file in the stock tree, right or wrong: whether rspamd refuses the configuration for it, and whether we do.

use std::fs;
use std::process::Command;

use super::merging::stock_tree;
use crate::support::filter::Torwart;
use crate::support::tools::{Folder, program, run};

/// What a program says of a tree: `OK` or `BAD`; rspamd dies of some files.
fn verdict(command: &mut Command) -> &'static str {
    let said = run(command, b"").stdout;
    if said.contains("syntax OK") { "OK" } else { "BAD" }
}

fn compare(line: &str) -> Option<String> {
    let mut words = line.splitn(2, ' ');
    let wanted = words.next()?;
    let (file, text) = words.next()?.trim_start().split_once(' ')?;
    let folder = Folder::new("verdict");
    stock_tree(folder.path());
    let path = folder.path().join(file);
    fs::create_dir_all(path.parent()?).unwrap();
    fs::write(&path, format!("{text}\n")).unwrap();
    let place = folder.path().display();
    let theirs = verdict(
        Command::new(program("rspamadm"))
            .args([format!("--var=CONFDIR={place}"), format!("--var=LOCAL_CONFDIR={place}")])
            .args(["configtest", "-c"])
            .arg(folder.path().join("rspamd.conf")),
    );
    let ours = verdict(Command::new(Torwart::binary()).args(["check", "--rspamd"]).arg(folder.path()));
    (theirs != wanted || ours != wanted).then(|| format!("{line}: rspamd says {theirs}, we say {ours}"))
}

#[test]
fn both_refuse_the_same_files() {
    let cases: Vec<&str> = include_str!("../../config/verdicts.txt").lines().skip(1).collect();
    let (front, back) = cases.split_at(cases.len() / 2);
    let faults: Vec<String> = std::thread::scope(|scope| {
        let halves = [front, back].map(|half| scope.spawn(|| half.iter().filter_map(|line| compare(line)).collect::<Vec<_>>()));
        halves.into_iter().flat_map(|half| half.join().expect("no case panics")).collect()
    });
    assert!(cases.len() > 200 && faults.is_empty(), "{}", faults.join("\n"));
}
