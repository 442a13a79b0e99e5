//! What a tree finds around it: folders as variables, the environment of its templates. Looks nothing up itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::schema::UnknownKeys;
use crate::config::ucl::Options;

/// The generation that trees are read as.
const VERSION: (&str, &str) = ("3", "4");
/// Variables of the environment whose names begin so are seen by templates, without it.
const PREFIX: &str = "RSPAMD_";

/// Where a tree lies and what it may ask for.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The folder of the tree.
    pub folder: PathBuf,
    /// Its main file, where that is not `rspamd.conf` in the folder.
    pub main: Option<PathBuf>,
    /// `--var=NAME=VALUE`: these win.
    pub variables: Vec<(String, String)>,
    /// Templates stay as they are.
    pub skip_templates: bool,
    /// Folders beside the usual ones that files may be included from.
    pub include_from: Vec<PathBuf>,
    /// What to do about names that nobody knows.
    pub unknown: UnknownKeys,
    /// The name of this machine.
    pub host: String,
    /// Variables of the process.
    pub process: Vec<(String, String)>,
}

impl Surroundings {
    /// Folders that files may be included from.
    pub fn roots(&self) -> Vec<PathBuf> {
        let named = ["SHAREDIR", "DBDIR", "RULESDIR"].map(|name| PathBuf::from(self.variable(name).unwrap_or_default()));
        let all = std::iter::once(self.folder.clone()).chain(named);
        all.chain(self.include_from.iter().cloned())
            .filter(|path| !path.as_os_str().is_empty())
            .collect()
    }

    /// The value of a variable of the tree.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.all().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// How the parser is to read it.
    pub fn options(&self) -> Options {
        let variables = self.all();
        let mut environment: BTreeMap<String, String> = variables.iter().cloned().collect();
        let (major, minor) = VERSION;
        let own = [
            ("hostname", self.host.clone()),
            ("version", format!("{major}.{minor}")),
            ("ver_major", major.to_owned()),
            ("ver_minor", minor.to_owned()),
            ("ver_id", "release".to_owned()),
            ("ver_num", format!("{major}{minor:0>2}")),
        ];
        environment.extend(own.map(|(name, value)| (name.to_owned(), value)));
        let process = self.process.iter();
        environment.extend(process.filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_owned(), value.clone()))));
        Options {
            variables,
            environment,
            templates: !self.skip_templates,
            ..Options::default()
        }
    }

    /// In the order in which names without braces are tried: longer ones before those they begin with.
    fn all(&self) -> Vec<(String, String)> {
        let folder = self.folder.display().to_string();
        let folder = folder.trim_end_matches('/');
        let (major, minor) = VERSION;
        let usual = [
            ("CONFDIR", folder.to_owned()),
            ("LOCAL_CONFDIR", folder.to_owned()),
            ("RUNDIR", "/run/rspamd".to_owned()),
            ("DBDIR", "/var/lib/rspamd".to_owned()),
            ("LOGDIR", "/var/log/rspamd".to_owned()),
            ("PLUGINSDIR", "/usr/share/rspamd/plugins".to_owned()),
            ("SHAREDIR", "/usr/share/rspamd".to_owned()),
            ("RULESDIR", "/usr/share/rspamd/rules".to_owned()),
            ("WWWDIR", "/usr/share/rspamd/www".to_owned()),
            ("PREFIX", "/usr".to_owned()),
            ("VERSION_MAJOR", major.to_owned()),
            ("VERSION_MINOR", minor.to_owned()),
            ("VERSION", format!("{major}.{minor}")),
            ("BRANCH_VERSION", major.to_owned()),
            ("HOSTNAME", self.host.clone()),
        ];
        let given = |name: &str| {
            self.variables
                .iter()
                .rev()
                .find(|(own, _)| own == name)
                .map(|(_, value)| value.clone())
        };
        let known = usual.map(|(name, value)| (name.to_owned(), given(name).unwrap_or(value)));
        let more = self.variables.iter().filter(|(name, _)| !usual_name(name));
        known.into_iter().chain(more.cloned()).collect()
    }
}

fn usual_name(name: &str) -> bool {
    let folders = [
        "CONFDIR",
        "LOCAL_CONFDIR",
        "RUNDIR",
        "DBDIR",
        "LOGDIR",
        "PLUGINSDIR",
        "SHAREDIR",
        "RULESDIR",
        "WWWDIR",
    ];
    let others = ["PREFIX", "VERSION_MAJOR", "VERSION_MINOR", "VERSION", "BRANCH_VERSION", "HOSTNAME"];
    folders.contains(&name) || others.contains(&name)
}

/// The folder and the main file that a path of the command line means; absolute, for files include each other from anywhere.
pub fn located(path: &Path) -> (PathBuf, Option<PathBuf>) {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match path.parent() {
        Some(folder) if path.is_file() => (folder.to_owned(), Some(path)),
        _ => (path, None),
    }
}
