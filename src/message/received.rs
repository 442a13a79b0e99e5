//! Received headers: who handed the message to whom. Trust is not judged here.

use super::envelope::Envelope;
use super::mail::Mail;
use std::net::IpAddr;

/// One hop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// What the client called itself.
    pub from_host: String,
    /// Its real name, from the comment.
    pub real_host: String,
    /// Its real address, from the comment or brackets.
    pub real_ip: Option<IpAddr>,
    /// Who wrote this header.
    pub by_host: String,
    /// The word behind `with`, lower case.
    pub proto: String,
    /// The protocol says TLS.
    pub tls: bool,
    /// The protocol says that the client had authenticated.
    pub authenticated: bool,
    /// The address behind `for`, without brackets.
    pub for_addr: Option<String>,
    /// The date behind `;`.
    pub timestamp: Option<i64>,
    /// Made from the session, not read from a header.
    pub artificial: bool,
}

/// Reads a decoded value; `None` where it does not count.
pub fn read(_value: &str) -> Option<Received> {
    None
}

/// The chain as rules see it: that of the message, topped by an artificial entry where the session knows better.
pub fn chain(mail: &Mail<'_>, envelope: &Envelope) -> Vec<Received> {
    let mut chain = mail.received().to_vec();
    let newest = chain.first().and_then(|r| r.real_ip);
    if let Some(ip) = envelope.ip
        && !chain.is_empty()
        && newest != Some(ip)
    {
        let entry = Received {
            real_ip: Some(ip),
            real_host: envelope.hostname.clone().unwrap_or_default(),
            from_host: envelope.helo.clone().unwrap_or_default(),
            by_host: envelope.mta_name.clone().unwrap_or_default(),
            tls: envelope.tls_cipher.is_some() || envelope.tls_version.is_some(),
            authenticated: envelope.user.is_some(),
            artificial: true,
            ..Received::default()
        };
        chain.insert(0, entry);
    }
    chain
}
