//! Programs and other surprises in archives, by names and sizes of members. Only 4.1 knows these symbols; what both generations say of
//! archives is in `members`.

use super::extensions::{extension, is_number};
use crate::engine::{Hits, Rule, Scan};
use crate::family::Family;
use crate::message::archive::{Archive, Entry, Kind};
use crate::rules::pattern::patterns;

crate::symbols! {
    "malware" {
        EXE_IN_ARCHIVE = only_41(1.5), "an archive holds a program", shots 1;
        SINGLE_FILE_ARCHIVE_WITH_EXE = only_41(5.0), "an archive holds a program and nothing else", shots 1;
        EXE_IN_MISIDENTIFIED_RAR = only_41(5.0), "a program in a RAR that is called otherwise", shots 1;
        MISIDENTIFIED_RAR = only_41(4.0), "a RAR that is called otherwise", shots 1;
        EXE_ARCHIVE_CLICKBAIT_FILENAME = only_41(9.0), "an archive with a program has a luring name", shots 1;
        EXE_ARCHIVE_CLICKBAIT_SUBJECT = only_41(9.0), "an archive with a program comes under a luring subject", shots 1;
        UDF_COMPRESSION_500PLUS = only_41(9.0), "a disc image in an archive is mostly nothing", shots 1;
    }
}

/// Archives. No settings.
pub const FAMILY: Family = Family {
    name: "archives",
    defaults: None,
    symbols: SYMBOLS,
    build: |_, _, _| vec![Rule::check("CHECK_ARCHIVES", archives)],
};

/// Archives of a message, and members of an archive, that are looked at.
const LOOKED_AT: usize = 10;
/// So much smaller a member must be packed.
const SHRUNK: u64 = 500;

patterns! {
    LURE = r"(?i)\b(advice|advisory|aviso|documents?|contract|justificante pago|notice|orden de litigio|order|pago|payments?|rfq|shipment|shipping|quotation)\b";
}

fn archives(scan: &Scan<'_>, hits: &mut Hits) {
    let listed = |part: &'_ crate::message::Part<'_>| part.archive().is_some_and(Archive::makes_sense);
    for part in scan.mail.parts().iter().filter(|p| listed(p)).take(LOOKED_AT) {
        let Some(archive) = part.archive() else { continue };
        let file = part.file_name.as_deref().unwrap_or_default();
        let misnamed = archive.kind == Kind::Rar && !file.is_empty() && !is_rar_name(file);
        if misnamed {
            hits.add(&MISIDENTIFIED_RAR);
        }
        let members = || archive.entries.iter().take(LOOKED_AT);
        if members().any(is_shrunk_image) {
            hits.add(&UDF_COMPRESSION_500PLUS);
        }
        if members().any(is_program) {
            program(scan, file, misnamed, archive, hits);
        }
    }
}

fn program(scan: &Scan<'_>, file: &str, misnamed: bool, archive: &Archive, hits: &mut Hits) {
    hits.add(&EXE_IN_ARCHIVE);
    if misnamed {
        hits.add(&EXE_IN_MISIDENTIFIED_RAR);
    }
    // An underscore parts words in file names.
    if LURE.is_match(&file.replace('_', " ")) {
        hits.add(&EXE_ARCHIVE_CLICKBAIT_FILENAME);
    } else if scan.mail.subject().is_some_and(|s| LURE.is_match(s)) {
        hits.add(&EXE_ARCHIVE_CLICKBAIT_SUBJECT);
    }
    if archive.entries.len() == 1 && !archive.more {
        hits.add(&SINGLE_FILE_ARCHIVE_WITH_EXE);
    }
}

fn ends_in(name: &str, extensions: &[&str]) -> bool {
    extension(name).is_some_and(|ext| extensions.iter().any(|e| ext.eq_ignore_ascii_case(e)))
}

fn is_program(member: &Entry) -> bool {
    ends_in(&member.name, &["exe", "com"])
}

fn is_shrunk_image(member: &Entry) -> bool {
    let sizes = member.size.zip(member.packed.filter(|packed| *packed > 0));
    ends_in(&member.name, &["img"]) && sizes.is_some_and(|(size, packed)| size / packed >= SHRUNK)
}

/// `.rar`, or `.r00` and the like.
fn is_rar_name(file: &str) -> bool {
    let piece = |ext: &str| matches!(ext.as_bytes(), [b'r' | b'R', digits @ ..] if digits.len() == 2 && std::str::from_utf8(digits).is_ok_and(is_number));
    ends_in(file, &["rar"]) || extension(file).is_some_and(piece)
}
