//! Finding and reading the files, joining the layers, and making the typed settings of them, or all errors at once.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::files::{VARIABLE, decode, main_file, read_files};
use super::report::{Diagnostic, Report};
use super::schema::{self, Config, Tree};
use super::section::Modules;
use super::value::{Entry, Source, Value};
use super::{beneath, de, env, layers, native, rspamd};

/// Where the configuration is looked for if nobody names a file.
const STANDARD: &str = "/etc/torwart/torwart.toml";
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
    /// `--rspamd`: a tree of rspamd's, its folder or its main file. Then no file is taken that nobody names.
    pub rspamd: Option<PathBuf>,
    /// `--var`: variables of that tree.
    pub variables: Vec<(String, String)>,
    /// Templates in that tree stay as they are.
    pub skip_templates: bool,
}

impl Default for LoadOptions {
    fn default() -> LoadOptions {
        LoadOptions {
            file: None,
            overrides: Vec::new(),
            environment: Box::new(|name| std::env::var(name).ok()),
            standard: PathBuf::from(STANDARD),
            rspamd: None,
            variables: Vec::new(),
            skip_templates: false,
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
    /// The tree of rspamd's they begin with.
    pub tree: Option<Arc<rspamd::Tree>>,
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
    /// The tree of rspamd's below it.
    pub tree: Option<PathBuf>,
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
        if let Some(tree) = &self.tree {
            write!(f, "rspamd's tree {}", tree.display())?;
            if self.main.path().is_none() {
                return Ok(());
            }
            f.write_str(", and over it ")?;
        }
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
    /// The tree of rspamd's they begin with.
    pub tree: Option<Arc<rspamd::Tree>>,
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
                tree: self.tree,
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
    let sources = read_files(&main, options.rspamd.is_some(), &mut findings);
    let drop_ins = sources.len().saturating_sub(usize::from(main.path().is_some()));
    put_together(main, drop_ins, sources, options, findings)
}

/// Loads a text as if it were the only file; for tests and for checking what is not saved yet.
pub fn load_text(name: &str, text: &str, options: &LoadOptions) -> Result<Loaded, Report> {
    let mut findings = Vec::new();
    let source = decode(name.to_owned(), text.as_bytes().to_vec(), &mut findings);
    let main = MainFile::Argument(PathBuf::from(name));
    put_together(main, 0, source.into_iter().collect(), options, findings).accept()
}

/// The layers, from the tree of rspamd's up, and what they make.
fn put_together(
    main: MainFile,
    drop_ins: usize,
    sources: Vec<Arc<Source>>,
    options: &LoadOptions,
    mut findings: Vec<Diagnostic>,
) -> Examined {
    let mut layers = Vec::new();
    for source in &sources {
        let (layer, errors) = native::parse(source);
        findings.extend(errors);
        layers.push(layer);
    }
    let (named, tree) = beneath::tree(&layers, options, &mut findings);
    // Half a tree must not be in force, nor must its absence.
    let whole = named.is_some() == tree.is_some();
    let config = whole.then(|| assemble(tree.as_deref(), layers, options, &mut findings)).flatten();
    let origin = Origin {
        main,
        drop_ins,
        tree: named,
    };
    Examined {
        config,
        origin,
        tree,
        findings,
    }
}

/// The settings that all layers make together; `None` if they could not be understood at all.
fn assemble(below: Option<&rspamd::Tree>, layers: Vec<Value>, options: &LoadOptions, findings: &mut Vec<Diagnostic>) -> Option<Config> {
    let defaults = Arc::new(Source {
        name: "defaults".to_owned(),
        text: DEFAULTS.to_owned(),
        built_in: true,
        lenient: false,
    });
    let (mut tree, trouble) = native::parse(&defaults);
    findings.extend(trouble);
    let below = below.map(|tree| tree.layer.clone());
    for layer in below.into_iter().chain(layers) {
        layers::merge(&mut tree, layer, findings);
    }
    for setting in &options.overrides {
        if let Some(layer) = override_layer(setting, findings) {
            layers::merge(&mut tree, layer, findings);
        }
    }
    layers::hidden(&tree, findings);
    env::expand(&mut tree, &*options.environment, findings);
    // Contradictions between settings mean nothing while parts of the text could not be understood.
    let readable = !findings.iter().any(Diagnostic::is_error);
    let mut taken = Vec::new();
    let read = findings.len();
    let config = typed(&tree, findings, &mut taken);
    findings.iter_mut().skip(read).for_each(Diagnostic::pardon);
    let mut config = config?;
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
            lenient: false,
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
