//! The file of the embedded store: redb behind a fence. The only file that names redb's types.
//!
//! A damaged page makes redb panic when it is read, and after one failed write it refuses everything until it is opened
//! anew: both end here, as a [`Trouble`] that the caller survives.

use super::front::{Batch, Push};
use bytes::Bytes;
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, RwLock};

const VALUES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("values");
const LISTS: TableDefinition<'_, (&[u8], u64), &[u8]> = TableDefinition::new("lists");
const EXPIRY: TableDefinition<'_, (u64, &[u8]), ()> = TableDefinition::new("expiry");

/// Memory redb may use for pages.
const CACHE: usize = 64 << 20;
/// Items removed from one list in one commit at most.
const TRIM: u64 = 10_000;

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

impl From<redb::Error> for Trouble {
    fn from(error: redb::Error) -> Trouble {
        match error {
            redb::Error::Io(ref io) if super::folder::is_full(io) => Trouble::Full(io.to_string()),
            redb::Error::Corrupted(text) => Trouble::Damaged(text),
            other => Trouble::Failed(other.to_string()),
        }
    }
}

type Opener = Box<dyn Fn() -> Result<Database, DatabaseError> + Send + Sync>;

/// The database, opened anew after trouble.
pub(super) struct Disk {
    opener: Opener,
    database: RwLock<Option<Database>>,
}

/// Opens a database in a file with this room's settings; a file of another kind is refused, never overwritten.
pub(super) fn open_file(path: &std::path::Path) -> Result<Database, DatabaseError> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|e| DatabaseError::Storage(StorageError::Io(e)))?;
    let backend = redb::backends::FileBackend::new(file)?;
    Database::builder().set_cache_size(CACHE).create_with_backend(backend)
}

impl Disk {
    /// Opens the database, and again through the same opener after trouble.
    pub fn open(opener: Opener) -> Result<Disk, DatabaseError> {
        let database = fenced(|| opener().map_err(redb::Error::from)).map_err(|trouble| match trouble {
            Trouble::Damaged(text) => DatabaseError::Storage(StorageError::Corrupted(text)),
            other => DatabaseError::Storage(StorageError::Io(std::io::Error::other(other.text().to_owned()))),
        })?;
        Ok(Disk {
            opener,
            database: RwLock::new(Some(database)),
        })
    }

    /// The value under a key with its expiry.
    pub fn get(&self, key: &[u8]) -> Result<Option<(u64, Bytes)>, Trouble> {
        self.with(|database| {
            let reader = database.begin_read()?;
            let table = match reader.open_table(VALUES) {
                Ok(table) => table,
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            Ok(table.get(key)?.and_then(|row| unpack(row.value())))
        })
    }

    /// The newest living items of a list, newest first.
    pub fn newest(&self, list: &[u8], count: usize, now: u64) -> Result<Vec<Bytes>, Trouble> {
        self.with(|database| {
            let reader = database.begin_read()?;
            let table = match reader.open_table(LISTS) {
                Ok(table) => table,
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
                Err(error) => return Err(error.into()),
            };
            let mut items = Vec::new();
            for row in table.range((list, 0)..=(list, u64::MAX))?.rev() {
                if items.len() == count {
                    break;
                }
                if let Some((until, item)) = unpack(row?.1.value())
                    && until > now
                {
                    items.push(item);
                }
            }
            Ok(items)
        })
    }

    /// Writes a batch in one commit, on disk when this returns.
    pub fn write(&self, batch: &Batch) -> Result<(), Trouble> {
        self.with(|database| {
            let mut writer = database.begin_write()?;
            writer.set_quick_repair(true);
            {
                let mut values = writer.open_table(VALUES)?;
                let mut expiry = writer.open_table(EXPIRY)?;
                let mut lists = writer.open_table(LISTS)?;
                for (key, entry) in &batch.values {
                    let row = entry.value.as_ref().map(|v| pack(entry.until, v));
                    let old = match &row {
                        Some(row) => values.insert(&**key, row.as_slice())?,
                        None => values.remove(&**key)?,
                    };
                    let old = old.and_then(|o| expires(o.value()));
                    let new = Some(entry.until).filter(|u| row.is_some() && *u != u64::MAX);
                    if old != new {
                        if let Some(until) = old {
                            expiry.remove((until, &**key))?;
                        }
                        if let Some(until) = new {
                            expiry.insert((until, &**key), ())?;
                        }
                    }
                }
                for list in &batch.cleared {
                    lists.retain_in((&**list, 0)..=(&**list, u64::MAX), |_, _| false)?;
                }
                for push in &batch.pushes {
                    append(&mut lists, push)?;
                }
            }
            writer.commit()?;
            Ok(())
        })
    }

    /// Removes some expired values; true where more may wait.
    pub fn sweep(&self, now: u64, limit: usize) -> Result<bool, Trouble> {
        self.with(|database| {
            let mut gone: Vec<(u64, Vec<u8>)> = Vec::new();
            {
                let reader = database.begin_read()?;
                let table = match reader.open_table(EXPIRY) {
                    Ok(table) => table,
                    Err(redb::TableError::TableDoesNotExist(_)) => return Ok(false),
                    Err(error) => return Err(error.into()),
                };
                for row in table.range((0, &[][..])..(now, &[][..]))?.take(limit) {
                    let (until, key) = {
                        let row = row?;
                        let (u, k) = row.0.value();
                        (u, k.to_vec())
                    };
                    gone.push((until, key));
                }
            }
            if gone.is_empty() {
                return Ok(false);
            }
            let mut writer = database.begin_write()?;
            writer.set_quick_repair(true);
            {
                let mut values = writer.open_table(VALUES)?;
                let mut expiry = writer.open_table(EXPIRY)?;
                for (until, key) in &gone {
                    expiry.remove((*until, key.as_slice()))?;
                    let stale = values.get(key.as_slice())?.and_then(|o| expires(o.value())) == Some(*until);
                    if stale {
                        values.remove(key.as_slice())?;
                    }
                }
            }
            writer.commit()?;
            Ok(gone.len() == limit)
        })
    }

    /// Closes the database and opens it again: the only way on after a failed write.
    pub fn reopen(&self) -> Result<(), Trouble> {
        let mut slot = self.database.write().unwrap_or_else(PoisonError::into_inner);
        let old = slot.take();
        // A damaged database may panic while it closes.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(old)));
        *slot = Some(fenced(|| (self.opener)().map_err(redb::Error::from))?);
        Ok(())
    }

    fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, Trouble> {
        let slot = self.database.read().unwrap_or_else(PoisonError::into_inner);
        match slot.as_ref() {
            Some(database) => fenced(|| work(database)),
            None => Err(Trouble::Failed("it is closed after an earlier error".to_owned())),
        }
    }
}

fn append(lists: &mut redb::Table<'_, (&'static [u8], u64), &'static [u8]>, push: &Push) -> Result<(), redb::Error> {
    let all = || (&*push.list, 0)..=(&*push.list, u64::MAX);
    let last = lists.range(all())?.next_back().transpose()?.map(|(k, _)| k.value().1);
    let first = lists.range(all())?.next().transpose()?.map(|(k, _)| k.value().1);
    let place = last.map_or(0, |n| n + 1);
    lists.insert((&*push.list, place), pack(push.until, &push.item).as_slice())?;
    let keep_from = (place + 1).saturating_sub(push.cap as u64);
    let from = first.unwrap_or(place);
    for old in from..keep_from.min(from.saturating_add(TRIM)) {
        lists.remove((&*push.list, old))?;
    }
    Ok(())
}

fn fenced<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, Trouble> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(Trouble::from),
        Err(panic) => {
            let text = panic
                .downcast_ref::<&str>()
                .map(|t| (*t).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned());
            Err(Trouble::Damaged(text.unwrap_or_else(|| "damaged page".to_owned())))
        }
    }
}

fn pack(until: u64, value: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(8 + value.len());
    row.extend_from_slice(&until.to_be_bytes());
    row.extend_from_slice(value);
    row
}

fn unpack(row: &[u8]) -> Option<(u64, Bytes)> {
    let (until, value) = row.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*until), Bytes::copy_from_slice(value)))
}

/// The expiry that stands in the index for a row.
fn expires(row: &[u8]) -> Option<u64> {
    unpack(row).map(|(until, _)| until).filter(|u| *u != u64::MAX)
}
