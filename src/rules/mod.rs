//! Families of checks that need only the message and its envelope: no clock, no socket, no file. One room a family.
//!
//! A new family adds its `mod` line and one line in [`FAMILIES`]; there is no other registration.

pub mod alias;
pub mod alternatives;
pub mod arc;
pub mod archives;
pub mod blank;
pub mod bounce;
pub mod charset;
pub mod clients;
pub mod composites;
pub mod compromised;
mod detected;
pub mod encoding;
pub mod encrypted;
pub mod envelope_forms;
pub mod extensions;
pub mod forged;
pub mod forwarding;
pub mod gtube;
pub mod headers;
pub mod hfilter;
pub mod html;
mod lookalike;
pub mod mailing_list;
mod members;
pub mod message_id;
pub mod mime;
pub mod once_received;
mod pattern;
pub mod pdf;
pub mod phishing;
mod rank;
pub mod received;
pub mod recipients;
pub mod regexp;
pub mod reply_to;
pub mod scams;
pub mod sender;
pub mod shape;
pub mod spamassassin;
pub mod structure;
pub mod subject;
pub mod upstream_filters;
pub mod url;
pub mod url_suspect;

use crate::family::Family;
pub use rank::rank;

/// Every family of this floor. [`rank`] tells the order of their rules.
pub static FAMILIES: &[Family] = &[
    arc::FAMILY,
    mime::FAMILY,
    headers::FAMILY,
    received::FAMILY,
    once_received::FAMILY,
    sender::FAMILY,
    recipients::FAMILY,
    alias::FAMILY,
    forged::FAMILY,
    forwarding::FAMILY,
    message_id::FAMILY,
    mailing_list::FAMILY,
    reply_to::FAMILY,
    shape::FAMILY,
    encoding::FAMILY,
    subject::FAMILY,
    compromised::FAMILY,
    upstream_filters::FAMILY,
    envelope_forms::FAMILY,
    clients::FAMILY,
    blank::FAMILY,
    bounce::FAMILY,
    structure::FAMILY,
    alternatives::FAMILY,
    encrypted::FAMILY,
    archives::FAMILY,
    pdf::FAMILY,
    scams::FAMILY,
    charset::FAMILY,
    hfilter::FAMILY,
    html::FAMILY,
    url_suspect::FAMILY,
    url::FAMILY,
    phishing::FAMILY,
    regexp::FAMILY,
    spamassassin::FAMILY,
];
