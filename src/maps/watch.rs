//! Maps in use, and the one task that looks after their files. It reads files only; when to read one is decided in `source`.

use super::line::Problem;
use super::source::{Look, Source, Watched};
use arc_swap::{ArcSwap, Guard};
use std::any::Any;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// So many bad lines of one file are named.
const NAMED_PROBLEMS: usize = 20;

/// What a map can hold.
pub trait Content: Default + Send + Sync + 'static {
    /// Reads the text of a map; a line that cannot be read is reported and left out.
    fn read(text: &[u8], problem: &mut dyn FnMut(Problem)) -> Self;

    /// How many entries it has.
    fn len(&self) -> usize;

    /// True without entries.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One list under watch. Reading it takes no lock.
pub struct Map<C: Content> {
    content: ArcSwap<C>,
    file: Option<Mutex<Watched>>,
    notes: Mutex<Vec<String>>,
}

impl<C: Content> Map<C> {
    /// The content of this moment.
    pub fn content(&self) -> Guard<Arc<C>> {
        self.content.load()
    }

    /// What is wrong with the list at present: bad lines, or why its file cannot be read.
    pub fn notes(&self) -> Vec<String> {
        lock(&self.notes).clone()
    }

    /// A list written in the configuration, with the lines (from 1) that cannot be read.
    pub fn inline(lines: &[String]) -> (Map<C>, Vec<Problem>) {
        let mut problems = Vec::new();
        let content = C::read(lines.join("\n").as_bytes(), &mut |p| problems.push(p));
        let map = Map {
            content: ArcSwap::from_pointee(content),
            file: None,
            notes: Mutex::default(),
        };
        (map, problems)
    }

    fn of_file(path: &Path) -> Map<C> {
        Map {
            content: ArcSwap::from_pointee(C::default()),
            file: Some(Mutex::new(Watched::new(path))),
            notes: Mutex::default(),
        }
    }

    /// Takes new content and says what there is to log.
    fn take(&self, path: &Path, bytes: &[u8]) -> Vec<String> {
        let mut notes = Vec::new();
        let mut bad = 0;
        let content = C::read(bytes, &mut |p: Problem| {
            bad += 1;
            if bad <= NAMED_PROBLEMS {
                notes.push(format!("{}:{}: {}; the line is left out", path.display(), p.line, p.reason));
            }
        });
        if bad > NAMED_PROBLEMS {
            notes.push(format!("{}: {} more lines cannot be read", path.display(), bad - NAMED_PROBLEMS));
        }
        if content.is_empty() && !self.content.load().is_empty() {
            notes.push(format!("map file {} is empty now", path.display()));
        }
        tracing::info!(map = %path.display(), entries = content.len(), "map read");
        self.content.store(Arc::new(content));
        notes
    }
}

/// A map whose file is looked after, whatever it holds.
trait Refresh: Any + Send + Sync {
    /// Looks at the file; says whether the content changed, and what there is to log.
    fn refresh(&self, settle: Duration, now: Instant) -> (bool, Vec<String>);
    fn is(&self, path: &Path) -> bool;
}

impl<C: Content> Refresh for Map<C> {
    fn refresh(&self, settle: Duration, now: Instant) -> (bool, Vec<String>) {
        let Some(file) = &self.file else { return (false, Vec::new()) };
        let mut file = lock(file);
        let (changed, notes) = match file.look(settle, now) {
            Look::Same => return (false, Vec::new()),
            Look::New(bytes) => (true, self.take(file.path(), &bytes)),
            Look::Trouble(why) => {
                let left = self.content.load().len();
                let what = if left == 0 {
                    "it counts as empty until it can be read".to_owned()
                } else {
                    format!("its last {left} entries stay in use")
                };
                (false, vec![format!("map file {}: {why}; {what}", file.path().display())])
            }
        };
        lock(&self.notes).clone_from(&notes);
        (changed, notes)
    }

    fn is(&self, path: &Path) -> bool {
        self.file.as_ref().is_some_and(|f| lock(f).path() == path)
    }
}

/// All maps of files, and how often they are looked at. A map nobody uses any more is forgotten.
pub struct Maps {
    watched: Mutex<Vec<Weak<dyn Refresh>>>,
    interval: Duration,
}

impl Default for Maps {
    fn default() -> Maps {
        Maps::new(Duration::from_secs(5))
    }
}

impl Maps {
    /// Maps whose files are looked at in this interval.
    pub fn new(interval: Duration) -> Maps {
        Maps {
            watched: Mutex::default(),
            interval,
        }
    }

    /// The map of a file, read at once; two who ask for the same file share it. A file that is absent counts as empty for now.
    pub fn file<C: Content>(&self, path: &Path) -> Arc<Map<C>> {
        let mut watched = lock(&self.watched);
        for known in watched.iter().filter_map(Weak::upgrade).filter(|m| m.is(path)) {
            let known: Arc<dyn Any + Send + Sync> = known;
            if let Ok(map) = known.downcast::<Map<C>>() {
                return map;
            }
        }
        let map = Arc::new(Map::<C>::of_file(path));
        log(&map.refresh(self.interval, Instant::now()).1);
        watched.retain(|m| m.strong_count() > 0);
        let shared: Arc<dyn Refresh> = map.clone();
        watched.push(Arc::downgrade(&shared));
        map
    }

    /// The map of a source, with the bad lines of an inline one.
    pub fn open<C: Content>(&self, source: &Source) -> (Arc<Map<C>>, Vec<Problem>) {
        match source {
            Source::File(path) => (self.file(path), Vec::new()),
            Source::Inline(lines) => {
                let (map, problems) = Map::inline(lines);
                (Arc::new(map), problems)
            }
        }
    }

    /// Looks at every file now and says how many maps changed. Blocks on the disk.
    pub fn check_now(&self) -> usize {
        let all: Vec<Arc<dyn Refresh>> = {
            let mut watched = lock(&self.watched);
            watched.retain(|m| m.strong_count() > 0);
            watched.iter().filter_map(Weak::upgrade).collect()
        };
        all.iter()
            .map(|map| map.refresh(self.interval, Instant::now()))
            .filter(|(changed, notes)| {
                log(notes);
                *changed
            })
            .count()
    }

    /// Looks at every file in the interval until told to stop: the one task all maps share.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(self.interval)).await.is_some() {
            let maps = Arc::clone(&self);
            // Disks may be slow; the runtime's threads are not for that. A look that panicked has no bearing on the next one.
            let _ = tokio::task::spawn_blocking(move || maps.check_now()).await;
        }
    }
}

fn log(notes: &[String]) {
    for note in notes {
        tracing::warn!("{note}");
    }
}

/// Content behind our locks is valid after any panic: each change is one assignment.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
