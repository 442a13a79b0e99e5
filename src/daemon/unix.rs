//! Unix sockets on the file system: bound with their rights before anybody can connect, stale ones replaced, removed at exit.
//!
//! Never deletes anything that is not a socket, nor a socket somebody still listens on.

use nix::unistd::{Gid, Group, Uid, User};
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Rights of a socket file; what is absent stays as the system makes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Rights {
    /// Permission bits.
    pub mode: Option<u32>,
    /// Name or number of the owner.
    pub owner: Option<String>,
    /// Name or number of the group.
    pub group: Option<String>,
}

/// Removes a socket file when the listener is gone, unless somebody replaced it meanwhile.
#[derive(Debug)]
pub struct Leftover {
    path: PathBuf,
    identity: (u64, u64),
}

impl Drop for Leftover {
    fn drop(&mut self) {
        let found = fs::symlink_metadata(&self.path);
        if found.is_ok_and(|m| (m.dev(), m.ino()) == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Binds a socket at a path. The error is a sentence without the path: what is wrong, and what to do.
pub fn bind(path: &Path, rights: &Rights) -> Result<(UnixListener, Leftover), String> {
    let owner = rights.owner.as_deref().map(user_id).transpose()?;
    let group = rights.group.as_deref().map(group_id).transpose()?;
    let address = SockAddr::unix(path).map_err(|_| "the path is too long for a unix socket (107 bytes at most)".to_owned())?;
    make_way(path, &address)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(|e| plain(&e))?;
    socket.bind(&address).map_err(|error| explain(path, &error))?;
    let made = fs::symlink_metadata(path).map_err(|e| plain(&e))?;
    let leftover = Leftover {
        path: path.to_owned(),
        identity: (made.dev(), made.ino()),
    };
    // Nobody can connect before listen(), so the rights are right from the first moment.
    entitle(path, rights, owner, group)?;
    socket.listen(1024).map_err(|e| plain(&e))?;
    Ok((UnixListener::from(std::os::fd::OwnedFd::from(socket)), leftover))
}

/// Rights given to a socket that is already open; dropped without `keep`, the old ones come back.
#[derive(Debug)]
pub struct Changed {
    path: PathBuf,
    before: Option<(u32, u32, u32)>,
}

impl Changed {
    /// Gives an open socket other rights.
    pub fn apply(path: &Path, rights: &Rights) -> Result<Changed, String> {
        let owner = rights.owner.as_deref().map(user_id).transpose()?;
        let group = rights.group.as_deref().map(group_id).transpose()?;
        let found = fs::symlink_metadata(path).map_err(|e| explain(path, &e))?;
        if !found.file_type().is_socket() {
            return Err("there is a file of that name that is no socket; move it away or choose another path".to_owned());
        }
        let changed = Changed {
            path: path.to_owned(),
            before: Some((found.mode() & 0o7777, found.uid(), found.gid())),
        };
        entitle(path, rights, owner, group)?;
        Ok(changed)
    }

    /// The new rights stay.
    pub fn keep(mut self) {
        self.before = None;
    }
}

impl Drop for Changed {
    fn drop(&mut self) {
        if let Some((mode, owner, group)) = self.before {
            let _ = chown(&self.path, Some(owner), Some(group));
            let _ = fs::set_permissions(&self.path, fs::Permissions::from_mode(mode));
        }
    }
}

fn entitle(path: &Path, rights: &Rights, owner: Option<u32>, group: Option<u32>) -> Result<(), String> {
    if owner.is_some() || group.is_some() {
        chown(path, owner, group).map_err(|e| format!("cannot give it to {}: {}", ownership(rights), plain(&e)))?;
    }
    if let Some(mode) = rights.mode {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|e| format!("cannot set mode {mode:04o}: {}", plain(&e)))?;
    }
    Ok(())
}

/// Removes a stale socket from the path; refuses live ones and everything else.
fn make_way(path: &Path, address: &SockAddr) -> Result<(), String> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(explain(path, &error)),
    };
    if !found.file_type().is_socket() {
        return Err("there is a file of that name that is no socket; move it away or choose another path".to_owned());
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(|e| plain(&e))?;
    // A full backlog must not hold us up: without blocking it shows as "would block", and that is a living listener.
    probe.set_nonblocking(true).map_err(|e| plain(&e))?;
    match probe.connect(address) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(|e| explain(path, &e)),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(format!(
            "there is a socket that this user may not connect to ({}); remove it or choose another path",
            plain(&error)
        )),
        _ => Err("another process listens on it; stop that process or choose another path".to_owned()),
    }
}

fn explain(path: &Path, error: &io::Error) -> String {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match error.kind() {
        io::ErrorKind::NotFound => format!("the folder {} does not exist; create it first", folder.display()),
        io::ErrorKind::NotADirectory => format!("{} is not a folder", folder.display()),
        io::ErrorKind::PermissionDenied => {
            let me = Uid::effective();
            let name = User::from_uid(me).ok().flatten().map_or_else(|| me.to_string(), |u| u.name);
            format!(
                "user {name} may not write to the folder {}; change its owner or rights",
                folder.display()
            )
        }
        _ => plain(error),
    }
}

fn ownership(rights: &Rights) -> String {
    let part = |kind: &str, name: &Option<String>| name.as_ref().map(|n| format!("{kind} {n}"));
    let parts: Vec<String> = [part("user", &rights.owner), part("group", &rights.group)]
        .into_iter()
        .flatten()
        .collect();
    parts.join(" and ")
}

fn user_id(name: &str) -> Result<u32, String> {
    if let Ok(number) = name.parse::<u32>() {
        return Ok(number);
    }
    let found = User::from_name(name).map_err(|e| format!("cannot look up the user {name}: {e}"))?;
    found
        .map(|u| u.uid.as_raw())
        .ok_or_else(|| format!("there is no user {name} on this machine"))
}

fn group_id(name: &str) -> Result<u32, String> {
    if let Ok(number) = name.parse::<u32>() {
        return Ok(Gid::from_raw(number).as_raw());
    }
    let found = Group::from_name(name).map_err(|e| format!("cannot look up the group {name}: {e}"))?;
    found
        .map(|g| g.gid.as_raw())
        .ok_or_else(|| format!("there is no group {name} on this machine"))
}

/// An error of the system in lower case, without its number.
pub fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_lowercase().collect::<String>()).unwrap_or_default();
    first + chars.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_hold_and_the_file_goes_with_the_listener() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let rights = Rights {
            mode: Some(0o620),
            ..Rights::default()
        };
        let (listener, leftover) = bind(&path, &rights).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o620);
        assert!(bind(&path, &rights).unwrap_err().contains("another process listens"), "live");
        drop((listener, leftover));
        assert!(!path.exists());
    }

    #[test]
    fn a_stale_socket_is_replaced_a_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "std leaves the file behind, as a killed process does");
        let first = bind(&path, &Rights::default()).unwrap();
        // A socket that somebody else put there is not ours to remove.
        fs::remove_file(&path).unwrap();
        let theirs = UnixListener::bind(&path).unwrap();
        drop(first);
        assert!(path.exists());
        drop(theirs);
        let file = folder.path().join("letters");
        fs::write(&file, "precious").unwrap();
        assert!(bind(&file, &Rights::default()).unwrap_err().contains("no socket"));
        assert_eq!(fs::read(&file).unwrap(), b"precious");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(bind(&link, &Rights::default()).is_err());
        assert!(file.exists() && link.exists());
    }

    #[test]
    fn rights_change_in_place_and_come_back_if_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let with = |mode| Rights {
            mode: Some(mode),
            ..Rights::default()
        };
        let _open = bind(&path, &with(0o600)).unwrap();
        let mode = || fs::metadata(&path).unwrap().mode() & 0o777;
        let changed = Changed::apply(&path, &with(0o660)).unwrap();
        assert_eq!(mode(), 0o660);
        drop(changed);
        assert_eq!(mode(), 0o600);
        Changed::apply(&path, &with(0o666)).unwrap().keep();
        assert_eq!(mode(), 0o666);
        let stranger = Rights {
            group: Some("no-such-group-here".to_owned()),
            ..with(0o600)
        };
        assert!(Changed::apply(&path, &stranger).unwrap_err().contains("no group"));
        assert_eq!(mode(), 0o666);
    }

    #[test]
    fn bad_paths_and_names_are_explained() {
        let folder = tempfile::tempdir().unwrap();
        let rights = |owner: &str| Rights {
            owner: Some(owner.to_owned()),
            ..Rights::default()
        };
        let missing = folder.path().join("no/such/s");
        assert!(bind(&missing, &Rights::default()).unwrap_err().contains("does not exist"));
        let long = folder.path().join("x".repeat(200));
        assert!(bind(&long, &Rights::default()).unwrap_err().contains("too long"));
        let path = folder.path().join("s");
        assert!(bind(&path, &rights("no-such-user-here")).unwrap_err().contains("no user"));
        assert!(!path.exists());
    }
}
