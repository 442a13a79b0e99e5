//! `rspamadm mime` over the recorded mails, beside Debian's.

use super::Links;
use std::collections::BTreeSet;

/// A recorded mail.
fn golden(name: &str) -> String {
    format!("{}/tests/golden/mail/{name}.eml", env!("CARGO_MANIFEST_DIR"))
}

const LATIN: &[u8] = b"Subject: see http://subject.example.org/x\nFrom: a@example.org\nMIME-Version: 1.0\n\
    Content-Type: multipart/alternative; boundary=XX\n\n--XX\nContent-Type: text/plain; charset=iso-8859-1\n\
    Content-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe to   www.plain.example.co.uk/a?b=3Dc#d\n\
    second http://b.example.net/ and http://b.example.net/\n  foo@mail.example.org https://user:pw@c.example.com:8080/p\n\
    --XX\nContent-Type: text/html; charset=utf-8\n\n<html><head><title>t</title></head><body><p>H\xc3\xa4llo <b>you</b></p>\
    <div style=\"display:none\">hidden</div>\n<a href=\"https://d.example.org/\xc3\xbc?x=1&amp;y=2\">www.shown.example.com</a> \
    <img src=\"http://img.example.net/i.png\"><a href=\"mailto:x@y.example.com\">m</a><br>end</body></html>\n--XX--\n";

#[test]
fn texts_are_the_peers() {
    let links = Links::new();
    links.0.write("latin.eml", LATIN);
    let mails = [
        golden("html-1"),
        golden("mime_structure-1"),
        golden("scams-1"),
        "latin.eml".to_owned(),
    ];
    for options in [
        &["extract"][..],
        &["extract", "-t"],
        &["extract", "-H"],
        &["extract", "-i"],
        &["extract", "-o", "raw"],
        &["extract", "-o", "oneline"],
        &["extract", "-o", "decoded"],
        &["extract", "-o", "decoded_utf"],
        &["dump"],
    ] {
        // Of several mails the peer shows only the last.
        for mail in &mails {
            let words: Vec<&str> = ["mime"].iter().chain(options).copied().chain([mail.as_str()]).collect();
            let (ours, theirs) = (links.ours(&words), links.theirs(&words));
            assert_eq!((ours.code, &ours.stdout), (theirs.code, &theirs.stdout), "{words:?}");
        }
    }
    let parts = links.ours(&["mime", "extract", "-p", "latin.eml"]).stdout;
    let theirs = links.theirs(&["mime", "extract", "-p", "latin.eml"]).stdout;
    let figures = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("Part: "));
        lines.map(|line| line[line.find("size:").expect("a size")..].to_owned()).collect()
    };
    // Their count of raw bytes of a decoded part has more to it, as has that of words.
    assert_eq!(figures(&parts).len(), figures(&theirs).len());
    assert!(parts.contains("Mime Part: text/html, filename: nil, size: "), "{parts}");
}

#[test]
fn addresses_are_the_peers() {
    let links = Links::new();
    links.0.write("latin.eml", LATIN);
    for mail in [golden("phishing-1"), golden("url-1"), golden("html-3"), "latin.eml".to_owned()] {
        for options in [
            &["-s"][..],
            &["-H", "-s", "-r"],
            &["-tsu"],
            &["--tld", "--sort", "--unique", "--count"],
        ] {
            let words: Vec<&str> = ["mime", "urls"].iter().chain(options).copied().chain([mail.as_str()]).collect();
            let (ours, theirs) = (links.ours(&words), links.theirs(&words));
            // With --unique the peer forgets to sort.
            let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<String>>();
            let equal = match options.len() {
                1 | 4 if *options != ["-s"] => lines(&ours.stdout) == lines(&theirs.stdout),
                _ => ours.stdout == theirs.stdout,
            };
            assert!(equal && ours.code == theirs.code, "{words:?}: {ours:?} {theirs:?}");
        }
    }
    // The peer writes these in no order, and in JSON its memory.
    let full = links.ours(&["mime", "urls", "-f", "latin.eml"]).stdout;
    let line = "https://user:pw@c.example.com:8080/p: {[url] = https://user:pw@c.example.com:8080/p, [protocol] = https, \
                [user] = user, [host] = c.example.com, [tld] = example.com, [path] = p, [port] = 8080}\n";
    assert!(full.contains(line), "{full}");
    let json = links.ours(&["mime", "-j", "urls", "-sH", "latin.eml"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["latin.eml"][0], "b.example.net");
}

#[test]
fn headers_are_changed_as_the_peer_changes_them() {
    let links = Links::new();
    links.0.write("latin.eml", LATIN);
    links.0.write(
        "double.eml",
        "X-Twice: one\r\nFrom: a@b\r\nX-Twice: =?utf-8?q?zw=C3=B6lf?=\r\n\tmore\r\nSubject: s\r\n\r\nbody\r\n\r\n",
    );
    for file in ["latin.eml", "double.eml"] {
        for options in [
            &["-a", "X-New=a b"][..],
            &["-a", "Subject=\u{e4} b", "-a", "X-2=\u{e9}=1"],
            &["-r", "X-Twice", "-r", "nosuch", "-a", "X-Twice=new"],
            &["-R", "Subject=[SPAM] %s"],
            &["-R", "X-Twice=100%% <%s>", "-R", "Nosuch=%s"],
            &["--rewrite-header", "X-Twice=plain", "--remove-header", "From"],
        ] {
            let words: Vec<&str> = ["mime", "modify"].iter().chain(options).copied().chain([file]).collect();
            let (ours, theirs) = (links.ours(&words), links.theirs(&words));
            // But for the blank line that the peer adds in front of the body, and how it cuts encoded words.
            let end = if file == "double.eml" { "\r\n\r\n" } else { "\n\n" };
            let newline = &end[end.len() / 2..];
            let theirs_once = theirs.stdout.replacen(&format!("{end}{newline}"), end, 1);
            assert_eq!((ours.code, &ours.stdout), (theirs.code, &theirs_once), "{words:?}");
        }
    }
    for words in [
        &["mime", "modify", "-a", "nothing", "latin.eml"][..],
        &["mime", "modify", "-a", "A B=1", "latin.eml"],
        &["mime", "modify", "-a", "A=1\nB: 2", "latin.eml"],
        &["mime", "modify", "-R", "Subject=%d", "latin.eml"],
        &["mime", "modify", "-t", "footer", "latin.eml"],
        &["mime", "modify", "nosuch.eml"],
        &["mime", "sign", "-d", "example.org", "-s", "s", "-k", "key", "latin.eml"],
        &["mime", "stat", "-b", "latin.eml"],
        &["mime", "extract", "-w", "latin.eml"],
        &["mime", "-M", "dump", "latin.eml"],
    ] {
        let ran = links.ours(words);
        assert!(
            ran.code == 1 && ran.stdout.is_empty() && !ran.stderr.is_empty(),
            "{words:?}: {ran:?}"
        );
    }
}
