//! Any bytes as what an MTA says: the session answers, keeps to its limits, and ends.

use torwart::milter::{Answer, Edit, Event, Limits, Reply, Session};

/// What may be waiting to be written: an answer with all its edits, many times over.
const MOST_OUTPUT: usize = 1 << 20;

/// One input; its first byte says in what pieces it comes.
pub fn run(data: &[u8]) {
    let Some((piece, said)) = data.split_first() else { return };
    let mut session = Session::new(Limits::default());
    for piece in said.chunks(usize::from(*piece).max(1)) {
        session.receive(piece);
        while let Some(event) = session.next_event() {
            match event {
                Event::Scan(mail) => {
                    let _ = mail.headers().count();
                    assert!(mail.header_length <= mail.raw.len(), "the headers lie within");
                    session.progress();
                    let _ = session.answer(answer());
                }
                Event::Aborted => {}
                Event::Close | Event::HttpPing | Event::Broken(_) => return,
            }
        }
        let _ = (session.missing(), session.packet_begun(), session.message_begun());
        assert!(session.output().len() < MOST_OUTPUT, "what is written stays small");
        session.output().clear();
    }
}

/// One edit of each kind.
fn answer() -> Answer {
    let name = || "X-Spam".to_owned();
    let value = || "yes,\n no".to_owned();
    let edits = vec![
        Edit::RemoveHeader { name: name(), which: -1 },
        Edit::AddHeader {
            name: name(),
            value: value(),
        },
        Edit::InsertHeader {
            index: 1,
            name: name(),
            value: value(),
        },
        Edit::ChangeHeader {
            index: 1,
            name: name(),
            value: value(),
        },
        Edit::SetHeader {
            name: "Subject".to_owned(),
            value: value(),
        },
        Edit::ChangeFrom("<a@example.org>".to_owned()),
        Edit::AddRcpt("<b@example.org>".to_owned()),
        Edit::DelRcpt("<c@example.org>".to_owned()),
        Edit::ReplaceBody("body\r\n".into()),
    ];
    Answer {
        edits,
        reply: Reply::Accept,
    }
}
