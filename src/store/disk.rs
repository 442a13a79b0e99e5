//! The file of one shelf: redb on checked blocks, behind a fence. Opens it, sets it aside when it is damaged, opens it again.
//!
//! A damaged page is an error of [`super::blocks`] before redb sees it; should redb panic all the same, that ends here
//! too, as a [`Trouble`] that the caller survives. After one failed write redb refuses everything until it is opened anew.

use super::blocks::{Blocks, Damage, Unusable};
use super::front::Batch;
use super::tables::{self, Sizes};
use redb::{Database, StorageBackend};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard};

/// Memory redb may use for the pages of one file.
const CACHE: usize = 32 << 20;

/// Why the disk did not do what it was asked.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    /// Disk full or quota reached.
    Full(String),
    /// Any other error of the disk.
    Failed(String),
    /// The file is damaged.
    Damaged(String),
}

impl Trouble {
    pub fn text(&self) -> &str {
        match self {
            Trouble::Full(text) | Trouble::Failed(text) | Trouble::Damaged(text) => text,
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        match error.kind() {
            _ if super::folder::is_full(&error) => Trouble::Full(error.to_string()),
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Trouble::Damaged(error.to_string()),
            _ => Trouble::Failed(error.to_string()),
        }
    }
}

impl From<redb::Error> for Trouble {
    fn from(error: redb::Error) -> Trouble {
        match error {
            redb::Error::Io(io) => io.into(),
            redb::Error::Corrupted(text) => Trouble::Damaged(text),
            other => Trouble::Failed(other.to_string()),
        }
    }
}

/// Why a file is not opened and not touched either.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Somebody else's file.
    Foreign,
    /// Another version's file.
    Version(u32),
    /// Trouble of the disk.
    Trouble(Trouble),
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Refusal {
        Refusal::Trouble(trouble)
    }
}

/// Stands between redb and the blocks in tests.
pub(super) type Wrap = Box<dyn Fn(Blocks) -> Box<dyn Backend> + Send + Sync>;

/// A backend whose type is not known; redb wants a sized one.
pub(super) trait Backend: StorageBackend {}
impl<T: StorageBackend> Backend for T {}

/// The database of one file.
pub(super) struct Disk {
    path: PathBuf,
    wrap: Option<Wrap>,
    damage: Damage,
    /// Open for reading only: the disk takes no writes.
    frozen: AtomicBool,
    database: RwLock<Option<Database>>,
    sizes: Mutex<Sizes>,
}

impl Disk {
    /// Opens a file, or makes it. A damaged one is set aside, a foreign one left alone.
    pub fn open(path: &Path) -> Result<Disk, Refusal> {
        Disk::wrapped(path, None)
    }

    pub fn wrapped(path: &Path, wrap: Option<Wrap>) -> Result<Disk, Refusal> {
        let disk = Disk {
            path: path.to_owned(),
            wrap,
            damage: Damage::default(),
            frozen: AtomicBool::new(false),
            database: RwLock::new(None),
            sizes: Mutex::default(),
        };
        match disk.load() {
            Err(Refusal::Trouble(Trouble::Damaged(text))) => disk.set_aside(&text)?,
            other => *disk.slot() = Some(other?),
        }
        Ok(disk)
    }

    /// Damage was found in the file that is open now.
    pub fn is_damaged(&self) -> bool {
        self.damage.load(Ordering::SeqCst)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What lies in the file, by space.
    pub fn sizes(&self) -> MutexGuard<'_, Sizes> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the database, behind the fence.
    pub fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, Trouble> {
        let slot = self.database.read().unwrap_or_else(PoisonError::into_inner);
        match slot.as_ref() {
            Some(database) => self.fenced(|| work(database)),
            None => Err(Trouble::Failed("it is closed after an earlier error".to_owned())),
        }
    }

    /// Writes a batch in one commit, on disk when this returns.
    pub fn write(&self, batch: &Batch) -> Result<Sizes, Trouble> {
        if self.frozen.load(Ordering::SeqCst) {
            self.reopen()?;
        }
        let before = self.sizes().clone();
        self.with(|database| tables::write(database, batch, &before))
    }

    /// Closes the database and opens it again: the only way on after a failed write. If that cannot be, it is opened to be
    /// read at least.
    pub fn reopen(&self) -> Result<(), Trouble> {
        let mut slot = self.slot();
        shut(slot.take());
        let trouble = match self.load() {
            Ok(database) => {
                *slot = Some(database);
                return Ok(());
            }
            Err(Refusal::Trouble(trouble)) => trouble,
            Err(Refusal::Foreign | Refusal::Version(_)) => Trouble::Failed("another file lies in its place".to_owned()),
        };
        if !matches!(trouble, Trouble::Damaged(_)) {
            *slot = self.freeze();
        }
        Err(trouble)
    }

    /// Moves the damaged file away, says so, and begins a fresh one.
    pub fn set_aside(&self, why: &str) -> Result<(), Trouble> {
        let mut slot = self.slot();
        shut(slot.take());
        let aside = self.free_name();
        match fs::rename(&self.path, &aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        tracing::error!(
            "the store's file {} is damaged ({why}): it was set aside as {}, going on with a fresh one; what was not on disk yet is kept",
            self.path.display(),
            aside.display()
        );
        *self.sizes() = Sizes::default();
        match self.load() {
            Ok(database) => *slot = Some(database),
            Err(Refusal::Trouble(trouble)) => return Err(trouble),
            Err(_) => return Err(Trouble::Failed("another file took its place".to_owned())),
        }
        Ok(())
    }

    /// Puts a copy in the file's place; everybody who reads goes on with it.
    pub fn replace(&self, fresh: &Path, database: Database) -> Result<(), Trouble> {
        let mut slot = self.slot();
        fs::rename(fresh, &self.path)?;
        let old = slot.replace(database);
        drop(slot);
        // The old file has no name any more, and closing it writes to it.
        shut(old);
        sync_folder(&self.path);
        Ok(())
    }

    /// Makes a fresh database in a file.
    pub fn create(&self, path: &Path) -> Result<Database, Trouble> {
        let file = options().create(true).open(path)?;
        let blocks = Blocks::create(file, self.damage.clone())?;
        self.fenced(|| {
            let database = self.database(blocks)?;
            tables::found(&database)?;
            Ok(database)
        })
    }

    fn slot(&self) -> RwLockWriteGuard<'_, Option<Database>> {
        self.database.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&self) -> Result<Database, Refusal> {
        self.damage.store(false, Ordering::SeqCst);
        self.frozen.store(false, Ordering::SeqCst);
        let database = match options().open(&self.path) {
            Ok(file) => self.existing(file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.fresh()?,
            Err(error) => return Err(Trouble::from(error).into()),
        };
        *self.sizes() = self.fenced(|| tables::sizes(&database))?;
        Ok(database)
    }

    fn freeze(&self) -> Option<Database> {
        let file = options().open(&self.path).ok()?;
        let blocks = Blocks::open_to_read(file, self.damage.clone()).ok()?;
        let database = self.fenced(|| Ok(builder().create_with_backend(blocks)?)).ok()?;
        self.frozen.store(true, Ordering::SeqCst);
        Some(database)
    }

    fn existing(&self, file: File) -> Result<Database, Refusal> {
        let blocks = Blocks::open_to_write(file, self.damage.clone()).map_err(|unusable| match unusable {
            Unusable::Foreign => Refusal::Foreign,
            Unusable::Version(version) => Refusal::Version(version),
            Unusable::Damaged => {
                self.damage.store(true, Ordering::SeqCst);
                Trouble::Damaged("its head is damaged".to_owned()).into()
            }
            Unusable::Io(error) => Trouble::from(error).into(),
        })?;
        Ok(self.fenced(|| self.database(blocks))?)
    }

    /// Under another name at first, so that a half-made file never lies in the place of a whole one.
    fn fresh(&self) -> Result<Database, Trouble> {
        let new = self.path.with_extension("redb.new");
        let database = self.create(&new)?;
        fs::rename(&new, &self.path)?;
        sync_folder(&self.path);
        Ok(database)
    }

    fn database(&self, blocks: Blocks) -> Result<Database, redb::Error> {
        Ok(match &self.wrap {
            Some(wrap) => builder().create_with_backend(Boxed(wrap(blocks)))?,
            None => builder().create_with_backend(blocks)?,
        })
    }

    fn free_name(&self) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let time = jiff::Timestamp::now().strftime("%Y-%m-%dT%H%M%SZ");
        let names = (1..).map(|n| match n {
            1 => self.path.with_file_name(format!("{name}.damaged-{time}")),
            n => self.path.with_file_name(format!("{name}.damaged-{time}-{n}")),
        });
        names.into_iter().find(|p| !p.exists()).unwrap_or_else(|| self.path.clone())
    }

    fn fenced<T>(&self, work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, Trouble> {
        let result = match catch_unwind(AssertUnwindSafe(work)) {
            Ok(result) => result.map_err(Trouble::from),
            Err(panic) => {
                self.damage.store(true, Ordering::SeqCst);
                let text = panic.downcast_ref::<&str>().map(|t| (*t).to_owned());
                let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
                Err(Trouble::Damaged(text.unwrap_or_else(|| "damaged page".to_owned())))
            }
        };
        match result {
            // After the first error redb gives another one for everything that follows.
            Err(Trouble::Failed(text)) if self.is_damaged() => Err(Trouble::Damaged(text)),
            Err(Trouble::Damaged(text)) => {
                self.damage.store(true, Ordering::SeqCst);
                Err(Trouble::Damaged(text))
            }
            result => result,
        }
    }
}

/// A damaged database may panic while it closes.
fn shut(database: Option<Database>) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE);
    builder
}

fn options() -> fs::OpenOptions {
    let mut options = File::options();
    options.read(true).write(true).mode(0o600);
    options
}

fn sync_folder(path: &Path) {
    if let Some(Ok(folder)) = path.parent().map(File::open) {
        let _ = folder.sync_all();
    }
}

#[derive(Debug)]
struct Boxed(Box<dyn Backend>);

impl StorageBackend for Boxed {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.0.set_len(len)
    }
    fn sync_data(&self) -> Result<(), io::Error> {
        self.0.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.0.write(offset, data)
    }
    fn close(&self) -> Result<(), io::Error> {
        self.0.close()
    }
}
