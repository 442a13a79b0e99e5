//! Finding and reading the files, joining the layers, and making the typed settings of them, or all errors at once.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::report::{Diagnostic, Report};
use super::schema::{self, Config, Tree};
use super::section::Modules;
use super::value::{Entry, Place, Source, Value};
use super::{de, env, layers, native};

/// Where the configuration is looked for if nobody names a file.
const STANDARD: &str = "/etc/torwart/torwart.toml";
/// The environment variable that names the file.
const VARIABLE: &str = "TORWART_CONFIG";
/// Largest file read.
const LARGEST: u64 = 16 << 20;
/// Most drop-ins read.
const MOST_DROP_INS: usize = 1_000;
/// Most findings reported at once.
pub(super) const MOST_FINDINGS: usize = 400;
/// The reference configuration, which shows every default.
const DEFAULTS: &str = include_str!("../../config/torwart.toml");

/// Looks up a variable of the environment.
pub type Environment = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What to load, and with what around it.
pub struct LoadOptions {
    /// The file named on the command line; a missing one is an error.
    pub file: Option<PathBuf>,
    /// Settings of the command line, `log.level=debug`; they come last and win.
    pub overrides: Vec<String>,
    /// The environment, for `TORWART_CONFIG` and `${ENV:..}`.
    pub environment: Environment,
    /// The file taken if none is named and it is there.
    pub standard: PathBuf,
}

impl Default for LoadOptions {
    fn default() -> LoadOptions {
        LoadOptions {
            file: None,
            overrides: Vec::new(),
            environment: Box::new(|name| std::env::var(name).ok()),
            standard: PathBuf::from(STANDARD),
        }
    }
}

impl LoadOptions {
    /// Options for one named file, otherwise as usual.
    pub fn file(path: impl Into<PathBuf>) -> LoadOptions {
        LoadOptions {
            file: Some(path.into()),
            ..LoadOptions::default()
        }
    }
}

/// A configuration without errors.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// Where they come from.
    pub origin: Origin,
    /// What is probably not meant.
    pub warnings: Vec<Diagnostic>,
}

/// Where settings come from; displays as the first line of the log wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who named the file.
    pub main: MainFile,
    /// How many drop-ins were laid over it.
    pub drop_ins: usize,
}

/// Who named the main file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MainFile {
    /// `--config`.
    Argument(PathBuf),
    /// `$TORWART_CONFIG`.
    Environment(PathBuf),
    /// Nobody: it lies where it is looked for.
    Standard(PathBuf),
    /// There is none; this is where it was looked for.
    None(PathBuf),
}

impl MainFile {
    /// The file, if there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            MainFile::Argument(path) | MainFile::Environment(path) | MainFile::Standard(path) => Some(path),
            MainFile::None(_) => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.main {
            MainFile::Argument(path) => write!(f, "file {}, named by --config", path.display())?,
            MainFile::Environment(path) => write!(f, "file {}, named by {VARIABLE}", path.display())?,
            MainFile::Standard(path) => write!(f, "file {}", path.display())?,
            MainFile::None(path) => write!(f, "compiled-in defaults, there is no {}", path.display())?,
        }
        match self.drop_ins {
            0 => Ok(()),
            1 => f.write_str(", and 1 file of conf.d"),
            n => write!(f, ", and {n} files of conf.d"),
        }
    }
}

/// A configuration with all that was found in it, right or wrong.
pub struct Examined {
    /// The settings that could be understood; `None` where nothing could.
    pub config: Option<Config>,
    /// Where they come from.
    pub origin: Origin,
    /// Errors and warnings, in the order of the text.
    pub findings: Vec<Diagnostic>,
}

impl Examined {
    /// Nothing is wrong with it.
    pub fn is_good(&self) -> bool {
        self.config.is_some() && !self.findings.iter().any(Diagnostic::is_error)
    }

    /// The configuration, if nothing is wrong with it.
    ///
    /// # Errors
    /// Everything that was found, warnings included.
    pub fn accept(self) -> Result<Loaded, Report> {
        let good = self.is_good();
        match self.config {
            Some(config) if good => Ok(Loaded {
                config,
                origin: self.origin,
                warnings: self.findings,
            }),
            _ => Err(Report(self.findings)),
        }
    }
}

/// Loads the configuration; an error holds everything that is wrong with it, warnings included.
pub fn load(options: &LoadOptions) -> Result<Loaded, Report> {
    examine(options).accept()
}

/// Loads what can be understood of the configuration, for somebody who has more to find in it.
pub fn examine(options: &LoadOptions) -> Examined {
    let mut findings = Vec::new();
    let main = main_file(options);
    let sources = read_files(&main, &mut findings);
    let drop_ins = sources.len().saturating_sub(usize::from(main.path().is_some()));
    let config = assemble(sources, options, &mut findings);
    let origin = Origin { main, drop_ins };
    Examined { config, origin, findings }
}

/// Loads a text as if it were the only file; for tests and for checking what is not saved yet.
pub fn load_text(name: &str, text: &str, options: &LoadOptions) -> Result<Loaded, Report> {
    let mut findings = Vec::new();
    let source = decode(name.to_owned(), text.as_bytes().to_vec(), &mut findings);
    let config = assemble(source.into_iter().collect(), options, &mut findings);
    let main = MainFile::Argument(PathBuf::from(name));
    let origin = Origin { main, drop_ins: 0 };
    Examined { config, origin, findings }.accept()
}

fn main_file(options: &LoadOptions) -> MainFile {
    if let Some(path) = &options.file {
        return MainFile::Argument(path.clone());
    }
    match (options.environment)(VARIABLE).filter(|path| !path.is_empty()) {
        Some(path) => MainFile::Environment(PathBuf::from(path)),
        // A file that is there but cannot be looked at must not be passed over in silence.
        None => match fs::symlink_metadata(&options.standard) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                MainFile::None(options.standard.clone())
            }
            _ => MainFile::Standard(options.standard.clone()),
        },
    }
}

/// The main file and its drop-ins, in the order they are laid over each other.
fn read_files(main: &MainFile, findings: &mut Vec<Diagnostic>) -> Vec<Arc<Source>> {
    let mut sources = Vec::new();
    let (MainFile::Argument(path) | MainFile::Environment(path) | MainFile::Standard(path) | MainFile::None(path)) = main;
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

fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}

/// The text of a file; bytes that are no UTF-8 are an error at their place.
fn decode(name: String, bytes: Vec<u8>, findings: &mut Vec<Diagnostic>) -> Option<Arc<Source>> {
    let source = |text: &str| {
        Arc::new(Source {
            name,
            text: text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(),
            built_in: false,
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

/// The settings that the files make together; `None` if a file's text could not be understood at all.
fn assemble(sources: Vec<Arc<Source>>, options: &LoadOptions, findings: &mut Vec<Diagnostic>) -> Option<Config> {
    let defaults = Arc::new(Source {
        name: "defaults".to_owned(),
        text: DEFAULTS.to_owned(),
        built_in: true,
    });
    let (mut tree, trouble) = native::parse(&defaults);
    findings.extend(trouble);
    for source in &sources {
        let (layer, errors) = native::parse(source);
        findings.extend(errors);
        layers::merge(&mut tree, layer, findings);
    }
    for setting in &options.overrides {
        if let Some(layer) = override_layer(setting, findings) {
            layers::merge(&mut tree, layer, findings);
        }
    }
    env::expand(&mut tree, &*options.environment, findings);
    // Contradictions between settings mean nothing while parts of the text could not be understood.
    let readable = !findings.iter().any(Diagnostic::is_error);
    let mut taken = Vec::new();
    let read = findings.len();
    let mut config = typed(&tree, findings, &mut taken)?;
    config.tree = Tree(Some(Arc::new(tree)));
    if readable {
        schema::check(&config, &taken, findings);
        if taken.is_empty() {
            schema::pending(&config, findings);
        }
    }
    bound(findings);
    drop_echoes(findings, read.min(MOST_FINDINGS));
    Some(config)
}

/// Cuts a list of findings that nobody would read to its end.
fn bound(findings: &mut Vec<Diagnostic>) {
    if findings.len() > MOST_FINDINGS {
        let rest = findings.split_off(MOST_FINDINGS);
        let text = format!("{} more findings are not shown", rest.len());
        let error = rest.iter().any(Diagnostic::is_error);
        findings.push(if error {
            Diagnostic::error(text)
        } else {
            Diagnostic::warning(text)
        });
    }
}

/// Drops findings about the values (those from `read` on) on lines that are no TOML to begin with.
fn drop_echoes(findings: &mut Vec<Diagnostic>, read: usize) {
    let line = |finding: &Diagnostic| {
        finding
            .place
            .as_ref()
            .map(|place| (std::ptr::from_ref(place.source()), place.line()))
    };
    let broken: HashSet<_> = findings.iter().take(read).filter_map(line).collect();
    if broken.is_empty() {
        return;
    }
    let mut at = 0;
    findings.retain(|finding| {
        at += 1;
        at <= read || line(finding).is_none_or(|line| !broken.contains(&line))
    });
}

/// `log.level=debug` as a layer of its own; a value that is no TOML is taken as a string.
fn override_layer(setting: &str, findings: &mut Vec<Diagnostic>) -> Option<Value> {
    let source = |text: String| {
        Arc::new(Source {
            name: "command line".to_owned(),
            text,
            built_in: false,
        })
    };
    let (layer, errors) = native::parse(&source(setting.to_owned()));
    if errors.is_empty() {
        return Some(layer);
    }
    if let Some((key, value)) = setting.split_once('=') {
        let quoted = value.trim().escape_default().to_string().replace("\\'", "'");
        let (layer, trouble) = native::parse(&source(format!("{key}=\"{quoted}\"")));
        if trouble.is_empty() {
            return Some(layer);
        }
    }
    findings.extend(errors);
    None
}

fn typed(tree: &Value, findings: &mut Vec<Diagnostic>, taken: &mut Vec<Vec<String>>) -> Option<Config> {
    let mut rest = tree.clone();
    let redis = take_tables(&mut rest, &["redis"], &[]);
    let milter = take_tables(&mut rest, &["listen", "milter"], &[]);
    let http = take_tables(&mut rest, &["listen", "http"], &["tls"]);
    let controller = take_tables(&mut rest, &["listen", "controller"], &[]);
    let mut config: Config = de::read_noting(rest, "", findings, taken)?;
    config.redis.modules = named("redis", redis, findings, taken);
    config.redis.inherit(tree);
    config.listen.milter.named = named("listen.milter", milter, findings, taken);
    config.listen.http.named = named("listen.http", http, findings, taken);
    config.listen.controller.named = named("listen.controller", controller, findings, taken);
    if let Some(modules) = tree.at(["modules"]) {
        config.modules = Modules::new(modules);
    }
    Some(config)
}

fn named<T: DeserializeOwned>(
    parent: &str,
    entries: Vec<Entry>,
    findings: &mut Vec<Diagnostic>,
    taken: &mut Vec<Vec<String>>,
) -> BTreeMap<String, T> {
    let mut read = BTreeMap::new();
    for entry in entries {
        let mut inside = Vec::new();
        if let Some(settings) = de::read_noting(entry.value, &format!("{parent}.{}", entry.key), findings, &mut inside) {
            read.insert(entry.key.clone(), settings);
        }
        let path = || parent.split('.').chain([entry.key.as_str()]).map(str::to_owned);
        taken.extend(inside.into_iter().map(|rest| path().chain(rest).collect()));
    }
    read
}

/// Takes the tables out of a table that are not settings of it (`own`) but more of its kind, by name.
fn take_tables(tree: &mut Value, path: &[&str], own: &[&str]) -> Vec<Entry> {
    let table = path
        .iter()
        .try_fold(tree, |value, step| value.table_mut()?.get_mut(step).map(|entry| &mut entry.value));
    let Some(table) = table.and_then(Value::table_mut) else {
        return Vec::new();
    };
    let foreign = |entry: &Entry| entry.value.table().is_some() && !own.contains(&entry.key.as_str());
    let names: Vec<String> = table.iter().filter(|entry| foreign(entry)).map(|entry| entry.key.clone()).collect();
    names.iter().filter_map(|name| table.remove(name)).collect()
}
