//! The file beneath redb: blocks of 4 KiB, each checked against its checksum whenever it is read from disk.
//!
//! redb trusts its pages once they are written; here a damaged one is an error at first use, before redb sees it.
//! Layout: four blocks of heads, then groups of one block of checksums and up to 1,024 blocks of data. redb overwrites only
//! its first block in place: that one lives in the heads, written in turn to one pair and the other, so that neither a torn
//! write nor one damaged byte costs it. All other blocks are written before the head that leads to them, after their
//! checksums. Knows nothing of rows.

use redb::{BackendError, StorageBackend};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const BLOCK: usize = 4096;
const BLOCK_LEN: u64 = 4096;
const HEADS: u64 = 4;
/// Blocks of data behind one block of checksums.
const GROUP: u64 = 1024;
const MAGIC: &[u8; 16] = b"torwart's store\n";
/// Of the format of the file and of the rows in it.
const VERSION: u32 = 2;
/// redb's first block is that long at most; the rest of it is zero.
const IMAGE: usize = 1024;
const FIELDS: usize = 16 + 4 + 4 + 8 + 8;

/// Set as soon as a block is found damaged; shared with whoever looks after the file.
pub(super) type Damage = Arc<AtomicBool>;

/// Why a file cannot be used.
#[derive(Debug)]
pub(super) enum Unusable {
    /// Not one of ours.
    Foreign,
    /// Written by another version of torwart.
    Version(u32),
    /// Ours, but damaged.
    Damaged,
    /// The disk failed.
    Io(io::Error),
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Unusable {
        Unusable::Io(error)
    }
}

/// A file of checked blocks.
#[derive(Debug)]
pub(super) struct Blocks {
    file: File,
    /// Where writes go instead of the file, if they are only for reading's sake.
    overlay: Option<Mutex<HashMap<u64, Vec<u8>>>>,
    state: Mutex<State>,
    damage: Damage,
}

#[derive(Debug)]
struct State {
    /// As redb sees it.
    len: u64,
    image: Box<[u8]>,
    sequence: u64,
    head_dirty: bool,
    groups: Vec<Option<Group>>,
}

#[derive(Debug)]
struct Group {
    sums: Vec<u32>,
    dirty: bool,
}

impl Blocks {
    /// A new file in place of whatever this one holds.
    pub fn create(file: File, damage: Damage) -> io::Result<Blocks> {
        file.set_len(0)?;
        let state = State {
            len: 0,
            image: vec![0; IMAGE].into(),
            sequence: 0,
            head_dirty: false,
            groups: Vec::new(),
        };
        Ok(Blocks::with(file, state, damage))
    }

    /// The blocks of a file that was written before, to be read while the disk takes no writes: redb's go to memory.
    pub fn open_to_read(file: File, damage: Damage) -> Result<Blocks, Unusable> {
        let state = recognise(&file)?;
        let overlay = Some(Mutex::default());
        Ok(Blocks {
            overlay,
            ..Blocks::with(file, state, damage)
        })
    }

    /// The same for writing: the file gets the length it should have.
    pub fn open_to_write(file: File, damage: Damage) -> Result<Blocks, Unusable> {
        let state = recognise(&file)?;
        let length = physical(state.len);
        if file.metadata()?.len() != length {
            file.set_len(length)?;
        }
        Ok(Blocks::with(file, state, damage))
    }

    fn with(file: File, state: State, damage: Damage) -> Blocks {
        let state = Mutex::new(state);
        Blocks {
            file,
            overlay: None,
            state,
            damage,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn damaged(&self, block: u64) -> io::Error {
        self.damage.store(true, Ordering::SeqCst);
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("block {block} is damaged, at byte {}", offset_of(block)),
        )
    }

    /// Reads and checks one whole block.
    fn read_block(&self, block: u64, out: &mut [u8]) -> io::Result<()> {
        if let Some(overlay) = &self.overlay {
            let overlay = overlay.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(written) = overlay.get(&block) {
                out.copy_from_slice(written.get(..out.len()).ok_or_else(beyond)?);
                return Ok(());
            }
        }
        let expected = self.lock().sum(&self.file, block)?;
        self.file.read_exact_at(out, offset_of(block))?;
        let right = match expected {
            0 => out.iter().all(|b| *b == 0),
            sum => sum == checksum(block, out),
        };
        if right { Ok(()) } else { Err(self.damaged(block)) }
    }
}

impl State {
    fn group(&mut self, file: &File, block: u64) -> io::Result<(&mut Group, usize)> {
        let index = usize::try_from((block - 1) / GROUP).map_err(io::Error::other)?;
        let within = usize::try_from((block - 1) % GROUP).map_err(io::Error::other)?;
        if self.groups.len() <= index {
            self.groups.resize_with(index + 1, || None);
        }
        let slot = self.groups.get_mut(index).ok_or(io::ErrorKind::InvalidInput)?;
        let group = match slot {
            Some(group) => group,
            None => {
                let mut bytes = vec![0; BLOCK];
                file.read_exact_at(&mut bytes, group_offset(index as u64))?;
                let sums = bytes.chunks_exact(4).filter_map(|c| c.try_into().ok()).map(u32::from_le_bytes);
                slot.insert(Group {
                    sums: sums.collect(),
                    dirty: false,
                })
            }
        };
        Ok((group, within))
    }

    fn sum(&mut self, file: &File, block: u64) -> io::Result<u32> {
        let (group, within) = self.group(file, block)?;
        Ok(group.sums.get(within).copied().unwrap_or_default())
    }

    fn set_sum(&mut self, file: &File, block: u64, sum: u32) -> io::Result<()> {
        let (group, within) = self.group(file, block)?;
        group.dirty = true;
        if let Some(slot) = group.sums.get_mut(within) {
            *slot = sum;
        }
        Ok(())
    }

    /// What must be on disk before everything written so far counts: positions and bytes, the head last.
    fn unwritten(&mut self) -> Vec<(u64, Vec<u8>)> {
        let mut writes = Vec::new();
        for (index, group) in self.groups.iter_mut().enumerate() {
            if let Some(group) = group.as_mut().filter(|g| g.dirty) {
                group.dirty = false;
                let bytes = group.sums.iter().flat_map(|s| s.to_le_bytes()).collect();
                writes.push((group_offset(index as u64), bytes));
            }
        }
        if std::mem::take(&mut self.head_dirty) {
            self.sequence += 1;
            let pair = self.sequence % 2 * 2;
            for copy in [pair, pair + 1] {
                writes.push((copy * BLOCK_LEN, self.head()));
            }
        }
        writes
    }

    fn head(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BLOCK);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.sequence.to_le_bytes());
        bytes.extend_from_slice(&self.len.to_le_bytes());
        bytes.extend_from_slice(&self.image);
        let sum = head_sum(&bytes);
        if let Some(field) = bytes.get_mut(20..24) {
            field.copy_from_slice(&sum.to_le_bytes());
        }
        bytes
    }
}

/// Reads the heads of a file.
fn recognise(file: &File) -> Result<State, Unusable> {
    let mut first = [0; 6];
    if file.read_exact_at(&mut first, 0).is_ok() && first == *b"redb\x1a\n" {
        // The first version wrote plain redb files.
        return Err(Unusable::Version(1));
    }
    let mut best: Option<State> = None;
    let mut versions = Vec::new();
    for copy in 0..HEADS {
        let mut bytes = vec![0; FIELDS + IMAGE];
        match file.read_exact_at(&mut bytes, copy * BLOCK_LEN) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => continue,
            Err(error) => return Err(error.into()),
        }
        if !bytes.starts_with(MAGIC) {
            continue;
        }
        let number = |from: usize| bytes.get(from..).and_then(|b| b.first_chunk::<8>()).map(|b| u64::from_le_bytes(*b));
        let word = |from: usize| bytes.get(from..).and_then(|b| b.first_chunk::<4>()).map(|b| u32::from_le_bytes(*b));
        let version = word(16).unwrap_or_default();
        versions.push(version);
        let (sequence, len) = (number(24).unwrap_or_default(), number(32).unwrap_or_default());
        let right = version == VERSION && word(20) == Some(head_sum(&bytes));
        if right && best.as_ref().is_none_or(|b| b.sequence < sequence) {
            best = Some(State {
                len,
                image: bytes.get(FIELDS..).unwrap_or_default().into(),
                sequence,
                head_dirty: false,
                groups: Vec::new(),
            });
        }
    }
    let other = versions
        .iter()
        .find(|v| **v != VERSION && versions.iter().filter(|w| w == v).count() > 1);
    match (best, other, versions.is_empty()) {
        (Some(state), _, _) => Ok(state),
        (None, Some(version), _) => Err(Unusable::Version(*version)),
        (None, None, true) => Err(Unusable::Foreign),
        (None, None, false) => Err(Unusable::Damaged),
    }
}

fn head_sum(bytes: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(bytes.get(..20).unwrap_or_default());
    sum.update(bytes.get(24..).unwrap_or_default());
    sum.sum()
}

/// Never 0, which stands for a block that was never written.
fn checksum(block: u64, data: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    // A block in another's place is damage too.
    sum.update(&block.to_le_bytes());
    sum.update(data);
    sum.sum().max(1)
}

fn group_offset(group: u64) -> u64 {
    (HEADS + group * (GROUP + 1)) * BLOCK_LEN
}

/// Where a block of redb lies in the file; the first one lives in the heads.
fn offset_of(block: u64) -> u64 {
    let data = block.saturating_sub(1);
    group_offset(data / GROUP) + (1 + data % GROUP) * BLOCK_LEN
}

/// The length of the file for a length that redb sees.
fn physical(len: u64) -> u64 {
    match len.div_ceil(BLOCK_LEN) {
        0 | 1 => HEADS * BLOCK_LEN,
        blocks => offset_of(blocks - 1) + BLOCK_LEN,
    }
}

/// The pieces of a range: block, start within it, length.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let (mut at, mut left) = (offset, len);
    std::iter::from_fn(move || {
        let start = usize::try_from(at % BLOCK_LEN).ok()?;
        let some = left.min(BLOCK - start);
        let piece = (at / BLOCK_LEN, start, some);
        at += some as u64;
        left -= some;
        (some > 0).then_some(piece)
    })
}

fn beyond() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "beyond the end of the file")
}

impl StorageBackend for Blocks {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.lock().len)
    }

    fn read(&self, offset: u64, mut out: &mut [u8]) -> Result<(), io::Error> {
        if offset.saturating_add(out.len() as u64) > self.lock().len {
            return Err(beyond());
        }
        for (block, start, some) in pieces(offset, out.len()) {
            let (piece, rest) = out.split_at_mut_checked(some).ok_or_else(beyond)?;
            out = rest;
            if block == 0 {
                let state = self.lock();
                let bytes = state.image.iter().copied().chain(std::iter::repeat(0)).skip(start);
                piece.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
            } else if some == BLOCK {
                self.read_block(block, piece)?;
            } else {
                let mut whole = vec![0; BLOCK];
                self.read_block(block, &mut whole)?;
                piece.copy_from_slice(whole.get(start..start + some).ok_or_else(beyond)?);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        let mut state = self.lock();
        let old = std::mem::replace(&mut state.len, len);
        state.head_dirty = true;
        if self.overlay.is_some() {
            return Ok(());
        }
        if len < old {
            let (first, last) = (len.div_ceil(BLOCK_LEN).max(1), old.div_ceil(BLOCK_LEN));
            for block in first..last {
                state.set_sum(&self.file, block, 0)?;
            }
            let groups = usize::try_from((first - 1).div_ceil(GROUP)).map_err(io::Error::other)?;
            state.groups.truncate(groups);
        }
        self.file.set_len(physical(len))
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        if self.overlay.is_some() {
            return Ok(());
        }
        let writes = self.lock().unwritten();
        for (offset, bytes) in writes {
            self.file.write_all_at(&bytes, offset)?;
        }
        self.file.sync_data()
    }

    fn write(&self, offset: u64, mut data: &[u8]) -> Result<(), io::Error> {
        for (block, start, some) in pieces(offset, data.len()) {
            let (piece, rest) = data.split_at_checked(some).ok_or_else(beyond)?;
            data = rest;
            if block == 0 {
                let mut state = self.lock();
                state.head_dirty = true;
                let kept = piece.iter().take(IMAGE.saturating_sub(start));
                let slots = state.image.iter_mut().skip(start);
                slots.zip(kept).for_each(|(to, from)| *to = *from);
                continue;
            }
            let mut whole = Vec::new();
            let bytes = if some == BLOCK {
                piece
            } else {
                whole.resize(BLOCK, 0);
                self.read_block(block, &mut whole)?;
                let part = whole.get_mut(start..start + some).ok_or_else(beyond)?;
                part.copy_from_slice(piece);
                &whole
            };
            if let Some(overlay) = &self.overlay {
                let mut overlay = overlay.lock().unwrap_or_else(PoisonError::into_inner);
                overlay.insert(block, bytes.to_vec());
                continue;
            }
            self.file.write_all_at(bytes, offset_of(block))?;
            self.lock().set_sum(&self.file, block, checksum(block, bytes))?;
        }
        Ok(())
    }

    // The state folder's lock keeps other processes out; within this one there is one handle.
    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
