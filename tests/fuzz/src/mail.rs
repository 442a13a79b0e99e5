//! Any bytes as a message: the whole reader of mail with all that it reads when asked.

use torwart::message::{Limits, Mail, Unpacked};

/// One input.
pub fn run(data: &[u8]) {
    read(&Mail::parse_all(data, &Unpacked::default(), &Limits::default()));
    read(&Mail::raw_text(data));
}

fn read(mail: &Mail<'_>) {
    let _ = (
        mail.subject(),
        mail.from(),
        mail.reply_to(),
        mail.recipients(),
        mail.date(),
        mail.digest(),
    );
    let _ = (mail.received().len(), mail.urls().all().len(), mail.return_path());
    for (number, part) in mail.parts().iter().enumerate() {
        let _ = (part.data().len(), part.text().map(str::len), mail.words(number).len());
        let _ = (
            part.html().is_some(),
            part.plain().is_some(),
            part.archive().is_some(),
            part.pdf().is_some(),
        );
        assert!(
            part.children.iter().all(|child| *child > number),
            "parts stand behind what holds them"
        );
    }
}
