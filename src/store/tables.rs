//! The tables of one file: rows, their expiries and the heads of lists for each space, and a table about them all.
//! Each function is one transaction; none knows a clock, a lock or what waits to be written.

use super::entry::Position;
use super::front::Batch;
use super::place::{self, Lies, Place, Row};
use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata, Table, TableDefinition, TableError, TableHandle,
    WriteTransaction,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

type Definition<'n> = TableDefinition<'n, &'static [u8], &'static [u8]>;
type Reading = redb::ReadOnlyTable<&'static [u8], &'static [u8]>;
type Bounds<'b> = (Bound<&'b [u8]>, Bound<&'b [u8]>);

/// Greatest position under `last`, sizes under `size SPACE`.
const META: TableDefinition<'_, &str, (u64, u64, u64)> = TableDefinition::new("meta");

/// What one row costs beyond its bytes: its place in a page that is two thirds full.
const AROUND: u64 = 16;

/// What lies in one space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub entries: u64,
    /// Bytes of names and contents.
    pub bytes: u64,
    /// Bytes on disk, about.
    pub cost: u64,
}

/// What lies in a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Sizes {
    pub last: Position,
    pub spaces: BTreeMap<String, Size>,
}

impl Sizes {
    /// Bytes on disk, about.
    pub fn cost(&self) -> u64 {
        self.spaces.values().map(|s| s.cost).sum()
    }
}

/// Rows as they are read, and whether there are no more.
pub(super) type Rows = (Vec<(Place, u64, Row)>, bool);

impl Size {
    fn gains(&mut self, place: &[u8], row: &[u8]) {
        let (bytes, cost) = weigh(place, row);
        self.entries += 1;
        self.bytes += bytes;
        self.cost += cost;
    }

    fn loses(&mut self, place: &[u8], row: &[u8]) {
        let (bytes, cost) = weigh(place, row);
        self.entries = self.entries.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.cost = self.cost.saturating_sub(cost);
    }
}

fn weigh(place: &[u8], row: &[u8]) -> (u64, u64) {
    let (place_len, row_len) = (place.len() as u64, row.len() as u64);
    let indexed = place::expiry(row).map_or(0, |_| place_len + 8 + AROUND);
    (place_len + row_len, (place_len + row_len + AROUND + indexed) * 3 / 2)
}

/// Makes a fresh file whole.
pub(super) fn found(database: &Database) -> Result<(), redb::Error> {
    let mut writer = database.begin_write()?;
    writer.set_quick_repair(true);
    writer.open_table(META)?.insert("last", (0, 0, 0))?;
    Ok(writer.commit()?)
}

/// What lies in the file.
pub(super) fn sizes(database: &Database) -> Result<Sizes, redb::Error> {
    let mut sizes = Sizes::default();
    let table = database.begin_read()?.open_table(META)?;
    for row in table.iter()? {
        let (name, fields) = row?;
        let (entries, bytes, cost) = fields.value();
        match name.value().strip_prefix("size ") {
            Some(space) => drop(sizes.spaces.insert(space.to_owned(), Size { entries, bytes, cost })),
            None => sizes.last = Position { ms: entries, seq: bytes },
        }
    }
    Ok(sizes)
}

fn reading(reader: &ReadTransaction, name: &str) -> Result<Option<Reading>, redb::Error> {
    match reader.open_table(Definition::new(name)) {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn unpacked(bytes: &[u8]) -> Result<(u64, Row), redb::Error> {
    place::unpack(bytes).ok_or_else(|| redb::Error::Corrupted("a row that is none".to_owned()))
}

fn table_of(place: &[u8]) -> String {
    format!("{} {}", if place::is_head(place) { 'h' } else { 'r' }, place::space(place))
}

/// What lies at some places, whether it lives or not.
pub(super) fn get<'p>(database: &Database, places: impl Iterator<Item = &'p Place>) -> Result<Vec<(Place, Lies)>, redb::Error> {
    let reader = database.begin_read()?;
    let mut tables = BTreeMap::new();
    let mut found = Vec::new();
    for place in places {
        let name = table_of(place);
        let table = match tables.get(&name) {
            Some(table) => table,
            None => {
                let table = reading(&reader, &name)?;
                tables.entry(name).or_insert(table)
            }
        };
        let row = table.as_ref().map(|t| t.get(place::within(place))).transpose()?.flatten();
        let row = row.map(|r| unpacked(r.value())).transpose()?;
        found.push((place.clone(), row));
    }
    Ok(found)
}

/// Rows of one space in a range of places, from its beginning or from its end.
pub(super) fn rows(database: &Database, space: &str, range: Bounds<'_>, back: bool, limit: usize) -> Result<Rows, redb::Error> {
    let reader = database.begin_read()?;
    let Some(table) = reading(&reader, &format!("r {space}"))? else {
        return Ok((Vec::new(), true));
    };
    let inner = (inside(space, range.0), inside(space, range.1));
    let mut range = table.range::<&[u8]>(inner)?;
    let mut rows = Vec::new();
    while rows.len() < limit {
        let Some(row) = (if back { range.next_back() } else { range.next() }) else {
            return Ok((rows, true));
        };
        let (key, row) = row?;
        let (until, row) = unpacked(row.value())?;
        rows.push((whole(space, key.value()), until, row));
    }
    Ok((rows, false))
}

/// A bound as it is within a space: one outside of it, such as the end of all its places, bounds nothing there.
fn inside<'b>(space: &str, bound: Bound<&'b [u8]>) -> Bound<&'b [u8]> {
    match bound {
        Bound::Included(place) | Bound::Excluded(place) if place::space(place) != space => Bound::Unbounded,
        bound => bound.map(place::within),
    }
}

fn whole(space: &str, within: &[u8]) -> Place {
    [space.as_bytes(), &[0], within].concat().into()
}

/// Places of lists of a space.
pub(super) fn lists(database: &Database, space: &str, limit: usize) -> Result<Vec<Place>, redb::Error> {
    let reader = database.begin_read()?;
    let Some(table) = reading(&reader, &format!("h {space}"))? else {
        return Ok(Vec::new());
    };
    let heads = table.iter()?.take(limit);
    heads.map(|row| Ok(whole(space, row?.0.value()))).collect()
}

/// Places of one space that have expired.
pub(super) fn expired(database: &Database, space: &str, now: u64, limit: usize) -> Result<Vec<Place>, redb::Error> {
    let reader = database.begin_read()?;
    let Some(table) = reading(&reader, &format!("e {space}"))? else {
        return Ok(Vec::new());
    };
    let end = now.saturating_add(1).to_be_bytes();
    let rows = table.range::<&[u8]>((Bound::Unbounded, Bound::Excluded(&end[..])))?.take(limit);
    rows.map(|row| Ok(whole(space, row?.0.value().get(8..).unwrap_or_default())))
        .collect()
}

/// Writes a batch in one commit, on disk when this returns; gives what lies in the file then.
pub(super) fn write(database: &Database, batch: &Batch, before: &Sizes) -> Result<Sizes, redb::Error> {
    let mut writer = database.begin_write()?;
    writer.set_quick_repair(true);
    let mut sizes = before.clone();
    {
        let mut meta = writer.open_table(META)?;
        for space in &batch.flushed {
            throw_away(&writer, space)?;
            sizes.spaces.remove(space);
            meta.remove(&*format!("size {space}"))?;
        }
        let rows = batch.rows.iter().filter(|(_, cell)| cell.row.is_some());
        let mut touched: BTreeSet<&str> = rows.map(|(place, _)| place::space(place)).collect();
        let known = batch.cleared.iter().chain(batch.rows.keys()).map(|p| place::space(p));
        touched.extend(known.filter(|s| sizes.spaces.contains_key(*s)));
        for space in touched {
            let mut size = sizes.spaces.get(space).copied().unwrap_or_default();
            Spot::open(&writer, space)?.write(batch, space, &mut size)?;
            meta.insert(&*format!("size {space}"), (size.entries, size.bytes, size.cost))?;
            sizes.spaces.insert(space.to_owned(), size);
        }
        if let Some(last) = batch.last {
            meta.insert("last", (last.ms, last.seq, 0))?;
            sizes.last = last;
        }
    }
    writer.commit()?;
    Ok(sizes)
}

/// The tables of one space, to be written.
struct Spot<'t> {
    rows: Table<'t, &'static [u8], &'static [u8]>,
    expiries: Table<'t, &'static [u8], &'static [u8]>,
    heads: Table<'t, &'static [u8], &'static [u8]>,
}

impl<'t> Spot<'t> {
    fn open(writer: &'t WriteTransaction, space: &str) -> Result<Spot<'t>, redb::Error> {
        let open = |kind: char| writer.open_table(Definition::new(&format!("{kind} {space}")));
        Ok(Spot {
            rows: open('r')?,
            expiries: open('e')?,
            heads: open('h')?,
        })
    }

    fn write(&mut self, batch: &Batch, space: &str, size: &mut Size) -> Result<(), redb::Error> {
        let mine = |p: &&Place| place::space(p) == space;
        for stem in batch.cleared.iter().filter(mine) {
            self.clear(stem, size)?;
        }
        let mut beginning = space.as_bytes().to_vec();
        beginning.push(0);
        let from = (Bound::Included(&beginning[..]), Bound::Unbounded);
        let rows = batch.rows.range::<[u8], _>(from);
        for (place, cell) in rows.take_while(|(p, _)| p.starts_with(&beginning)) {
            let row = cell.row.as_ref().map(|row| place::pack(cell.until, row));
            if place::is_head(place) {
                match row {
                    Some(row) => self.heads.insert(place::within(place), &*row)?,
                    None => self.heads.remove(place::within(place))?,
                };
            } else {
                self.put(place::within(place), row.as_deref(), size)?;
            }
        }
        Ok(())
    }

    fn put(&mut self, within: &[u8], row: Option<&[u8]>, size: &mut Size) -> Result<(), redb::Error> {
        let old = match row {
            Some(row) => self.rows.insert(within, row)?,
            None => self.rows.remove(within)?,
        };
        let old = old.map(|o| {
            size.loses(within, o.value());
            place::expiry(o.value())
        });
        if let Some(row) = row {
            size.gains(within, row);
        }
        let (old, new) = (old.flatten(), row.and_then(place::expiry));
        if old != new {
            if let Some(until) = old {
                self.expiries.remove(index(until, within).as_slice())?;
            }
            if let Some(until) = new {
                self.expiries.insert(index(until, within).as_slice(), &[][..])?;
            }
        }
        Ok(())
    }

    /// Removes everything under a stem.
    fn clear(&mut self, stem: &[u8], size: &mut Size) -> Result<(), redb::Error> {
        let stem = place::within(stem);
        let (from, to) = ([stem, &[0]].concat(), [stem, &[2]].concat());
        let range = (Bound::Included(&from[..]), Bound::Excluded(&to[..]));
        let mut gone = Vec::new();
        for row in self.rows.range::<&[u8]>(range)? {
            gone.push(row?.0.value().to_vec());
        }
        for within in gone {
            self.put(&within, None, size)?;
        }
        self.heads.remove(&to[..])?;
        Ok(())
    }
}

/// The key of the expiry of a row: the moment, then the place.
fn index(until: u64, within: &[u8]) -> Vec<u8> {
    [&until.to_be_bytes()[..], within].concat()
}

/// Gives the tables of a space other names; [`drain`] empties them bit by bit.
fn throw_away(writer: &WriteTransaction, space: &str) -> Result<(), redb::Error> {
    let names: BTreeSet<String> = writer.list_tables()?.map(|t| t.name().to_owned()).collect();
    for kind in ['r', 'e', 'h'] {
        let name = format!("{kind} {space}");
        if names.contains(&name) {
            let mut free = (0_u64..).map(|n| format!("x {n} {name}")).filter(|n| !names.contains(n));
            let thrown = free.next().unwrap_or_default();
            writer.rename_table(Definition::new(&name), Definition::new(&thrown))?;
        }
    }
    Ok(())
}

/// Removes some of what was thrown away; true where more is left.
pub(super) fn drain(database: &Database, limit: usize) -> Result<bool, redb::Error> {
    let reader = database.begin_read()?;
    let thrown = reader.list_tables()?.find(|t| t.name().starts_with("x "));
    drop(reader);
    let Some(thrown) = thrown else { return Ok(false) };
    let mut writer = database.begin_write()?;
    writer.set_quick_repair(true);
    let empty = {
        let mut table = writer.open_table(Definition::new(thrown.name()))?;
        for _ in 0..limit {
            if table.pop_first()?.is_none() {
                break;
            }
        }
        table.is_empty()?
    };
    if empty {
        writer.delete_table(Definition::new(thrown.name()))?;
    }
    writer.commit()?;
    Ok(true)
}

/// Copies everything into another file in small commits, as long as nobody wants something else; false where it was given up.
pub(super) fn copy(from: &Database, to: &Database, slice: usize, go_on: &dyn Fn() -> bool) -> Result<bool, redb::Error> {
    let reader = from.begin_read()?;
    let names: Vec<_> = reader.list_tables()?.map(|t| t.name().to_owned()).collect();
    for name in names.iter().filter(|n| !n.starts_with("x ") && *n != "meta") {
        let Some(table) = reading(&reader, name)? else { continue };
        let mut rows = table.iter()?.peekable();
        while rows.peek().is_some() {
            if !go_on() {
                return Ok(false);
            }
            let mut writer = to.begin_write()?;
            writer.set_quick_repair(true);
            {
                let mut table = writer.open_table(Definition::new(name))?;
                for row in rows.by_ref().take(slice) {
                    let (key, value) = row?;
                    table.insert(key.value(), value.value())?;
                }
            }
            writer.commit()?;
        }
    }
    let mut writer = to.begin_write()?;
    writer.set_quick_repair(true);
    {
        let mut meta = writer.open_table(META)?;
        for row in reader.open_table(META)?.iter()? {
            let (key, value) = row?;
            meta.insert(key.value(), value.value())?;
        }
    }
    writer.commit()?;
    Ok(true)
}
