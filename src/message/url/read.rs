//! From the bytes of a URL to its fields: what `syntax` told apart is brought into its form, and the text of all of it is written.

use super::class::HOST_START;
use super::normal::{normal, straight, unescape};
use super::numeric::{Numeric, numeric};
use super::syntax::{Fields, Reading, Syntax, split};
use super::{Flags, Protocol, Url, host, telephone};
use std::fmt::Write;
use std::ops::Range;

/// What is longer is cut.
const LONGEST: usize = 32_767;

/// Reads one URL.
pub(super) fn read(text: &str, reading: Reading) -> Option<Url> {
    let whole = text.len() < LONGEST;
    let text = text.get(..text.floor_char_boundary(LONGEST))?;
    let syntax = split(text, reading)?;
    let mut url = match syntax.protocol {
        Protocol::Telephone => call(text, &syntax),
        _ => Forms::of(text, &syntax, reading)?.write(text, &syntax),
    };
    if !whole {
        url.flags |= Flags::TRUNCATED;
    }
    Some(url)
}

/// What is known before a text is written.
fn begin(text: &str, syntax: &Syntax, flags: Flags) -> Url {
    Url {
        protocol: syntax.protocol,
        port: syntax.fields.port,
        flags,
        raw: text.get(..syntax.fields.end).unwrap_or_default().to_owned(),
        count: 1,
        text: format!("{}:", syntax.scheme),
        ..Url::default()
    }
}

fn call(text: &str, syntax: &Syntax) -> Url {
    let Fields { host, flags, .. } = &syntax.fields;
    let mut url = begin(text, syntax, *flags);
    if flags.has(Flags::MISSING_SLASHES) {
        url.text.push_str("//");
    }
    let slashes = text.get(syntax.behind..host.start).unwrap_or_default();
    url.text.extend(slashes.chars().filter(|c| matches!(c, '/' | '\\')));
    url.host = append(&mut url.text, &telephone::digits(text.get(host.clone()).unwrap_or_default()));
    url.tld = url.host.clone();
    url
}

/// Fields in their form.
struct Forms {
    host: String,
    /// Bytes at the end of the host that are its registrable domain, and whether a dot follows them.
    tld: usize,
    dotted: bool,
    numeric: bool,
    path: String,
    query: String,
    fragment: String,
    flags: Flags,
}

impl Forms {
    fn of(text: &str, syntax: &Syntax, reading: Reading) -> Option<Forms> {
        let fields = &syntax.fields;
        let part = |place: &Range<usize>| text.get(place.clone()).unwrap_or_default();
        let mut flags = fields.flags;
        let mut forms = Forms {
            host: name(part(&fields.host), &mut flags)?,
            tld: 0,
            dotted: false,
            numeric: false,
            path: path(part(&fields.path), &mut flags),
            query: component(part(&fields.query), Flags::QUERY_ENCODED, &mut flags),
            fragment: component(part(&fields.fragment), Flags::default(), &mut flags),
            flags,
        };
        forms.place(syntax.protocol, reading).then_some(forms)
    }

    /// Finds out where in the world the host is.
    fn place(&mut self, protocol: Protocol, reading: Reading) -> bool {
        if let Some(domain) = host::registrable(&self.host) {
            self.tld = domain.len();
            self.dotted = self.host.ends_with('.');
            return true;
        }
        let address = numeric(&self.host).filter(|_| protocol != Protocol::Mailto);
        if let Some(Numeric { address, odd }) = address {
            self.host = address.to_string();
            self.numeric = true;
            self.flags |= Flags::NUMERIC;
            if odd {
                self.flags |= Flags::OBSCURED;
            }
        }
        self.tld = self.host.len();
        let attribute = reading == Reading::Attribute;
        if attribute {
            self.flags |= Flags::NO_TLD;
        }
        self.numeric || (attribute && protocol != Protocol::Mailto)
    }

    fn write(self, text: &str, syntax: &Syntax) -> Url {
        let fields = &syntax.fields;
        let mut url = begin(text, syntax, self.flags);
        let mut out = std::mem::take(&mut url.text);
        if self.flags.has(Flags::MISSING_SLASHES) {
            out.push_str("//");
        }
        let front = text.get(syntax.behind..fields.host.start).unwrap_or_default();
        if let Some(user) = &fields.user {
            let moved = |at: usize| at - syntax.behind + out.len();
            url.user = moved(user.start)..moved(user.end);
        }
        if syntax.protocol.is_web() && front.contains('\\') {
            url.flags |= Flags::OBSCURED;
            out.push_str(&front.replace('\\', "/"));
        } else {
            out.push_str(front);
        }
        let end = out.len() + self.host.len() - usize::from(self.dotted);
        url.host = out.len()..end;
        url.tld = end - self.tld..end;
        out.push_str(&self.host);
        url.text = out;
        if self.numeric {
            self.afresh(&mut url, text, fields);
        } else {
            self.as_written(&mut url, text, fields);
        }
        url
    }

    /// The rest with all marks between its fields as they were.
    fn as_written(&self, url: &mut Url, text: &str, fields: &Fields) {
        let mut at = fields.host.end;
        let mut put = |place: &Range<usize>, form: &str| {
            url.text.push_str(text.get(at..place.start).unwrap_or_default());
            at = place.end;
            append(&mut url.text, form)
        };
        url.path = put(&fields.path, &self.path);
        url.query = put(&fields.query, &self.query);
        url.fragment = put(&fields.fragment, &self.fragment);
        put(&(fields.end..fields.end), "");
    }

    /// The rest with marks only where something follows them.
    fn afresh(&self, url: &mut Url, text: &str, fields: &Fields) {
        if let Some(port) = fields.port.filter(|_| self.flags.has(Flags::HAS_PORT)) {
            let _ = write!(url.text, ":{port}");
        }
        let bare = fields.host.len() == self.host.len() && text.as_bytes().get(fields.host.end) == Some(&b'/');
        if bare || !self.path.is_empty() {
            url.text.push('/');
            url.path = append(&mut url.text, &self.path);
        }
        if !self.query.is_empty() {
            url.text.push('?');
            url.query = append(&mut url.text, &self.query);
        }
        if !self.fragment.is_empty() {
            url.text.push('#');
            url.fragment = append(&mut url.text, &self.fragment);
        }
    }
}

fn append(text: &mut String, more: &str) -> Range<usize> {
    let start = text.len();
    text.push_str(more);
    start..text.len()
}

/// A host name; `None` for what cannot be one.
fn name(raw: &str, flags: &mut Flags) -> Option<String> {
    const DOTS: [char; 3] = ['\u{3002}', '\u{FF0E}', '\u{FF61}'];
    let bytes = unescape(raw);
    let mut text = normal(str::from_utf8(&bytes).ok()?, flags);
    if text.contains(DOTS) {
        *flags |= Flags::OBSCURED;
        text = text.replace(DOTS, ".").into();
    }
    let name = host::prepare(&text)?;
    if name.len() < raw.len() {
        *flags |= Flags::HOST_ENCODED;
    }
    let first = *name.as_bytes().first()?;
    (HOST_START.has(first) || first == b':').then_some(name)
}

/// Any other field; `shorter` is what to say where escapes were undone.
fn component(raw: &str, shorter: Flags, flags: &mut Flags) -> String {
    let bytes = unescape(raw);
    if bytes.len() < raw.len() {
        *flags |= shorter;
    }
    let text = String::from_utf8_lossy(&bytes);
    normal(&text, flags).into_owned()
}

fn path(raw: &str, flags: &mut Flags) -> String {
    let text = component(raw, Flags::PATH_ENCODED, flags);
    let straight = straight(&text);
    if straight.len() < text.len() {
        *flags |= Flags::PATH_ENCODED;
    }
    straight.into_owned()
}
