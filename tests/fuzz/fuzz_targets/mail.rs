//! Any bytes as a message: the whole reader of mail, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use torwart::message::{Limits, Mail};

fuzz_target!(|data: &[u8]| {
    let mail = Mail::parse(data, &Limits::default());
    let _ = (mail.subject(), mail.from(), mail.reply_to(), mail.recipients(), mail.date(), mail.digest());
    let _ = mail.received().len();
    for part in mail.parts() {
        let _ = (part.data().len(), part.text().map(str::len));
    }
});
