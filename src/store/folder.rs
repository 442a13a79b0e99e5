//! Where the state lives, and that it is ours alone: finds the folder, makes it, locks it. Reads no environment by itself.

use nix::unistd::{Uid, User};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A state folder that cannot be used: the path, its owner where that matters, and the remedy.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the state folder {}: {problem}; {remedy}", path.display())]
pub struct Refused {
    /// The folder or the file in it.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
    /// The process that holds it, where another one does.
    pub holder: Option<u32>,
}

impl Refused {
    fn new(path: &Path, problem: impl Into<String>, remedy: impl Into<String>) -> Refused {
        Refused {
            path: path.to_owned(),
            problem: problem.into(),
            remedy: remedy.into(),
            holder: None,
        }
    }
}

/// Names of the state folder by rank.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    /// `--state`.
    pub option: Option<PathBuf>,
    /// `paths.state` of the configuration.
    pub configured: Option<PathBuf>,
}

impl Candidates {
    /// The folder to use, and who named it.
    pub fn choose(&self, environment: &dyn Fn(&str) -> Option<String>, root: bool) -> Result<(PathBuf, &'static str), String> {
        let variable = |name: &str| environment(name).filter(|v| !v.is_empty());
        if let Some(path) = &self.option {
            return Ok((path.clone(), "named by --state"));
        }
        if let Some(path) = &self.configured {
            return Ok((path.clone(), "named by paths.state"));
        }
        // systemd gives several folders separated by colons; the first is ours.
        if let Some(list) = variable("STATE_DIRECTORY") {
            let first = list.split(':').next().unwrap_or_default();
            return Ok((PathBuf::from(first), "named by $STATE_DIRECTORY"));
        }
        if root {
            return Ok((PathBuf::from("/var/lib/torwart"), "the default for root"));
        }
        if let Some(base) = variable("XDG_STATE_HOME").filter(|v| v.starts_with('/')) {
            return Ok((Path::new(&base).join("torwart"), "under $XDG_STATE_HOME"));
        }
        match variable("HOME") {
            Some(home) => Ok((Path::new(&home).join(".local/state/torwart"), "in the home folder")),
            None => Err("no folder to keep state in: neither HOME nor XDG_STATE_HOME is set; name one with --state FOLDER".to_owned()),
        }
    }
}

/// A state folder, locked by this process for as long as the value lives.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder (0700) where it is missing, checks that it is ours and writable, and locks it.
    pub fn open(path: &Path) -> Result<Folder, Refused> {
        make(path)?;
        check_owner(path)?;
        let lock = lock(path)?;
        Ok(Folder {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn make(path: &Path) -> Result<(), Refused> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => {
            return Err(Refused::new(
                path,
                "it is a file, not a folder",
                "move the file away or name another folder with --state",
            ));
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Refused::new(path, plain(&error), "name a folder this user can reach with --state"));
        }
        Err(_) => {}
    }
    let parents = path.parent().map_or(Ok(()), fs::create_dir_all);
    parents.and_then(|()| DirBuilder::new().mode(0o700).create(path)).map_err(|error| {
        let me = user_name(Uid::effective().as_raw());
        Refused::new(
            path,
            format!("it does not exist and user {me} cannot create it: {}", plain(&error)),
            format!(
                "create it with `install -d -m 0700 -o {me} {}` or name another with --state",
                path.display()
            ),
        )
    })
}

fn check_owner(path: &Path) -> Result<(), Refused> {
    let found = fs::metadata(path).map_err(|e| Refused::new(path, plain(&e), "name another folder with --state"))?;
    let me = Uid::effective().as_raw();
    if found.uid() == me {
        return Ok(());
    }
    let (owner, me) = (user_name(found.uid()), user_name(me));
    Err(Refused::new(
        path,
        format!("it belongs to user {owner}, and this is user {me}"),
        format!(
            "run torwart as {owner}, or `chown -R {me} {}`, or name another folder with --state",
            path.display()
        ),
    ))
}

fn lock(path: &Path) -> Result<File, Refused> {
    let name = path.join("lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&name)
        .map_err(|error| unwritable(path, &error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(held(path, &mut file)),
        Err(TryLockError::Error(error)) => {
            return Err(Refused::new(
                &name,
                format!("it cannot be locked: {}", plain(&error)),
                "keep the state on a local file system that knows locks",
            ));
        }
    }
    let mine = std::process::id().to_string();
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(mine.as_bytes()))
        .or_else(|error| if is_full(&error) { Ok(()) } else { Err(error) })
        .map_err(|error| unwritable(path, &error))?;
    Ok(file)
}

fn held(path: &Path, file: &mut File) -> Refused {
    let mut text = String::new();
    let _ = file.take(32).read_to_string(&mut text);
    let holder = text.trim().parse::<u32>().ok();
    let by = holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
    Refused {
        path: path.to_owned(),
        problem: format!("it is in use by {by}"),
        remedy: "stop that daemon first or give this one a folder of its own with --state".to_owned(),
        holder,
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Refused {
    let owner = fs::metadata(path).map_or_else(|_| "?".to_owned(), |m| user_name(m.uid()));
    let remedy = if error.kind() == io::ErrorKind::ReadOnlyFilesystem {
        "mount it writable or name another folder with --state".to_owned()
    } else {
        format!("as {owner}: `chmod u+rwx {}`, or name another folder with --state", path.display())
    };
    Refused::new(path, format!("it cannot be written to (owner {owner}): {}", plain(error)), remedy)
}

/// True for the errors of a full disk.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

/// An error of the system without its number, in lower case.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    text.to_lowercase()
}

fn user_name(id: u32) -> String {
    match User::from_uid(Uid::from_raw(id)) {
        Ok(Some(user)) => user.name,
        _ => id.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(candidates: &Candidates, set: &[(&str, &str)], root: bool) -> Result<(PathBuf, &'static str), String> {
        let find = |name: &str| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        candidates.choose(&find, root)
    }

    #[test]
    fn the_folder_is_chosen_by_rank() {
        let all = [("STATE_DIRECTORY", "/sd:/other"), ("XDG_STATE_HOME", "/xdg"), ("HOME", "/home/u")];
        let named = Candidates {
            option: Some("/option".into()),
            configured: Some("/conf".into()),
        };
        let path = |r: Result<(PathBuf, &'static str), String>| r.unwrap().0.display().to_string();
        assert_eq!(path(choose(&named, &all, true)), "/option");
        let configured = Candidates {
            option: None,
            ..named.clone()
        };
        assert_eq!(path(choose(&configured, &all, true)), "/conf");
        let none = Candidates::default();
        assert_eq!(path(choose(&none, &all, true)), "/sd");
        assert_eq!(path(choose(&none, &all[1..], true)), "/var/lib/torwart");
        assert_eq!(path(choose(&none, &all[1..], false)), "/xdg/torwart");
        assert_eq!(path(choose(&none, &all[2..], false)), "/home/u/.local/state/torwart");
        assert!(choose(&none, &[], false).unwrap_err().contains("--state"));
    }

    #[test]
    fn a_folder_is_made_private_and_locked() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("a/b");
        let first = Folder::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        let second = Folder::open(&path).unwrap_err();
        assert_eq!(second.holder, Some(std::process::id()));
        assert!(
            second.to_string().contains(&format!("in use by process {}", std::process::id())),
            "{second}"
        );
        drop(first);
        Folder::open(&path).unwrap();
    }

    #[test]
    fn a_file_or_a_foreign_folder_is_refused_with_a_remedy() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("file");
        fs::write(&file, "precious").unwrap();
        let text = Folder::open(&file).unwrap_err().to_string();
        assert!(text.contains("not a folder") && text.contains("--state"), "{text}");
        assert_eq!(fs::read(&file).unwrap(), b"precious");
        if Uid::effective().is_root() {
            let foreign = base.path().join("foreign");
            fs::create_dir(&foreign).unwrap();
            std::os::unix::fs::chown(&foreign, Some(65534), None).unwrap();
            let text = Folder::open(&foreign).unwrap_err().to_string();
            assert!(text.contains("nobody") && text.contains("chown"), "{text}");
        }
    }
}
