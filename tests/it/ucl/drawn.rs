//! Mistakes in UCL files and the exact text drawn for each: `bad/NAME.conf` and `bad/NAME.expect` beside this file.
//!
//! `TORWART_BLESS=1` writes the expected texts anew; read the difference before it is committed.

use std::fs;
use std::path::{Path, PathBuf};

use torwart::config::Report;
use torwart::config::ucl::{self, Includes, Opened, Options, Trouble};

/// The files of the folder, by their bare names.
struct Folder(PathBuf);

impl Includes for Folder {
    fn read(&self, path: &str, _most: u64) -> Result<Opened, Trouble> {
        let name = path.trim_start_matches('/');
        let bytes = fs::read(self.0.join(name)).map_err(|_| Trouble::Missing)?;
        Ok(Opened {
            path: name.to_owned(),
            bytes,
            built_in: false,
        })
    }

    fn matching(&self, _pattern: &str, _most: usize) -> Result<Vec<String>, Trouble> {
        Ok(Vec::new())
    }
}

#[test]
fn every_mistake_is_drawn() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/ucl/bad");
    let bless = std::env::var_os("TORWART_BLESS").is_some();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for entry in fs::read_dir(&folder).expect("the folder of mistakes is in the repository") {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "conf") {
            continue;
        }
        seen += 1;
        let name = path.file_name().unwrap().to_str().unwrap();
        let found = match ucl::read(name, &Folder(folder.clone()), &Options::default()) {
            Ok(parsed) => Report(parsed.findings).to_string(),
            Err(report) => report.to_string(),
        };
        assert!(!found.is_empty(), "{name} is drawn as nothing");
        let expect = path.with_extension("expect");
        if bless {
            fs::write(&expect, &found).unwrap();
        } else if fs::read_to_string(&expect).unwrap_or_default() != found {
            wrong.push(format!("{name}:\n{found}"));
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
