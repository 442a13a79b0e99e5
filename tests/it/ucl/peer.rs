//! Made-up documents, read by us and by rspamd's own parser (`rspamadm lua`): the same tree, or both refuse.
//!
//! Merging into a section said twice is left out: the peer frees a value there that it goes on to use.

use std::collections::HashMap;
use std::fmt::Write;
use std::process::Command;

use torwart::config::ucl::{self, Disk, Options};

use crate::support::dice::Dice;
use crate::support::tools::{Folder, program, run};

impl Dice {
    fn pick<'t>(&mut self, all: &[&'t str]) -> &'t str {
        all[self.below(all.len())]
    }
}

const KEYS: [&str; 10] = ["a", "b", "c", "\"q q\"", "x-y", "/p", "_z", "9n", "é", "\"a\""];
const SIGNS: [&str; 7] = [" = ", "=", ": ", " ", "=\n", "\t=\t", " /* x */ = "];
const ENDS: [&str; 7] = [";", "\n", ",", " ;\n", "; # c\n", ";;\n", " \n"];
const VALUES: [&str; 52] = [
    "1",
    "-2",
    "5s",
    "10k",
    "1.5mb",
    "0x1f",
    "foo",
    "foo bar",
    "yes",
    "off",
    "null",
    "\"str\"",
    "'sq'",
    "\"a\\nb\\u00e9\"",
    "1 # c",
    "5s # c",
    "[1,2]",
    "[]",
    "{}",
    "{ a = 1 }",
    "[a b, c]",
    "1.",
    "1e3",
    "1e",
    "-",
    "<<EOD\nx y\nEOD",
    "$CURDIR",
    "\"${CURDIR}/x\"",
    "\"$NOPE\"",
    "\"$$CURDIR\"",
    "a\\;b",
    "p{2}q",
    "r[1]x",
    "True",
    "-inf",
    "1 x",
    "{ b = [1,{c=2}] }",
    "[{a=1},{b=2}]",
    "http://h/x",
    "10.0.0.0/8",
    "/* c */ 7",
    "9m",
    "2min",
    "3h",
    "1w",
    "100ms",
    "4y",
    "2d",
    "7ks",
    "1_0",
    "12x34",
    "[ # c\n 1 ]",
];
const SCRAPS: [&str; 34] = [
    "a",
    "b",
    "\"q\"",
    "=",
    ":",
    "{",
    "}",
    "[",
    "]",
    ";",
    ",",
    "\n",
    " ",
    "#c\n",
    "/* c */",
    "\"",
    "'",
    "\\",
    "<<E\n",
    "E\n",
    "$CURDIR",
    "1",
    "5s",
    ".priority 3\n",
    "null",
    "yes",
    "\t",
    "*/",
    "/*",
    "-",
    "é",
    "{ x = 1 }\n",
    "[ 1 ]",
    ".inherit \"a\"\n",
];

fn body(dice: &mut Dice, depth: usize) -> String {
    let mut text = String::new();
    for _ in 0..dice.below(6) {
        let key = dice.pick(&KEYS);
        match dice.below(10) {
            0..=2 if depth < 3 => {
                let names = [" n1", " \"n 2\"", " n3"].iter().take(dice.below(3)).copied().collect::<String>();
                let inside = body(dice, depth + 1);
                writeln!(text, "{key}{names} {{{}{inside}}}", dice.pick(&[" ", "\n", " # c\n"])).unwrap();
            }
            3 => writeln!(text, ".priority {}", dice.below(4)).unwrap(),
            4 => writeln!(
                text,
                ".inherit{} \"{}\"",
                dice.pick(&["", "(replace=true)"]),
                dice.pick(&["a", "b", "c"])
            )
            .unwrap(),
            5 if depth == 0 => {
                let strategy = dice.pick(&["append", "rewrite"]);
                writeln!(
                    text,
                    ".include(priority={}, duplicate={strategy}) \"$CURDIR/{}.inc\"",
                    dice.below(3),
                    dice.below(4)
                )
                .unwrap();
            }
            _ => write!(text, "{key}{}{}{}", dice.pick(&SIGNS), dice.pick(&VALUES), dice.pick(&ENDS)).unwrap(),
        }
    }
    text
}

const SCRIPT: &str = r#"
local ucl = require "ucl"
for f in io.lines("@LIST@") do
  local p = ucl.parser()
  local ok = p:parse_file(f)
  io.write("@@", f, "\t", ok and p:get_object_wrapped():tostring('json-compact') or "refused", "\n")
  io.stdout:flush()
end
"#;

#[test]
fn made_up_documents_are_read_as_the_peer_reads_them() {
    let folder = Folder::new("ucl-peer");
    let mut dice = Dice(20);
    for number in 0..4 {
        folder.write(&format!("{number}.inc"), body(&mut dice, 1));
    }
    let documents: Vec<String> = (0..600)
        .map(|number| {
            let text = match number % 3 {
                0 => (0..=dice.below(12))
                    .map(|_| dice.pick(&SCRAPS))
                    .collect::<Vec<_>>()
                    .join(dice.pick(&["", " "])),
                _ => body(&mut dice, 0) + &body(&mut dice, 0),
            };
            // An empty file is the main file's affair, not the parser's.
            folder.write(&format!("{number}.conf"), format!("{text}\n")).display().to_string()
        })
        .collect();
    let list = folder.write("list", documents.join("\n") + "\n");
    let script = folder.write("dump.lua", SCRIPT.replace("@LIST@", list.to_str().unwrap()));
    let ran = run(Command::new(program("rspamadm")).arg("lua").arg(&script), b"");
    let output = ran.stdout;
    let peer: HashMap<&str, &str> = output
        .lines()
        .filter_map(|line| line.strip_prefix("@@")?.split_once('\t'))
        .collect();
    assert!(
        peer.len() == documents.len(),
        "rspamadm answered {} of {}: {}",
        peer.len(),
        documents.len(),
        output
    );

    let options = Options {
        templates: false,
        ..Options::default()
    };
    let (mut wrong, mut trees) = (String::new(), 0);
    for path in &documents {
        let ours = ucl::read(path, &Disk::anywhere(), &options);
        let theirs = peer[path.as_str()];
        let same = match (&ours, serde_json::from_str::<serde_json::Value>(theirs)) {
            (Ok(parsed), Ok(awaited)) => {
                trees += 1;
                rounded(&ucl::to_json(&parsed.tree)) == rounded(&awaited)
            }
            // A document that is one list, or brackets behind a comment and a blank: theirs to refuse, or ours.
            (Err(report), _) => theirs == "refused" || report.to_string().contains("the configuration is a list"),
            (Ok(_), Err(_)) => std::fs::read_to_string(path).unwrap().trim_start().starts_with(['/', '#']),
        };
        if !same {
            let ours = ours
                .map(|parsed| ucl::to_json(&parsed.tree).to_string())
                .unwrap_or_else(|report| report.to_string());
            writeln!(
                wrong,
                "{}\n  theirs {theirs}\n  ours {ours}",
                std::fs::read_to_string(path).unwrap()
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(trees > 150, "only {trees} documents were understood at all");
}

/// Numbers as the peer prints them: six places.
fn rounded(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Number(number) if number.is_f64() => format!("{:.5}", number.as_f64().unwrap()).into(),
        Value::Array(items) => items.iter().map(rounded).collect(),
        Value::Object(entries) => Value::Object(entries.iter().map(|(key, value)| (key.clone(), rounded(value))).collect()),
        other => other.clone(),
    }
}
