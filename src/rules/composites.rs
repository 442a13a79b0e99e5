//! The stock composites: which symbols together mean more, or excuse each other.

use crate::engine::{Compat, Composite, Policy, Symbol};
use Policy::{Leave, RemoveAll, RemoveWeight};

crate::symbols! {
    "blankspam" {
        SHORT_PART_BAD_HEADERS = only_41(7.0), "a tiny message without any usual header";
    }
    "composite" {
        FORGED_RECIPIENTS_MAILLIST = both(0.0), "strange recipients, as mailing lists have them";
        FORGED_SENDER_MAILLIST = both(0.0), "another sender, as mailing lists have it";
        FORGED_SENDER_FORWARDING = both(0.0), "another sender, as forwarding leaves it";
        SPF_FAIL_FORWARDING = both(0.0), "SPF fails, as it must after forwarding";
        DMARC_POLICY_ALLOW_WITH_FAILURES = both(-0.5), "DMARC passes although SPF or DKIM fails";
        FORGED_RECIPIENTS_FORWARDING = both(0.0), "strange recipients, as forwarding leaves them";
        FORGED_SENDER_VERP_SRS = both(0.0), "another sender, for the sake of bounces";
        FORGED_MUA_MAILLIST = both(0.0), "signs of a forged mail program, as mailing lists leave them";
        AUTH_NA = both(1.0), "the sender authenticates by no means at all";
        AUTH_NA_OR_FAIL = both(1.0), "no means of authentication succeeded";
        BOUNCE_NO_AUTH = both(1.0), "a bounce that nothing authenticates";
        DKIM_MIXED = both(0.0), "a good signature beside bad ones";
        APPLE_MAILER_COMMON = only_41(0.0), "an oddity that Apple Mail really has";
        APPLE_IOS_MAILER_COMMON = only_41(0.0), "an oddity that Apple Mail on iOS really has";
        UNDISC_RCPTS_BULK = both(3.0), "bulk mail that hides its recipients";
        RCVD_UNAUTH_PBL = both(2.0), "relayed for a dial-up line without a login";
        RCVD_DKIM_ARC_DNSWL_MED = both(-0.5), "signed, and of a host that DNSWL trusts somewhat";
        RCVD_DKIM_ARC_DNSWL_HI = both(-1.0), "signed, and of a host that DNSWL trusts";
        AUTOGEN_PHP_SPAMMY = both(1.0), "written by a PHP script, and it shows signs of spam";
        PHISH_EMOTION = both(1.0), "phishing with an excited Subject";
        HAS_ANON_DOMAIN = both(0.1), "a domain that hides whose it is";
        BAD_REP_POLICIES = both(0.1), "well authenticated, but its content is known to be bad";
        VIOLATED_DIRECT_SPF = both(3.5), "SPF fails, and nobody forwarded it";
        IP_SCORE_FREEMAIL = both(0.0), "the reputation of a freemail host says nothing of one sender";
        BROKEN_HEADERS_MAILLIST = both(0.0), "broken headers, as mailing lists leave them";
        FREEMAIL_REPLYTO_NEQ_FROM = only_41(2.0), "answers go to a freemail address that is not the sender";
        REDIRECTOR_URL_ONLY = only_41(1.0), "nothing but a redirecting link";
        SUSPICIOUS_AUTH_ORIGIN = only_41(0.0), "a login from a doubtful place";
        SUSPICIOUS_URL_IN_SUSPICIOUS_MESSAGE = only_41(1.0), "a hiding link in a message that is known to be bad";
        MIME_BAD_EXT_IN_OBFUSCATED_ARCHIVE = only_41(8.0), "a dangerous file in a disguised archive";
        MIME_BAD_EXT_WITH_BAD_UNICODE = only_41(8.0), "a dangerous file with a disguised name";
        INVALID_MSGID_ALLOWED = both(0.0), "an odd Message-ID, excused for this domain";
        MISSING_MID_ALLOWED = both(0.0), "a missing Message-ID, excused for this domain";
        MAILER_1C_8_BASE64 = only_34(0.0), "needless base64, as 1C writes it";
        MAIL_RU_MAILER_BASE64 = only_34(0.0), "needless base64, as Mail.ru writes it";
        YANDEX_RU_MAILER_CTYPE_MIXED_BOGUS = only_34(0.0), "a needless multipart, as Yandex writes it";
        RBL_SPAMHAUS_XBL_ANY = only_34(4.0), "the client and an earlier hop are on the XBL";
    }
    "compromised_hosts" {
        HACKED_WP_PHISHING = both(4.5), "phishing by way of a broken WordPress";
        COMPROMISED_ACCT_BULK = both(3.0), "bulk mail by way of a stolen account";
        ABUSE_FROM_INJECTOR = only_41(2.0), "spam by way of a login from a doubtful place";
    }
    "scams" {
        LEAKED_PASSWORD_SCAM = both(7.0), "a wallet and signs of extortion";
        FREEMAIL_AFF = both(4.0), "advance fee fraud by freemail";
        SUSPICIOUS_MDN = only_41(2.0), "receipts go to a freemail or throw-away address";
    }
}

/// A stock composite: its symbol, what becomes of its members, its expression.
type Stock = (&'static Symbol, Policy, &'static str);

/// The composites of a generation.
pub fn stock(compat: Compat) -> Vec<Composite> {
    let there = STOCK.iter().chain(if compat == Compat::V34 { STOCK_34 } else { STOCK_41 });
    let there = there.filter(|(symbol, _, _)| symbol.score(compat).is_some());
    let parse = |(symbol, policy, text): &Stock| Composite::parse(symbol.name, text, *policy).expect("stock expressions are valid");
    there.map(parse).collect()
}

static STOCK: &[Stock] = &[
    (&SHORT_PART_BAD_HEADERS, Leave, "MISSING_ESSENTIAL_HEADERS & SINGLE_SHORT_PART"),
    (&FORGED_RECIPIENTS_MAILLIST, RemoveAll, "FORGED_RECIPIENTS & -MAILLIST"),
    (&FORGED_SENDER_MAILLIST, RemoveAll, "FORGED_SENDER & -MAILLIST"),
    (&FORGED_SENDER_FORWARDING, RemoveWeight, "FORGED_SENDER & g:forwarding"),
    (&SPF_FAIL_FORWARDING, RemoveWeight, "g:forwarding & (R_SPF_SOFTFAIL | R_SPF_FAIL)"),
    (
        &DMARC_POLICY_ALLOW_WITH_FAILURES,
        RemoveWeight,
        "DMARC_POLICY_ALLOW & (R_SPF_SOFTFAIL | R_SPF_FAIL | R_DKIM_REJECT)",
    ),
    (&FORGED_RECIPIENTS_FORWARDING, RemoveWeight, "FORGED_RECIPIENTS & g:forwarding"),
    (&FORGED_SENDER_VERP_SRS, RemoveAll, "FORGED_SENDER & (ENVFROM_PRVS | ENVFROM_VERP)"),
    (&FORGED_MUA_MAILLIST, RemoveAll, "g:mua & -MAILLIST"),
    (&AUTH_NA, RemoveWeight, "R_DKIM_NA & R_SPF_NA & DMARC_NA & ARC_NA"),
    (
        &AUTH_NA_OR_FAIL,
        RemoveWeight,
        "!(R_DKIM_NA & R_SPF_NA & DMARC_NA & ARC_NA) & (R_DKIM_NA | R_DKIM_TEMPFAIL | R_DKIM_PERMFAIL) & (R_SPF_NA | R_SPF_DNSFAIL) & DMARC_NA & (ARC_NA | ARC_DNSFAIL)",
    ),
    (
        &BOUNCE_NO_AUTH,
        RemoveAll,
        "(AUTH_NA | AUTH_NA_OR_FAIL) & (BOUNCE | SUBJ_BOUNCE_WORDS)",
    ),
    (
        &DKIM_MIXED,
        RemoveWeight,
        "-R_DKIM_ALLOW & (R_DKIM_TEMPFAIL | R_DKIM_PERMFAIL | R_DKIM_REJECT)",
    ),
    (&APPLE_MAILER_COMMON, RemoveAll, "APPLE_MAILER & MV_CASE"),
    (
        &APPLE_IOS_MAILER_COMMON,
        RemoveAll,
        "APPLE_IOS_MAILER & (MV_CASE | MIME_MA_MISSING_TEXT)",
    ),
    (&COMPROMISED_ACCT_BULK, Leave, "(HAS_XOIP | RCVD_FROM_SMTP_AUTH) & DCC_BULK"),
    (&UNDISC_RCPTS_BULK, Leave, "DCC_BULK & (MISSING_TO | R_UNDISC_RCPT)"),
    (&RCVD_DKIM_ARC_DNSWL_MED, Leave, "(R_DKIM_ALLOW | ARC_ALLOW) & RCVD_IN_DNSWL_MED"),
    (&RCVD_DKIM_ARC_DNSWL_HI, Leave, "(R_DKIM_ALLOW | ARC_ALLOW) & RCVD_IN_DNSWL_HI"),
    (
        &AUTOGEN_PHP_SPAMMY,
        Leave,
        "(HAS_X_POS | HAS_PHPMAILER_SIG | HAS_X_PHP_SCRIPT) & (SUBJECT_ENDS_QUESTION | SUBJECT_ENDS_EXCLAIM | MANY_INVISIBLE_PARTS)",
    ),
    (
        &PHISH_EMOTION,
        Leave,
        "(PHISHING | DBL_PHISH | PHISHED_OPENPHISH | PHISHED_PHISHTANK) & (SUBJECT_ENDS_QUESTION | SUBJECT_ENDS_EXCLAIM)",
    ),
    (
        &HAS_ANON_DOMAIN,
        Leave,
        "HAS_GUC_PROXY_URI | URIBL_RED | DBL_ABUSE_REDIR | HAS_ONION_URI",
    ),
    (
        &BAD_REP_POLICIES,
        RemoveAll,
        "(~g-:policies) & (-g+:fuzzy | -g+:statistics | -g+:surbl | -g+:rbl)",
    ),
    (
        &VIOLATED_DIRECT_SPF,
        Leave,
        "(R_SPF_FAIL | R_SPF_SOFTFAIL) & (RCVD_COUNT_ZERO | RCVD_NO_TLS_LAST)",
    ),
    (&IP_SCORE_FREEMAIL, RemoveWeight, "FREEMAIL_FROM & SENDER_REP_SPAM"),
    (&BROKEN_HEADERS_MAILLIST, RemoveWeight, "BROKEN_HEADERS & -MAILLIST"),
    (
        &LEAKED_PASSWORD_SCAM,
        Leave,
        "BITCOIN_ADDR & (LEAKED_PASSWORD_SCAM_RE | R_MIXED_CHARSET | R_EMPTY_IMAGE)",
    ),
    (
        &FREEMAIL_REPLYTO_NEQ_FROM,
        Leave,
        "FREEMAIL_REPLYTO & !REPLYTO_EQ_FROM & !REPLYTO_ADDR_EQ_FROM & !FREEMAIL_REPLYTO_NEQ_FROM_DOM",
    ),
    (
        &SUSPICIOUS_MDN,
        Leave,
        "(FREEMAIL_MDN | DISPOSABLE_MDN) & !(FREEMAIL_FROM | FREEMAIL_ENVFROM)",
    ),
    (&REDIRECTOR_URL_ONLY, Leave, "HFILTER_URL_ONLY & REDIRECTOR_URL"),
    (
        &SUSPICIOUS_AUTH_ORIGIN,
        Leave,
        "(HAS_XOIP | RCVD_FROM_SMTP_AUTH) & (!RECEIVED_SPAMHAUS_PBL | RECEIVED_SPAMHAUS_XBL | RECEIVED_SPAMHAUS_SBL | RECEIVED_BLOCKLISTDE)",
    ),
    (
        &ABUSE_FROM_INJECTOR,
        Leave,
        "SUSPICIOUS_AUTH_ORIGIN & (RCVD_HELO_USER | FAKE_REPLY | HAS_IPFS_GATEWAY_URL | HTML_SHORT_LINK_IMG_1)",
    ),
    (
        &SUSPICIOUS_URL_IN_SUSPICIOUS_MESSAGE,
        Leave,
        "(REDIRECTOR_URL | HAS_ANON_DOMAIN | HAS_IPFS_GATEWAY_URL) & (-g+:fuzzy | -g+:statistics | -g+:surbl | -g+:rbl)",
    ),
    (
        &MIME_BAD_EXT_IN_OBFUSCATED_ARCHIVE,
        Leave,
        "MIME_BAD_EXTENSION and MIME_OBFUSCATED_ARCHIVE",
    ),
    (&MIME_BAD_EXT_WITH_BAD_UNICODE, Leave, "MIME_BAD_EXTENSION and MIME_BAD_UNICODE"),
    (&INVALID_MSGID_ALLOWED, RemoveAll, "~KNOWN_MID & ^INVALID_MSGID"),
    (&MISSING_MID_ALLOWED, RemoveAll, "~KNOWN_NO_MID & ^MISSING_MID"),
];

static STOCK_34: &[Stock] = &[
    (
        &HACKED_WP_PHISHING,
        Leave,
        "(HAS_X_POS | HAS_PHPMAILER_SIG) & HAS_WP_URI & (PHISHING | DBL_PHISH | PHISHED_OPENPHISH | PHISHED_PHISHTANK)",
    ),
    (&RCVD_UNAUTH_PBL, Leave, "RECEIVED_PBL & !RCVD_VIA_SMTP_AUTH"),
    (
        &FREEMAIL_AFF,
        Leave,
        "(FREEMAIL_FROM | FREEMAIL_ENVFROM | FREEMAIL_REPLYTO) & R_UNDISC_RCPT & (INTRODUCTION | FROM_NAME_HAS_TITLE | FREEMAIL_REPLYTO_NEQ_FROM_DOM)",
    ),
    (
        &MAILER_1C_8_BASE64,
        RemoveAll,
        "MAILER_1C_8 & (FROM_EXCESS_BASE64 | SUBJ_EXCESS_BASE64 | TO_EXCESS_BASE64 | MIME_BASE64_TEXT)",
    ),
    (
        &MAIL_RU_MAILER_BASE64,
        RemoveAll,
        "MAIL_RU_MAILER & (FROM_EXCESS_BASE64 | REPLYTO_EXCESS_BASE64 | SUBJ_EXCESS_BASE64 | TO_EXCESS_BASE64 | MIME_BASE64_TEXT)",
    ),
    (
        &YANDEX_RU_MAILER_CTYPE_MIXED_BOGUS,
        RemoveAll,
        "YANDEX_RU_MAILER & -HAS_ATTACHMENT & CTYPE_MIXED_BOGUS",
    ),
    (&RBL_SPAMHAUS_XBL_ANY, RemoveAll, "RBL_SPAMHAUS_XBL & RECEIVED_SPAMHAUS_XBL"),
];

static STOCK_41: &[Stock] = &[
    (
        &HACKED_WP_PHISHING,
        Leave,
        "(HAS_X_POS | HAS_PHPMAILER_SIG) & HAS_WP_URI & (PHISHING | CRACKED_SURBL | PH_SURBL_MULTI | DBL_PHISH | DBL_ABUSE_PHISH | URIBL_BLACK | PHISHED_OPENPHISH | PHISHED_PHISHTANK)",
    ),
    (&RCVD_UNAUTH_PBL, Leave, "RECEIVED_SPAMHAUS_PBL & !RCVD_VIA_SMTP_AUTH"),
    (
        &FREEMAIL_AFF,
        Leave,
        "(FREEMAIL_FROM | FREEMAIL_ENVFROM | FREEMAIL_REPLYTO | FREEMAIL_MDN) & (TO_DN_RECIPIENTS | R_UNDISC_RCPT | CD_MM_BODY) & (INTRODUCTION | FROM_NAME_HAS_TITLE | FREEMAIL_REPLYTO_NEQ_FROM_DOM | SUBJECT_HAS_CURRENCY)",
    ),
];
