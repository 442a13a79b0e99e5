//! Gives space back: a file that is mostly air is copied into a smaller one, in slices, while nobody writes.
//!
//! redb reuses free pages and cuts off a free end by itself; what remains is the hole that a great removal leaves. Its own
//! `compact` would need the file for itself, so that everybody waits; a copy needs nobody to wait, and is given up as soon as
//! something is to be written.

use super::disk::Trouble;
use super::shelf::Shared;
use super::tables;
use std::fs;

/// Files below this are never too large.
const SMALL: u64 = 64 << 20;
/// Not worth it unless it becomes so many times smaller.
const TIMES: u64 = 4;
/// Rows copied in one commit.
const SLICE: usize = 2_000;

/// Copies the file if that is worth it and nobody writes.
pub(super) fn run(shared: &Shared) -> Result<bool, Trouble> {
    use std::os::unix::fs::MetadataExt;
    let path = shared.disk.path();
    let size = fs::metadata(path).map_or(0, |m| (m.blocks() * 512).min(m.len()));
    let cost = shared.disk.sizes().cost();
    if size < SMALL || size / TIMES < cost {
        return Ok(false);
    }
    let fresh = path.with_extension("redb.new");
    let done = copy(shared, &fresh);
    if !matches!(done, Ok(true)) {
        let _ = fs::remove_file(&fresh);
    }
    let done = done?;
    if done {
        let now = fs::metadata(path).map_or(0, |m| m.len());
        tracing::info!(
            "the store's file {} shrank from {} to {} MiB",
            path.display(),
            size >> 20,
            now >> 20
        );
    }
    Ok(done)
}

/// True where the copy took the file's place.
pub(super) fn copy(shared: &Shared, fresh: &std::path::Path) -> Result<bool, Trouble> {
    let idle = || {
        let state = shared.lock();
        state.front.waiting() == 0 && state.waiters.is_empty() && state.flushes.is_empty() && !state.stop
    };
    let target = shared.disk.create(fresh)?;
    let whole = shared.disk.with(|source| tables::copy(source, &target, SLICE, &idle))?;
    if whole {
        shared.disk.replace(fresh, target)?;
    }
    Ok(whole)
}
