//! From PCRE's dialect to that of `regex` and `fancy-regex`. Two patterns come out: the one meant, and a linear one that accepts at
//! least as much (equal to it where nothing asks for backtracking). Judges no meaning: what is left wrong the engines refuse.

mod class;

use super::{Flags, Refused};

/// What came out.
pub(super) struct Translated {
    /// Linear; accepts at least what the pattern does.
    pub linear: String,
    /// The pattern itself, where `reason` says that the linear one is not enough.
    pub exact: String,
    /// What only backtracking can find.
    pub reason: Option<&'static str>,
}

/// Turns a pattern into those of the engines.
pub(super) fn translate(pattern: &str, flags: Flags) -> Result<Translated, Refused> {
    let mut reader = Reader {
        pattern,
        at: 0,
        unicode: flags.unicode,
        groups: vec![Group {
            extended: flags.extended,
            multiline: flags.multiline,
            hidden: false,
        }],
        out: Translated {
            linear: String::with_capacity(pattern.len() + 16),
            exact: String::with_capacity(pattern.len() + 16),
            reason: None,
        },
    };
    while let Some(c) = reader.next() {
        reader.step(c)?;
    }
    if reader.groups.len() > 1 {
        return Err(reader.refuse("a group is never closed"));
    }
    Ok(reader.out)
}

/// What holds inside a group.
#[derive(Clone, Copy)]
struct Group {
    extended: bool,
    multiline: bool,
    /// It stands in a look-around, of which the linear pattern knows nothing.
    hidden: bool,
}

struct Reader<'p> {
    pattern: &'p str,
    at: usize,
    unicode: bool,
    groups: Vec<Group>,
    out: Translated,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.pattern.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn skip(&mut self, prefix: &str) -> bool {
        let there = self.rest().starts_with(prefix);
        self.at += if there { prefix.len() } else { 0 };
        there
    }

    /// Everything up to `end`, which is passed over.
    fn until(&mut self, end: char) -> Option<String> {
        let (text, _) = self.rest().split_once(end)?;
        let text = text.to_owned();
        self.at += text.len() + end.len_utf8();
        Some(text)
    }

    fn refuse(&self, what: impl Into<String>) -> Refused {
        Refused::new(what, Some(self.at))
    }

    fn group(&self) -> Group {
        self.groups.last().copied().unwrap_or(Group {
            extended: false,
            multiline: false,
            hidden: false,
        })
    }

    fn both(&mut self, text: &str) {
        self.each(text, text);
    }

    fn each(&mut self, linear: &str, exact: &str) {
        if !self.group().hidden {
            self.out.linear.push_str(linear);
        }
        self.out.exact.push_str(exact);
    }

    fn slow(&mut self, reason: &'static str) {
        self.out.reason.get_or_insert(reason);
    }

    fn step(&mut self, c: char) -> Result<(), Refused> {
        let extended = self.group().extended;
        match c {
            '\\' => self.escape()?,
            '[' => {
                let class = class::read(self)?;
                self.both(&class);
            }
            '(' => self.open()?,
            ')' if self.groups.len() == 1 => return Err(self.refuse("this bracket was never opened")),
            ')' => {
                // The bracket of a look-around belongs to the hidden part.
                self.both(")");
                self.groups.pop();
            }
            '$' if !self.group().multiline => self.both(r"(?:\n?\z)"),
            '{' if !is_count(self.rest()) => self.both(r"\{"),
            '{' => {
                let count = self.until('}').unwrap_or_default();
                self.both(&format!("{{{count}}}"));
                self.possessive();
            }
            '}' => self.both(r"\}"),
            ']' => self.both(r"\]"),
            '*' | '+' | '?' => {
                self.both(c.encode_utf8(&mut [0; 4]));
                self.possessive();
            }
            '#' if extended => {
                let end = self.rest().find('\n').unwrap_or(self.rest().len());
                self.at += end;
            }
            c if extended && c.is_ascii_whitespace() => {}
            '.' | '^' | '|' | '$' => self.both(c.encode_utf8(&mut [0; 4])),
            c => self.literal(c),
        }
        Ok(())
    }

    /// A `+` behind a quantifier: it gives nothing back.
    fn possessive(&mut self) {
        if self.skip("+") {
            self.slow("a possessive quantifier");
            self.each("", "+");
        } else if self.skip("?") {
            self.both("?");
        }
    }

    fn literal(&mut self, c: char) {
        let text = spelt(c, self.unicode);
        self.both(&text);
    }

    fn escape(&mut self) -> Result<(), Refused> {
        let Some(c) = self.next() else {
            return Err(self.refuse("a backslash at the end"));
        };
        match c {
            'Q' => {
                let end = self.rest().find("\\E").unwrap_or(self.rest().len());
                let quoted = self.rest().get(..end).unwrap_or_default().to_owned();
                self.at += end;
                self.skip("\\E");
                quoted.chars().for_each(|c| self.literal(c));
            }
            // `\K` only moves where a match begins.
            'E' | 'K' => {}
            // Two digits and more are a reference only where there are so many groups, which is not looked at: nobody has ten.
            '1'..='9' if !self.rest().starts_with(|c: char| c.is_digit(8)) => self.reference(&format!("\\{c}")),
            'g' | 'k' => self.named_reference(c)?,
            'A' | 'z' | 'B' | 'b' => self.both(&format!("\\{c}")),
            'G' => self.both(r"\A"),
            'Z' => self.both(r"(?:\n?\z)"),
            'R' => self.both(r"(?:\r\n|[\n\x0B\x0C\r])"),
            'N' => self.both(r"[^\n]"),
            c => match class::escape(self, c)? {
                class::Escape::Char(text) => self.both(&text),
                class::Escape::Set { inside, negated } => {
                    let sign = if negated { "^" } else { "" };
                    self.both(&format!("[{sign}{inside}]"));
                }
                class::Escape::Property(text) => self.both(&text),
            },
        }
        Ok(())
    }

    fn reference(&mut self, text: &str) {
        self.slow("a back-reference");
        self.each("(?s:.*)", text);
    }

    /// `\g1`, `\g{1}`, `\g{-1}`, `\g{name}`, `\g<name>`, `\k<name>`, `\k'name'`, `\k{name}`.
    fn named_reference(&mut self, kind: char) -> Result<(), Refused> {
        let opened = self.next();
        let (name, calls) = match opened {
            Some('{') => (self.until('}'), false),
            Some('<') => (self.until('>'), kind == 'g'),
            Some('\'') => (self.until('\''), kind == 'g'),
            Some(c) if c.is_ascii_digit() && kind == 'g' => (Some(c.to_string()), false),
            _ => (None, false),
        };
        let Some(name) = name.filter(|n| !n.is_empty()) else {
            return Err(self.refuse("a reference without a name"));
        };
        if calls {
            return self.call(&name);
        }
        let digits = name.bytes().all(|b| b.is_ascii_digit());
        let text = if digits { format!("\\{name}") } else { format!("\\k<{name}>") };
        self.reference(&text);
        Ok(())
    }

    /// A group is matched once more, itself inside perhaps.
    fn call(&mut self, name: &str) -> Result<(), Refused> {
        self.slow("a call of a group");
        let name = if name == "R" { "0" } else { name };
        self.each("(?s:.*)", &format!("\\g<{name}>"));
        Ok(())
    }

    fn open(&mut self) -> Result<(), Refused> {
        if self.skip("*") {
            let verb = self.until(')').unwrap_or_default();
            let harmless = [
                "UTF8",
                "UTF",
                "UCP",
                "ANYCRLF",
                "ANY",
                "LF",
                "CRLF",
                "NO_AUTO_POSSESS",
                "NO_START_OPT",
            ];
            if harmless.contains(&verb.as_str()) {
                return Ok(());
            }
            return Err(self.refuse(format!("the verb (*{verb}) is not supported")));
        }
        if !self.skip("?") {
            self.both("(");
            return self.enter(self.group());
        }
        if self.skip("#") {
            let closed = self.until(')').is_some();
            return if closed {
                Ok(())
            } else {
                Err(self.refuse("a comment is never closed"))
            };
        }
        for (sign, text) in [("=", "(?="), ("!", "(?!"), ("<=", "(?<="), ("<!", "(?<!")] {
            if self.skip(sign) {
                self.slow("look-around");
                self.each("(?:)", text);
                return self.enter(Group {
                    hidden: true,
                    ..self.group()
                });
            }
        }
        if self.skip(">") {
            self.slow("an atomic group");
            self.each("(?:", "(?>");
            return self.enter(self.group());
        }
        if self.skip("|") {
            self.both("(?:");
            return self.enter(self.group());
        }
        self.named_or_flags()
    }

    fn enter(&mut self, group: Group) -> Result<(), Refused> {
        self.groups.push(group);
        Ok(())
    }

    /// Behind `(?`: a name, a call, a condition, or letters.
    fn named_or_flags(&mut self) -> Result<(), Refused> {
        if self.skip("P=") {
            let name = self.until(')').unwrap_or_default();
            self.reference(&format!("\\k<{name}>"));
            return Ok(());
        }
        if self.skip("P>") || self.skip("&") {
            let name = self.until(')').unwrap_or_default();
            return self.call(&name);
        }
        if self.rest().starts_with(|c: char| c.is_ascii_digit()) || self.rest().starts_with("R)") {
            let name = self.until(')').unwrap_or_default();
            return self.call(&name);
        }
        if self.rest().starts_with('(') {
            return Err(self.refuse("conditions in patterns are not supported"));
        }
        for (sign, end) in [("P<", '>'), ("<", '>'), ("'", '\'')] {
            if self.skip(sign) {
                let name = self.until(end).unwrap_or_default();
                self.both(&format!("(?<{name}>"));
                return self.enter(self.group());
            }
        }
        self.letters()
    }

    /// `(?i)`, `(?i-s:`: blanks and line ends are dealt with here, the rest is passed on.
    fn letters(&mut self) -> Result<(), Refused> {
        let mut group = self.group();
        let (mut on, mut kept) = (true, String::new());
        if self.skip("^") {
            kept.push_str("-ims");
            (group.extended, group.multiline) = (false, false);
            on = false;
            if !self.rest().starts_with([':', ')']) {
                return Err(self.refuse("letters behind (?^ are not supported"));
            }
        }
        loop {
            match self.next() {
                Some('-') if on => {
                    on = false;
                    kept.push('-');
                }
                Some('x') => group.extended = on,
                Some(c @ ('i' | 's' | 'm' | 'U')) => {
                    kept.push(c);
                    group.multiline = if c == 'm' { on } else { group.multiline };
                }
                Some('n' | 'J' | 'a') => {}
                Some(end @ (':' | ')')) => {
                    let kept = kept.trim_end_matches('-');
                    return self.end_of_letters(end, kept, group);
                }
                _ => return Err(self.refuse("letters behind (? that mean nothing")),
            }
        }
    }

    fn end_of_letters(&mut self, end: char, kept: &str, group: Group) -> Result<(), Refused> {
        if end == ':' {
            self.both(&format!("(?{kept}:"));
            return self.enter(group);
        }
        if !kept.is_empty() {
            self.both(&format!("(?{kept})"));
        }
        if let Some(last) = self.groups.last_mut() {
            *last = group;
        }
        Ok(())
    }
}

/// `{3}`, `{3,}` or `{3,5}`, its first bracket passed; anything else is text.
fn is_count(rest: &str) -> bool {
    let Some((inside, _)) = rest.split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

/// A character that stands for itself, outside of a class. Byte by byte where the text is bytes.
fn spelt(c: char, unicode: bool) -> String {
    if !c.is_ascii() && !unicode {
        let mut bytes = [0; 4];
        let bytes = c.encode_utf8(&mut bytes).bytes();
        return bytes.map(|b| format!("\\x{b:02X}")).collect();
    }
    regex_syntax::escape(c.encode_utf8(&mut [0; 4]))
}
