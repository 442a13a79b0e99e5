//! What the headers claim to be written by: old programs, forged ones, and some that excuse oddities.

use crate::engine::Scan;
use crate::family::Family;
use crate::rules::pattern::{When, has, has_raw, patterns, rules};
use crate::rules::structure;

crate::symbols! {
    "headers" {
        OLD_X_MAILER = both(2.0), "the mail program is very old";
        FORGED_X_MAILER = both(4.5), "no mail program calls itself so";
        FORGED_IMS = both(3.0), "claims Internet Mail Service, without its trace";
        MAIL_RU_MAILER = both(0.0), "written with the web mail of Mail.ru";
        YANDEX_RU_MAILER = both(0.0), "written with the web mail of Yandex";
        MAILER_1C_8 = both(0.0), "written by 1C:Enterprise 8";
        APPLE_MAILER = only_41(0.0), "written with Apple Mail";
        APPLE_IOS_MAILER = only_41(0.0), "written with Apple Mail on iOS";
        FORGED_OUTLOOK_HTML = both(5.0), "claims Outlook, but has no plain text";
        FORGED_OUTLOOK_TAGS = both(2.1), "claims Outlook, but its HTML lacks elements that Outlook writes";
        FORGED_MUA_THEBAT_BOUN = both(2.0), "claims The Bat!, with a boundary of another program";
    }
    "mua" {
        SUSPICIOUS_BOUNDARY2 = both(4.0), "a boundary of a known spam tool";
        FORGED_MUA_THEBAT_MSGID = both(4.0), "claims The Bat!, with a Message-ID it never writes";
        FORGED_MUA_THEBAT_MSGID_UNKNOWN = both(3.0), "claims The Bat!, with the Message-ID of another program";
        FORGED_MUA_KMAIL_MSGID_UNKNOWN = both(2.5), "claims KMail, with the Message-ID of another program";
        FORGED_MUA_OPERA_MSGID = both(4.0), "claims Opera Mail, with the Message-ID of another program";
        FORGED_MUA_MOZILLA_MAIL_MSGID = both(4.0), "claims Mozilla, with a Message-ID it never writes";
        FORGED_MUA_MOZILLA_MAIL_MSGID_UNKNOWN = both(2.5), "claims Mozilla, with the Message-ID of another program";
        FORGED_MUA_THUNDERBIRD_MSGID = both(4.0), "claims Thunderbird, with a Message-ID it never writes";
        FORGED_MUA_THUNDERBIRD_MSGID_UNKNOWN = both(2.5), "claims Thunderbird, with the Message-ID of another program";
        FORGED_MUA_SEAMONKEY_MSGID = both(4.0), "claims SeaMonkey, with a Message-ID it never writes";
        FORGED_MUA_SEAMONKEY_MSGID_UNKNOWN = both(2.5), "claims SeaMonkey, with the Message-ID of another program";
        FORGED_MUA_POSTBOX_MSGID = both(4.0), "claims Postbox, with a Message-ID it never writes";
        FORGED_MUA_POSTBOX_MSGID_UNKNOWN = both(2.5), "claims Postbox, with the Message-ID of another program";
        FORGED_MUA_OUTLOOK = both(3.0), "claims Outlook, with the Message-ID of another program";
    }
}

/// Mail programs. No settings.
pub const FAMILY: Family = Family {
    name: "mail_clients",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| rules(TESTS),
};

patterns! {
    OLD = concat!(
        r"^(?:Microsoft Outlook Express|QUALCOMM Windows Eudora (?:Pro )?Version [1-6]\.|The Bat! \(v[12]\.|Microsoft Outlook IMO, Build 9\.0",
        r"|Microsoft Outlook, Build 10\.|i(?:Phone|Pad) Mail \((?:[1-8][A-L]|12H|13E))"
    );
    FORGED = r"^(?:X-Mailer: |(?:Mozilla )?Thunderbird \d|eGroups Message Poster)";
    IOS = r"^i(?:Phone|Pad) Mail";
    IOS_NUMBER = r"^i(?:Phone|Pad) Mail \(\d+[A-Z]\d+[a-z]?\)";
    IOS_BUILD = r"^i(?:Phone|Pad) Mail \(\d+[A-Z]\d+[a-z]?\)$";
    // A number of two parts has at most three digits in the second, later ones are unknown to it: as the peer has it.
    APPLE = r"^Apple Mail \((?:Version )?\d+\.(?:\d{1,3}|\d+\.\d+\.\d+)\)$";
    IMS = r"^Internet Mail Service \(5\.";
    BY_IMS = r"by \S+ with Internet Mail Service \(5\.";
    MAIL_RU = r"^Mail\.Ru Mailer 1\.0$";
    BY_MAIL_RU = r"by e\.mail\.ru with HTTP";
    YANDEX = r"^Yamail \[ http://yandex\.ru \] 5\.0$";
    BY_YANDEX = r"by web\d{1,2}[a-z]\.yandex\.ru with HTTP";
    ONE_C = r"^1C:Enterprise 8\.[23]$";
    BAT_1 = r"^The Bat! \(v1\.";
    BOUNDARY = r#"boundary=""#;
    BAT_BOUNDARY = r#"boundary="?-{10}"#;
    DIGIT = r"\d";
    NEXT_PART2 = r#"^\s*multipart.+boundary="----=_NextPart_000_[A-Z\d]{4}_01C6527E\.[A-Z\d]{8}""#;
    UNUSABLE = r"(?i)^<mailto:(?:leave-\S+|\S+-unsubscribe)@\S+>$";
    UNUSABLE_RECEIVED = r"/CWT/DCE\)";
    UNUSABLE_IPLANET = r"iPlanet Messaging Server";
    UNUSABLE_ID = r"(?i)(?:^<[A-Z]{3}\d-(?:BAY|DAV)\d+\S*@phx\.gbl>$|^<BAYC\d+-PASMTP\d+[A-Z0-9]{25}@CEZ\.ICE>$|^<mailman\.\d+\.\d+\.\d+\.\S+@\S+>$)";
    BAT = r"^The Bat! ";
    BAT_ID = r"^<\d+\.(?:19[89]\d|20\d\d)(?:0\d|1[012])(?:[012]\d|3[01])(?:[01]\d|2[0-3])(?:[0-5]\d){2}@\S+>$";
    NUMBERS_ID = r"^<\d+\.\d+@\S+>$";
    KMAIL = r"^KMail/1\.[0-9]+\.[0-9]+";
    KMAIL_ID = r"^<\s*\d+\.\d+\.\S+@\S+>$";
    OPERA = r"^Opera Mail/1[01]\.[0-9]+ ";
    OPERA_ID = r"^<op\.[a-z\d]{14}@\S+>$";
    MOZILLA = r"^\s*Mozilla/5\.0";
    BIRD = r"^\s*(?:Thunderbird|Mozilla Thunderbird|Mozilla/.*Gecko/.*Thunderbird/)";
    MONKEY = r"^\s*Mozilla/5\.0\s.+\sSeaMonkey/\d+\.\d+";
    POSTBOX = r"^\s*Mozilla/5\.0\s\([^)]+\)\sGecko/\d+\sPostboxApp/\d+(?:\.\d+){2,3}$";
    COMMON_ID = r"^<[A-F\d]{8}\.\d{1,7}@([^>.]+\.)+[^>.]+>$";
    REAL_ID = r"^<(?:3[3-9A-F]|[4-9A-F][\dA-F])[\dA-F]{6}\.(?:\d0){1,4}\d@([^>.]+\.)+[^>.]+>$";
    UUID = r"^<[a-f\d]{8}-(?:[a-f\d]{4}-){3}[a-f\d]{12}@([^>.]+\.)+[^>.]+>$";
    EXPRESS = r"\bOutlook Express [456]\.";
    EXPRESS_ID = r"^<[A-Za-z0-9-]{7}[A-Za-z0-9]{20}@hotmail\.com>$";
    DOLLARS_ID = r"^<(?:[0-9a-f]{8}|[0-9a-f]{12})\$[0-9a-f]{8}\$[0-9a-f]{8}@";
    OUTLOOK = r"^Microsoft Outlook(?: 8\.| CWS, Build 9\.|, Build 10\.)";
    LONG_ID = r"^<!~!";
    HEX32_ID = r"^<[0-9A-F]{32}@\S+>$";
    HEX36_ID = r"^<[0-9A-F]{36,40}@\S+>$";
    ANY_OUTLOOK = r"^Microsoft Outlook\b";
    YAHOO_GROUPS = r"^groups-bulk";
    FINE_OUTLOOK = r"^(?:Microsoft Outlook, Build 10\.0\.3416|Microsoft Outlook Express 6\.00\.3790\.3959)$";
}

fn id(scan: &Scan<'_>, pattern: &regex::Regex) -> bool {
    has(scan, "Message-ID", pattern)
}

fn agent(scan: &Scan<'_>, pattern: &regex::Regex) -> bool {
    has(scan, "User-Agent", pattern)
}

fn mailer(scan: &Scan<'_>, pattern: &regex::Regex) -> bool {
    has(scan, "X-Mailer", pattern)
}

/// A Message-ID that says nothing of the program: written on the way.
fn unusable(scan: &Scan<'_>) -> bool {
    has(scan, "List-Unsubscribe", &UNUSABLE)
        || has(scan, "Received", &UNUSABLE_RECEIVED)
        || has(scan, "Received", &UNUSABLE_IPLANET)
        || id(scan, &UNUSABLE_ID)
}

fn mozilla(scan: &Scan<'_>) -> bool {
    agent(scan, &MOZILLA) && ![&BIRD, &MONKEY, &POSTBOX].iter().any(|other| agent(scan, other))
}

/// Like Mozilla's, yet never written by it.
fn impossible(scan: &Scan<'_>) -> bool {
    id(scan, &COMMON_ID) && !id(scan, &REAL_ID) && !unusable(scan)
}

fn alien(scan: &Scan<'_>) -> bool {
    !id(scan, &COMMON_ID) && !id(scan, &REAL_ID) && !id(scan, &UUID) && !unusable(scan)
}

fn outlook(scan: &Scan<'_>) -> bool {
    let express = mailer(scan, &EXPRESS) && !id(scan, &EXPRESS_ID) && !id(scan, &DOLLARS_ID);
    let others = [&DOLLARS_ID, &LONG_ID, &HEX32_ID, &HEX36_ID];
    let outlook = mailer(scan, &OUTLOOK) && !others.iter().any(|p| id(scan, p));
    (express || outlook) && !unusable(scan) && !mailer(scan, &FINE_OUTLOOK) && !id(scan, &HEX32_ID)
}

fn holds_html(scan: &Scan<'_>) -> bool {
    scan.mail.parts().iter().any(|p| p.mime_type() == "text/html")
}

/// Each element of a whole page occurs.
fn full_page(scan: &Scan<'_>) -> bool {
    let has_tag = |name: &str| scan.mail.parts().iter().filter_map(|p| p.html()).any(|h| h.has_tag(name));
    ["html", "head", "meta", "body"].into_iter().all(has_tag)
}

static TESTS: &[When] = &[
    (&OLD_X_MAILER, |s| mailer(s, &OLD)),
    (&FORGED_X_MAILER, |s| {
        mailer(s, &FORGED) || (mailer(s, &IOS) && !mailer(s, &IOS_NUMBER))
    }),
    (&FORGED_IMS, |s| mailer(s, &IMS) && !has(s, "Received", &BY_IMS)),
    (&MAIL_RU_MAILER, |s| mailer(s, &MAIL_RU) && has(s, "Received", &BY_MAIL_RU)),
    (&YANDEX_RU_MAILER, |s| mailer(s, &YANDEX) && has(s, "Received", &BY_YANDEX)),
    (&MAILER_1C_8, |s| mailer(s, &ONE_C)),
    (&APPLE_MAILER, |s| mailer(s, &APPLE)),
    (&APPLE_IOS_MAILER, |s| mailer(s, &IOS_BUILD)),
    (&FORGED_MUA_THEBAT_BOUN, |s| {
        mailer(s, &BAT_1)
            && has(s, "Content-Type", &BOUNDARY)
            && !has(s, "Content-Type", &BAT_BOUNDARY)
            && !has(s, "X-Mailman-Version", &DIGIT)
    }),
    (&FORGED_OUTLOOK_HTML, |s| {
        mailer(s, &ANY_OUTLOOK) && structure::html_only(s) && !has(s, "X-Yahoo-Newman-Property", &YAHOO_GROUPS)
    }),
    (&FORGED_OUTLOOK_TAGS, |s| mailer(s, &ANY_OUTLOOK) && holds_html(s) && !full_page(s)),
    (&SUSPICIOUS_BOUNDARY2, |s| has_raw(s, "Content-Type", &NEXT_PART2)),
    (&FORGED_MUA_THEBAT_MSGID, |s| {
        mailer(s, &BAT) && !id(s, &BAT_ID) && id(s, &NUMBERS_ID) && !unusable(s)
    }),
    (&FORGED_MUA_THEBAT_MSGID_UNKNOWN, |s| {
        mailer(s, &BAT) && !id(s, &BAT_ID) && !id(s, &NUMBERS_ID) && !unusable(s)
    }),
    (&FORGED_MUA_KMAIL_MSGID_UNKNOWN, |s| {
        agent(s, &KMAIL) && !id(s, &KMAIL_ID) && !unusable(s)
    }),
    (&FORGED_MUA_OPERA_MSGID, |s| agent(s, &OPERA) && !id(s, &OPERA_ID) && !unusable(s)),
    (&FORGED_MUA_MOZILLA_MAIL_MSGID, |s| mozilla(s) && impossible(s)),
    (&FORGED_MUA_MOZILLA_MAIL_MSGID_UNKNOWN, |s| {
        mozilla(s) && !id(s, &COMMON_ID) && !id(s, &REAL_ID) && !unusable(s)
    }),
    (&FORGED_MUA_THUNDERBIRD_MSGID, |s| agent(s, &BIRD) && impossible(s)),
    (&FORGED_MUA_THUNDERBIRD_MSGID_UNKNOWN, |s| agent(s, &BIRD) && alien(s)),
    (&FORGED_MUA_SEAMONKEY_MSGID, |s| agent(s, &MONKEY) && impossible(s)),
    (&FORGED_MUA_SEAMONKEY_MSGID_UNKNOWN, |s| agent(s, &MONKEY) && alien(s)),
    (&FORGED_MUA_POSTBOX_MSGID, |s| agent(s, &POSTBOX) && impossible(s)),
    (&FORGED_MUA_POSTBOX_MSGID_UNKNOWN, |s| agent(s, &POSTBOX) && alien(s)),
    (&FORGED_MUA_OUTLOOK, outlook),
];
