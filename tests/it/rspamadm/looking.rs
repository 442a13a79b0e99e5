//! Commands that look at files: logs, messages, folders of messages.

use super::Links;
use crate::support::daemon::{Daemon, Home};
use crate::support::tools::{program, run};
use std::process::Command;

const LOG: &str = "\
    10:00:00 #1(normal) <aaaaaa>; task; rspamd_message_parse: loaded message; id: <one@x>\n\
    10:00:00 #1(normal) <bbbbbb>; task; rspamd_message_parse: loaded message; id: <two@x>\n\
    10:00:01 #1(normal) <aaaaaa>; lua; foo.lua:1: NEEDLE here\n\
    a needle without a tag\n\
    10:00:03 #1(normal) <aaaaaa>; task; rspamd_protocol_http_reply: regexp statistics: 0 pcre\n\
    10:00:03 #1(normal) <bbbbbb>; task; rspamd_protocol_http_reply: regexp statistics: 0 pcre\n\
    10:00:04 #1(normal) <cccccc>; lua; needle unfinished\n";

#[test]
fn logs_are_searched_as_the_peer_does() {
    let links = Links::new();
    links.0.write("log", LOG);
    let packed = run(Command::new(program("gzip")).args(["-k", "log"]).current_dir(links.0.path()), b"");
    assert_eq!(packed.code, 0, "{packed:?}");
    let zstd = run(Command::new(program("zstd")).args(["-q", "log"]).current_dir(links.0.path()), b"");
    assert_eq!(zstd.code, 0, "{zstd:?}");
    for words in [
        &["grep", "-s", "needle", "log"][..],
        &["grep", "-s", "needle", "-S", "log"],
        &["grep", "-s", "needle", "-o", "-P", "log"],
        &["grep", "-s", "two@x", "log"],
        &["grep", "-p", "NEEDLE", "log"],
        &["grep", "-s", "nowhere", "-o", "log"],
        &["grep", "-s", "needle", "log.gz", "log"],
    ] {
        let (ours, theirs) = (links.ours(words), links.theirs(words));
        assert_eq!((ours.code, &ours.stdout), (theirs.code, &theirs.stdout), "{words:?}");
    }
    let whole = links.ours(&["grep", "-s", "needle", "log"]).stdout;
    assert_eq!(links.ours(&["grep", "-s", "needle", "log.zst"]).stdout, whole);
    let fed = run(&mut links.command("rspamadm", &["grep", "--string", "needle"]), LOG.as_bytes());
    assert_eq!(fed.stdout, whole);
    let missing = links.ours(&["grep", "-s", "x", "nowhere.log"]);
    assert!(missing.code == 1 && missing.stderr.contains("nowhere.log"), "{missing:?}");
}

#[test]
fn our_own_logs_are_searched_too() {
    let links = Links::new();
    for form in ["", "[log]\njson = true\n"] {
        let home = Home::new();
        home.configure("127.0.0.1:0", form);
        let daemon = Daemon::spawn(home.command("serve"));
        daemon.wait_log("ready");
        let scanned = run(home.command("scan").arg("--connect").arg(scan_port(&daemon.log())), MAIL.as_bytes());
        assert_eq!(scanned.code, 0, "{scanned:?}");
        daemon.wait_log("<m@x>");
        let found = run(&mut links.command("rspamadm", &["grep", "-s", "M@X"]), daemon.log().as_bytes());
        let lines: Vec<&str> = found.stdout.lines().collect();
        assert!(lines.len() == 2 && lines[0].contains("<m@x>") && lines[1].is_empty(), "{found:?}");
    }
}

/// The address of the scan port, out of a log of either form.
fn scan_port(log: &str) -> &str {
    let line = log
        .lines()
        .find(|l| l.contains("listening") && l.contains("http"))
        .expect("a scan port");
    let from = line.find("127.0.0.1:").expect("an address");
    line[from..].split('"').next().unwrap_or_default().trim_end()
}

const MAIL: &str = "From: a@example.org\nTo: b@example.com, c@example.com\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nMessage-ID: <m@x>\n\
    MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=XX\n\n--XX\nContent-Type: text/plain; charset=utf-8\n\
    Content-Transfer-Encoding: base64\n\nSGFsbG8sIFdlbHQKenduaQo=\n--XX\nContent-Type: application/pdf; name=a.pdf\n\
    Content-Disposition: attachment; filename=a.pdf\n\n%PDF-\n--XX--\n";

#[test]
fn messages_are_taken_apart() {
    let links = Links::new();
    links.0.write("m.eml", MAIL);
    for words in [
        &["mime", "extract", "-t", "m.eml"][..],
        &["mime", "dump", "m.eml"],
        &["mime_tool", "ex", "m.eml"],
    ] {
        let (ours, theirs) = (links.ours(words), links.theirs(words));
        assert_eq!((ours.code, &ours.stdout), (theirs.code, &theirs.stdout), "{words:?}");
    }
    let json = |words: &[&str]| -> serde_json::Value { serde_json::from_str(&links.ours(words).stdout).expect("JSON") };
    let texts = json(&["mime", "-j", "extract", "m.eml"]);
    assert_eq!(texts["m.eml"][0], "Hallo, Welt\nzwni\n");
    let (ours, theirs) = (
        json(&["mime", "-j", "dump", "m.eml"]),
        links.theirs(&["mime", "dump", "-j", "m.eml"]),
    );
    let theirs: serde_json::Value = serde_json::from_str(&theirs.stdout).expect("JSON");
    for key in ["size", "newlines"] {
        assert_eq!(ours[key], theirs[key], "{key}");
    }
    for at in 0..6 {
        for key in ["name", "value", "decoded", "order"] {
            assert_eq!(ours["headers"][at][key], theirs["headers"][at][key], "header {at}, {key}");
        }
    }
    assert_eq!(ours["parts"][1]["content"], theirs["parts"][1]["content"]);
    let figures = json(&["mime", "stat", "-j", "m.eml"]);
    assert_eq!(
        (&figures["m.eml"]["recipients"], &figures["m.eml"]["attachments"]),
        (&2.into(), &1.into())
    );
}

#[test]
fn a_corpus_is_scanned_by_rspamc() {
    let links = Links::new();
    links.0.write("ham/1.eml", MAIL);
    links.0.write("spam/2.eml", MAIL);
    // Stands in for rspamc: an answer for each file of the folder named last.
    let fake = links.0.write(
        "rspamc",
        "#!/bin/sh\necho \"$@\" >>asked\nfor last; do :; done\nfor f in $last/*; do printf '{\"score\":1.5,\"action\":\"add header\",\
         \"symbols\":{\"A\":{},\"B\":{}},\"scan_time\":0.25,\"filename\":\"%s\"}\\n' $f; done\n",
    );
    std::fs::set_permissions(&fake, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let words = [
        "corpus_test",
        "-H",
        "ham",
        "-S",
        "spam",
        "-n",
        "3",
        "-t",
        "5",
        "-c",
        "127.0.0.1:1",
        "-r",
        "./rspamc",
    ];
    let ran = links.ours(&words);
    assert!(ran.code == 0 && ran.stdout.contains("No of ham: 1\nNo of spam: 1\n"), "{ran:?}");
    let results = std::fs::read_to_string(links.join("results.log")).unwrap();
    assert_eq!(
        results,
        "HAM 1.50 add_header A B 0.25 ham/1.eml\nSPAM 1.50 add_header A B 0.25 spam/2.eml\n"
    );
    let asked = std::fs::read_to_string(links.join("asked")).unwrap();
    assert_eq!(links.theirs(&words).code, 0);
    let theirs = std::fs::read_to_string(links.join("asked")).unwrap();
    assert_eq!(theirs, asked.repeat(2), "rspamc is asked in the same words");
}

#[test]
fn templates_are_filled_in() {
    let links = Links::new();
    links
        .0
        .write("t", "{% if A == \"x\" %}{= A =}{% endif %} {{ A }} {= env.B =} {# no #}\n");
    links.0.write("env", "# variables\nA=x\nB = \"y\"\n");
    let filled = links.ours(&["template", "-e", "env", "t"]);
    assert_eq!((filled.code, filled.stdout.as_str()), (0, "x {{ A }} y \n"));
    assert_eq!(links.ours(&["--var=A=z", "template", "-s", ".out", "t"]).code, 0);
    assert_eq!(std::fs::read_to_string(links.join("t.out")).unwrap(), " {{ A }}  \n");
    links.0.write("broken", "{% if %}");
    let broken = links.ours(&["template", "broken"]);
    assert!(broken.code == 1 && broken.stderr.contains("cannot fill in broken"), "{broken:?}");
}
