//! PDFs: encrypted ones, scripts, and what it took to read them. What is in a PDF is read in `message::pdf`.

use crate::engine::{Compat, Hits, Rule, Scan};
use crate::family::Family;

crate::symbols! {
    "content" {
        PDF_ENCRYPTED = both(0.3), "a PDF is encrypted", shots 1;
        PDF_JAVASCRIPT = both(0.1), "a PDF holds JavaScript", shots 1;
        PDF_SUSPICIOUS = both(4.5), "an encrypted PDF does something when it is opened", shots 1;
        PDF_LONG_TRAILER = both(0.2), "the trailer of a PDF stands behind ten megabytes", shots 1;
        PDF_MANY_OBJECTS = both(0.0), "a PDF has more objects than are read", shots 1;
        PDF_TIMEOUT = both(0.0), "reading a PDF took more work than its size allows", shots 1;
    }
}

/// PDFs. No settings.
pub const FAMILY: Family = Family {
    name: "pdf",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| vec![Rule::check("SPECIFIC_CONTENT_CHECK", check)],
};

/// From here on it is suspicious.
const SUSPICIOUS: f64 = 0.5;

fn check(scan: &Scan<'_>, hits: &mut Hits) {
    for part in scan.mail.parts() {
        let Some(pdf) = part.pdf() else { continue };
        let name = part.file_name.as_deref().unwrap_or("unknown");
        let mut factor = 0.0;
        if pdf.encrypted {
            hits.with(&PDF_ENCRYPTED, name);
            factor += 0.1;
            // 3.4 never sees what a PDF does when it is opened.
            if pdf.opens && scan.compat == Compat::V41 {
                factor += 0.5;
            }
        }
        if pdf.scripts {
            hits.with(&PDF_JAVASCRIPT, name);
            factor += 0.1;
        }
        if factor > SUSPICIOUS {
            hits.weighted(&PDF_SUSPICIOUS, factor, vec![name.to_owned()]);
        }
        if let Some(size) = pdf.long_trailer {
            hits.with(&PDF_LONG_TRAILER, format!("{name}:{size}"));
        }
        if pdf.many_objects() {
            hits.with(&PDF_MANY_OBJECTS, format!("{name}:{}", pdf.objects));
        }
        // The clock of rspamd is here a count of bytes, so that the same file always gets the same answer.
        if let Some(bytes) = pdf.gave_up {
            hits.with(&PDF_TIMEOUT, format!("{name}:{bytes}"));
        }
    }
}
