//! `.include`: which files are meant, in what way they are brought in, and the bounds that hold. Files are read by the caller's
//! [`super::Includes`].

use std::rc::Rc;
use std::sync::Arc;

use super::Fed;
use super::files::{Opened, Trouble};
use super::macros::{Call, each};
use super::parser::Parser;
use super::stack::{Frame, Halt};
use super::text::Text;
use super::tree::{Id, Keys, Kind, Strategy};
use crate::base::suggest;
use std::path::Path;

use crate::config::report::Diagnostic;
use crate::config::value::{Node, Place, Source};

/// Files that one pattern may match.
const MOST_MATCHES: usize = 1_000;

/// What an `.include` asks for.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// A missing file is no error.
    soft: bool,
    signed: bool,
    glob: bool,
    url: bool,
    prefix: bool,
    priority: u8,
    strategy: Strategy,
    key: Option<String>,
    list: bool,
    folders: Vec<String>,
}

/// A macro that brings files in, as it was written and as it was understood.
pub(super) struct Inclusion {
    pub call: Call,
    pub order: Order,
}

const BOOLEANS: [&str; 5] = ["try", "sign", "glob", "url", "prefix"];
const TEXTS: [&str; 3] = ["key", "target", "duplicate"];
const OTHERS: [&str; 2] = ["priority", "path"];

impl Order {
    /// Reads the arguments: by the beginning of their names, as the peer does; it warns of those that mean nothing.
    pub fn read(parser: &mut Parser<'_>, call: &Call) -> Order {
        let mut order = Order {
            soft: call.name == "try_include",
            signed: call.name == "includes",
            ..Order::default()
        };
        for entry in &call.arguments {
            for value in each(&entry.value) {
                if !order.take(parser, call, &entry.key, &value.node) {
                    Order::remark(parser, &entry.key, &value.node, &entry.key_place);
                }
            }
        }
        order
    }

    fn take(&mut self, parser: &mut Parser<'_>, call: &Call, key: &str, node: &Node) -> bool {
        let named = |names: &[&'static str]| names.iter().copied().find(|name| name.starts_with(key));
        match node {
            Node::Bool(yes) => match named(&BOOLEANS) {
                Some("try") => self.soft = *yes,
                Some("sign") => self.signed = *yes,
                Some("glob") => self.glob = *yes,
                Some("url") => self.url = *yes,
                Some("prefix") => self.prefix = *yes,
                _ => return false,
            },
            Node::Text(text) => match named(&TEXTS) {
                Some("key") => self.key = Some(text.clone()),
                Some("target") => self.list = text.eq_ignore_ascii_case("array"),
                Some("duplicate") => match text.to_ascii_lowercase().as_str() {
                    "append" => self.strategy = Strategy::Append,
                    "merge" => self.strategy = Strategy::Merge,
                    "rewrite" => self.strategy = Strategy::Rewrite,
                    "error" => self.strategy = Strategy::Error,
                    _ => return false,
                },
                _ => return false,
            },
            Node::List(items) if "path".starts_with(key) => {
                let texts = items.iter().filter_map(|item| match &item.node {
                    Node::Text(text) => Some(text.clone()),
                    _ => None,
                });
                self.folders.extend(texts);
            }
            Node::Int(number) if "priority".starts_with(key) => self.priority = parser.low_bits(*number, call),
            _ => return false,
        }
        true
    }

    fn remark(parser: &mut Parser<'_>, key: &str, node: &Node, place: &Place) {
        let names = BOOLEANS.into_iter().chain(TEXTS).chain(OTHERS);
        let known = names.clone().find(|name| name.starts_with(key));
        let (what, help) = match known {
            Some("duplicate") => ("`duplicate` is append, merge, rewrite or error; this is ignored".to_owned(), None),
            Some(known) => {
                let wanted = match known {
                    "priority" => "a number from 0 to 15",
                    "path" => "a list of folders",
                    "key" | "target" => "a string",
                    _ => "true or false",
                };
                (format!("`{known}` takes {wanted}, not {}; this is ignored", node.kind()), None)
            }
            None => {
                let near = suggest::nearest(key, names).map(|near| format!("did you mean {near}?"));
                (
                    format!("`.include` knows no argument `{}`; this is ignored", key.escape_debug()),
                    near,
                )
            }
        };
        let warning = Diagnostic::warning(what).at(place.clone());
        parser.warn_with(match help {
            Some(help) => warning.help(help),
            None => warning,
        });
    }
}

impl Parser<'_> {
    /// Lays the files of an `.include` up to be read next.
    pub fn bring_in(&mut self, inclusion: Inclusion) -> Result<(), Halt> {
        let Inclusion { call, order } = &inclusion;
        if call.value.is_empty() {
            let error = self.error(call.from, call.to, "no file is named");
            return Err(Box::new(error.help("write .include \"$CURDIR/other.conf\"")));
        }
        if order.url && call.value.contains("://") {
            let error = self.error(call.from, call.to, "files are not fetched from the network");
            return Err(Box::new(error.help("fetch it into a file, and include that")));
        }
        if order.signed {
            let error = self.error(call.from, call.to, "signatures of included files are not supported");
            return Err(Box::new(error.help("write .include, and protect the file by its owner and rights")));
        }
        if self.chunks.len() > self.options.limits.includes {
            let what = format!("files include each other deeper than {} levels", self.options.limits.includes);
            return Err(Box::new(self.error(call.from, call.to, what)));
        }
        let paths = self.wanted(call, order)?;
        let inclusion = Rc::new(inclusion);
        let pending = paths.into_iter().map(|path| (path, Rc::clone(&inclusion)));
        self.chunk().pending = pending.collect();
        Ok(())
    }

    /// The files meant: by name, by pattern, in the first of several folders that has any.
    fn wanted(&mut self, call: &Call, order: &Order) -> Result<Vec<String>, Halt> {
        if order.folders.is_empty() && !order.glob {
            return Ok(vec![self.absolute(&call.value)]);
        }
        let places: Vec<String> = match order.folders.is_empty() {
            true => vec![self.absolute(&call.value)],
            false => order
                .folders
                .iter()
                .map(|folder| format!("{}/{}", self.absolute(folder), call.value))
                .collect(),
        };
        for path in &places {
            // A name without stars is a pattern that only it fits.
            let matching = match order.glob {
                true => self.files.matching(path, MOST_MATCHES),
                false => self.files.matching(&escaped(path), 1),
            };
            let found = matching.map_err(|trouble| Box::new(self.cannot(call, path, &trouble)))?;
            if !found.is_empty() {
                return Ok(found);
            }
            let place = self.place(self.span(call.from, call.to));
            self.absent.push((path.clone(), place));
        }
        if !order.soft {
            let error = self.error(call.from, call.to, format!("no file fits {}", places.join(" or ").escape_debug()));
            self.errors
                .push(error.help("add try=true to the arguments if there need not be any"));
        }
        Ok(Vec::new())
    }

    /// A path as the file that names it means it: relative to its folder.
    fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') || path.contains("://") {
            return path.to_owned();
        }
        match self.variables.get("CURDIR") {
            Some(folder) if !folder.is_empty() => format!("{}/{path}", folder.trim_end_matches('/')),
            _ => path.to_owned(),
        }
    }

    /// Reads a file within all bounds; nothing if it is missing, which is an error unless `soft`.
    pub fn fetch(&mut self, call: &Call, path: &str, soft: bool) -> Result<Option<Opened>, Halt> {
        let limits = &self.options.limits;
        if self.fed.len() >= limits.files || self.total >= limits.total_bytes {
            let what = format!(
                "more than {} files, or {} MiB, are included",
                limits.files,
                limits.total_bytes >> 20
            );
            return Err(Box::new(
                self.error(call.from, call.to, what).help("look for files that include each other"),
            ));
        }
        let path = self.absolute(path);
        let place = self.place(self.span(call.from, call.to));
        match self.files.read(&path, limits.file_bytes) {
            Ok(opened) => {
                self.total += u64::try_from(opened.bytes.len()).unwrap_or(u64::MAX);
                Ok(Some(opened))
            }
            Err(Trouble::Missing) if soft => {
                self.absent.push((path, place));
                Ok(None)
            }
            Err(Trouble::Closed(folder)) if soft => {
                self.shut(call, &folder);
                self.absent.push((path, place));
                Ok(None)
            }
            // The peer passes over what it cannot read. Here a file that is there must count: half a configuration is none.
            Err(trouble) => {
                let error = self.cannot(call, &path, &trouble);
                // Nothing hangs on a file that is not there: more may be found wrong.
                self.errors.push(error);
                self.absent.push((path, place));
                Ok(None)
            }
        }
    }

    /// A folder that may not be entered, told once. What the peer itself keeps in its own is no loss; settings of people are.
    fn shut(&mut self, call: &Call, folder: &str) {
        let own = self.variables.get("DBDIR").is_some_and(|own| Path::new(folder).starts_with(own));
        let text = format!("cannot look into {}: permission denied", folder.escape_debug());
        if self.errors.iter().chain(&self.warnings).any(|told| told.message == text) {
            return;
        }
        let mut finding = self.error(call.from, call.to, text);
        finding.place = finding.place.filter(|place| !place.source().built_in);
        if own {
            finding.severity = crate::config::report::Severity::Warning;
            self.warn_with(
                finding.help("what rspamd's web interface saved there is not read; let the user torwart runs as enter it, or ignore this"),
            );
        } else {
            self.errors.push(finding.help("let the user that torwart runs as enter it"));
        }
    }

    fn cannot(&self, call: &Call, path: &str, trouble: &Trouble) -> Diagnostic {
        let path = path.escape_debug();
        let error = |why: &str| {
            let mut error = self.error(call.from, call.to, format!("cannot read {path}: {why}"));
            // Nobody looks for it in the stock settings, which name every file that people may write.
            error.place = error.place.filter(|place| !place.source().built_in);
            error
        };
        match trouble {
            Trouble::Missing => error("there is no such file").help("correct the path, or write .include(try=true) if it may be missing"),
            Trouble::Outside(real) => error(&format!("{} lies outside the configuration's folders", real.escape_debug()))
                .help("copy it into the configuration, or allow that folder"),
            Trouble::Closed(folder) => error(&format!("the folder {} may not be entered", folder.escape_debug())),
            Trouble::TooLarge => error(&format!("it is larger than {} MiB", self.options.limits.file_bytes >> 20)),
            Trouble::Other(why) => error(why).help("put an ordinary file there that the user torwart runs as may read, or take it away"),
        }
    }

    /// Reads one file and lays it on top.
    pub fn enter(&mut self, inclusion: &Inclusion, path: &str) -> Result<(), Halt> {
        let Inclusion { call, order } = inclusion;
        let Some(opened) = self.fetch(call, path, order.soft)? else {
            return Ok(());
        };
        let named_at = self.place(self.span(call.from, call.to));
        if let Some(at) = self.chunks.iter().position(|chunk| chunk.path == opened.path) {
            let what = format!("{} includes itself", opened.path.escape_debug());
            let mut error = self.error(call.from, call.to, what).help("take one of the includes out");
            let chain = self.chunks.iter().skip(at + 1).filter_map(|chunk| chunk.named_at.clone());
            error.also = chain.map(|place| (place, "by way of this".to_owned())).collect();
            return Err(Box::new(error));
        }
        let Some(text) = self.decode(&opened) else { return Ok(()) };
        let nested = self.nest(call, order, &opened.path)?;
        let mut section = self.path();
        section.retain(|name| !name.is_empty());
        self.fed.push(Fed {
            path: opened.path.clone(),
            named_at: named_at.clone(),
            section,
            priority: order.priority,
            strategy: order.strategy,
        });
        let outer = ["CURDIR", "FILENAME"].map(|name| self.variables.get(name).map(str::to_owned));
        self.file_variables(&opened.path);
        let end = text.as_str().len();
        let chunk = self.push_chunk(Rc::new(text), 0..end, order.priority, order.strategy);
        (chunk.path, chunk.named_at, chunk.outer, chunk.nested) = (opened.path, named_at, outer, nested);
        Ok(())
    }

    /// `$CURDIR` and `$FILENAME` of a file.
    pub fn file_variables(&mut self, path: &str) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.variables.set("CURDIR", if folder.is_empty() { "/" } else { folder });
        self.variables.set("FILENAME", path);
    }

    /// The text of a file; a template that cannot be filled in is an error, and the file is left out.
    pub fn decode(&mut self, opened: &Opened) -> Option<Text> {
        let (source, odd) = decode(opened);
        match odd {
            Some(error) if error.is_error() => {
                self.errors.push(error);
                return None;
            }
            Some(warning) => self.warn_with(warning),
            None => (),
        }
        match Text::of_file(source, self.options.templates.then_some(&self.context)) {
            Ok(text) => {
                let grown = text.as_str().len().saturating_sub(opened.bytes.len());
                self.total += u64::try_from(grown).unwrap_or(u64::MAX);
                Some(text)
            }
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }

    /// The section that `key` or `prefix` ask for; true if one was opened.
    fn nest(&mut self, call: &Call, order: &Order, path: &str) -> Result<bool, Halt> {
        let file = path.rsplit_once('/').map_or(path, |(_, file)| file);
        let cut = [".conf", ".ucl"].iter().find_map(|extension| file.strip_suffix(extension));
        let Some(key) = order.key.clone().or_else(|| order.prefix.then(|| cut.unwrap_or(file).to_owned())) else {
            return Ok(false);
        };
        if self.frames.len() >= self.options.limits.depth {
            return Err(Box::new(self.error(call.from, call.to, "sections nest too deep")));
        }
        let Some(section) = self.frames.last().map(|frame| frame.id) else {
            return Ok(false);
        };
        let key: Arc<str> = Arc::from(key);
        let id = self.nested_section(call, order, section, &key)?;
        let open = self.span(call.from, call.to);
        self.frames.push(Frame {
            id,
            list: false,
            braced: false,
            named: false,
            open,
            name: Some(key),
        });
        Ok(true)
    }

    fn nested_section(&mut self, call: &Call, order: &Order, section: Id, key: &Arc<str>) -> Result<Id, Halt> {
        let span = self.span(call.from, call.to);
        let failed = |parser: &Self, clash| parser.clash(clash, call.from, call.to);
        let table = Kind::Table(Keys::default());
        let old = self.tree.lookup(section, key);
        let kind = old.map(|old| (old, self.tree.item(old).kind.clone()));
        match (kind, order.list) {
            (None, false) => {
                let id = self.tree.named(Arc::clone(key), table, order.priority, span);
                let id = id.map_err(|clash| failed(self, clash))?;
                self.tree.insert(section, id);
                Ok(id)
            }
            (Some((old, Kind::Table(_))), false) => Ok(old),
            (Some((old, _)), false) => {
                let what = format!("the file is to be put under `{}`, which is no section", key.escape_debug());
                let error = self.error(call.from, call.to, what);
                Err(Box::new(error.also(self.place(self.tree.item(old).place), "set here")))
            }
            (old, true) => {
                let element = self
                    .tree
                    .new_item(table, order.priority, span)
                    .map_err(|clash| failed(self, clash))?;
                let list = match old {
                    Some((old, Kind::List(_))) => old,
                    old => {
                        let list = self.tree.named(Arc::clone(key), Kind::List(Vec::new()), order.priority, span);
                        let list = list.map_err(|clash| failed(self, clash))?;
                        match old {
                            Some((old, _)) => self.tree.wrap(section, old, list),
                            None => self.tree.insert(section, list),
                        }
                        list
                    }
                };
                self.tree.append_to_list(list, element);
                Ok(element)
            }
        }
    }
}

/// A path as a pattern that only it fits.
fn escaped(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for character in path.chars() {
        match character {
            '*' | '?' | '[' => pattern.extend(['[', character, ']']),
            other => pattern.push(other),
        }
    }
    pattern
}

/// The source of a file, and what is odd about its bytes.
pub(super) fn decode(opened: &Opened) -> (Arc<Source>, Option<Diagnostic>) {
    let source = |text: &str| {
        Arc::new(Source {
            name: opened.path.clone(),
            text: text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(),
            built_in: opened.built_in,
            lenient: true,
        })
    };
    let mark = if opened.bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let lossy = String::from_utf8_lossy(&opened.bytes);
    let source = source(&lossy);
    if let Some(at) = memchr::memchr(0, &opened.bytes) {
        // Bad bytes before it may have grown into longer ones.
        let at = source.text.find('\0').unwrap_or(at);
        let error = Diagnostic::error("this is a binary file").at(Place::new(&source, at, at + 1));
        return (source, Some(error.help("name a file of settings; they are plain text")));
    }
    match std::str::from_utf8(&opened.bytes) {
        Ok(_) => (source, None),
        Err(error) => {
            let at = error.valid_up_to().saturating_sub(mark);
            let place = Place::new(&source, at, at + char::REPLACEMENT_CHARACTER.len_utf8());
            let warning = Diagnostic::warning("these bytes are no UTF-8; \u{fffd} is read in their place").at(place);
            (source, Some(warning.help("save the file in UTF-8")))
        }
    }
}
