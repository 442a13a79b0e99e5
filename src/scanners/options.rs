//! The settings of one scanner: `[modules.antivirus.NAME]` as written, and in types. Asks nobody.

use super::clamav::{self, Manner};
use crate::base::quantity::{self, ByteSize};
use crate::base::suggest::nearest;
use crate::config::{Diagnostic, Section};
use crate::engine::Action;
use crate::family::Services;
use crate::maps::{Entries, Map, Source};
use crate::upstream::Address;
use regex::Regex;
use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The message of `action`.
const MESSAGE: &str = "${SCANNER}: virus found: \"${VIRUS}\"";

/// The table as it is written.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    #[serde(rename = "enabled")]
    _enabled: bool,
    #[serde(rename = "type")]
    _kind: Option<String>,
    servers: Words,
    symbol: Option<String>,
    symbol_fail: Option<String>,
    symbol_encrypted: Option<String>,
    symbol_macro: Option<String>,
    symbol_type: SymbolType,
    score: f64,
    description: Option<String>,
    group: String,
    action: Option<String>,
    message: Option<String>,
    scan_mime_parts: bool,
    scan_text_mime: bool,
    scan_image_mime: bool,
    scan_all_mime_parts: Option<bool>,
    text_part_min_words: usize,
    mime_parts_filter_regex: Words,
    mime_parts_filter_ext: Words,
    max_size: Option<Size>,
    min_size: Option<Size>,
    patterns: Pairs,
    patterns_fail: Pairs,
    whitelist: Option<Words>,
    #[serde(with = "quantity::duration")]
    timeout: Duration,
    #[serde(with = "quantity::duration")]
    connect_timeout: Duration,
    retransmits: u32,
    #[serde(with = "quantity::duration")]
    cache_expire: Duration,
    no_cache: bool,
    prefix: String,
    #[serde(with = "quantity::duration")]
    version_interval: Duration,
    log_clean: bool,
    show_attachments: bool,
    on_failure: OnFailure,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            _enabled: true,
            _kind: None,
            servers: Words::default(),
            symbol: None,
            symbol_fail: None,
            symbol_encrypted: None,
            symbol_macro: None,
            symbol_type: SymbolType::Normal,
            score: 0.0,
            description: None,
            group: "antivirus".to_owned(),
            action: None,
            message: None,
            scan_mime_parts: true,
            scan_text_mime: false,
            scan_image_mime: false,
            scan_all_mime_parts: None,
            text_part_min_words: 0,
            mime_parts_filter_regex: Words::default(),
            mime_parts_filter_ext: Words::default(),
            max_size: None,
            min_size: None,
            patterns: Pairs::default(),
            patterns_fail: Pairs::default(),
            whitelist: None,
            timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(2),
            retransmits: 2,
            cache_expire: Duration::from_secs(3600),
            no_cache: false,
            prefix: "rs_".to_owned(),
            version_interval: Duration::from_secs(60),
            log_clean: false,
            show_attachments: false,
            on_failure: OnFailure::Tag,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SymbolType {
    #[default]
    Normal,
    Postfilter,
}

/// What a failure does to the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OnFailure {
    /// It gets the symbol.
    #[default]
    Tag,
    /// It is to come again, unless it is refused anyway.
    Tempfail,
    /// Nothing.
    Accept,
}

/// What is shown to the scanner.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) parts: bool,
    pub(super) text: bool,
    pub(super) images: bool,
    pub(super) all: bool,
    pub(super) words: usize,
    pub(super) filter: Option<Filter>,
    pub(super) min: Option<u64>,
    pub(super) max: Option<u64>,
}

impl Default for Choice {
    fn default() -> Choice {
        Choice {
            parts: true,
            text: false,
            images: false,
            all: true,
            words: 0,
            filter: None,
            min: None,
            max: None,
        }
    }
}

impl Choice {
    /// The size is within the limits.
    pub(super) fn fits(&self, size: usize) -> bool {
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        self.min.is_none_or(|min| size >= min) && self.max.is_none_or(|max| size <= max)
    }
}

/// Parts that are shown by their names and types.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) patterns: Vec<Regex>,
    pub(super) endings: Vec<String>,
}

/// Names of symbols.
#[derive(Debug)]
pub(super) struct Symbols {
    pub(super) found: String,
    pub(super) failed: String,
    pub(super) encrypted: String,
    pub(super) macros: String,
}

/// The settings of one scanner.
pub(super) struct Options {
    pub(super) name: String,
    pub(super) servers: Vec<Address>,
    pub(super) manner: Manner,
    pub(super) symbols: Symbols,
    pub(super) late: bool,
    pub(super) score: f64,
    pub(super) description: Option<String>,
    pub(super) group: String,
    pub(super) action: Option<Action>,
    pub(super) message: String,
    pub(super) choice: Choice,
    pub(super) patterns: Vec<(String, Regex)>,
    pub(super) patterns_fail: Vec<(String, Regex)>,
    pub(super) whitelist: Option<Arc<Map<Entries>>>,
    pub(super) cache: Option<(String, Duration)>,
    pub(super) version_interval: Duration,
    pub(super) log_clean: bool,
    pub(super) show_attachments: bool,
    pub(super) on_failure: OnFailure,
}

/// Reads the table of a scanner; what is wrong goes to the findings, and then there is none.
pub(super) fn read(table: &Section, services: &Services, findings: &mut Vec<Diagnostic>) -> Option<Options> {
    let before = findings.len();
    let config: Config = table.read(findings)?;
    let name = table.name().to_owned();
    let servers = servers(&config.servers.0, table, findings);
    let action = config.action.as_deref().and_then(|text| action(text, table, findings));
    let filter = filter(&config, table, findings);
    let patterns = patterns(&config.patterns.0, "patterns", table, findings);
    let patterns_fail = self::patterns(&config.patterns_fail.0, "patterns_fail", table, findings);
    let whitelist = config.whitelist.and_then(|words| whitelist(words, table, services, findings));
    for (key, time) in [
        ("timeout", config.timeout),
        ("connect_timeout", config.connect_timeout),
        ("version_interval", config.version_interval),
    ] {
        if time.is_zero() {
            findings.push(table.error_at(key, format!("`{key}` must be longer than nothing")));
        }
    }
    if findings.iter().skip(before).any(Diagnostic::is_error) {
        return None;
    }
    let symbol = config.symbol.unwrap_or_else(|| name.to_uppercase());
    let or = |given: Option<String>, behind: &str| given.unwrap_or_else(|| format!("{symbol}_{behind}"));
    let cache = !config.no_cache && !config.cache_expire.is_zero();
    Some(Options {
        servers,
        manner: Manner {
            connect: config.connect_timeout,
            exchange: config.timeout,
            attempts: config.retransmits.saturating_add(1),
        },
        symbols: Symbols {
            failed: or(config.symbol_fail, "FAIL"),
            encrypted: or(config.symbol_encrypted, "ENCRYPTED"),
            macros: or(config.symbol_macro, "MACRO"),
            found: symbol,
        },
        late: config.symbol_type == SymbolType::Postfilter,
        score: config.score,
        description: config.description,
        group: config.group,
        action,
        message: config.message.unwrap_or_else(|| MESSAGE.to_owned()),
        choice: Choice {
            parts: config.scan_mime_parts,
            text: config.scan_text_mime,
            images: config.scan_image_mime,
            all: config.scan_all_mime_parts.unwrap_or(filter.is_none()),
            words: config.text_part_min_words,
            filter,
            min: config.min_size.map(|s| s.0),
            max: config.max_size.map(|s| s.0),
        },
        patterns,
        patterns_fail,
        whitelist,
        cache: cache.then_some((config.prefix, config.cache_expire)),
        version_interval: config.version_interval,
        log_clean: config.log_clean,
        show_attachments: config.show_attachments,
        on_failure: config.on_failure,
        name,
    })
}

fn servers(written: &[String], table: &Section, findings: &mut Vec<Diagnostic>) -> Vec<Address> {
    let mut servers = Vec::new();
    for text in written.iter().flat_map(|w| w.split(',')) {
        match Address::parse(text, clamav::PORT) {
            Ok(address) => servers.push(address),
            Err(bad) => findings.push(table.error_at("servers", bad.to_string()).help(SERVERS)),
        }
    }
    if written.is_empty() {
        let error = table.error_at("servers", format!("the scanner `{}` has no servers", table.name()));
        findings.push(error.help(SERVERS));
    }
    servers
}

const SERVERS: &str = "write servers = [\"127.0.0.1:3310\"] or servers = [\"/run/clamav/clamd.ctl\"]";

fn action(text: &str, table: &Section, findings: &mut Vec<Diagnostic>) -> Option<Action> {
    let action = Action::parse(text);
    if action.is_none() {
        let near = nearest(text, Action::ALL.iter().map(|a| a.name()));
        let help = near.map_or("the actions are those of [actions]".to_owned(), |n| format!("did you mean `{n}`?"));
        findings.push(table.error_at("action", format!("`{text}` is no action")).help(help));
    }
    action
}

fn filter(config: &Config, table: &Section, findings: &mut Vec<Diagnostic>) -> Option<Filter> {
    let (patterns, endings) = (&config.mime_parts_filter_regex.0, &config.mime_parts_filter_ext.0);
    if patterns.is_empty() && endings.is_empty() {
        return None;
    }
    let read = |p: &String| pattern(p, "mime_parts_filter_regex", table, findings);
    Some(Filter {
        patterns: patterns.iter().filter_map(read).collect(),
        endings: endings.iter().map(|e| e.trim_start_matches('.').to_lowercase()).collect(),
    })
}

fn patterns(pairs: &[(String, String)], key: &str, table: &Section, findings: &mut Vec<Diagnostic>) -> Vec<(String, Regex)> {
    let read = |(symbol, text): &(String, String)| Some((symbol.clone(), pattern(text, key, table, findings)?));
    pairs.iter().filter_map(read).collect()
}

/// A pattern, bare or as `/pattern/flags`.
fn pattern(text: &str, key: &str, table: &Section, findings: &mut Vec<Diagnostic>) -> Option<Regex> {
    let framed = text.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
    let (body, flags) = framed.unwrap_or((text, ""));
    let flags: String = flags.chars().filter(|c| !matches!(c, 'u' | 'g' | 'O' | 'r')).collect();
    let whole = if flags.is_empty() {
        body.to_owned()
    } else {
        format!("(?{flags}){body}")
    };
    match Regex::new(&whole) {
        Ok(regex) => Some(regex),
        Err(error) => {
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            findings.push(table.error_at(key, format!("`{text}` is no pattern: {why}")));
            None
        }
    }
}

/// Names of finds that do not count: the list itself, or a file. A mere name lies in the folder of maps.
fn whitelist(words: Words, table: &Section, services: &Services, findings: &mut Vec<Diagnostic>) -> Option<Arc<Map<Entries>>> {
    let text = match words {
        Words(list, false) => {
            // Names with blanks are quoted, as in a file.
            let lines: Vec<String> = list.iter().map(|w| format!("\"{w}\"")).collect();
            return Some(Arc::new(Map::inline(&lines).0));
        }
        Words(list, true) => list.concat(),
    };
    let plain = text.strip_prefix("file://").unwrap_or(&text);
    if plain.is_empty() || plain.contains("://") {
        findings.push(
            table
                .error_at("whitelist", format!("`{plain}` is no file"))
                .help("name a file, or write a list"),
        );
        return None;
    }
    let near = Path::new(table.place().file()).parent().unwrap_or(Path::new(""));
    let folder = if plain.contains('/') { near } else { &services.folder };
    let (map, problems) = services.maps.open(&Source::File(folder.join(plain)));
    for problem in problems {
        findings.push(table.warning_at("whitelist", format!("entry {}: {}", problem.line, problem.reason)));
    }
    Some(map)
}

/// Words, and whether there was one only, written without a list. A table counts by its values.
#[derive(Debug, Default)]
struct Words(Vec<String>, bool);

/// A table of words, in its order.
#[derive(Debug, Default)]
struct Pairs(Vec<(String, String)>);

/// A size with its unit, or a bare number of bytes as rspamd writes it.
#[derive(Clone, Copy, Debug)]
struct Size(u64);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Words, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Words, E> {
                Ok(Words(vec![text.to_owned()], true))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = list.next_element()? {
                    words.push(word);
                }
                Ok(Words(words, false))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Words, A::Error> {
                let mut words = Vec::new();
                while let Some((_, word)) = table.next_entry::<String, String>()? {
                    words.push(word);
                }
                Ok(Words(words, false))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table like { SYMBOL = \"pattern\" }")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = table.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Size;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size such as \"20MB\", or a number of bytes")
            }

            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<Size, E> {
                Ok(Size(bytes))
            }

            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<Size, E> {
                u64::try_from(bytes).map(Size).map_err(|_| E::custom("a size is not negative"))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Size, E> {
                text.parse::<ByteSize>().map(|s| Size(s.0)).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
