//! Becoming another user, and seeing to it before that this user can write where the daemon must. To be done before any thread starts.

use super::unix::plain;
use anyhow::{Context, Result, anyhow, bail};
use nix::unistd::{Gid, Group, Uid, User, initgroups, setgid, setuid};
use std::ffi::CString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, chown};
use std::path::Path;

/// The user and group to run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user's name, where it is to change.
    name: Option<String>,
    user: Uid,
    group: Gid,
}

impl Identity {
    /// Looks them up; a user without a named group has its own.
    pub fn find(user: Option<&str>, group: Option<&str>) -> Result<Identity> {
        let mut identity = Identity {
            name: None,
            user: Uid::effective(),
            group: Gid::effective(),
        };
        if let Some(name) = user {
            let found = User::from_name(name)
                .ok()
                .flatten()
                .with_context(|| format!("there is no user {name}"))?;
            (identity.user, identity.group) = (found.uid, found.gid);
            identity.name = Some(found.name);
        }
        if let Some(name) = group {
            let found = Group::from_name(name)
                .ok()
                .flatten()
                .with_context(|| format!("there is no group {name}"))?;
            identity.group = found.gid;
        }
        if !Uid::effective().is_root() && !identity.is_now() {
            bail!("only root can become another user or group");
        }
        Ok(identity)
    }

    /// This process is it already.
    pub fn is_now(&self) -> bool {
        self.user == Uid::effective() && self.group == Gid::effective()
    }

    /// It is root.
    pub fn is_root(&self) -> bool {
        self.user.is_root()
    }

    /// Makes a folder for it where there is none. One that is there keeps its owner: it may be everybody's.
    pub fn folder(&self, folder: &Path, mode: u32) -> Result<()> {
        let shown = folder.display();
        if let Some(above) = folder.parent() {
            fs::create_dir_all(above).map_err(|e| anyhow!("cannot create the folder {}: {}", above.display(), plain(&e)))?;
        }
        match fs::DirBuilder::new().mode(mode).create(folder) {
            Ok(()) => self.give(folder),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(anyhow!("cannot create the folder {shown}: {}", plain(&error))),
        }
    }

    /// Makes a log file for it where there is none.
    pub fn log(&self, file: &Path) -> Result<()> {
        if let Some(folder) = file.parent() {
            self.folder(folder, 0o755)?;
        }
        match fs::File::options().append(true).create_new(true).mode(0o640).open(file) {
            Ok(_) => self.give(file),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(anyhow!("cannot create the log file {}: {}", file.display(), plain(&error))),
        }
    }

    /// Gives it something that was just made.
    pub fn give(&self, path: &Path) -> Result<()> {
        let given = chown(path, Some(self.user.as_raw()), Some(self.group.as_raw()));
        given.map_err(|e| anyhow!("cannot give {} to user {}: {}", path.display(), self.user, plain(&e)))
    }

    /// Becomes it, for good.
    pub fn assume(&self) -> Result<()> {
        if self.is_now() {
            return Ok(());
        }
        let cannot = |what: &str, error: nix::Error| anyhow!("cannot become {what}: {}", error.desc());
        if let Some(name) = &self.name {
            let name = CString::new(name.as_str()).context("the user's name holds a zero")?;
            initgroups(&name, self.group).map_err(|e| cannot("a member of the user's groups", e))?;
        }
        setgid(self.group).map_err(|e| cannot(&format!("group {}", self.group), e))?;
        setuid(self.user).map_err(|e| cannot(&format!("user {}", self.user), e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    #[test]
    fn users_are_looked_up() {
        let me = Identity::find(None, None).unwrap();
        assert!(me.is_now());
        me.assume().unwrap();
        assert_eq!(
            Identity::find(Some("nobody-of-that-name"), None).unwrap_err().to_string(),
            "there is no user nobody-of-that-name"
        );
        assert!(Identity::find(None, Some("nobody-of-that-name")).is_err());
        assert!(Identity::find(Some("root"), None).is_ok_and(|r| r.is_root()));
    }

    #[test]
    fn only_what_is_made_is_given_away() {
        let root = tempfile::tempdir().unwrap();
        let me = Identity::find(None, None).unwrap();
        let folder = root.path().join("a/b");
        me.folder(&folder, 0o700).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        me.folder(&folder, 0o755).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        let log = root.path().join("log/x");
        me.log(&log).unwrap();
        me.log(&log).unwrap();
        assert_eq!(fs::metadata(&log).unwrap().uid(), Uid::effective().as_raw());
    }
}
