//! Traces of hosts that spammers broke into: scripts that send, service accounts that write mail. What URLs tell of them is not judged here.

use crate::engine::{Hits, Rule, Scan};
use crate::family::Family;
use crate::rules::alias::sender;
use crate::rules::pattern::{When, has, patterns, rules};
use regex::Regex;

crate::symbols! {
    "compromised_hosts" {
        HAS_PHPMAILER_SIG = both(0.0), "written by PHPMailer";
        PHP_SCRIPT_ROOT = both(1.0), "a PHP script of root sent it";
        HAS_X_POS = both(0.0), "a PHP script sent it";
        HAS_X_PHP_SCRIPT = both(0.0), "a PHP script sent it, says X-PHP-Script";
        HAS_X_SOURCE = both(0.0), "the sending program is named";
        HAS_X_AS = both(0.0), "the authenticated sender is named";
        HAS_X_GMSV = both(0.0), "how the sender authenticated is named";
        HAS_X_ANTIABUSE = both(0.0), "there is an X-AntiAbuse";
        X_PHP_EVAL = both(4.0), "evaluated PHP code sent it";
        PHP_XPS_PATTERN = both(0.0), "a script called sendmail.php sent it";
        HAS_XAW = both(0.0), "there is an X-Authentication-Warning";
        XAW_SERVICE_ACCT = both(1.0), "a service account set the sender";
        ENVFROM_SERVICE_ACCT = both(1.0), "the envelope sender is a service account";
        FROM_SERVICE_ACCT = both(1.0), "the sender is a service account";
        HIDDEN_SOURCE_OBJ = both(2.0), "the sending script lies in a hidden folder";
        WWW_DOT_DOMAIN = both(0.5), "a sender's domain begins with www.";
    }
}

/// Compromised hosts. No settings.
pub const FAMILY: Family = Family {
    name: "compromised_hosts",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| {
        let mut all = rules(TESTS);
        all.push(Rule::check("HAS_X_AS", authenticated).giving(&[&HAS_X_AS]));
        all.push(Rule::check("HAS_X_GMSV", via).giving(&[&HAS_X_GMSV]));
        all
    },
};

patterns! {
    PHPMAILER = r"^PHPMailer";
    BOUNDARY = r#"boundary="?b1_[0-9a-zA-Z]+"#;
    ROOT = "^0:";
    EVAL = r"eval\(\)'d code";
    SENDMAIL = r"^[^. ]+\.[^. /]+/sendmail\.php\b";
    SET_SENDER = r"\b(?:www-data|anonymous|ftp|apache|nobody|guest|nginx|web|www) set sender to\b";
    SERVICE = r"(?i)^(?:www-data|anonymous|ftp|apache|nobody|guest|nginx|web|www)@";
    HIDDEN = r"/\.[^./]";
    WWW = r"(?i)@www\.";
    AS = r"\S+:\s*(.*\S)";
    GMSV = r"authenticated_id: *(.*\S)";
}

const SCRIPTS: [&str; 3] = ["X-PHP-Script", "X-PHP-Originating-Script", "X-Source-Args"];

static TESTS: &[When] = &[
    (&HAS_PHPMAILER_SIG, |s| {
        has(s, "X-Mailer", &PHPMAILER) || has(s, "Content-Type", &BOUNDARY)
    }),
    (&PHP_SCRIPT_ROOT, |s| has(s, "X-PHP-Originating-Script", &ROOT)),
    (&HAS_X_POS, |s| s.mail.headers().has("X-PHP-Originating-Script")),
    (&HAS_X_PHP_SCRIPT, |s| s.mail.headers().has("X-PHP-Script")),
    (&HAS_X_SOURCE, |s| {
        ["X-Source", "X-Source-Args", "X-Source-Dir"]
            .iter()
            .any(|n| s.mail.headers().has(n))
    }),
    (&HAS_X_ANTIABUSE, |s| s.mail.headers().has("X-AntiAbuse")),
    (&X_PHP_EVAL, |s| {
        has(s, "X-PHP-Script", &EVAL) || has(s, "X-PHP-Originating-Script", &EVAL)
    }),
    (&PHP_XPS_PATTERN, |s| has(s, "X-PHP-Script", &SENDMAIL)),
    (&HAS_XAW, |s| s.mail.headers().has("X-Authentication-Warning")),
    (&XAW_SERVICE_ACCT, |s| has(s, "X-Authentication-Warning", &SET_SENDER)),
    (&ENVFROM_SERVICE_ACCT, |s| sender(s).is_some_and(|a| SERVICE.is_match(&a.address))),
    (&FROM_SERVICE_ACCT, |s| written(s, &SERVICE)),
    (&HIDDEN_SOURCE_OBJ, |s| SCRIPTS.iter().any(|name| has(s, name, &HIDDEN))),
    (&WWW_DOT_DOMAIN, |s| {
        written(s, &WWW) || sender(s).is_some_and(|a| WWW.is_match(&a.address))
    }),
];

/// An address of From, Sender or Reply-To.
fn written(scan: &Scan<'_>, pattern: &Regex) -> bool {
    let sender = scan
        .mail
        .headers()
        .first("Sender")
        .map(|h| crate::message::address::parse_list(h.text(), 1));
    let first = [scan.mail.from().first(), scan.mail.reply_to().first()].into_iter().flatten();
    first.chain(sender.iter().flatten()).any(|a| pattern.is_match(&a.address))
}

fn authenticated(scan: &Scan<'_>, hits: &mut Hits) {
    login(scan, "X-Authenticated-Sender", &AS, &HAS_X_AS, hits);
}

fn via(scan: &Scan<'_>, hits: &mut Hits) {
    login(scan, "X-Get-Message-Sender-Via", &GMSV, &HAS_X_GMSV, hits);
}

fn login(scan: &Scan<'_>, name: &str, pattern: &Regex, symbol: &'static crate::engine::Symbol, hits: &mut Hits) {
    let Some(header) = scan.mail.headers().first(name) else { return };
    let who = pattern
        .captures(header.text())
        .and_then(|c| c.get(1))
        .map(|m| m.as_str().to_owned());
    hits.weighted(symbol, 1.0, who.into_iter().collect());
}
