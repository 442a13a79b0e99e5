//! Where included files come from: the trait the parser asks, and the answer of a real disk. It parses nothing.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use crate::config::files::plain;

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its path with all links followed: what loops are known by, and what `$FILENAME` says.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// True for what nobody wrote: a file that is part of the program.
    pub built_in: bool,
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// There is none.
    Missing,
    /// It lies outside the folders that may be read; this is where.
    Outside(String),
    /// It is larger than allowed.
    TooLarge,
    /// This folder on the way may not be entered: nobody knows whether the file is there.
    Closed(String),
    /// Anything else, in words.
    Other(String),
}

/// Gives the parser the files it asks for. Paths are absolute, or relative to wherever the implementation thinks.
pub trait Includes {
    /// Reads a file of at most `most` bytes.
    fn read(&self, path: &str, most: u64) -> Result<Opened, Trouble>;
    /// The paths that match a pattern with `*`, `?` and `[..]`, sorted by name, at most `most`.
    fn matching(&self, pattern: &str, most: usize) -> Result<Vec<String>, Trouble>;
}

/// The files of this machine, below certain folders.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// Folders that files may be read from, links followed; none: from everywhere.
    roots: Vec<PathBuf>,
}

impl Disk {
    /// Reads from everywhere.
    pub fn anywhere() -> Disk {
        Disk::default()
    }

    /// Reads below these folders only; a link that leads out of them is refused as well.
    pub fn below(roots: impl IntoIterator<Item = PathBuf>) -> Disk {
        let real = |root: PathBuf| fs::canonicalize(&root).unwrap_or(root);
        Disk {
            roots: roots.into_iter().map(real).collect(),
        }
    }

    fn allowed(&self, path: &Path) -> bool {
        self.roots.is_empty() || self.roots.iter().any(|root| path.starts_with(root))
    }
}

impl Includes for Disk {
    fn read(&self, path: &str, most: u64) -> Result<Opened, Trouble> {
        let real = match fs::canonicalize(path) {
            Ok(real) => real,
            // What may not be read may not be asked about either.
            Err(_) if !self.allowed(&flat(Path::new(path))) => return Err(Trouble::Outside(path.to_owned())),
            Err(error) => return Err(closed(Path::new(path)).unwrap_or_else(|| trouble(&error))),
        };
        if !self.allowed(&real) {
            return Err(Trouble::Outside(real.display().to_string()));
        }
        let mut bytes = Vec::new();
        let file = open(&real).map_err(|error| trouble(&error))?;
        file.take(most.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| trouble(&error))?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > most) {
            return Err(Trouble::TooLarge);
        }
        let path = real.to_str().map(str::to_owned);
        let path = path.ok_or_else(|| Trouble::Other("its path is no UTF-8".to_owned()))?;
        Ok(Opened {
            path,
            bytes,
            built_in: false,
        })
    }

    fn matching(&self, pattern: &str, most: usize) -> Result<Vec<String>, Trouble> {
        let mut found = vec![PathBuf::from(if pattern.starts_with('/') { "/" } else { "" })];
        for component in Path::new(pattern).components() {
            let Component::Normal(name) = component else {
                if !matches!(component, Component::RootDir | Component::CurDir) {
                    found.iter_mut().for_each(|path| path.push(component));
                }
                continue;
            };
            let name = name.to_str().ok_or_else(|| Trouble::Other("the pattern is no UTF-8".to_owned()))?;
            found = step(&found, name, most)?;
        }
        found.retain(|path| !path.as_os_str().is_empty() && path.exists());
        found.sort();
        Ok(found.iter().filter_map(|path| path.to_str()).map(str::to_owned).collect())
    }
}

/// The entries of these folders that match one part of a pattern.
fn step(folders: &[PathBuf], name: &str, most: usize) -> Result<Vec<PathBuf>, Trouble> {
    let mut found = Vec::new();
    for folder in folders {
        if !name.contains(['*', '?', '[']) {
            found.push(folder.join(name));
            continue;
        }
        let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let entries = match fs::read_dir(place) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(Trouble::Closed(place.display().to_string())),
            Err(_) => continue,
        };
        for entry in entries.flatten() {
            let file = entry.file_name();
            let fits = file.to_str().is_some_and(|file| glob_matches(name, file));
            if fits {
                found.push(folder.join(file));
            }
            if found.len() > most {
                return Err(Trouble::Other(format!("it matches more than {most} files")));
            }
        }
    }
    Ok(found)
}

fn open(path: &Path) -> io::Result<fs::File> {
    // Asked before opening: a named pipe would block here for ever.
    let kind = fs::metadata(path)?.file_type();
    if kind.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    if !kind.is_file() {
        return Err(io::Error::other("it is no ordinary file"));
    }
    fs::File::open(path)
}

/// The folder on the way to a file that may not be entered.
fn closed(path: &Path) -> Option<Trouble> {
    let denied = |path: &Path| fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    // The nearest one that can be seen is the one whose inside cannot.
    let mut above = path.ancestors();
    above.next().filter(|path| denied(path))?;
    let folder = above.find(|folder| !denied(folder))?;
    Some(Trouble::Closed(folder.display().to_string()))
}

fn trouble(error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Trouble::Missing,
        _ => Trouble::Other(plain(error)),
    }
}

/// The path without `.` and `..`, by its words alone.
fn flat(path: &Path) -> PathBuf {
    let mut flat = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                flat.pop();
            }
            Component::CurDir => (),
            other => flat.push(other),
        }
    }
    flat
}

/// True if a name fits a pattern of `*`, `?`, `[a-z]` and `[!a]`; names that begin with a dot need one in the pattern.
pub fn glob_matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where to go on if the stretch taken by the last star was too short.
    let mut retry: Option<(usize, usize)> = None;
    while let Some(&character) = name.get(n) {
        let step = match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, n));
                p += 1;
                continue;
            }
            Some('?') => Some(p + 1),
            Some('[') => class(&pattern, p, character),
            Some(&other) if other == character => Some(p + 1),
            _ => None,
        };
        match (step, retry) {
            (Some(next), _) => (p, n) = (next, n + 1),
            (None, Some((star, from))) => {
                retry = Some((star, from + 1));
                (p, n) = (star, from + 1);
            }
            (None, None) => return false,
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|character| *character == '*'))
}

/// Behind the class at `at`, if the character is in it.
fn class(pattern: &[char], at: usize, character: char) -> Option<usize> {
    let mut p = at + 1;
    let negated = matches!(pattern.get(p), Some('!' | '^'));
    p += usize::from(negated);
    let first = p;
    let mut within = false;
    loop {
        let low = *pattern.get(p)?;
        if low == ']' && p > first {
            return (within != negated).then_some(p + 1);
        }
        let high = match (pattern.get(p + 1), pattern.get(p + 2)) {
            (Some('-'), Some(&high)) if high != ']' => {
                p += 2;
                high
            }
            _ => low,
        };
        within |= (low..=high).contains(&character);
        p += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name) in [
            ("*.conf", "a.conf"),
            ("*", "a"),
            ("?.c", "ä.c"),
            ("[a-c]x", "bx"),
            ("[!a]x", "bx"),
            ("a*b*c", "aXbYbZc"),
            (".*", ".x"),
            ("[]]", "]"),
        ] {
            assert!(glob_matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("*.conf", ".conf"),
            ("*.conf", "a.confx"),
            ("[a-c]x", "dx"),
            ("?", ""),
            ("[a", "a"),
            ("a", "ab"),
        ] {
            assert!(!glob_matches(pattern, name), "{pattern} {name}");
        }
        let long = "a".repeat(200);
        assert!(!glob_matches(
            &"a*".repeat(50).replace("aa", "a"),
            &format!("{long}b").replace('a', "c")
        ));
    }
}
