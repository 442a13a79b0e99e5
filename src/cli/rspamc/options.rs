//! The options of `rspamc`, read as GLib reads them: anywhere on the line, `-jv` for `-j -v`, never `-hHOST`; its words for errors.

use std::fmt::Write;

/// What was asked for.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub connect: String,
    /// Set without a value: ask for it.
    pub password: Option<Option<String>>,
    pub classifier: Option<String>,
    pub weight: i32,
    pub flag: i32,
    pub fuzzy_symbol: Option<String>,
    pub pass_all: bool,
    pub verbose: bool,
    pub ip: Option<String>,
    pub user: Option<String>,
    pub deliver: Option<String>,
    pub from: Option<String>,
    pub rcpt: Vec<String>,
    pub helo: Option<String>,
    pub hostname: Option<String>,
    pub timeout: f64,
    pub bind: Option<String>,
    pub commands: bool,
    pub json: bool,
    pub compact: bool,
    pub headers: bool,
    pub raw: bool,
    pub ucl: bool,
    pub max_requests: i32,
    pub extended_urls: bool,
    pub key: Option<String>,
    pub exec: Option<String>,
    pub mime: bool,
    pub header: Vec<String>,
    pub exclude: Vec<String>,
    pub sort: Option<String>,
    pub empty: bool,
    pub compressed: bool,
    pub profile: bool,
    pub dictionary: Option<String>,
    pub skip_images: bool,
    pub skip_attachments: bool,
    pub user_agent: String,
    pub human: bool,
    pub metadata_header: Vec<String>,
    pub protocol_v3: bool,
    pub msgpack: bool,
    pub files_list: Option<String>,
    pub queue_id: Option<String>,
    pub log_tag: Option<String>,
    pub settings: Option<String>,
    pub output_body: Option<String>,
    pub help: bool,
    /// What is no option: the command and its inputs.
    pub words: Vec<String>,
}

/// Where an option's value goes.
enum Slot {
    Switch(fn(&mut Options) -> &mut bool),
    Text(fn(&mut Options) -> &mut Option<String>),
    Word(fn(&mut Options) -> &mut String),
    Many(fn(&mut Options) -> &mut Vec<String>),
    Whole(fn(&mut Options) -> &mut i32),
    Real(fn(&mut Options) -> &mut f64),
    Perhaps(fn(&mut Options) -> &mut Option<Option<String>>),
}

use Slot::{Many, Perhaps, Real, Switch, Text, Whole, Word};

/// One letter (or none), one name, the place of the value, and what it is for.
struct Known(Option<char>, &'static str, Slot, &'static str);

#[rustfmt::skip]
const KNOWN: &[Known] = &[
    Known(Some('h'), "connect", Word(|o| &mut o.connect), "The daemon: HOST, HOST:PORT, [V6]:PORT or unix:PATH"),
    Known(Some('P'), "password", Perhaps(|o| &mut o.password), "Password of the controller, or a file that holds it; asked for if left out"),
    Known(Some('c'), "classifier", Text(|o| &mut o.classifier), "Learn with this classifier only"),
    Known(Some('w'), "weight", Whole(|o| &mut o.weight), "Weight of a fuzzy hash"),
    Known(Some('f'), "flag", Whole(|o| &mut o.flag), "Flag (list) of a fuzzy hash"),
    Known(Some('p'), "pass-all", Switch(|o| &mut o.pass_all), "Run every rule, even above the reject score"),
    Known(Some('v'), "verbose", Switch(|o| &mut o.verbose), "Accepted, changes nothing"),
    Known(Some('i'), "ip", Text(|o| &mut o.ip), "Address (or name) of the client that sent the message"),
    Known(Some('u'), "user", Text(|o| &mut o.user), "Authenticated user"),
    Known(Some('d'), "deliver", Text(|o| &mut o.deliver), "Final recipient"),
    Known(Some('F'), "from", Text(|o| &mut o.from), "Envelope sender"),
    Known(Some('r'), "rcpt", Many(|o| &mut o.rcpt), "Envelope recipient, may be repeated"),
    Known(None, "helo", Text(|o| &mut o.helo), "HELO of the client"),
    Known(None, "hostname", Text(|o| &mut o.hostname), "Name of the client"),
    Known(Some('t'), "timeout", Real(|o| &mut o.timeout), "Seconds to wait for an answer"),
    Known(Some('b'), "bind", Text(|o| &mut o.bind), "Accepted, changes nothing"),
    Known(None, "commands", Switch(|o| &mut o.commands), "List the commands"),
    Known(Some('j'), "json", Switch(|o| &mut o.json), "The reply as JSON"),
    Known(None, "compact", Switch(|o| &mut o.compact), "The reply as JSON on one line"),
    Known(None, "headers", Switch(|o| &mut o.headers), "Show the headers of the reply"),
    Known(None, "raw", Switch(|o| &mut o.raw), "The input is plain text, no mail"),
    Known(None, "ucl", Switch(|o| &mut o.ucl), "The reply as configuration text"),
    Known(Some('n'), "max-requests", Whole(|o| &mut o.max_requests), "Requests sent at the same time"),
    Known(None, "extended-urls", Switch(|o| &mut o.extended_urls), "Show URLs with all that is known of them"),
    Known(None, "key", Text(|o| &mut o.key), "Seal requests for the daemon with this public key"),
    Known(Some('e'), "exec", Text(|o| &mut o.exec), "Run a command for each result, which it reads"),
    Known(Some('m'), "mime", Switch(|o| &mut o.mime), "Print the message with the result in its headers"),
    Known(None, "header", Many(|o| &mut o.header), "Further request header, NAME=VALUE, may be repeated"),
    Known(None, "exclude", Many(|o| &mut o.exclude), "Pass over files in folders whose path is like this, may be repeated"),
    Known(None, "sort", Text(|o| &mut o.sort), "Order of symbols: name, score, weight, frequency, hits, time; NAME:asc turns it"),
    Known(Some('E'), "empty", Switch(|o| &mut o.empty), "Ask without a message instead of reading standard input"),
    Known(Some('S'), "fuzzy-symbol", Text(|o| &mut o.fuzzy_symbol), "Fuzzy symbol to learn"),
    Known(Some('z'), "compressed", Switch(|o| &mut o.compressed), "Pack messages with zstd"),
    Known(None, "profile", Switch(|o| &mut o.profile), "Show the time that each rule took"),
    Known(Some('D'), "dictionary", Text(|o| &mut o.dictionary), "Dictionary of zstd"),
    Known(None, "skip-images", Switch(|o| &mut o.skip_images), "Learn no fuzzy hashes of images"),
    Known(None, "skip-attachments", Switch(|o| &mut o.skip_attachments), "Learn no fuzzy hashes of attachments"),
    Known(Some('U'), "user-agent", Word(|o| &mut o.user_agent), "Call oneself this instead of rspamc"),
    Known(Some('R'), "human", Switch(|o| &mut o.human), "A table of points and rules"),
    Known(None, "metadata-header", Many(|o| &mut o.metadata_header), "Header within the metadata of --protocol-v3, NAME=VALUE"),
    Known(None, "protocol-v3", Switch(|o| &mut o.protocol_v3), "Ask /checkv3: metadata and message in two parts"),
    Known(None, "msgpack", Switch(|o| &mut o.msgpack), "Not supported"),
    Known(None, "files-list", Text(|o| &mut o.files_list), "Read the names of the inputs from this file, one a line"),
    Known(None, "queue-id", Text(|o| &mut o.queue_id), "Queue id of the mail server"),
    Known(None, "log-tag", Text(|o| &mut o.log_tag), "Name of the scan in the daemon's log"),
    Known(None, "settings", Text(|o| &mut o.settings), "Settings for this scan, as JSON"),
    Known(None, "output-body", Text(|o| &mut o.output_body), "Write the rewritten message into this file"),
];

/// What `--help` prints.
pub(super) fn help() -> String {
    let mut out = String::from("Usage:\n  rspamc [OPTION?] [command] [file or folder]...\n\nHelp Options:\n");
    let mut line = |short: Option<char>, long: &str, text: &str| {
        let short = short.map_or_else(String::new, |c| format!("-{c}, "));
        let _ = writeln!(out, "  {:<22} {text}", format!("{short}--{long}"));
    };
    line(Some('?'), "help", "Show this\n\nApplication Options:");
    for Known(short, long, _, text) in KNOWN {
        line(*short, long, text);
    }
    out
}

/// Reads the arguments behind the program's name.
pub(super) fn parse(args: &[String]) -> Result<Options, String> {
    let mut options = Options {
        connect: "localhost".to_owned(),
        timeout: 10.0,
        max_requests: 8,
        user_agent: "rspamc".to_owned(),
        ..Options::default()
    };
    let mut rest = args.iter().map(String::as_str).peekable();
    while let Some(arg) = rest.next() {
        if arg == "--" {
            options.words.extend(rest.by_ref().map(str::to_owned));
        } else if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
            if matches!(name, "help" | "help-all") {
                options.help = true;
                return Ok(options);
            }
            let known = KNOWN
                .iter()
                .find(|known| known.1 == name)
                .ok_or_else(|| format!("Unknown option {arg}"))?;
            let value = match &known.2 {
                Switch(_) => None,
                slot => value.or_else(|| following(slot, &mut rest)),
            };
            known.set(&mut options, &format!("--{name}"), value)?;
        } else if arg.len() > 1 && arg.starts_with('-') {
            if letters(&mut options, arg, &mut rest)? {
                return Ok(options);
            }
        } else {
            options.words.push(arg.to_owned());
        }
    }
    Ok(options)
}

/// `-jv`; true where one of them asks for help. Only one may have a value, which is the next argument.
fn letters<'a>(options: &mut Options, arg: &str, rest: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Result<bool, String> {
    let mut taken = false;
    for letter in arg.chars().skip(1) {
        if letter == '?' {
            options.help = true;
            return Ok(true);
        }
        let known = KNOWN.iter().find(|known| known.0 == Some(letter));
        let known = known.ok_or_else(|| format!("Unknown option {arg}"))?;
        let name = format!("-{letter}");
        let value = match &known.2 {
            Switch(_) => None,
            _ if taken => return Err(format!("Error parsing option {name}")),
            slot => following(slot, rest),
        };
        taken |= value.is_some();
        known.set(options, &name, value)?;
    }
    Ok(false)
}

/// The next argument, if the option may have it: one that may go without takes no other option for its value.
fn following<'a>(slot: &Slot, rest: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>) -> Option<&'a str> {
    match slot {
        Perhaps(_) => rest.next_if(|next| !next.starts_with('-')),
        _ => rest.next(),
    }
}

impl Known {
    fn set(&self, options: &mut Options, name: &str, value: Option<&str>) -> Result<(), String> {
        let needed = || value.ok_or_else(|| format!("Missing argument for {name}"));
        match &self.2 {
            Switch(slot) => *slot(options) = true,
            Perhaps(slot) => *slot(options) = Some(value.map(str::to_owned)),
            Text(slot) => *slot(options) = Some(needed()?.to_owned()),
            Word(slot) => *slot(options) = needed()?.to_owned(),
            Many(slot) => slot(options).push(needed()?.to_owned()),
            Whole(slot) => *slot(options) = whole(needed()?, name)?,
            Real(slot) => *slot(options) = real(needed()?, name)?,
        }
        Ok(())
    }
}

/// A number as C writes them: `10`, `0x10`, `010`.
fn whole(text: &str, name: &str) -> Result<i32, String> {
    let broken = || format!("Cannot parse integer value “{text}” for {name}");
    let number = text.trim_start();
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", number.strip_prefix('+').unwrap_or(number)),
    };
    let (digits, radix) = match (
        digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")),
        digits.strip_prefix('0'),
    ) {
        (Some(hex), _) => (hex, 16),
        (None, Some(octal)) if !octal.is_empty() => (octal, 8),
        _ => (digits, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(broken());
    }
    i32::from_str_radix(&format!("{sign}{digits}"), radix).map_err(|_| format!("Integer value “{text}” for {name} out of range"))
}

fn real(text: &str, name: &str) -> Result<f64, String> {
    let number: Option<f64> = text.trim_start().parse().ok();
    match number {
        Some(n) if n.is_infinite() && text.contains(|c: char| c.is_ascii_digit()) => {
            Err(format!("Double value “{text}” for {name} out of range"))
        }
        Some(n) => Ok(n),
        None => Err(format!("Cannot parse double value “{text}” for {name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(line: &str) -> Result<Options, String> {
        parse(&line.split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_stand_anywhere() {
        let options = read("-jv learn_spam -h [::1]:5 a.eml --rcpt=x -r y -n -1 -w 0x10 --timeout 1.5 -f 010 --json=1 - -P -E").unwrap();
        assert_eq!(options.words, ["learn_spam", "a.eml", "-"]);
        assert_eq!(
            (options.connect.as_str(), options.max_requests, options.weight, options.flag),
            ("[::1]:5", -1, 16, 8)
        );
        assert_eq!((options.rcpt, options.timeout), (vec!["x".to_owned(), "y".to_owned()], 1.5));
        assert!(options.json && options.verbose && options.empty && options.password == Some(None));
        assert_eq!(read("-jP pw stat").unwrap().password, Some(Some("pw".to_owned())));
        assert_eq!(read("--password=/x").unwrap().password, Some(Some("/x".to_owned())));
        assert_eq!(read("a -- -x").unwrap().words, ["a", "-x"]);
        assert!(read("nofile -? --nosuch").unwrap().help);
    }

    #[test]
    fn errors_are_said_as_glib_says_them() {
        for (line, said) in [
            ("--nosuch", "Unknown option --nosuch"),
            ("--nosuch=5", "Unknown option --nosuch=5"),
            ("-x", "Unknown option -x"),
            ("-jx", "Unknown option -jx"),
            ("--js", "Unknown option --js"),
            ("-hfoo", "Missing argument for -h"),
            ("-n", "Missing argument for -n"),
            ("--sort", "Missing argument for --sort"),
            ("-jnt 2 a", "Error parsing option -t"),
            ("-n 5x", "Cannot parse integer value “5x” for -n"),
            ("-n 99999999999", "Integer value “99999999999” for -n out of range"),
            ("-t 1x", "Cannot parse double value “1x” for -t"),
            ("--timeout=1e400", "Double value “1e400” for --timeout out of range"),
        ] {
            assert_eq!(read(line).unwrap_err(), said);
        }
    }

    #[test]
    fn every_option_is_told_of_once() {
        let help = help();
        for Known(short, long, _, text) in KNOWN {
            assert_eq!(
                KNOWN.iter().filter(|k| k.1 == *long || (short.is_some() && k.0 == *short)).count(),
                1,
                "{long}"
            );
            assert!(help.contains(&format!("--{long} ")) && help.contains(text), "{long}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read_or_refused(args in proptest::collection::vec("-{0,2}[a-zA-Zé=?0-9]{0,6}", 0..6)) {
            let _ = parse(&args);
        }
    }
}
