//! Where log lines go and what they look like. One line an event, whatever its text: control characters are escaped.
//!
//! To people `time level room: text key=value`; under the journal with its priority prefix and without time; or one JSON
//! object a line. Targets and levels change on reload; files are opened anew on SIGUSR1.

use arc_swap::ArcSwap;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload;

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard error; with the journal's prefixes where it is the journal.
    Stderr,
    /// A file.
    File(PathBuf),
    /// The system log, with a facility's number.
    Syslog(u8),
    /// The journal, with fields.
    Journal,
}

/// What the configuration and the command line ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where lines go.
    pub target: Target,
    /// The least important level written.
    pub level: LevelFilter,
    /// JSON lines.
    pub json: bool,
    /// Rooms that log everything.
    pub debug: Vec<String>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            target: Target::Stderr,
            level: LevelFilter::INFO,
            json: false,
            debug: Vec::new(),
        }
    }
}

/// The handle to change logging while it runs.
#[derive(Clone)]
pub struct Logging {
    sink: Arc<ArcSwap<Sink>>,
    filter: reload::Handle<Targets, Registry>,
}

impl Logging {
    /// Starts logging for the whole process.
    pub fn start(settings: &Settings) -> Result<Logging, String> {
        let sink = Arc::new(ArcSwap::from_pointee(Sink::open(settings)?));
        let (filter, handle) = reload::Layer::new(targets(settings));
        let subscriber = Registry::default().with(Lines(sink.clone()).with_filter(filter));
        tracing::subscriber::set_global_default(subscriber).map_err(|e| format!("cannot start logging: {e}"))?;
        Ok(Logging { sink, filter: handle })
    }

    /// Opens what new settings name, without using it yet.
    pub fn prepare(&self, settings: &Settings) -> Result<Prepared, String> {
        Ok(Prepared {
            sink: Sink::open(settings)?,
            targets: targets(settings),
        })
    }

    /// Uses what was prepared.
    pub fn apply(&self, prepared: Prepared) {
        self.sink.store(Arc::new(prepared.sink));
        let _ = self.filter.reload(prepared.targets);
    }

    /// Opens the file anew, after somebody moved it away.
    pub fn reopen(&self) -> Result<(), String> {
        let sink = self.sink.load();
        if let Output::File { path, .. } = &sink.output {
            self.sink.store(Arc::new(Sink::file(path, sink.json)?));
        }
        Ok(())
    }
}

/// Logging that can be switched to at once.
pub struct Prepared {
    sink: Sink,
    targets: Targets,
}

fn targets(settings: &Settings) -> Targets {
    let mut targets = Targets::new()
        .with_default(settings.level.min(LevelFilter::WARN))
        .with_target("torwart", settings.level)
        .with_target("task", settings.level);
    for room in &settings.debug {
        targets = targets.with_target(format!("torwart::{}", room.replace('.', "::")), LevelFilter::DEBUG);
    }
    targets
}

enum Output {
    Stderr { journal: bool },
    File { path: PathBuf, file: File },
    Syslog { socket: UnixDatagram, facility: u8 },
    Journal(Box<tracing_journald::Layer>),
}

/// Shared by all threads without a lock: every line is rendered first and goes out in one write.
struct Sink {
    output: Output,
    json: bool,
}

impl Sink {
    fn open(settings: &Settings) -> Result<Sink, String> {
        let output = match &settings.target {
            Target::Stderr => Output::Stderr { journal: is_journal() },
            Target::File(path) => return Sink::file(path, settings.json),
            Target::Syslog(facility) => {
                let socket = UnixDatagram::unbound().and_then(|s| s.connect("/dev/log").map(|()| s));
                Output::Syslog {
                    socket: socket.map_err(|e| format!("cannot reach the system log at /dev/log: {e}; use log.target = \"stderr\""))?,
                    facility: *facility,
                }
            }
            Target::Journal => {
                let layer = tracing_journald::layer().map_err(|e| format!("cannot reach the journal: {e}; use log.target = \"stderr\""))?;
                Output::Journal(Box::new(layer.with_field_prefix(Some("TORWART".to_owned()))))
            }
        };
        Ok(Sink {
            output,
            json: settings.json,
        })
    }

    fn file(path: &Path, json: bool) -> Result<Sink, String> {
        let file = append(path)?;
        let path = path.to_owned();
        let output = Output::File { path, file };
        Ok(Sink { output, json })
    }

    fn write(&self, level: Level, line: &Line) {
        // A log that cannot be written must not stop mail.
        let _ = match &self.output {
            Output::Stderr { journal: true } if !self.json => {
                io::stderr().write_all(format!("<{}>{}\n", severity(level), line.text(false)).as_bytes())
            }
            Output::Stderr { .. } => io::stderr().write_all(line.render(self.json).as_bytes()),
            Output::File { file, .. } => (&*file).write_all(line.render(self.json).as_bytes()),
            Output::Syslog { socket, facility } => {
                let priority = u32::from(*facility) * 8 + severity(level);
                let text = if self.json { line.json() } else { line.text(false) };
                let message = format!("<{priority}>torwart[{}]: {text}", std::process::id());
                socket.send(message.as_bytes()).map(|_| ())
            }
            Output::Journal(_) => Ok(()),
        };
    }
}

fn append(path: &Path) -> Result<File, String> {
    let opened = OpenOptions::new().append(true).create(true).mode(0o640).open(path);
    opened.map_err(|e| format!("cannot write the log file {}: {}", path.display(), super::unix::plain(&e)))
}

/// True where standard error is connected to the journal (`$JOURNAL_STREAM` names its device and inode).
fn is_journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    let found = nix::sys::stat::fstat(io::stderr());
    found.is_ok_and(|s| stream == format!("{}:{}", s.st_dev, s.st_ino))
}

fn severity(level: Level) -> u32 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

struct Lines(Arc<ArcSwap<Sink>>);

impl<S: Subscriber> Layer<S> for Lines
where
    S: for<'l> tracing_subscriber::registry::LookupSpan<'l>,
{
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let sink = self.0.load();
        if let Output::Journal(layer) = &sink.output {
            layer.on_event(event, context);
            return;
        }
        let metadata = event.metadata();
        let mut line = Line::new(*metadata.level(), metadata.target(), sink.json);
        event.record(&mut line);
        sink.write(*metadata.level(), &line);
    }
}

/// One event on its way to text.
struct Line {
    level: Level,
    room: String,
    time: Timestamp,
    message: String,
    /// `None` where nobody would read them: the message line says it all to people.
    fields: Option<Map<String, Value>>,
}

impl Line {
    fn new(level: Level, target: &str, json: bool) -> Line {
        let path = target.strip_prefix("torwart::").unwrap_or(target);
        Line {
            level,
            room: path.split("::").next().unwrap_or(path).to_owned(),
            time: Timestamp::now(),
            message: String::new(),
            fields: (json || target != "task").then(Map::new),
        }
    }

    fn render(&self, json: bool) -> String {
        let mut line = if json { self.json() } else { self.text(true) };
        line.push('\n');
        line
    }

    fn text(&self, time: bool) -> String {
        let mut out = String::with_capacity(self.message.len() + 64);
        if time {
            let level = self.level.as_str().to_ascii_lowercase();
            let _ = write!(out, "{:.3} {level:<5} ", self.time);
        }
        let _ = write!(out, "{}: ", self.room);
        escape_into(&mut out, &self.message);
        for (name, value) in self.fields.iter().flatten() {
            let _ = write!(out, " {name}=");
            match value {
                Value::String(text) => escape_into(&mut out, text),
                other => out.push_str(&other.to_string()),
            }
        }
        out
    }

    fn json(&self) -> String {
        let mut all = Map::new();
        all.insert("time".to_owned(), Value::String(format!("{:.3}", self.time)));
        all.insert("level".to_owned(), Value::String(self.level.as_str().to_ascii_lowercase()));
        all.insert("room".to_owned(), Value::String(self.room.clone()));
        all.insert("message".to_owned(), Value::String(self.message.clone()));
        all.extend(self.fields.iter().flatten().map(|(k, v)| (k.clone(), v.clone())));
        Value::Object(all).to_string()
    }

    fn set(&mut self, field: &Field, value: impl FnOnce() -> Value) {
        if let Some(fields) = &mut self.fields {
            fields.insert(field.name().to_owned(), value());
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            _ => self.set(field, || Value::String(format!("{value:?}"))),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message = value.to_owned(),
            _ => self.set(field, || Value::String(value.to_owned())),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, || Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, || Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, || Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, || Value::from(value));
    }
}

fn escape_into(out: &mut String, text: &str) {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return out.push_str(text);
    }
    for c in text.chars() {
        match c {
            '\t' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(settings: &Settings, work: impl FnOnce()) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let settings = Settings {
            target: Target::File(path.clone()),
            ..settings.clone()
        };
        let sink = Arc::new(ArcSwap::from_pointee(Sink::open(&settings).unwrap()));
        let subscriber = Registry::default().with(Lines(sink).with_filter(targets(&settings)));
        tracing::subscriber::with_default(subscriber, work);
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn one_event_is_one_line_whatever_it_says() {
        let text = logged(&Settings::default(), || {
            tracing::info!(peer = "1.2.3.4\nfake: line", n = 3, "hostile\r\n2026 info  task: id: <x>\u{1b}[0m");
            tracing::debug!("not shown");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(" info  daemon: hostile\\r\\n2026"), "{text}");
        assert!(text.trim_end().ends_with("peer=1.2.3.4\\nfake: line n=3"), "{text}");
    }

    #[test]
    fn json_keeps_the_fields_and_debug_opens_one_room() {
        let settings = Settings {
            json: true,
            debug: vec!["milter".to_owned()],
            ..Settings::default()
        };
        let text = logged(&settings, || {
            tracing::info!(target: "task", score = 7.9, qid = "A", "id: <x>");
            tracing::debug!(target: "torwart::milter::session", "seen");
            tracing::debug!(target: "torwart::http", "not seen");
            tracing::info!(target: "hyper", "not seen");
        });
        let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(
            (&lines[0]["room"], &lines[0]["score"], &lines[0]["message"]),
            (&"task".into(), &7.9.into(), &"id: <x>".into())
        );
        assert_eq!(lines[1]["room"], "milter");
    }
}
