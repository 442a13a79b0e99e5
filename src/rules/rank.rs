//! In which order the rules of this floor insert their symbols: a cap of a group cuts what comes late, so it is part of the score.
//! Read off a running 3.4 (4.1 cuts the same symbols). Runs nothing.

use crate::engine::Rank;

/// What comes before the rules that only look for patterns; those go by the length of their names.
static EARLY: &[&str] = &[
    "PHISHING",
    "CHECK_FROM",
    "CHECK_REPLYTO",
    "SUBJ_BOUNCE_WORDS",
    "BOUNCE",
    "MAILLIST",
    "EMPTY_SUBJECT",
    "HAS_X_AS",
    "HAS_X_GMSV",
    "URI_HIDDEN_PATH",
    "FROM_SERVICE_ACCT",
    "HTML_SHORT_LINK_IMG_1",
    "HTML_SHORT_LINK_IMG_2",
    "HTML_SHORT_LINK_IMG_3",
    "R_EMPTY_IMAGE",
    "R_SUSPICIOUS_IMAGES",
    "HTML_VISIBLE_CHECKS",
    "EXT_CSS",
    "HTTP_TO_HTTPS",
    "HTTP_TO_IP",
    "CHECK_RECEIVED",
    "HAS_X_PRIO",
    "MISSING_MIME_VERSION",
    "MIME_MA_MISSING_TEXT",
    "MIME_MA_MISSING_HTML",
    "PREVIOUSLY_DELIVERED",
    "BROKEN_HEADERS",
    "BROKEN_CONTENT_TYPE",
    "HEADER_RCONFIRM_MISMATCH",
    "HEADER_FORGED_MDN",
    "MULTIPLE_UNIQUE_HEADERS",
    "MISSING_FROM",
    "MULTIPLE_FROM",
    "MV_CASE",
    "CHECK_TO_CC",
    "CTYPE_MISSING_DISPOSITION",
    "CTYPE_MIXED_BOGUS",
    "MIME_BASE64_TEXT",
    "MIME_BASE64_TEXT_BOGUS",
    "INVALID_FROM_8BIT",
    "INVALID_RCPT_8BIT",
    "XM_CASE",
    "SUBJ_ALL_CAPS",
    "LONG_SUBJ",
    "R_PARTS_DIFFER",
    "DATE_CB",
    "R_SUSPICIOUS_URL",
    "ENVFROM_PRVS",
    "ENVFROM_VERP",
    "CHECK_RCVD",
    "RCVD_HELO_USER",
    "URI_COUNT_ODD",
    "HAS_ATTACHMENT",
    "OMOGRAPH_URL",
    "URL_IN_SUBJECT",
    "FROM_DISPLAY_CALLBACK",
    "SPOOF_REPLYTO",
    "INFO_TO_INFO_LU",
    "R_BAD_CTE_7BIT",
    "BOGUS_ENCRYPTED_AND_TEXT",
    "FORWARDING",
    "CHECK_MID",
    "R_MIXED_CHARSET",
];

/// What comes behind them.
static LATE: &[&str] = &["FORGED_CALLBACK", "HFILTER_CHECK", "MIME_TYPES_CALLBACK", "ONCE_RECEIVED"];

/// The rank of a rule by its name.
pub fn rank(rule: &str) -> Rank {
    let place = |list: &[&str]| list.iter().position(|name| *name == rule);
    match (place(EARLY), place(LATE)) {
        (Some(place), _) => Rank::Early(place),
        (_, Some(place)) => Rank::Late(place),
        _ => Rank::Named,
    }
}
