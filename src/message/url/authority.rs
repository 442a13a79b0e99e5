//! User, host and port of a URL (RFC 3986, 3.2), with what mail programs put up with.

use super::Flags;
use super::class::{self, BLANK, CLOSING, DELIMITER, HOST, HOST_INSIDE, OPENING, Set};
use super::syntax::{Fields, Reading};
use std::ops::Range;

const LONGEST_PASSWORD: usize = 253;
const LONGEST_HOST: usize = 253;
/// How far an `@` is looked for.
const USER_REACH: usize = 1_024;

/// Reads from behind the slashes to the end of the port.
pub(super) fn fields(text: &str, start: usize, reading: Reading) -> Option<Fields> {
    let bytes = text.as_bytes();
    if let Some(at) = user_end(bytes, start).filter(|_| reading != Reading::Name) {
        let info = UserInfo::read(bytes, start, at)?;
        let host = Host::read(text, info.end, reading)?;
        return behind_host(bytes, host, reading).map(|fields| info.add_to(fields));
    }
    let host = Host::read(text, start, reading)?;
    let (named, end) = (!host.bracketed, host.end);
    let rest = bytes.get(end..)?;
    if rest.first() != Some(&b'@')
        && let Some(fields) = behind_host(bytes, host, reading)
    {
        return Some(fields);
    }
    // It was a user: what follows is no port, but a password, slashes or not.
    let rest = rest.get(..LONGEST_PASSWORD + 2).unwrap_or(rest);
    let at = end + memchr::memchr(b'@', rest).filter(|_| named)?;
    let info = UserInfo::read(bytes, start, at)?;
    let host = Host::read(text, info.end, reading)?;
    behind_host(bytes, host, reading).map(|fields| info.add_to(fields))
}

/// The `@` that ends a user, if one comes before all that could end a host.
fn user_end(bytes: &[u8], start: usize) -> Option<usize> {
    let reach = bytes.get(start..)?;
    let reach = reach.get(..USER_REACH).unwrap_or(reach);
    let at = reach.iter().position(|b| matches!(b, b'@' | b'/' | b'#' | b'?'))?;
    (reach.get(at) == Some(&b'@')).then_some(start + at)
}

/// User and password.
struct UserInfo {
    user: Range<usize>,
    /// Behind the last `@`.
    end: usize,
    flags: Flags,
}

impl UserInfo {
    /// `at` is the place of the first `@`.
    fn read(bytes: &[u8], start: usize, at: usize) -> Option<UserInfo> {
        let run = bytes.get(at..)?.iter().take_while(|b| **b == b'@').count();
        let end = at + run;
        let text = bytes.get(start..at)?;
        let mut flags = Flags::HAS_USER;
        if run > 1 || text.is_empty() {
            flags |= Flags::OBSCURED;
        }
        let (user, password) = match memchr::memchr(b':', text) {
            _ if text.is_empty() => (start..end - 1, 0),
            Some(0) => return None,
            Some(colon) => (start..start + colon, text.len() - colon - 1),
            None => (start..at, 0),
        };
        let fits = password <= LONGEST_PASSWORD && text.iter().all(u8::is_ascii_graphic);
        fits.then_some(UserInfo { user, end, flags })
    }

    fn add_to(self, mut fields: Fields) -> Fields {
        fields.user = Some(self.user);
        fields.flags |= self.flags;
        fields
    }
}

/// A host.
struct Host {
    place: Range<usize>,
    bracketed: bool,
    /// Behind it, and behind its bracket.
    end: usize,
    flags: Flags,
}

impl Host {
    fn read(text: &str, start: usize, reading: Reading) -> Option<Host> {
        if text.as_bytes().get(start) == Some(&b'[') {
            return Host::bracketed(text.as_bytes(), start + 1);
        }
        Host::name(text, start, reading)
    }

    fn bracketed(bytes: &[u8], start: usize) -> Option<Host> {
        let rest = bytes.get(start..)?;
        let length = rest
            .iter()
            .take_while(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'))
            .count();
        let closed = rest.get(length) == Some(&b']');
        let goes_on = rest.get(length + 1).is_none_or(|b| DELIMITER.has(*b));
        (closed && goes_on && length > 0).then_some(Host {
            place: start..start + length,
            bracketed: true,
            end: start + length + 1,
            flags: Flags::default(),
        })
    }

    fn name(text: &str, start: usize, reading: Reading) -> Option<Host> {
        const BRACKET: Set = OPENING.and(CLOSING);
        let rest = text.get(start..)?;
        let mut flags = Flags::default();
        let mut end = rest.len();
        for (at, c) in rest.char_indices() {
            if at > LONGEST_HOST {
                return None;
            }
            let ends = match u8::try_from(c) {
                Ok(b) if b.is_ascii() => DELIMITER.has(b) || BRACKET.has(b) || (!HOST_INSIDE.has(b) && stranger(reading, &mut flags)?),
                _ => foreign(c, reading, &mut flags)?,
            };
            if ends {
                end = at;
                break;
            }
        }
        let name = rest.as_bytes().get(..end).filter(|n| !n.is_empty() && n.len() <= LONGEST_HOST)?;
        let delimited = rest.as_bytes().get(end).is_some_and(|b| DELIMITER.has(*b));
        let edges = [name.first()?, name.last()?];
        (delimited || edges.iter().all(|b| HOST.has(**b))).then_some(Host {
            place: start..start + end,
            bracketed: false,
            end: start + end,
            flags,
        })
    }
}

/// A byte that no host holds: true where the host ends before it, `None` where there is none then.
fn stranger(reading: Reading, flags: &mut Flags) -> Option<bool> {
    match reading {
        Reading::Attribute => {
            *flags |= Flags::OBSCURED;
            Some(false)
        }
        Reading::Piece => None,
        Reading::Running | Reading::Name => Some(true),
    }
}

/// The same of a character beyond ASCII.
fn foreign(c: char, reading: Reading, flags: &mut Flags) -> Option<bool> {
    if class::zero_width(c) {
        *flags |= Flags::ZW_SPACES;
    } else if c.is_whitespace() || c.is_control() {
        return reading.is_in_text().then_some(true);
    } else if c.is_alphanumeric() {
        *flags |= Flags::IDN;
    }
    Some(false)
}

/// The port, where the host is followed by a colon.
fn behind_host(bytes: &[u8], host: Host, reading: Reading) -> Option<Fields> {
    let mut fields = Fields {
        host: host.place,
        end: host.end,
        flags: host.flags,
        ..Fields::default()
    };
    if bytes.get(host.end) != Some(&b':') {
        return Some(fields);
    }
    let rest = bytes.get(host.end + 1..)?;
    let length = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let digits = str::from_utf8(rest.get(..length)?).ok()?;
    fields.port = Some(digits.parse().ok().filter(|port| *port > 0)?);
    fields.end = host.end + 1 + length;
    match rest.get(length) {
        Some(b'/' | b'?' | b'#') => fields.flags |= Flags::HAS_PORT,
        Some(b) if CLOSING.has(*b) || (reading.is_in_text() && BLANK.has(*b)) => {}
        Some(_) => return None,
        None => {}
    }
    Some(fields)
}
