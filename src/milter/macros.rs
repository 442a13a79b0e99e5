//! What the MTA tells beside its commands: small texts by name, some for the connection, some for one message.
//!
//! MTAs send them late, twice or not at all, so nothing here is an error; what goes over a bound is left out.

use super::limits::Limits;

/// The macros of a session.
#[derive(Debug, Default)]
pub struct Macros {
    connection: Vec<Entry>,
    message: Vec<Entry>,
    bytes: usize,
}

/// One of them.
#[derive(Debug)]
struct Entry {
    name: Box<str>,
    value: Box<str>,
}

impl Entry {
    fn size(&self) -> usize {
        self.name.len() + self.value.len()
    }
}

impl Macros {
    /// Takes the pairs of one packet. CONNECT and HELO speak of the connection, every other stage of the message.
    pub fn take(&mut self, stage: u8, pairs: &[u8], limits: &Limits) {
        let connection = matches!(stage, b'C' | b'H');
        if stage == b'M' {
            // A new message begins with these, before its MAIL; Sendmail need not have sent ABORT after the one before.
            self.end_message();
        }
        let mut strings = pairs.split(|b| *b == 0);
        while let (Some(name), Some(value)) = (strings.next(), strings.next()) {
            let name = bare(name);
            if !name.is_empty() && name.len() <= 256 && value.len() <= limits.macro_value {
                self.set(connection, name, value, limits);
            }
        }
    }

    /// The value of a macro named without braces, the message's before the connection's; empty ones do not count.
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut all = self.message.iter().chain(&self.connection);
        let found = all.find(|entry| entry.name.eq_ignore_ascii_case(name))?;
        Some(&*found.value).filter(|value| !value.is_empty())
    }

    /// The message is over.
    pub fn end_message(&mut self) {
        self.bytes -= self.message.iter().map(Entry::size).sum::<usize>();
        self.message.clear();
    }

    /// The client is gone.
    pub fn end_connection(&mut self) {
        *self = Macros::default();
    }

    fn set(&mut self, connection: bool, name: &[u8], value: &[u8], limits: &Limits) {
        let scope = if connection { &mut self.connection } else { &mut self.message };
        let full = scope.len() >= limits.macros;
        let known = scope.iter_mut().find(|entry| entry.name.as_bytes().eq_ignore_ascii_case(name));
        // Postfix repeats the queue id before each header and body chunk: the common case is that nothing changes.
        if known.as_ref().is_some_and(|entry| entry.value.as_bytes() == value) {
            return;
        }
        let value: Box<str> = String::from_utf8_lossy(value).into();
        let spent = known.as_ref().map_or(0, |entry| entry.value.len());
        match known {
            Some(entry) if self.bytes - spent + value.len() <= limits.macro_bytes => {
                self.bytes = self.bytes - spent + value.len();
                entry.value = value;
            }
            None if !full => {
                let name: Box<str> = String::from_utf8_lossy(name).into();
                let entry = Entry { name, value };
                if self.bytes + entry.size() <= limits.macro_bytes {
                    self.bytes += entry.size();
                    scope.push(entry);
                }
            }
            _ => {}
        }
    }
}

/// A name without its braces: `{i}` and `i` are one.
fn bare(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(packets: &[(u8, &[u8])]) -> Macros {
        let mut macros = Macros::default();
        for (stage, pairs) in packets {
            macros.take(*stage, pairs, &Limits::default());
        }
        macros
    }

    #[test]
    fn braces_and_case_make_no_difference() {
        let macros = taken(&[(b'M', b"{i}\0Q1\0{Auth_Authen}\0joe\0v\0\0")]);
        assert_eq!(macros.value("i"), Some("Q1"));
        assert_eq!(macros.value("auth_authen"), Some("joe"));
        assert_eq!(macros.value("v"), None);
    }

    #[test]
    fn later_values_win_and_scopes_end() {
        let mut macros = taken(&[(b'C', b"j\0mx\0"), (b'M', b"i\0Q1\0"), (b'T', b"i\0Q2\0"), (b'E', b"j\0other\0")]);
        assert_eq!(macros.value("i"), Some("Q2"));
        assert_eq!(macros.value("j"), Some("other"));
        macros.end_message();
        assert_eq!((macros.value("i"), macros.value("j")), (None, Some("mx")));
        macros.end_connection();
        assert_eq!(macros.value("j"), None);
        assert_eq!(macros.bytes, 0);
    }

    #[test]
    fn the_macros_of_mail_begin_a_message() {
        let macros = taken(&[(b'M', b"i\0Q1\0auth_authen\0joe\0"), (b'M', b"mail_addr\0x\0")]);
        assert_eq!((macros.value("i"), macros.value("auth_authen")), (None, None));
    }

    #[test]
    fn floods_are_bounded() {
        let limits = Limits::default();
        let mut pairs = Vec::new();
        for n in 0..100_000 {
            pairs.extend_from_slice(format!("name{n}\0value\0").as_bytes());
        }
        let mut macros = Macros::default();
        macros.take(b'C', &pairs, &limits);
        assert_eq!(macros.connection.len(), limits.macros);
        let mut large = b"i\0".to_vec();
        large.resize(1024 * 1024, b'x');
        large.push(0);
        macros.take(b'E', &large, &limits);
        assert_eq!(macros.value("i"), None);
        for n in 0..100 {
            let mut pair = format!("big{n}\0").into_bytes();
            pair.resize(60_000, b'x');
            pair.push(0);
            macros.take(b'E', &pair, &limits);
        }
        assert!(macros.bytes <= limits.macro_bytes);
        macros.end_message();
        macros.end_connection();
        assert_eq!(macros.bytes, 0);
    }
}
