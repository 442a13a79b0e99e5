//! The embedded store: two files, history in one and everything else in the other, so that neither slows the other.
//!
//! Every verb is answered from memory at once and on disk within a second; see [`super::shelf`] and [`super::writer`].

use super::budget::{Budget, Role};
use super::disk::{Disk, Refusal};
use super::folder::{Folder, Refused};
use super::pail::Pail;
use super::place::{self, Head, Kind, Place, Row};
use super::shelf::Shelf;
use super::view::{Halt, View};
use super::{Bucket, Caps, Content, Cursor, Entry, Error, Health, Key, Level, Life, Page, Position, Reply, Scale, Space, Store};
use super::{census, counter, counter_bytes, ready};
use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;

/// The space that lies in a file of its own.
const HISTORY: &str = "history";
/// How large the store may grow unless it is told otherwise.
const MAX_SIZE: u64 = 2 << 30;
/// Items that go at once when a list is over its cap; the rest goes with the next ones.
const TRIM: u64 = 1_000;

/// The store in the files of a folder.
pub struct Embedded {
    main: Shelf,
    history: Shelf,
    budget: Arc<Budget>,
    // Last, so that the folder is unlocked after the writers have ended.
    _folders: Vec<Folder>,
}

impl Embedded {
    /// Opens the store of a state folder that this process has locked.
    pub fn open(folder: Folder) -> Result<Embedded, Refused> {
        Embedded::open_in(vec![folder], MAX_SIZE)
    }

    /// Opens it in the last of some folders that stay locked as long as it lives, with a limit of its size on disk, in bytes.
    pub fn open_in(folders: Vec<Folder>, max_size: u64) -> Result<Embedded, Refused> {
        let path = folders.last().map(|f| f.path().to_owned()).unwrap_or_default();
        let open = |name: &str| {
            let path = path.join(name);
            Disk::open(&path).map_err(|refusal| refused(&path, refusal))
        };
        let (main, history) = (open("store.redb")?, open("history.redb")?);
        Ok(Embedded::start(main, history, max_size, folders))
    }

    pub(super) fn start(main: Disk, history: Disk, max_size: u64, folders: Vec<Folder>) -> Embedded {
        let budget = Arc::new(Budget::new(max_size));
        Embedded {
            main: Shelf::start(main, budget.clone(), Role::Main),
            history: Shelf::start(history, budget.clone(), Role::History),
            budget,
            _folders: folders,
        }
    }

    pub(super) fn shelves(&self) -> [&Shelf; 2] {
        [&self.main, &self.history]
    }

    fn shelf(&self, space: &str) -> &Shelf {
        if space == HISTORY { &self.history } else { &self.main }
    }

    /// Does something with each run of things that lie on one shelf.
    fn each<'t, T, R>(
        &self,
        things: &'t [T],
        key: impl Fn(&T) -> &Key,
        mut work: impl FnMut(&Shelf, &'t [T]) -> Result<Vec<R>, Error>,
    ) -> Result<Vec<R>, Error> {
        let mut all = Vec::with_capacity(things.len());
        for run in things.chunk_by(|a, b| (key(a).space() == HISTORY) == (key(b).space() == HISTORY)) {
            if let Some(first) = run.first() {
                all.extend(work(self.shelf(key(first).space()), run)?);
            }
        }
        Ok(all)
    }
}

fn refused(path: &Path, refusal: Refusal) -> Refused {
    let (problem, remedy) = match refusal {
        Refusal::Foreign => (
            "is not a file of torwart".to_owned(),
            "move that file away, or name another folder with store.path or --state".to_owned(),
        ),
        Refusal::Version(version) => (
            format!("was written by another version of torwart (format {version})"),
            "run that version, or move the file away (torwart then starts with an empty store)".to_owned(),
        ),
        Refusal::Trouble(trouble) => (
            format!("does not open: {}", trouble.text()),
            "free space if the disk is full, or move that file away (torwart then starts with an empty store)".to_owned(),
        ),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Refused {
        path: path.parent().unwrap_or(path).to_owned(),
        problem: format!("{name} in it {problem}"),
        remedy,
        holder: None,
    }
}

/// The place of a key's value or bucket.
fn one(key: &Key) -> Place {
    place::place(key, Kind::One)
}

fn pail(found: Option<(u64, Row)>, now: u64) -> Pail {
    match found {
        Some((_, Row::Pail(pail))) => pail,
        _ => Pail::new(now),
    }
}

fn value(found: Option<(u64, Row)>) -> Option<Bytes> {
    match found {
        Some((_, Row::Value(value))) => Some(value),
        _ => None,
    }
}

/// Refuses all of them before the first is touched.
fn room(view: &View<'_>, places: &[Place], until: u64) -> Result<(), Halt> {
    for place in places {
        let known = view.is_tight() && view.get(place)?.is_some();
        view.room(place, known, until)?;
    }
    Ok(())
}

fn push(view: &mut View<'_>, list: &Key, item: &Bytes, caps: Caps) -> Result<Position, Halt> {
    let head = view.head(list)?;
    let excess = (head.count + 1).saturating_sub(caps.items as u64).min(TRIM);
    let gone = view.oldest(list, head.floor, usize::try_from(excess).unwrap_or_default())?;
    let until = caps.life.until(view.now);
    view.room(&one(list), !gone.is_empty(), until)?;
    let position = view.front.position(view.now);
    if caps.items == 0 {
        view.front.clear(&place::stem(list));
        return Ok(position);
    }
    view.set(place::place(list, Kind::Item(position)), until, Row::Value(item.clone()));
    let head = Head {
        count: head.count + 1,
        ..head
    };
    match gone.is_empty() {
        true => view.set_head(list, head),
        false => view.drop_oldest(list, head, gone),
    }
    Ok(position)
}

fn restore(view: &mut View<'_>, entry: &Entry) -> Result<(), Halt> {
    let until = entry.life.until(view.now);
    let (kind, row) = match &entry.content {
        Content::Value(value) => (Kind::One, Row::Value(value.clone())),
        Content::Item(position, item) => (Kind::Item(*position), Row::Value(item.clone())),
        Content::Bucket { level, rate, burst } => {
            let (level, rate, burst, at) = (*level, *rate, *burst, view.now);
            (Kind::One, Row::Pail(Pail { level, at, rate, burst }))
        }
    };
    let place = place::place(&entry.key, kind);
    let lies = view.lies(&place)?;
    let mut head = view.head(&entry.key)?;
    view.room(&place, lies, until)?;
    if let Kind::Item(position) = kind {
        head.count += u64::from(!lies);
        head.floor = head.floor.min(position);
        view.set_head(&entry.key, head);
        view.front.note(position);
    }
    view.set(place, until, row);
    Ok(())
}

impl Store for Embedded {
    fn get_many<'a>(&'a self, keys: &'a [Key]) -> Reply<'a, Vec<Option<Bytes>>> {
        ready(self.each(
            keys,
            |k| k,
            |shelf, keys| {
                let places: Vec<Place> = keys.iter().map(one).collect();
                Ok(shelf.get(&places)?.into_iter().map(value).collect())
            },
        ))
    }

    fn put_many<'a>(&'a self, entries: &'a [(Key, Bytes)], life: Life) -> Reply<'a, ()> {
        let put = self.each(
            entries,
            |(k, _)| k,
            |shelf, entries| {
                let places: Vec<Place> = entries.iter().map(|(key, _)| one(key)).collect();
                shelf.change(|view| {
                    let until = life.until(view.now);
                    room(view, &places, until)?;
                    for (place, (_, value)) in places.iter().zip(entries) {
                        view.set(place.clone(), until, Row::Value(value.clone()));
                    }
                    Ok(Vec::<()>::new())
                })
            },
        );
        ready(put.map(drop))
    }

    fn claim<'a>(&'a self, key: &'a Key, bytes: Bytes, life: Life) -> Reply<'a, Option<Bytes>> {
        let place = one(key);
        ready(self.shelf(key.space()).change(|view| {
            if let Some(stands) = value(view.get(&place)?) {
                return Ok(Some(stands));
            }
            let until = life.until(view.now);
            view.room(&place, false, until)?;
            view.set(place.clone(), until, Row::Value(bytes.clone()));
            Ok(None)
        }))
    }

    fn remove_many<'a>(&'a self, keys: &'a [Key]) -> Reply<'a, ()> {
        let removed = self.each(
            keys,
            |k| k,
            |shelf, keys| {
                shelf.change(|view| {
                    for key in keys {
                        view.room(&one(key), true, u64::MAX)?;
                    }
                    keys.iter().for_each(|key| view.front.clear(&place::stem(key)));
                    Ok(Vec::<()>::new())
                })
            },
        );
        ready(removed.map(drop))
    }

    fn add_many<'a>(&'a self, amounts: &'a [(Key, i64)], life: Life) -> Reply<'a, Vec<i64>> {
        ready(self.each(
            amounts,
            |(k, _)| k,
            |shelf, amounts| {
                let places: Vec<Place> = amounts.iter().map(|(key, _)| one(key)).collect();
                shelf.change(|view| {
                    let until = life.until(view.now);
                    view.want(&places)?;
                    room(view, &places, until)?;
                    let mut sums = Vec::with_capacity(amounts.len());
                    for (place, (_, amount)) in places.iter().zip(amounts) {
                        let sum = counter(value(view.get(place)?).as_ref()).saturating_add(*amount);
                        view.set(place.clone(), until, Row::Value(counter_bytes(sum)));
                        sums.push(sum);
                    }
                    Ok(sums)
                })
            },
        ))
    }

    fn take<'a>(&'a self, buckets: &'a [Bucket], life: Life) -> Reply<'a, Vec<Level>> {
        ready(self.each(
            buckets,
            |b| &b.key,
            |shelf, buckets| {
                let places: Vec<Place> = buckets.iter().map(|b| one(&b.key)).collect();
                shelf.change(|view| {
                    let until = life.until(view.now);
                    view.want(&places)?;
                    room(view, &places, until)?;
                    let mut levels = Vec::with_capacity(buckets.len());
                    for (place, bucket) in places.iter().zip(buckets) {
                        let mut pail = pail(view.get(place)?, view.now);
                        levels.push(pail.take(bucket, view.now));
                        view.set(place.clone(), until, Row::Pail(pail));
                    }
                    Ok(levels)
                })
            },
        ))
    }

    fn scale<'a>(&'a self, scales: &'a [Scale], life: Life) -> Reply<'a, ()> {
        let scaled = self.each(
            scales,
            |s| &s.key,
            |shelf, scales| {
                let places: Vec<Place> = scales.iter().map(|s| one(&s.key)).collect();
                shelf.change(|view| {
                    let until = life.until(view.now);
                    view.want(&places)?;
                    room(view, &places, until)?;
                    for (place, scale) in places.iter().zip(scales) {
                        let mut pail = pail(view.get(place)?, view.now);
                        pail.scale(scale);
                        view.set(place.clone(), until, Row::Pail(pail));
                    }
                    Ok(Vec::<()>::new())
                })
            },
        );
        ready(scaled.map(drop))
    }

    fn push_capped<'a>(&'a self, list: &'a Key, item: Bytes, caps: Caps) -> Reply<'a, Position> {
        ready(self.shelf(list.space()).change(|view| push(view, list, &item, caps)))
    }

    fn newest<'a>(&'a self, list: &'a Key, before: Option<Position>, count: usize) -> Reply<'a, Vec<(Position, Bytes)>> {
        let first = place::place(list, Kind::Item(Position::default()));
        let end = place::place(list, before.map_or(Kind::Head, Kind::Item));
        let found = self.shelf(list.space()).walk(list.space(), (first, end), true, count);
        let item = |(place, _, row): (Place, u64, Row)| match (place::read(&place)?.1, row) {
            (Kind::Item(position), Row::Value(value)) => Some((position, value)),
            _ => None,
        };
        ready(found.map(|found| found.into_iter().filter_map(item).collect()))
    }

    fn page<'a>(&'a self, space: Option<&'a str>, after: Option<&'a Cursor>, count: usize) -> Reply<'a, Page> {
        ready(census::page(&self.shelves(), space, after, count))
    }

    fn look<'a>(&'a self, key: &'a Key) -> Reply<'a, Option<Entry>> {
        let place = one(key);
        let found = self.shelf(key.space()).get(std::slice::from_ref(&place));
        let entry = |(until, row)| place::entry(&place, until, row, super::clock());
        ready(found.map(|found| found.into_iter().next().flatten().and_then(entry)))
    }

    fn restore<'a>(&'a self, entries: &'a [Entry]) -> Reply<'a, ()> {
        Box::pin(async move {
            for entry in entries {
                let shelf = self.shelf(entry.key.space());
                let mut result = shelf.change(|view| restore(view, entry));
                if matches!(result, Err(Error::Full(_))) {
                    // Faster than the disk: who restores may wait for it.
                    self.settle().await?;
                    result = shelf.change(|view| restore(view, entry));
                }
                result?;
            }
            Ok(())
        })
    }

    fn census(&self) -> Reply<'_, Vec<Space>> {
        ready(census::census(&self.shelves()))
    }

    fn flush<'a>(&'a self, space: Option<&'a str>) -> Reply<'a, u64> {
        Box::pin(async move {
            let concerned = self.shelves().into_iter().filter(|shelf| match space {
                Some(space) => std::ptr::eq(*shelf, self.shelf(space)),
                None => true,
            });
            let asked: Vec<_> = concerned.map(|shelf| shelf.flush(space)).collect::<Result<_, _>>()?;
            let mut count = 0;
            for answer in asked {
                count += answer.await.map_err(|_| closing())??;
            }
            Ok(count)
        })
    }

    fn settle(&self) -> Reply<'_, ()> {
        let asked: Result<Vec<_>, _> = self.shelves().into_iter().map(Shelf::settle).collect();
        Box::pin(async move {
            for answer in asked? {
                answer.await.map_err(|_| closing())??;
            }
            Ok(())
        })
    }

    fn health(&self) -> Health {
        let mut health = Health {
            kind: "embedded",
            ..Health::default()
        };
        for shelf in self.shelves() {
            let state = shelf.shared().lock();
            health.waiting += state.front.load().0;
            if let Some(trouble) = &state.trouble {
                health.reason = Some(trouble.text().to_owned());
            }
        }
        if self.budget.full(Role::Main) {
            let limit = self.budget.limit();
            health.reason.get_or_insert(format!("it holds its {limit} (store.max_size)"));
        }
        health.degraded = health.reason.is_some();
        health
    }
}

fn closing() -> Error {
    Error::Temporary("the store is closing".to_owned())
}
