//! Headers that should not be there, should look otherwise, or tell what wrote them: one small test a symbol.

use crate::engine::{Compat, Hits, Rule, Scan, Symbol};
use crate::family::Family;
use crate::message::{Address, Encoding, Part, address};
use crate::rules::alias::sender;
use crate::rules::pattern::{When, has, has_raw, patterns, rules};

crate::symbols! {
    "headers" {
        HAS_X_PRIO_ZERO = both(0.0), "X-Priority is 0";
        HAS_X_PRIO_ONE = both(0.0), "X-Priority is 1";
        HAS_X_PRIO_TWO = both(0.0), "X-Priority is 2";
        HAS_X_PRIO_THREE = both(0.0), "X-Priority is 3 or 4";
        HAS_X_PRIO_FIVE = both(0.0), "X-Priority is 5 or more";
        MISSING_XM_UA = only_41(0.0), "neither X-Mailer nor User-Agent tells the mail program";
        HAS_LIST_UNSUB = both(-0.01), "there is a List-Unsubscribe";
        HAS_ORG_HEADER = both(0.0), "an organisation is named";
        HAS_CD_HEADER = only_41(0.0), "the message has a Content-Description";
        HAS_XOIP = both(0.0), "there is an X-Originating-IP";
        MV_CASE = both(0.5), "MIME-Version is spelt Mime-Version";
        XM_CASE = both(0.5), "X-Mailer is spelt X-mailer";
        CTE_CASE = both(0.5), "Content-Transfer-Encoding begins with 7B or 8B";
        CT_EXTRA_SEMI = both(1.0), "Content-Type ends in a semicolon";
        BROKEN_CONTENT_TYPE = both(1.5), "the Content-Type of some part is malformed";
        R_UNDISC_RCPT = both(3.0), "the recipients are not disclosed";
        R_NO_SPACE_IN_FROM = both(1.0), "no blank stands between name and address in From";
        R_HTTP_URL_IN_FROM = only_41(5.0), "From holds a URL";
        TO_WRAPPED_IN_SPACES = both(2.0), "the address in To has blanks inside its brackets";
        MIME_HEADER_CTYPE_ONLY = both(2.0), "Content-Type is the only MIME header, and no plain text";
        STOX_REPLY_TYPE = both(1.0), "the Content-Type says reply-type=original";
        FAKE_REPLY = both(1.0), "the Subject is that of an answer, yet nothing is referred to";
        MISSING_MIMEOLE = both(2.0), "X-MSMail-Priority without X-MimeOLE";
        RATWARE_MS_HASH = both(2.0), "a Message-ID like Outlook's, but no other trace of it";
        HEADER_FROM_EMPTY_DELIMITER = both(1.0), "no blank behind the colon of From";
        HEADER_TO_EMPTY_DELIMITER = both(1.0), "no blank behind the colon of To";
        HEADER_CC_EMPTY_DELIMITER = both(1.0), "no blank behind the colon of Cc";
        HEADER_REPLYTO_EMPTY_DELIMITER = both(1.0), "no blank behind the colon of Reply-To";
        HEADER_DATE_EMPTY_DELIMITER = both(1.0), "no blank behind the colon of Date";
        HEADER_RCONFIRM_MISMATCH = both(2.0), "a confirmation of reading would go to another than the sender";
        HEADER_FORGED_MDN = both(2.0), "a disposition notification would go to another than the sender";
        INVALID_FROM_8BIT = both(6.0), "the address in From has 8-bit characters";
        INVALID_RCPT_8BIT = both(6.0), "a recipient's address has 8-bit characters";
        RCVD_ILLEGAL_CHARS = only_34(4.0), "a Received header has 8-bit characters";
        HAS_INTERSPIRE_SIG = both(1.0), "written by the Interspire mailer";
        CD_MM_BODY = only_41(2.0), "the Content-Description is that of a known spam tool";
        X_PHP_FORGED_0X = both(4.0), "X-PHP-Originating-Script begins with 0 and a digit";
        X_PHPOS_FAKE = both(3.0), "X-PHP-Originating-Script begins with seven digits";
        REPTO_QUOTE_YAHOO = both(2.0), "a quoted name in Reply-To, and Yahoo";
    }
    "experimental" {
        XM_UA_NO_VERSION = both(0.01), "the mail program tells no version";
    }
}

/// The shape of headers. No settings.
pub const FAMILY: Family = Family {
    name: "header_shape",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| {
        let mut all = rules(TESTS);
        all.push(Rule::check("HAS_X_PRIO", priority).giving(PRIORITIES));
        all
    },
};

static PRIORITIES: &[&Symbol] = &[
    &HAS_X_PRIO_ZERO,
    &HAS_X_PRIO_ONE,
    &HAS_X_PRIO_TWO,
    &HAS_X_PRIO_THREE,
    &HAS_X_PRIO_FIVE,
];

patterns! {
    PRIORITY = r"^\s?(\d+)";
    CTE_CAPITAL = r"^[78]B";
    UNDISCLOSED = r#"(?i)^[<"]?undisclosed[\s-]recipients?.*:"#;
    TIGHT = r"\S<[-A-Za-z0-9_.]+@[-A-Za-z0-9_.]+>";
    URL_IN_FROM = r#"(?i)(^|["'\s])https?(:|=3A)//\S"#;
    LOOSE = r"<\s[-.\w]+@[-.\w]+\s>";
    REPLY_TYPE = r"(?i)^text/plain;(.|\s)*\breply-type=original$";
    REPLY_34 = r"(?i)^re:";
    REPLY = r"(?i)^(antw|atb|aw|bls|odp|re|res|rif|sv|ynt)[.\s]*:";
    SQUIRREL = r"SquirrelMail\b";
    OUTLOOK = r"^Microsoft (?:Office )?Outlook [12]\d\.0";
    MS_HASH = r"[0-9a-f]{4,}\$[0-9a-f]{4,}\$[0-9a-f]{4,}@\S";
    MIMEOLE = r"^Produced By Microsoft MimeOLE";
    EXCHANGE = r"with Microsoft Exchange Server";
    UNSUBSCRIBE_PHP = r"/unsubscribe\.php\?M=[^&]+&C=[^&]+&L=[^&]+&N=[^>]+>$";
    MM_BODY = r"(?i)^Mail message body$";
    PHP_0X = r"^0\d";
    PHP_SEVEN = r"^\d{7}:";
    QUOTED = r#"(?i)".*"\s*<"#;
    YAHOO = r"(?i)@yahoo\.com\b";
    DIGIT = r"\d";
    LINK = r"(?i)https?:";
    THUNDERBIRD = r"^Mozilla Thunderbird";
}

fn missing(scan: &Scan<'_>, names: &[&str]) -> bool {
    names.iter().all(|name| !scan.mail.headers().has(name))
}

fn present(scan: &Scan<'_>, names: &[&str]) -> bool {
    !missing(scan, names)
}

fn spelt(scan: &Scan<'_>, name: &str) -> bool {
    scan.mail.headers().iter().any(|h| h.name == name)
}

fn tight(scan: &Scan<'_>, name: &str) -> bool {
    scan.mail.headers().first(name).is_some_and(|h| h.empty_delimiter)
}

fn foreign(addresses: &[Address]) -> bool {
    addresses.iter().any(|a| !a.address.is_ascii())
}

/// It names no type, so it should be ASCII, and is UTF-8.
fn breaks_default(top: &Part<'_>) -> bool {
    let bare = !matches!(top.effective_encoding, Encoding::Base64 | Encoding::QuotedPrintable);
    top.type_missing && bare && !top.raw.is_ascii() && std::str::from_utf8(top.raw).is_ok()
}

static TESTS: &[When] = &[
    (&MISSING_XM_UA, |s| missing(s, &["X-Mailer", "User-Agent"])),
    (&HAS_LIST_UNSUB, |s| present(s, &["List-Unsubscribe"])),
    (&HAS_ORG_HEADER, |s| present(s, &["Organization", "Organisation"])),
    (&HAS_CD_HEADER, |s| present(s, &["Content-Description"])),
    (&HAS_XOIP, |s| present(s, &["X-Originating-IP"])),
    (&MV_CASE, |s| spelt(s, "Mime-Version")),
    (&XM_CASE, |s| spelt(s, "X-mailer")),
    (&CTE_CASE, |s| has_raw(s, "Content-Transfer-Encoding", &CTE_CAPITAL)),
    (&CT_EXTRA_SEMI, |s| {
        s.mail.headers().all("Content-Type").any(|h| h.raw_value().ends_with(b";"))
    }),
    (&BROKEN_CONTENT_TYPE, |s| {
        let broken = |p: &Part<'_>| p.content_type.as_ref().is_some_and(|t| t.broken) || p.is_undecodable();
        s.mail.parts().iter().any(broken) || s.mail.parts().first().is_some_and(breaks_default)
    }),
    (&R_UNDISC_RCPT, |s| s.mime && has(s, "To", &UNDISCLOSED)),
    (&R_NO_SPACE_IN_FROM, |s| s.mime && has_raw(s, "From", &TIGHT)),
    (&R_HTTP_URL_IN_FROM, |s| s.mime && has(s, "From", &URL_IN_FROM)),
    (&TO_WRAPPED_IN_SPACES, |s| s.mime && has_raw(s, "To", &LOOSE)),
    (&MIME_HEADER_CTYPE_ONLY, ctype_only),
    (&STOX_REPLY_TYPE, |s| has(s, "Content-Type", &REPLY_TYPE)),
    (&FAKE_REPLY, |s| {
        let reply = if s.compat == Compat::V34 { &REPLY_34 } else { &REPLY };
        has(s, "Subject", reply) && missing(s, &["In-Reply-To", "References"])
    }),
    (&MISSING_MIMEOLE, missing_mimeole),
    (&RATWARE_MS_HASH, |s| {
        has(s, "Message-ID", &MS_HASH) && !has(s, "X-MimeOLE", &MIMEOLE) && !has(s, "Received", &EXCHANGE)
    }),
    (&HEADER_FROM_EMPTY_DELIMITER, |s| tight(s, "From")),
    (&HEADER_TO_EMPTY_DELIMITER, |s| tight(s, "To")),
    (&HEADER_CC_EMPTY_DELIMITER, |s| tight(s, "Cc")),
    (&HEADER_REPLYTO_EMPTY_DELIMITER, |s| tight(s, "Reply-To")),
    (&HEADER_DATE_EMPTY_DELIMITER, |s| tight(s, "Date")),
    (&HEADER_RCONFIRM_MISMATCH, confirmation),
    (&HEADER_FORGED_MDN, notification),
    (&INVALID_FROM_8BIT, |s| foreign(s.mail.from().get(..1).unwrap_or_default())),
    (&INVALID_RCPT_8BIT, |s| foreign(s.mail.recipients().unwrap_or_default())),
    (&RCVD_ILLEGAL_CHARS, |s| {
        s.mail.headers().all("Received").any(|h| !h.raw_value().is_ascii())
    }),
    (&HAS_INTERSPIRE_SIG, |s| {
        let ids = ["X-Mailer-LID", "X-Mailer-RecptId", "X-Mailer-SID", "X-Mailer-Sent-By"];
        ids.iter().all(|name| s.mail.headers().has(name)) || has(s, "List-Unsubscribe", &UNSUBSCRIBE_PHP)
    }),
    (&CD_MM_BODY, |s| has(s, "Content-Description", &MM_BODY)),
    (&X_PHP_FORGED_0X, |s| has(s, "X-PHP-Originating-Script", &PHP_0X)),
    (&X_PHPOS_FAKE, |s| has(s, "X-PHP-Originating-Script", &PHP_SEVEN)),
    (&REPTO_QUOTE_YAHOO, |s| {
        has(s, "Reply-To", &QUOTED) && (has(s, "From", &YAHOO) || has(s, "Message-ID", &YAHOO))
    }),
    (&XM_UA_NO_VERSION, no_version),
];

fn priority(scan: &Scan<'_>, hits: &mut Hits) {
    let Some(header) = scan.mail.headers().first("X-Priority") else {
        return;
    };
    let Some(number) = PRIORITY.captures(header.text()).and_then(|c| c.get(1)) else {
        return;
    };
    let number = number.as_str();
    let symbol = match number.parse::<u64>() {
        Ok(0) => &HAS_X_PRIO_ZERO,
        Ok(1) => &HAS_X_PRIO_ONE,
        Ok(2) => &HAS_X_PRIO_TWO,
        Ok(3 | 4) => &HAS_X_PRIO_THREE,
        _ => &HAS_X_PRIO_FIVE,
    };
    hits.with(symbol, number);
}

/// A multipart counts as plain text where one of its parts is.
fn ctype_only(scan: &Scan<'_>) -> bool {
    let plain = || scan.mail.parts().iter().any(|p| p.mime_type() == "text/plain");
    let others = ["Content-Disposition", "Content-Transfer-Encoding", "MIME-Version"];
    missing(scan, &others) && present(scan, &["Content-Type"]) && !plain()
}

fn missing_mimeole(scan: &Scan<'_>) -> bool {
    present(scan, &["X-MSMail-Priority"])
        && missing(scan, &["X-MimeOLE", "X-Android-Message-Id"])
        && !has(scan, "X-Mailer", &SQUIRREL)
        && !has(scan, "X-Mailer", &OUTLOOK)
}

fn confirmation(scan: &Scan<'_>) -> bool {
    let Some(header) = scan.mail.headers().first("X-Confirm-Reading-To") else {
        return false;
    };
    let asked = address::parse_list(header.text(), 1);
    let from = scan.mail.from().first().map_or("", |a| &a.address);
    let asked = asked.first().map_or("", |a| &a.address);
    !from.is_empty() && !asked.is_empty() && !from.contains(asked)
}

fn notification(scan: &Scan<'_>) -> bool {
    let Some(header) = scan.mail.headers().first("Disposition-Notification-To") else {
        return false;
    };
    let asked = address::parse_list(header.text(), 16);
    // A name without an address suits the null sender.
    sender(scan).is_none_or(|s| !asked.iter().any(|a| a.address.eq_ignore_ascii_case(&s.address)))
}

fn no_version(scan: &Scan<'_>) -> bool {
    let names = ["X-Mailer", "User-Agent"];
    let bare = |text: &str| !text.is_empty() && !DIGIT.is_match(text);
    let untold = |name: &&str| scan.mail.headers().all(name).any(|h| bare(h.text()));
    // Thunderbird shows none any more, which 4.1 knows.
    let excused = scan.compat == Compat::V41 && has(scan, "User-Agent", &THUNDERBIRD);
    names.iter().any(untold) && !names.iter().any(|name| has(scan, name, &LINK)) && !excused
}
