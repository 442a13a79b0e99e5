//! Inputs to begin with: what the tests hold for other purposes, in the forms that the targets take.

use super::tree::FILES;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the tests.
fn tests() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = here
        .ancestors()
        .map(|above| above.join("tests"))
        .find(|tests| tests.join("golden/mail").is_dir());
    found.expect("this is built in the repository")
}

/// Every file of that ending below a folder, in order.
fn files(folder: &str, ending: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let (mut found, mut folders) = (Vec::new(), vec![tests().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the tests") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let bytes = fs::read(&path).expect("a file of the tests");
                found.push((path, bytes));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "{folder} holds files that end with {ending:?}");
    found
}

fn bytes(files: Vec<(PathBuf, Vec<u8>)>) -> Vec<Vec<u8>> {
    files.into_iter().map(|(_, bytes)| bytes).collect()
}

/// Messages.
pub fn mails() -> Vec<Vec<u8>> {
    bytes([files("golden/mail", ".eml"), files("mail", ".eml")].concat())
}

/// The bodies of messages that hold HTML.
pub fn html() -> Vec<Vec<u8>> {
    let body = |mail: Vec<u8>| {
        let at = mail
            .windows(5)
            .position(|five| five.eq_ignore_ascii_case(b"<html") || five.eq_ignore_ascii_case(b"<body"))?;
        mail.get(at..).map(<[u8]>::to_vec)
    };
    let mut found: Vec<_> = mails().into_iter().filter_map(body).collect();
    found.push(b"<base href='http://a.example/'><a style=\"display:none; color: rgb(1,2,3)\" href=b>c</a><img src=cid:a width=1>".to_vec());
    found
}

/// Words of messages in which a URL may stand.
pub fn urls() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for mail in mails() {
        let text = String::from_utf8_lossy(&mail);
        let words = text
            .split_ascii_whitespace()
            .filter(|word| word.contains("://") || word.contains("www."));
        found.extend(words.map(|word| word.as_bytes().to_vec()));
    }
    found.sort();
    found.dedup();
    found
}

/// Files of UCL.
pub fn ucl() -> Vec<Vec<u8>> {
    bytes(
        [
            files("golden/ucl", ".conf"),
            files("golden/ucl", ".inc"),
            files("it/ucl/bad", ".conf"),
            files("guide", ""),
        ]
        .concat(),
    )
}

/// Files of trees, behind the number of their place.
pub fn trees() -> Vec<Vec<u8>> {
    let all = [
        files("guide", ""),
        files("config/trees", ".conf"),
        files("config/trees", ".inc"),
        files("config/trees-like", ".conf"),
    ]
    .concat();
    let numbered = all.into_iter().map(|(path, bytes)| {
        let number = FILES.iter().position(|name| path.ends_with(name)).unwrap_or(FILES.len() - 1);
        [vec![u8::try_from(number).expect("few places")], bytes].concat()
    });
    numbered.collect()
}

/// Expressions.
pub fn expressions() -> Vec<Vec<u8>> {
    const ALL: [&str; 8] = [
        "A & (B | !C)",
        "A + B + C >= 2",
        "A - B - C * 2 / 3 > 1 && not D or E",
        "~A & ^B | -C",
        "(A_[1-9] | g:group | g+:other) & !g-:less",
        "A[opt, /re/i] & B",
        "((((A))))",
        "!!!A != 1.5",
    ];
    ALL.map(|text| text.as_bytes().to_vec()).into()
}

/// Manners, patterns and a text.
pub fn patterns() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for (_, text) in rule_lines() {
        let pattern = text.split('/').nth(1).unwrap_or_default();
        found.push([b"\x01", pattern.as_bytes(), b"\n\nfoo here foo bar\r\nhello world"].concat());
    }
    found.push(b"\x20(a+)+$\n(?<=x)y(?!z)\n\\bfoo\\b\n[[:alpha:]]{2,9}\n(?i:x)|y*?\n\nfoo aaaaaaaaaaaaaaaaaaaaaaaa! xy".to_vec());
    found
}

/// Rules of the administrator and a message.
pub fn regexp() -> Vec<Vec<u8>> {
    let mail = fs::read(tests().join("mail/two-forms.eml")).expect("a mail");
    let one = |(name, expression)| [format!("{name} = {expression}\n\n").as_bytes(), &mail].concat();
    rule_lines().into_iter().map(one).collect()
}

/// Names and expressions of `tests/rules/regexp.test`.
fn rule_lines() -> Vec<(String, String)> {
    let text = fs::read_to_string(tests().join("rules/regexp.test")).expect("the cases");
    let rule = |line: &str| {
        let (name, value) = line.split_once(" = '")?;
        Some((name.to_owned(), value.strip_suffix('\'')?.to_owned()))
    };
    let found: Vec<_> = text.lines().filter_map(rule).collect();
    assert!(found.len() > 30, "{found:?}");
    found
}

/// Rule files and a message.
pub fn spamassassin() -> Vec<Vec<u8>> {
    const ALL: [&str; 5] = [
        "header A Subject =~ /abc/i\nscore A 1\nheader B From:addr =~ /^a@b$/ [if-unset: x]\nheader C exists:X-Foo\nmeta D (A + B) > 1 && !C\nscore D 2",
        "body __A /foo\\s+here/\nrawbody __B /<b>bold/\nfull C /Subject: .*--q--/s\nuri D /example/\nscore D 1 2 3 4\ndescribe D four",
        "mimeheader A Content-Type =~ /html/\nscore A 1\nbody B eval:html_tag_exists('b')\nheader C eval:check_for_missing_to_header()",
        "ifplugin Mail::SpamAssassin::Plugin::HeaderEval\nbody A m{foo}\nelse\nbody B m!x!\nendif\nif (version >= 3)\nendif",
        "replace_tag F [f4]\nreplace_inter W _?\nreplace_post P +\nbody E /<inter W><post P><F>oo (?:<nothing|here)/\nreplace_rules E\nscore E 1",
    ];
    let mail = fs::read(tests().join("mail/two-forms.eml")).expect("a mail");
    ALL.map(|rules| [rules.as_bytes(), b"\n\n", &mail].concat()).into()
}

/// Packets of an MTA, behind the length of their pieces.
pub fn sessions() -> Vec<Vec<u8>> {
    let packet = |command: u8, payload: &[u8]| {
        let length = u32::try_from(payload.len() + 1).expect("a short packet");
        [&length.to_be_bytes()[..], &[command], payload].concat()
    };
    let begin = [
        packet(b'O', b"\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff"),
        packet(b'D', b"Cj\0mx.example.com\0{daemon_name}\0smtpd\0"),
        packet(b'C', b"client.example.org\x004\x004\xd2203.0.113.9\0"),
        packet(b'H', b"client.example.org\0"),
    ];
    let mail = [
        packet(b'D', b"Mi\x004ABCDEF\0{auth_authen}\0anna\0"),
        packet(b'M', b"<anna@example.org>\0SIZE=100\0"),
        packet(b'R', b"<bob@example.com>\0NOTIFY=NEVER\0"),
        packet(b'T', b""),
        packet(b'L', b"From\0 Anna <anna@example.org>\0"),
        packet(b'L', b"Subject\0 one\n\ttwo\0"),
        packet(b'N', b""),
        packet(b'B', b"hello\r\n"),
        packet(b'E', b"the end\r\n"),
    ];
    let whole = [begin.concat(), mail.concat(), mail.concat(), packet(b'Q', b"")].concat();
    let aborted = [
        begin.concat(),
        mail.concat(),
        packet(b'A', b""),
        packet(b'K', b""),
        mail.concat(),
        packet(b'Z', b"?"),
    ]
    .concat();
    let ping = b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n".to_vec();
    let all = [whole.clone(), whole, aborted, ping];
    all.into_iter()
        .zip([1, 255, 7, 3])
        .map(|(said, piece)| [vec![piece], said].concat())
        .collect()
}
