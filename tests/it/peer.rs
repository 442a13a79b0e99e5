//! The harness proved on the peer: what the tests await of this project's daemon, Debian's rspamd does where the two agree.
//!
//! A failure here says that a tool of the tests is wrong, not the daemon.

use crate::guide::FIRST_REPORT;
use crate::miltertest;
use crate::support::filter::Peer;
use crate::support::mail;
use crate::support::milter::Wire;
use crate::support::postfix::Postfix;
use crate::support::rspamc::{report, rspamc};

#[test]
fn the_peer_prints_the_guides_first_report() {
    let peer = Peer::start(&[]);
    let ran = rspamc(peer.http, &["-i", "10.88.113.22"], b"hallo welt\n");
    assert_eq!(report(&ran), FIRST_REPORT);
}

#[test]
fn miltertests_scripts_suit_the_peer() {
    let peer = Peer::start(&[]);
    for script in ["clean.lua", "gtube.lua", "abort.lua"] {
        miltertest::play(script, peer.milter.port());
    }
}

#[test]
fn the_peer_refuses_gtube_over_milter_and_through_postfix() {
    let peer = Peer::start(&[]);
    let outcome = Wire::client(peer.milter, "203.0.113.5")
        .message(mail::gtube("p1").as_bytes())
        .expect("a verdict");
    assert_eq!(outcome.verdict(), "554 5.7.1 Gtube pattern");

    let postfix = Postfix::start(peer.milter, "");
    let reply = postfix
        .remote_session()
        .mail("anna@example.org", "martha@example.com", mail::gtube("p2").as_bytes());
    assert_eq!((reply.code, reply.text.as_str()), (554, "5.7.1 Gtube pattern"));

    let clean = mail::clean("p3");
    let reply = postfix
        .remote_session()
        .mail("anna@example.org", "martha@example.com", clean.as_bytes());
    assert_eq!(reply.code, 250, "{reply:?}");
    let delivered = postfix.sink.wait("p3");
    assert_eq!(String::from_utf8_lossy(&delivered.without_received()), clean);

    let reply = postfix
        .remote_session()
        .mail("anna@example.org", "martha@example.com", mail::spammy("p4").as_bytes());
    assert_eq!(reply.code, 250, "{reply:?}");
    assert_eq!(postfix.sink.wait("p4").header("X-Spam"), ["Yes"]);

    assert_eq!(
        postfix
            .sendmail(
                "root@mx.example.com",
                "martha@example.com",
                mail::gtube("p5").replace('\r', "").as_bytes()
            )
            .code,
        0
    );
    postfix.wait_log(&["milter-reject: END-OF-MESSAGE from localhost[127.0.0.1]: 5.7.1 Gtube pattern"]);
    postfix.wait_log(&["status=bounced (Gtube pattern)"]);
}
