//! The administrator's guide with Debian's unmodified `rspamc`: what it shows is what this daemon prints, line for line.
//! Here with settings in this program's words; in `tree` with the guide's own files, on a machine of their own.
//!
//! The guide writes no Message-ID tests, settings or learning; neither does this file.

mod machine;
mod tree;

use std::process::Command;

use crate::support::filter::{Settings, Torwart};
use crate::support::mail;
use crate::support::rspamc::{report, rspamc};
use crate::support::tools::{Folder, program, run};

/// `echo hallo welt | rspamc -i 10.88.113.22`
pub const FIRST_REPORT: [&str; 15] = [
    "Results for file: stdin (N seconds)",
    "[Metric: default]",
    "Action: add header",
    "Spam: true",
    "Score: 7.90 / 15.00",
    "Symbol: ARC_NA (0.00)",
    "Symbol: MIME_GOOD (-0.10)[text/plain]",
    "Symbol: MIME_TRACE (0.00)[0:+]",
    "Symbol: MISSING_DATE (1.00)",
    "Symbol: MISSING_FROM (2.00)",
    "Symbol: MISSING_MID (2.50)",
    "Symbol: MISSING_SUBJECT (0.50)",
    "Symbol: MISSING_TO (2.00)",
    "Symbol: RCVD_COUNT_ZERO (0.00)[0]",
    "Message-ID: undef",
];

/// `echo hallo welt | rspamc -i 10.88.113.21`, the address being on the list.
pub const SECOND_REPORT: [&str; 11] = [
    "Results for file: stdin (N seconds)",
    "[Metric: default]",
    "Action: reject",
    "Spam: true",
    "Score: -0.10 / 15.00",
    "Symbol: ARC_NA (0.00)",
    "Symbol: LOCAL_RBL_HIT (0.00)[10.88.113.21]",
    "Symbol: MIME_GOOD (-0.10)[text/plain]",
    "Symbol: MIME_TRACE (0.00)[0:+]",
    "Message-ID: undef",
    "Message - smtp_message: Matched map: LOCAL_RBL_HIT",
];

/// A daemon with the guide's block list.
fn with_block_list() -> Torwart {
    let folder = Folder::new("daemon");
    let map = folder.write("maps/local_rbl.txt", "10.88.113.21\n");
    let tables = format!(
        "[modules.multimap.blacklist_ip]\ntype = \"ip\"\nmap = \"{}\"\nsymbol = \"LOCAL_RBL_HIT\"\naction = \"reject\"\n\
         description = \"Lokale RBL-Hit\"\n",
        map.display()
    );
    Torwart::within(
        folder,
        Settings {
            tables,
            ..Settings::default()
        },
    )
}

#[test]
fn both_reports_of_the_guide_line_for_line() {
    let torwart = with_block_list();
    // twenty times: the order of symbols and the early end must not depend on chance
    for _ in 0..20 {
        assert_eq!(
            report(&rspamc(torwart.http, &["-i", "10.88.113.22"], b"hallo welt\n")),
            FIRST_REPORT
        );
        assert_eq!(
            report(&rspamc(torwart.http, &["-i", "10.88.113.21"], b"hallo welt\n")),
            SECOND_REPORT
        );
    }
}

#[test]
fn the_controller_scans_as_the_guide_has_it() {
    let torwart = with_block_list();
    assert_eq!(
        report(&rspamc(torwart.controller, &["-i", "10.88.113.22"], b"hallo welt\n")),
        FIRST_REPORT
    );
    assert_eq!(
        report(&rspamc(torwart.controller, &["-i", "10.88.113.21"], b"hallo welt\n")),
        SECOND_REPORT
    );
}

#[test]
fn an_empty_message_from_a_listed_address_is_rejected() {
    let torwart = with_block_list();
    let lines = report(&rspamc(torwart.http, &["-E", "-i", "10.88.113.21"], b""));
    for wanted in ["Action: reject", "Spam: true", "Symbol: LOCAL_RBL_HIT (0.00)[10.88.113.21]"] {
        assert!(lines.iter().any(|l| l == wanted), "{wanted} in {lines:#?}");
    }
    let lines = report(&rspamc(torwart.http, &["-E", "-i", "10.88.113.22"], b""));
    assert!(lines.iter().any(|l| l == "Spam: false"), "{lines:#?}");
}

#[test]
fn gtube_as_rspamc_shows_it() {
    let torwart = Torwart::start();
    let file = torwart.folder().write("gtube.eml", mail::gtube("g1"));
    let name = file.display().to_string();
    let lines = report(&rspamc(torwart.http, &[&name], b""));
    assert_eq!(
        lines.first().map(String::as_str),
        Some(format!("Results for file: {name} (N seconds)").as_str())
    );
    for wanted in [
        "Action: reject",
        "Spam: true",
        "Symbol: GTUBE (0.00)",
        "Message-ID: g1@example.org",
        "Message - smtp_message: Gtube pattern",
    ] {
        assert!(lines.iter().any(|l| l == wanted), "{wanted} in {lines:#?}");
    }
}

#[test]
fn rspamc_shows_headers_and_json_and_takes_compressed_mail() {
    let torwart = Torwart::start();
    let shown = report(&rspamc(torwart.http, &["--headers", "-i", "10.88.113.22"], b"hallo welt\n"));
    assert!(shown.iter().any(|l| l == "Content-Type: application/json"), "{shown:#?}");
    let metric = shown
        .iter()
        .position(|l| l == "[Metric: default]")
        .expect("the report follows the headers");
    assert_eq!(shown[metric..], FIRST_REPORT[1..]);

    assert_eq!(
        report(&rspamc(torwart.http, &["-z", "-i", "10.88.113.22"], b"hallo welt\n")),
        FIRST_REPORT
    );

    let ran = rspamc(torwart.http, &["-j", "--compact", "-i", "10.88.113.22"], b"hallo welt\n");
    assert_eq!(ran.code, 0, "{ran:?}");
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {}", ran.stdout));
    assert_eq!(json["action"], "add header");
    assert_eq!(json["required_score"], 15.0);
    assert_eq!(json["is_skipped"], false);
    assert_eq!(json["message-id"], "undef");
    assert!((json["score"].as_f64().expect("a number") - 7.9).abs() < 1e-6, "{json}");
    assert_eq!(json["symbols"].as_object().expect("an object").len(), 9);
    assert_eq!(json["symbols"]["MISSING_SUBJECT"]["metric_score"], 2.0);
    assert_eq!(json["symbols"]["MIME_GOOD"]["options"][0], "text/plain");
}

#[test]
fn rspamc_asks_about_several_files_at_once() {
    let torwart = Torwart::start();
    let names: Vec<String> = (0..5)
        .map(|n| {
            torwart
                .folder()
                .write(&format!("mail/{n}.eml"), mail::clean(&format!("m{n}")))
                .display()
                .to_string()
        })
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let lines = report(&rspamc(torwart.http, &names, b""));
    for (n, name) in names.iter().enumerate() {
        assert!(
            lines.iter().any(|l| *l == format!("Results for file: {name} (N seconds)")),
            "{name} in {lines:#?}"
        );
        assert!(
            lines.iter().any(|l| *l == format!("Message-ID: m{n}@example.org")),
            "{n} in {lines:#?}"
        );
    }
    assert_eq!(lines.iter().filter(|l| *l == "Spam: false").count(), 5, "{lines:#?}");
}

#[test]
fn rspamc_reads_statistics_and_uptime() {
    let torwart = Torwart::start();
    for (count, message) in [(1, mail::gtube("s1")), (2, mail::spammy("s2")), (3, mail::clean("s3"))] {
        assert_eq!(rspamc(torwart.http, &[], message.as_bytes()).code, 0);
        let lines = report(&rspamc(torwart.controller, &["stat"], b""));
        assert!(
            lines.iter().any(|l| *l == format!("Messages scanned: {count}")),
            "{count} in {lines:#?}"
        );
    }
    let lines = report(&rspamc(torwart.controller, &["stat"], b""));
    for wanted in [
        "Messages with action reject: 1, 33.33%",
        "Messages with action add header: 1, 33.33%",
    ] {
        assert!(lines.iter().any(|l| l == wanted), "{wanted} in {lines:#?}");
    }
    let lines = report(&rspamc(torwart.controller, &["uptime"], b""));
    assert!(lines.iter().any(|l| l.starts_with("Uptime: ")), "{lines:#?}");
}

#[test]
fn rspamc_proves_itself_with_the_password_whose_hash_rspamadm_made() {
    let pw = run(Command::new(program("rspamadm")).args(["pw", "-q", "-p", "geheim"]), b"");
    let hash = pw.stdout.trim();
    assert!(hash.starts_with("$2$"), "{pw:?}");
    let controller = format!("trusted = []\npassword = \"{hash}\"\n");
    let torwart = Torwart::with(Settings {
        controller,
        ..Settings::default()
    });
    assert_eq!(rspamc(torwart.controller, &["-P", "geheim", "stat"], b"").code, 0);
    for refused in [&["stat"][..], &["-P", "falsch", "stat"]] {
        let ran = rspamc(torwart.controller, refused, b"");
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.stdout.contains("HTTP error: 401"), "{ran:?}");
    }
}

#[test]
fn an_unmodified_rspamc_gets_rspamds_error_texts() {
    let torwart = Torwart::start();
    let ran = rspamc(torwart.http, &["learn_spam"], mail::clean("l1").as_bytes());
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains("HTTP error: 500, invalid command"), "{ran:?}");
}
