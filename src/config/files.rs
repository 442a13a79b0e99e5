//! Finding the files of a configuration and reading them as text: the main file, and its drop-ins. What they say is not looked at.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::load::{LoadOptions, MainFile};
use super::report::Diagnostic;
use super::value::{Place, Source};

/// The environment variable that names the file.
pub(super) const VARIABLE: &str = "TORWART_CONFIG";
/// Largest file read.
const LARGEST: u64 = 16 << 20;
/// Most drop-ins read.
const MOST_DROP_INS: usize = 1_000;

/// The main file that is meant.
pub(super) fn main_file(options: &LoadOptions) -> MainFile {
    if let Some(path) = &options.file {
        return MainFile::Argument(path.clone());
    }
    match (options.environment)(VARIABLE).filter(|path| !path.is_empty()) {
        Some(path) => MainFile::Environment(PathBuf::from(path)),
        // A file that is there but cannot be looked at must not be passed over in silence.
        None if options.rspamd.is_some() => MainFile::None(options.standard.clone()),
        None => match fs::symlink_metadata(&options.standard) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                MainFile::None(options.standard.clone())
            }
            _ => MainFile::Standard(options.standard.clone()),
        },
    }
}

/// The main file and its drop-ins, in the order they are laid over each other.
pub(super) fn read_files(main: &MainFile, tree_only: bool, findings: &mut Vec<Diagnostic>) -> Vec<Arc<Source>> {
    let mut sources = Vec::new();
    let (MainFile::Argument(path) | MainFile::Environment(path) | MainFile::Standard(path) | MainFile::None(path)) = main;
    if main.path().is_none() && tree_only {
        return sources;
    }
    if main.path().is_some() {
        sources.extend(read_file(path, findings));
    }
    let folder = path.parent().unwrap_or(Path::new("")).join("conf.d");
    for path in drop_ins(&folder, findings) {
        sources.extend(read_file(&path, findings));
    }
    sources
}

pub(super) fn drop_ins(folder: &Path, findings: &mut Vec<Diagnostic>) -> Vec<PathBuf> {
    let listed =
        fs::read_dir(folder).and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>());
    let mut paths = match listed {
        Ok(paths) => paths,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Vec::new(),
        Err(error) => {
            findings.push(Diagnostic::error(format!(
                "cannot list the folder {}: {}",
                folder.display(),
                plain(&error)
            )));
            return Vec::new();
        }
    };
    paths.retain(|path| {
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        path.extension().is_some_and(|extension| extension == "toml") && !hidden
    });
    paths.sort();
    if paths.len() > MOST_DROP_INS {
        findings.push(Diagnostic::error(format!(
            "{} holds {} files, more than {MOST_DROP_INS}",
            folder.display(),
            paths.len()
        )));
        paths.clear();
    }
    paths
}

pub(super) fn read_file(path: &Path, findings: &mut Vec<Diagnostic>) -> Option<Arc<Source>> {
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| {
        if file.metadata()?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        file.take(LARGEST + 1).read_to_end(&mut bytes)
    });
    let name = path.display().to_string();
    match read {
        Err(error) => {
            let finding = Diagnostic::error(format!("cannot read the configuration file {name}: {}", plain(&error)));
            findings.push(match error.kind() {
                io::ErrorKind::PermissionDenied => finding.help("make it readable for the user that torwart runs as"),
                io::ErrorKind::IsADirectory => finding.help("name the file itself"),
                _ => finding,
            });
            None
        }
        Ok(length) if u64::try_from(length).is_ok_and(|length| length > LARGEST) => {
            findings.push(Diagnostic::error(format!(
                "the configuration file {name} is larger than {} MiB",
                LARGEST >> 20
            )));
            None
        }
        Ok(_) => decode(name, bytes, findings),
    }
}

/// Why a file could not be read, in the words of people.
pub(super) fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        // ELOOP has no stable name in the library yet.
        _ if error.raw_os_error() == Some(nix::libc::ELOOP) => "its links lead in a circle".to_owned(),
        _ => error.to_string(),
    }
}

/// The text of a file; bytes that are no UTF-8 are an error at their place.
pub(super) fn decode(name: String, bytes: Vec<u8>, findings: &mut Vec<Diagnostic>) -> Option<Arc<Source>> {
    let source = |text: &str| {
        Arc::new(Source {
            name,
            text: text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(),
            built_in: false,
            lenient: false,
        })
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) => Some(source(text)),
        Err(error) => {
            let mark = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
            let at = error.valid_up_to().saturating_sub(mark);
            let source = source(&String::from_utf8_lossy(&bytes));
            let place = Place::new(&source, at, at + char::REPLACEMENT_CHARACTER.len_utf8());
            findings.push(
                Diagnostic::error("these bytes are no UTF-8")
                    .at(place)
                    .help("save the file in UTF-8"),
            );
            None
        }
    }
}
