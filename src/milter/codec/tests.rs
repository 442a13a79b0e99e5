//! Reading what was written gives back what was meant; reading anything else gives an error and nothing worse.

use bytes::BytesMut;
use proptest::prelude::*;

use super::super::frame::{self, peek};
use super::*;

/// Encodes, cuts the packet out, decodes again.
fn command_again(command: Command<'_>) {
    let mut out = BytesMut::new();
    command.encode(&mut out);
    let packet = peek(&out, usize::MAX).unwrap().unwrap();
    assert_eq!(packet.total, out.len());
    assert_eq!(Command::decode(packet.command, packet.payload), Ok(command));
}

fn response_again(response: Response<'_>) {
    let mut out = BytesMut::new();
    response.encode(&mut out);
    let packet = peek(&out, usize::MAX).unwrap().unwrap();
    assert_eq!(packet.total, out.len());
    assert_eq!(Response::decode(packet.command, packet.payload), Ok(response));
}

/// Text as it may stand in front of a NUL.
fn string() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(1u8..=255, 0..40)
}

/// An even number of strings, each with its NUL.
fn pairs() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec((string(), string()), 0..5).prop_map(|list| {
        let mut all = Vec::new();
        for (name, value) in list {
            all.extend_from_slice(&name);
            all.push(0);
            all.extend_from_slice(&value);
            all.push(0);
        }
        all
    })
}

proptest! {
    #[test]
    fn commands_survive(a in string(), b in string(), p in pairs(), raw in prop::collection::vec(any::<u8>(), 0..200),
                        numbers in any::<(u32, u32, u32, u16, u8)>()) {
        let (version, actions, protocol, port, stage) = numbers;
        command_again(Command::Negotiate(Offer { version, actions, protocol }));
        command_again(Command::Macros { stage, pairs: &p });
        for client in [Client::Unknown, Client::Unix { port, path: &b }, Client::V4 { port, address: &b }, Client::V6 { port, address: &b }] {
            command_again(Command::Connect { host: &a, client });
        }
        command_again(Command::Helo(&a));
        command_again(Command::Mail { path: &a, parameters: &p });
        command_again(Command::Rcpt { path: &a, parameters: &p });
        command_again(Command::Unknown(&a));
        command_again(Command::Header { name: &a, value: &raw });
        command_again(Command::Body(&raw));
        command_again(Command::EndOfBody(&raw));
        for plain in [Command::Data, Command::EndOfHeaders, Command::Abort, Command::Quit, Command::QuitNewConnection] {
            command_again(plain);
        }
    }

    #[test]
    fn responses_survive(a in string(), b in string(), raw in prop::collection::vec(any::<u8>(), 0..200), index in any::<u32>()) {
        response_again(Response::Negotiate(Offer { version: index, actions: 1, protocol: 2 }));
        response_again(Response::AddHeader { name: &a, value: &b });
        response_again(Response::InsertHeader { index, name: &a, value: &b });
        response_again(Response::ChangeHeader { index, name: &a, value: &b });
        response_again(Response::ReplaceBody(&raw));
        for text in [Response::Code(&a), Response::AddRecipient(&a), Response::DeleteRecipient(&a), Response::ChangeFrom(&a), Response::Quarantine(&a)] {
            response_again(text);
        }
        for plain in [Response::Continue, Response::Accept, Response::Discard, Response::Reject, Response::TempFail, Response::Skip, Response::Progress] {
            response_again(plain);
        }
    }

    #[test]
    fn nothing_breaks_the_readers(command in any::<u8>(), payload in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = Command::decode(command, &payload);
        let _ = Response::decode(command, &payload);
        let _ = frame::peek(&payload, 64);
        let _ = frame::missing(&payload, 64);
    }
}

#[test]
fn malformed_commands_are_named() {
    let cases: [(u8, &[u8], Malformed); 14] = [
        (b'Z', b"", Malformed::Type(b'Z')),
        (b'O', b"12345678", Malformed::Short("negotiation")),
        (b'D', b"", Malformed::Short("macro")),
        (b'D', b"Cname", Malformed::Unterminated("macro")),
        (b'D', b"Cname\0", Malformed::Unterminated("macro")),
        (b'D', b"Cname\0value", Malformed::Unterminated("macro")),
        (b'C', b"", Malformed::Unterminated("connect")),
        (b'C', b"host", Malformed::Unterminated("connect")),
        (b'C', b"host\0", Malformed::Short("connect")),
        (b'C', b"host\x004\x01", Malformed::Short("connect")),
        (b'C', b"host\x004\x01\x02192.0.2.1", Malformed::Unterminated("connect")),
        (b'C', b"host\x009\x01\x02192.0.2.1\0", Malformed::Family(b'9')),
        (b'L', b"Subject", Malformed::Unterminated("header")),
        (b'L', b"Subject\0abc", Malformed::Unterminated("header")),
    ];
    for (command, payload, expected) in cases {
        assert_eq!(
            Command::decode(command, payload),
            Err(expected),
            "{} {payload:?}",
            char::from(command)
        );
    }
}

#[test]
fn paths_need_no_nul() {
    let path: &[u8] = b"a@b.c";
    assert_eq!(Command::decode(b'M', path), Ok(Command::Mail { path, parameters: b"" }));
    assert_eq!(
        Command::decode(b'R', b""),
        Ok(Command::Rcpt {
            path: b"",
            parameters: b""
        })
    );
}
