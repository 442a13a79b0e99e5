//! What is found, and what is made of it.

use super::servers::{SECOND, answers};
use super::*;
use crate::support::milter::Wire;
use crate::support::tools::Folder;

#[test]
fn the_guide_sample_is_rejected() {
    let clamd = Clamd::start();
    let proxy = Scripted::before(clamd.tcp);
    let torwart = Torwart::with(guide(&listed(&[&proxy]), ""));
    let file = torwart.folder().write("virus.eml", guide_mail()).display().to_string();
    let first = report(&rspamc(torwart.http, &["--ip", "1.2.3.4", &file], b""));
    has(&first, "Symbol: CLAM_VIRUS (20.00)[Eicar-Test-Signature.UNOFFICIAL]");
    has(&first, "Action: reject");
    let asked = proxy.streams();
    assert_eq!(asked, 2, "the text and the attachment");
    let second = report(&rspamc(torwart.http, &["--ip", "1.2.3.4", &file], b""));
    assert_eq!(second, first);
    assert_eq!(proxy.streams(), asked, "the second run is answered from the cache");
    let outcome = Wire::open(torwart.milter)
        .message(guide_mail().replace('\n', "\r\n").as_bytes())
        .unwrap();
    assert_eq!(outcome.verdict(), "554 5.7.1 Spam message rejected");
    assert!(
        torwart.log().contains("antivirus: clamav found Eicar-Test-Signature.UNOFFICIAL"),
        "{}",
        torwart.log()
    );
}

#[test]
fn over_the_socket_file_and_within_other_mail() {
    let clamd = Clamd::start();
    assert!(answers(&clamd.socket));
    let torwart = Torwart::with(plain(&format!("\"{}\"", clamd.socket.display()), ""));
    let inner = guide_mail();
    let outer = format!(
        "From: a@example.org\nSubject: Fwd\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=O\n\n\
         --O\nContent-Type: message/rfc822\n\n{inner}\n--O--\n"
    );
    has(
        &scan(&torwart, outer.as_bytes()),
        "Symbol: CLAM_VIRUS (20.00)[Eicar-Test-Signature.UNOFFICIAL]",
    );
    let clean = scan(&torwart, &mail_with(&[("a.bin", b"nothing in it")]));
    assert_eq!(of_scanner(&clean), Vec::<&str>::new());
}

#[test]
fn several_finds_add_up_and_show_their_files() {
    let clamd = Clamd::start();
    let servers = format!("\"{}\"", clamd.tcp);
    let torwart = Torwart::with(plain(&servers, "show_attachments = true"));
    let virus = eicar();
    let mail = mail_with(&[
        ("one.com", virus.as_bytes()),
        ("two.txt", SECOND.as_bytes()),
        ("three.bin", b"clean"),
    ]);
    has(
        &scan(&torwart, &mail),
        "Symbol: CLAM_VIRUS (40.00)[Eicar-Test-Signature.UNOFFICIAL|one.com, Test.Second.UNOFFICIAL|two.txt]",
    );
    // All of it at once.
    let whole = Torwart::with(plain(&servers, "scan_mime_parts = false"));
    has(
        &scan(&whole, guide_mail().as_bytes()),
        "Symbol: CLAM_VIRUS (20.00)[Eicar-Test-Signature.UNOFFICIAL]",
    );
}

#[test]
fn names_of_finds_have_symbols_of_their_own() {
    let server = Scripted::start(Does::Says(b"stream: Heuristics.Encrypted.Zip FOUND\0".to_vec()));
    let folder = Folder::new("daemon");
    folder.write("white.map", "Known.False-Alarm  # by us\n");
    let more = format!(
        "no_cache = true\nwhitelist = \"{}\"\naction = \"reject\"\npatterns = {{ PHISHED = \"/^phishing\\\\./i\", JUST_EICAR = \"^Eicar\" }}",
        folder.join("white.map").display()
    );
    let torwart = Torwart::within(folder, plain(&listed(&[&server]), &more));
    let mail = mail_with(&[("a.zip", b"something")]);
    let lines = scan(&torwart, &mail);
    has(
        &lines,
        "Symbol: CLAM_VIRUS_ENCRYPTED (0.00)[File is encrypted: Heuristics.Encrypted.Zip]",
    );
    for (answer, symbol) in [
        (
            "Heuristics.OLE2.ContainsMacros.VBA",
            "CLAM_VIRUS_MACRO (0.00)[Heuristics.OLE2.ContainsMacros.VBA]",
        ),
        ("Phishing.Heuristics.X", "PHISHED (0.00)[Phishing.Heuristics.X]"),
        ("Eicar-Test", "JUST_EICAR (0.00)[Eicar-Test]"),
        ("Win.Worm", "CLAM_VIRUS (20.00)[Win.Worm]"),
    ] {
        server.now(Does::Says(format!("stream: {answer} FOUND\n").into_bytes()));
        let lines = scan(&torwart, &mail);
        has(&lines, &format!("Symbol: {symbol}"));
        has(&lines, "Action: reject");
        has(&lines, &format!("Message - smtp_message: clamav: virus found: \"{answer}\""));
    }
    server.now(Does::Says(b"stream: Known.False-Alarm FOUND\0".to_vec()));
    let lines = scan(&torwart, &mail);
    assert_eq!(of_scanner(&lines), Vec::<&str>::new());
    has(&lines, "Action: no action");
}
