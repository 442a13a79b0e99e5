//! What is inside an archive, judged by names alone: encrypted and disguised members, programs, archives in archives.
//!
//! Two things are seen here that escape 3.4: a zip with more than a kilobyte of other bytes behind it, and several members in one packed
//! stream of a 7z whose list is plain.

use super::extensions::{Finding, extension, is_number};
use super::mime::{MIME_ENCRYPTED_ARCHIVE, MIME_EXE_IN_GEN_SPLIT_RAR, MIME_OBFUSCATED_ARCHIVE, MimeTypes, report, trace};
use crate::engine::Hits;
use crate::message::archive::{self, Archive, Kind};
use crate::message::{Part, sniff};

/// Documents that are zips inside.
const OFFICE: &[&str] = &["docx", "odp", "ods", "odt", "pptx", "vsdx", "xlsx"];

impl MimeTypes {
    /// Judges the members of a part that is an archive, and no document by content or by name.
    pub(super) fn look_inside(&self, number: usize, part: &Part<'_>, hits: &mut Hits) {
        let file = part.file_name.as_deref();
        let document = file
            .and_then(extension)
            .is_some_and(|ext| OFFICE.contains(&ext.to_ascii_lowercase().as_str()));
        let Some(archive) = part.archive().filter(|a| a.makes_sense() && !document) else {
            return;
        };
        if !sniff::detect(part.data()).is_some_and(|kind| kind.archive) {
            return;
        }
        if self.archives.contains(&archive.kind) {
            self.members(number, file, archive, hits);
        }
        if archive.kind == Kind::Gzip
            && self.archives.contains(&Kind::Tar)
            && let Some(tar) = archive::unpacked(part.data())
        {
            self.members(number, file, &tar, hits);
        }
    }

    fn members(&self, number: usize, file: Option<&str>, archive: &Archive, hits: &mut Hits) {
        whole(number, file, archive, hits);
        let alone = archive.entries.len() < 2;
        let split = archive.kind == Kind::Rar && file.is_some_and(is_piece);
        for member in &archive.entries {
            if member.encrypted {
                trace(number, '-', hits);
                hits.with(&MIME_ENCRYPTED_ARCHIVE, member.name.as_str());
            }
            if split && extension(&member.name).is_some_and(|ext| ext.eq_ignore_ascii_case("exe")) {
                hits.with(&MIME_EXE_IN_GEN_SPLIT_RAR, member.name.as_str());
                continue;
            }
            let findings = self.extensions.judge_member(&member.name, alone);
            findings.into_iter().for_each(|finding| report(number, finding, hits));
        }
        if let ([member], Some(file)) = (archive.entries.as_slice(), file)
            && let Some(option) = self.extensions.pretends(file, &member.name)
        {
            report(number, Finding::Double(2.0, option), hits);
        }
    }
}

/// What is wrong with the archive as such.
fn whole(number: usize, file: Option<&str>, archive: &Archive, hits: &mut Hits) {
    let mut told = |symbol, weight, why: Option<&str>| {
        trace(number, '-', hits);
        let options = why.into_iter().chain(file).map(str::to_owned).collect();
        hits.weighted(symbol, weight, options);
    };
    if archive.encrypted {
        told(&MIME_ENCRYPTED_ARCHIVE, 1.0, None);
    }
    if archive.hidden {
        told(&MIME_ENCRYPTED_ARCHIVE, 0.5, Some("compressed header"));
    }
    if archive.obfuscated {
        told(&MIME_OBFUSCATED_ARCHIVE, 1.0, Some("obfuscated archive"));
    }
}

/// `x.001`: pieces of any file are called so.
fn is_piece(file: &str) -> bool {
    extension(file).is_some_and(|ext| ext.len() == 3 && is_number(ext))
}
