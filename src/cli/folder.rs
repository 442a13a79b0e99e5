//! Messages named on the command line: a file, standard input, or every file below a folder. Reads no message.

use std::path::{Path, PathBuf};

/// Calls `act` with every message that `given` stands for: what begins with a dot, what a symbolic link points to and what
/// `skip` names is passed over inside folders, as rspamc does; names come in alphabetical order. False where a call gave false
/// or a folder is unreadable.
pub(super) fn each(given: &str, skip: &impl Fn(&str) -> bool, act: &mut impl FnMut(&str) -> bool) -> bool {
    let is_folder = given != "-" && std::fs::metadata(given).is_ok_and(|m| m.is_dir());
    if !is_folder {
        return act(given);
    }
    let mut good = true;
    // A stack of our own: folders may lie deeper than the real one allows.
    let mut open = vec![PathBuf::from(given)];
    while let Some(folder) = open.pop() {
        match entries(&folder) {
            Ok((files, folders)) => {
                for file in files.iter().map(|f| f.to_string_lossy()).filter(|f| !skip(f)) {
                    good &= act(&file);
                }
                open.extend(folders.into_iter().rev().filter(|f| !skip(&f.to_string_lossy())));
            }
            Err(error) => {
                eprintln!("cannot read folder {}: {}", folder.display(), error.kind());
                good = false;
            }
        }
    }
    good
}

/// Files and folders directly inside, each by name.
fn entries(folder: &Path) -> std::io::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            folders.push(entry.path());
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    folders.sort();
    Ok((files, folders))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_walked_in_order() {
        let root = tempfile::tempdir().unwrap();
        for name in ["b/2", "b/1", "a", ".hidden", "c/d/x", ".git/y"] {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        std::os::unix::fs::symlink(root.path(), root.path().join("loop")).unwrap();
        let base = root.path().display().to_string();
        let mut seen = Vec::new();
        assert!(each(&base, &|_| false, &mut |file| {
            seen.push(file.trim_start_matches(&base).to_owned());
            true
        }));
        assert_eq!(seen, ["/a", "/b/1", "/b/2", "/c/d/x"]);
        assert!(!each(&base, &|_| false, &mut |file| !file.ends_with('1')));
        let mut left = 0;
        each(&base, &|path| path.ends_with("/b") || path.ends_with("/x"), &mut |_| {
            left += 1;
            true
        });
        assert_eq!(left, 1, "a file passed over, and a folder with all that is in it");
        let mut one = Vec::new();
        each("-", &|_| false, &mut |file| {
            one.push(file.to_owned());
            true
        });
        assert_eq!(one, ["-"], "standard input and missing files are the caller's");
    }
}
