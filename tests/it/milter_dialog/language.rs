//! The words of the transcripts: statements to packets, packets to text. What a transcript may say is described one file up.

use bytes::BytesMut;
use torwart::milter::codec::Response;
use torwart::milter::{Edit, frame};

/// An edit as written behind `+`.
pub fn edit(text: &str) -> Result<Edit, String> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let whole = || String::from_utf8_lossy(&unescape(rest)).into_owned();
    let named = |text: &str| -> Result<(String, String), String> {
        let (name, value) = text.split_once(':').ok_or("Name: value")?;
        let value = unescape(value.strip_prefix(' ').unwrap_or(value));
        Ok((name.to_owned(), String::from_utf8_lossy(&value).into_owned()))
    };
    let numbered = || rest.split_once(' ').ok_or("a number and a header");
    Ok(match word {
        "remove" => {
            let (name, which) = numbered()?;
            Edit::RemoveHeader {
                name: name.to_owned(),
                which: which.parse().map_err(|_| "which?")?,
            }
        }
        "add" => {
            let (name, value) = named(rest)?;
            Edit::AddHeader { name, value }
        }
        "insert" => {
            let (index, header) = numbered()?;
            let (name, value) = named(header)?;
            let index = index.parse().map_err(|_| "where?")?;
            Edit::InsertHeader { index, name, value }
        }
        "change" => {
            let (index, header) = numbered()?;
            let (name, value) = named(header)?;
            let index = index.parse().map_err(|_| "which?")?;
            Edit::ChangeHeader { index, name, value }
        }
        "set" => {
            let (name, value) = named(rest)?;
            Edit::SetHeader { name, value }
        }
        "from" => Edit::ChangeFrom(whole()),
        "addrcpt" => Edit::AddRcpt(whole()),
        "delrcpt" => Edit::DelRcpt(whole()),
        "body" => Edit::ReplaceBody(unescape(rest).into()),
        "quarantine" => Edit::Quarantine(whole()),
        _ => return Err("no such edit".to_owned()),
    })
}

/// A packet of the filter in the spelling of the transcripts; long texts by their length.
pub fn show(response: Response<'_>) -> String {
    let text = |bytes: &[u8]| {
        if bytes.len() > 200 {
            format!("({} bytes)", bytes.len())
        } else {
            bytes.escape_ascii().to_string()
        }
    };
    let shown = match response {
        Response::Negotiate(o) => format!("O {} {:x} {:x}", o.version, o.actions, o.protocol),
        Response::Continue => "c".to_owned(),
        Response::Accept => "a".to_owned(),
        Response::Discard => "d".to_owned(),
        Response::Reject => "r".to_owned(),
        Response::TempFail => "t".to_owned(),
        Response::Skip => "s".to_owned(),
        Response::Progress => "p".to_owned(),
        Response::Code(line) => format!("y {}", text(line)),
        Response::AddHeader { name, value } => format!("h {}:{}", text(name), text(value)),
        Response::InsertHeader { index, name, value } => format!("i {index} {}:{}", text(name), text(value)),
        Response::ChangeHeader { index, name, value } => format!("m {index} {}:{}", text(name), text(value)),
        Response::ReplaceBody(bytes) => format!("b {}", text(bytes)),
        Response::AddRecipient(address) => format!("+ {}", text(address)),
        Response::DeleteRecipient(address) => format!("- {}", text(address)),
        Response::ChangeFrom(address) => format!("e {}", text(address)),
        Response::Quarantine(reason) => format!("q {}", text(reason)),
    };
    shown.trim_end().to_owned()
}

/// The bytes of a statement of the MTA.
pub fn packet(text: &str) -> Result<Vec<u8>, String> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut payload = Vec::new();
    let command = match word {
        "raw" => return Ok(unescape(rest)),
        "packet" => {
            let (command, text) = rest.split_once(' ').unwrap_or((rest, ""));
            payload = unescape(text);
            command.bytes().next().ok_or("which packet?")?
        }
        "O" => {
            let mut numbers = rest.split(' ');
            let version: u32 = numbers.next().unwrap_or_default().parse().map_err(|_| "a version")?;
            payload.extend(version.to_be_bytes());
            for number in numbers {
                payload.extend(u32::from_str_radix(number, 16).map_err(|_| "hex numbers")?.to_be_bytes());
            }
            b'O'
        }
        "C" => {
            let parts: Vec<&str> = rest.split(' ').collect();
            let [host, family, place @ ..] = parts.as_slice() else {
                return Err("host and family".to_owned());
            };
            payload.extend(term(host));
            payload.push(0);
            payload.extend(unescape(family));
            if let [port, address] = place {
                payload.extend(port.parse::<u16>().map_err(|_| "a port")?.to_be_bytes());
                payload.extend(unescape(address));
                payload.push(0);
            }
            b'C'
        }
        "D" => {
            let (stage, pairs) = rest.split_once(' ').unwrap_or((rest, ""));
            payload.extend(stage.bytes());
            strings(pairs, &mut payload);
            b'D'
        }
        "M" | "R" => {
            strings(rest, &mut payload);
            word.as_bytes()[0]
        }
        "H" | "U" => {
            payload = unescape(rest);
            payload.push(0);
            word.as_bytes()[0]
        }
        "L" => {
            let (name, value) = rest.split_once(':').ok_or("Name: value")?;
            payload = unescape(name);
            payload.push(0);
            payload.extend(unescape(value));
            payload.push(0);
            b'L'
        }
        "B" | "E" => {
            payload = unescape(rest);
            word.as_bytes()[0]
        }
        "T" | "N" | "A" | "Q" | "K" => word.as_bytes()[0],
        _ => return Err("no such command".to_owned()),
    };
    let mut out = BytesMut::new();
    frame::put(&mut out, command, &[&payload]);
    Ok(out.to_vec())
}

/// Words, each with a NUL behind it.
fn strings(text: &str, out: &mut Vec<u8>) {
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        out.extend(term(word));
        out.push(0);
    }
}

/// One word; `""` is the empty one.
fn term(word: &str) -> Vec<u8> {
    if word == "\"\"" { Vec::new() } else { unescape(word) }
}

/// A text with its escapes.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let (kind, tail) = rest.split_first().expect("something behind the backslash");
        rest = tail;
        match kind {
            b'r' => out.push(b'\r'),
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b's' => out.push(b' '),
            b'0' => out.push(0),
            b'x' => {
                let digits = std::str::from_utf8(&rest[..2]).expect("hex digits");
                out.push(u8::from_str_radix(digits, 16).expect("hex digits"));
                rest = &rest[2..];
            }
            b'{' => {
                let end = rest.iter().position(|b| *b == b'}').expect("a closing brace");
                let times: usize = std::str::from_utf8(&rest[..end]).expect("a number").parse().expect("a number");
                let last = *out.last().expect("a byte to repeat");
                out.extend(std::iter::repeat_n(last, times - 1));
                rest = &rest[end + 1..];
            }
            other => out.push(*other),
        }
    }
    out
}
