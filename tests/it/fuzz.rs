//! The fuzz targets (`tests/fuzz`) over their seeds and over as many changes of them as fit in a few seconds, drawn in the same order
//! at every run: none panics, and none takes long. `tests/fuzz/run` searches longer, with a fuzzer guided by coverage.
//!
//! `TORWART_FUZZ_SEEDS=FOLDER` writes the seeds to `FOLDER/TARGET`, for that fuzzer.

use crate::support::dice::Dice;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[path = "../fuzz/src/lib.rs"]
pub mod targets;

/// For the seeds of one target, and once more for what is made of them.
const TIME: Duration = Duration::from_secs(4);
/// Longer than any one input takes in a debug build on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);
/// Bytes of an input that is made of another one.
const LARGEST: usize = 1 << 16;

impl Dice {
    /// Changes an input as fuzzers do: bits, bytes, pieces cut, doubled, or taken from another one.
    fn change(&mut self, input: &mut Vec<u8>, other: &[u8]) {
        let (from, length) = (self.below(input.len()), self.below(64));
        let piece = from..(from + length).min(input.len());
        match self.below(6) {
            0 if !input.is_empty() => input[from] ^= 1 << self.below(8),
            1 if !input.is_empty() => input[from] = *b"\0\n\r \"'<>{}()[]/\\&%$=:;,.@#\x7f\x80\xff".get(self.below(29)).unwrap_or(&0),
            2 => drop(input.drain(piece)),
            3 => {
                let twice = input[piece].repeat(1 + self.below(20));
                input.splice(from..from, twice);
            }
            4 => {
                let at = self.below(other.len());
                let theirs = other[at..(at + length).min(other.len())].to_vec();
                input.splice(piece, theirs);
            }
            _ => input.truncate(from),
        }
        input.truncate(LARGEST);
    }
}

fn holds(name: &str) {
    let target = targets::TARGETS.iter().find(|t| t.name == name).expect("a target of that name");
    let seeds = (target.seeds)();
    let run = |input: &[u8]| {
        let begun = Instant::now();
        let ended = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
        assert!(ended.is_ok(), "{name} fails on \"{}\"", input.escape_ascii());
        assert!(
            begun.elapsed() < LONGEST,
            "{name} takes {:?} on \"{}\"",
            begun.elapsed(),
            input.escape_ascii()
        );
    };
    let begun = Instant::now();
    seeds.iter().take_while(|_| begun.elapsed() < TIME).for_each(|seed| run(seed));
    let (mut dice, mut count, begun) = (Dice(7), 0, Instant::now());
    while begun.elapsed() < TIME {
        let mut input = seeds[dice.below(seeds.len())].clone();
        let other = &seeds[dice.below(seeds.len())];
        for _ in 0..1 + dice.below(4) {
            dice.change(&mut input, other);
        }
        run(&input);
        count += 1;
    }
    println!("{name}: {} seeds and {count} changes of them", seeds.len());
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            holds(stringify!($name));
        })*

        #[test]
        fn every_target_is_driven() {
            let names: Vec<_> = targets::TARGETS.iter().map(|t| t.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
            for name in names {
                let file = format!("{}/tests/fuzz/fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR"));
                assert!(fs::read_to_string(&file).is_ok_and(|text| text.contains(&format!("torwart_fuzz::{name}::run"))), "{file}");
            }
        }
    };
}

#[test]
fn every_target_has_seeds() {
    let folder = std::env::var_os("TORWART_FUZZ_SEEDS").map(PathBuf::from);
    for target in &targets::TARGETS {
        let seeds = (target.seeds)();
        assert!(seeds.len() > 3, "{}", target.name);
        let Some(folder) = folder.as_ref().map(|f| f.join(target.name)) else {
            continue;
        };
        fs::create_dir_all(&folder).expect("the folder for seeds");
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:03}")), seed).expect("a file for a seed");
        }
    }
}

targets!(expressions html mail milter patterns regexp rules spamassassin tree ucl urls);
