//! Packets and their meaning, both ways: commands of the MTA, responses of the filter. Everything is borrowed from the packet.

mod command;
mod response;
#[cfg(test)]
mod tests;

pub use command::{Client, Command, Malformed};
pub use response::Response;

use super::negotiate::Offer;

/// Splits at the first NUL: what stands before it, and what behind, `None` without one.
fn split_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|b| *b == 0)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

/// The text up to the first NUL, or all of it.
fn leading_string(bytes: &[u8]) -> &[u8] {
    split_string(bytes).map_or(bytes, |(text, _)| text)
}

/// The three numbers of an OPTNEG packet. What follows them is left to whoever knows it; libmilter ignores it as well.
fn read_offer(bytes: &[u8]) -> Option<(Offer, &[u8])> {
    let (version, rest) = bytes.split_first_chunk::<4>()?;
    let (actions, rest) = rest.split_first_chunk::<4>()?;
    let (protocol, rest) = rest.split_first_chunk::<4>()?;
    let offer = Offer {
        version: u32::from_be_bytes(*version),
        actions: u32::from_be_bytes(*actions),
        protocol: u32::from_be_bytes(*protocol),
    };
    Some((offer, rest))
}

/// Those numbers as bytes.
fn offer_bytes(offer: &Offer) -> [[u8; 4]; 3] {
    [
        offer.version.to_be_bytes(),
        offer.actions.to_be_bytes(),
        offer.protocol.to_be_bytes(),
    ]
}
