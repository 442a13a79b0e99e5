//! The true type of some bytes, by content, in the names that rspamd uses. A table of signatures; no file names, no decoding.

use super::archive::list;

/// A recognised type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Usual extension.
    pub ext: &'static str,
    /// Media type.
    pub mime: &'static str,
    /// It packs other files.
    pub archive: bool,
    /// [`super::archive`] can tell what is inside, and rspamd takes it for one only where it can.
    pub listed: bool,
    /// Scanners ask for it; rspamd does not know it.
    pub own: bool,
}

const fn kind(ext: &'static str, mime: &'static str) -> Kind {
    Kind {
        ext,
        mime,
        archive: false,
        listed: false,
        own: false,
    }
}

const fn archive(ext: &'static str, mime: &'static str) -> Kind {
    Kind {
        archive: true,
        ..kind(ext, mime)
    }
}

const fn listed(ext: &'static str, mime: &'static str) -> Kind {
    Kind {
        listed: true,
        ..archive(ext, mime)
    }
}

const fn own(ext: &'static str, mime: &'static str) -> Kind {
    Kind {
        own: true,
        ..kind(ext, mime)
    }
}

/// Bytes at an offset, and what they mean; the first match wins.
const SIGNATURES: &[(usize, &[u8], Kind)] = &[
    (0, b"\x89PNG\r\n\x1a\n", kind("png", "image/png")),
    (0, b"\xff\xd8\xff", kind("jpg", "image/jpeg")),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", kind("jpg", "image/jpeg")),
    (0, b"GIF87a", kind("gif", "image/gif")),
    (0, b"GIF89a", kind("gif", "image/gif")),
    (0, b"II*\0", kind("tiff", "image/tiff")),
    (0, b"MM\0*", kind("tiff", "image/tiff")),
    (8, b"WEBP", own("webp", "image/webp")),
    (0, b"\0\0\x01\0", kind("ico", "image/ico")),
    (0, b"8BPS", kind("psd", "image/psd")),
    (0, b"\xd7\xcd\xc6\x9a", own("wmf", "application/x-msmetafile")),
    (0, b"MZ", kind("exe", "application/x-ms-application")),
    (0, b"\x7fELF", kind("elf", "application/x-elf-executable")),
    (0, b"\xca\xfe\xba\xbe", kind("class", "application/x-java-applet")),
    (0, b"dex\n", own("dex", "application/vnd.android.dex")),
    (
        0,
        b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F",
        kind("lnk", "application/x-ms-application"),
    ),
    (0, b"Rar!\x1a\x07", listed("rar", "application/x-rar")),
    (0, b"7z\xbc\xaf\x27\x1c", listed("7z", "application/x-7z-compressed")),
    (0, b"\x1f\x8b\x08", listed("gz", "application/gzip")),
    (0, b"BZh", archive("bz2", "application/x-bzip")),
    (0, b"\xfd7zXZ\0", archive("xz", "application/x-xz")),
    (0, b"\x28\xb5\x2f\xfd", archive("zst", "application/x-zstandard")),
    (0, b"\x04\x22\x4d\x18", archive("lz4", "application/x-lz4")),
    (0, b"MSCF\0\0\0\0", archive("cab", "application/x-cab")),
    (0, b"\x60\xea", archive("arj", "application/x-arj")),
    (7, b"**ACE**", archive("ace", "application/x-ace")),
    (257, b"ustar", archive("tar", "application/x-tar")),
    (0, b"EGGA", archive("egg", "application/x-egg")),
    (0x8001, b"CD001", archive("iso", "application/x-iso")),
    (0, b"AT&TFORM", kind("djvu", "application/x-djvu")),
    (0, b"xar!", archive("xar", "application/x-xar")),
    (0, b"ITSF\x03\0\0\0", kind("chm", "application/x-chm")),
    (0, b"ITOLITLS", own("lit", "application/x-lit")),
    (0, b"{\\rtf", kind("rtf", "application/rtf")),
    (0, b"%!PS-Adobe", kind("ps", "application/postscript")),
    (0, b"\xc5\xd0\xd3\xc6", own("eps", "application/eps")),
    (0, b"AC101", kind("dwg", "image/vnd.dwg")),
    (0, b"CWS", kind("swf", "application/x-shockwave-flash")),
    (0, b"FWS", kind("swf", "application/x-shockwave-flash")),
    (0, b"ID3", own("mp3", "audio/mpeg")),
    (0, b"OggS", own("ogg", "audio/ogg")),
    (0, b"fLaC", own("flac", "audio/flac")),
    (0, b"FLV\x01", own("flv", "video/x-flv")),
    (0, b"\x1aE\xdf\xa3", own("mkv", "video/x-matroska")),
    (4, b"ftyp", own("mp4", "video/mp4")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", own("wmv", "video/x-ms-wmv")),
    (0, b"SQLite format 3\0", own("sqlite", "application/x-sqlite3")),
    (0, b"!BDN", own("pst", "application/vnd.ms-outlook")),
    (0, b"\x78\x9f\x3e\x22", own("tnef", "application/ms-tnef")),
    (0, b"<?xml", kind("xml", "application/xml")),
    (0, b"BEGIN:VCALENDAR", kind("ics", "text/calendar")),
    (0, b"BEGIN:VCARD", kind("vcf", "text/vcard")),
];

/// Names near the front of an OLE container (UTF-16) that tell what made it.
const OLE: &[(&[u8], Kind)] = &[
    (b"W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0", kind("doc", "application/msword")),
    (b"W\0o\0r\0k\0b\0o\0o\0k\0", kind("xls", "application/vnd.ms-excel")),
    (b"P\0o\0w\0e\0r\0P\0o\0i\0n\0t\0", kind("ppt", "application/vnd.ms-powerpoint")),
    (
        b"_\0_\0p\0r\0o\0p\0e\0r\0t\0i\0e\0s\0_\0",
        kind("msg", "application/vnd.ms-outlook"),
    ),
];

/// Folders of a zip that make it a document, where it has a list of its types.
const OFFICE: &[(&str, Kind)] = &[
    (
        "word/",
        kind("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ),
    (
        "xl/",
        kind("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ),
    (
        "ppt/",
        kind("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ),
];

/// What the first member of a zip says that it is; the first match wins.
const FIRST_MEMBER: &[(&[u8], Kind)] = &[
    (
        b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
        kind("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ),
    (
        b"mimetypeapplication/vnd.oasis.opendocument.presentation",
        kind("odp", "application/vnd.oasis.opendocument.presentation"),
    ),
    (
        b"mimetypeapplication/vnd.oasis.opendocument",
        kind("odt", "application/vnd.oasis.opendocument.text"),
    ),
    (b"mimetypeapplication/epub", archive("epub", "application/x-epub")),
];

/// Only this much of a container is searched for names.
const LOOK: usize = 64 * 1024;

/// What these bytes are, if they say so themselves. Text is not guessed.
pub fn detect(bytes: &[u8]) -> Option<Kind> {
    if bytes.starts_with(b"PK\x03\x04") {
        return Some(zip(bytes));
    }
    if let Some(loose) = loose(bytes) {
        return Some(loose);
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        return Some(inside(bytes, OLE).unwrap_or(own("ole", "application/octet-stream")));
    }
    if bytes.starts_with(b"RIFF") {
        return riff(bytes);
    }
    let hit = SIGNATURES
        .iter()
        .find(|(at, magic, _)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
    hit.map(|(_, _, kind)| *kind)
}

/// Beginnings of elements and how much each tells; 40 together make HTML.
const MARKUP: [(&[u8], u32); 9] = [
    (b"html", 32),
    (b"script", 20),
    (b"!doctype html", 33),
    (b"body", 20),
    (b"table", 20),
    (b"a", 10),
    (b"p", 10),
    (b"div", 10),
    (b"span", 10),
];

/// Text whose first 4 kB hold enough of HTML, whatever it says of itself.
pub fn looks_like_html(bytes: &[u8]) -> bool {
    let front = bytes.get(..bytes.len().min(4096)).unwrap_or(bytes);
    let mut weight = 0;
    for at in memchr::memchr_iter(b'<', front) {
        let rest = front.get(at + 1..).unwrap_or_default();
        for (name, tells) in MARKUP {
            let Some((head, tail)) = rest.split_at_checked(name.len()) else {
                continue;
            };
            let ends = tail.first().is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_');
            if ends && head.eq_ignore_ascii_case(name) {
                weight += tells;
            }
        }
        if weight >= 40 {
            return is_text(bytes);
        }
    }
    false
}

/// Hardly any byte that is no text, at the front and at the end.
fn is_text(bytes: &[u8]) -> bool {
    let plain = |span: &[u8]| strange(span) * 128 <= span.len();
    if bytes.len() <= 240 {
        return plain(bytes);
    }
    plain(bytes.get(..160).unwrap_or_default()) && plain(bytes.get(bytes.len() - 80..).unwrap_or_default())
}

/// Control characters and bytes that are no UTF-8, but for characters that the ends of the span cut.
fn strange(span: &[u8]) -> usize {
    let cut = span.iter().take(3).take_while(|b| **b & 0xc0 == 0x80).count();
    let span = span.get(cut..).unwrap_or_default();
    let controls = span
        .iter()
        .filter(|b| b.is_ascii_control() && !matches!(b, b'\t' | b'\n' | b'\r'))
        .count();
    let mut invalid: Vec<usize> = span.utf8_chunks().map(|chunk| chunk.invalid().len()).collect();
    let last = std::str::from_utf8(span).err().is_some_and(|e| e.error_len().is_none());
    if last {
        invalid.pop();
    }
    controls + invalid.iter().sum::<usize>()
}

/// The name ends with one of these, in any case.
pub(super) fn has_suffix(name: &str, suffixes: &[&str]) -> bool {
    let tail = |s: &str| name.len().checked_sub(s.len()).and_then(|at| name.get(at..));
    suffixes.iter().any(|s| tail(s).is_some_and(|t| t.eq_ignore_ascii_case(s)))
}

/// Marks with conditions.
fn loose(bytes: &[u8]) -> Option<Kind> {
    if bytes.starts_with(b"BM") && bytes.get(5..9) == Some(&[0; 4]) {
        return Some(kind("bmp", "image/bmp"));
    }
    if bytes.get(..9).is_some_and(|b| b.eq_ignore_ascii_case(b"@echo off")) {
        return Some(kind("bat", "application/x-bat"));
    }
    is_pdf(bytes).then_some(kind("pdf", "application/pdf"))
}

/// The mark with a version may have something before it.
fn is_pdf(bytes: &[u8]) -> bool {
    let front = bytes.get(..1024).unwrap_or(bytes);
    let mut marks = memchr::memmem::find_iter(front, b"%PDF-");
    marks.any(|at| matches!(bytes.get(at + 5..at + 8), Some([a, b'.', b]) if a.is_ascii_digit() && b.is_ascii_digit()))
}

/// What a zip is, by its members.
fn zip(bytes: &[u8]) -> Kind {
    // The fixed part of a local header is 30 bytes long.
    let first = bytes.get(30..).unwrap_or_default();
    if let Some((_, kind)) = FIRST_MEMBER.iter().find(|(mark, _)| first.starts_with(mark)) {
        return *kind;
    }
    let members = list(bytes, None).map(|a| a.entries).unwrap_or_default();
    let has = |name: &str| members.iter().any(|m| m.name == name);
    if has("[Content_Types].xml") {
        let document = OFFICE.iter().find(|(folder, _)| members.iter().any(|m| m.name.starts_with(folder)));
        if let Some((_, kind)) = document {
            return *kind;
        }
    }
    if has("AndroidManifest.xml") {
        return listed("apk", "application/vnd.android.package-archive");
    }
    if has("META-INF/MANIFEST.MF") {
        return listed("jar", "application/java-archive");
    }
    listed("zip", "application/zip")
}

fn riff(bytes: &[u8]) -> Option<Kind> {
    match bytes.get(8..12)? {
        b"WEBP" => Some(own("webp", "image/webp")),
        b"WAVE" => Some(own("wav", "audio/vnd.wave")),
        b"AVI " => Some(own("avi", "video/x-msvideo")),
        _ => None,
    }
}

/// The first row whose name occurs near the front or, for the directory of a container, near the end.
fn inside(bytes: &[u8], rows: &[(&[u8], Kind)]) -> Option<Kind> {
    let front = bytes.get(..bytes.len().min(LOOK)).unwrap_or(bytes);
    let back = bytes.get(bytes.len().saturating_sub(LOOK)..).unwrap_or(bytes);
    let found = |name: &[u8]| memchr::memmem::find(front, name).is_some() || memchr::memmem::find(back, name).is_some();
    rows.iter().find(|(name, _)| found(name)).map(|(_, kind)| *kind)
}
