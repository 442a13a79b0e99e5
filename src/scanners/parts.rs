//! What of a message is shown to a scanner: its attachments one by one, with text and pictures where asked for, or all of it. Pure.

use super::options::Choice;
use crate::message::{Mail, Part, sniff};

/// With more parts than this the whole message is shown instead: scanners take mail apart themselves.
const MOST_PARTS: usize = 64;

/// Something to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'m> {
    /// Its content, transfer encoding undone.
    pub(super) bytes: &'m [u8],
    /// The name of the file, where it has one.
    pub(super) file: Option<&'m str>,
}

/// Chooses.
pub(super) fn choose<'m>(mail: &'m Mail<'m>, choice: &Choice) -> Vec<Piece<'m>> {
    let whole = Piece {
        bytes: mail.raw(),
        file: None,
    };
    let mut pieces: Vec<Piece<'m>> = match choice.parts {
        false => vec![whole],
        true => {
            let leaves = mail.parts().iter().filter(|part| is_leaf(part));
            let piece = |part: &'m Part<'_>| Piece {
                bytes: part.data(),
                file: part.file_name.as_deref(),
            };
            leaves.filter(|part| wanted(part, choice)).map(piece).collect()
        }
    };
    if pieces.len() > MOST_PARTS {
        pieces = vec![whole];
    }
    pieces.retain(|piece| choice.fits(piece.bytes.len()));
    pieces
}

/// It holds no other parts that are looked at in its place.
fn is_leaf(part: &Part<'_>) -> bool {
    !part.is_multipart() && part.children.is_empty()
}

fn wanted(part: &Part<'_>, choice: &Choice) -> bool {
    let data = part.data();
    if data.is_empty() {
        return false;
    }
    let detected = sniff::detect(data);
    let seen = |kind: &str| detected.is_some_and(|d| d.mime.split('/').next() == Some(kind));
    if let Some(filter) = &choice.filter {
        let file = part.file_name.as_deref().unwrap_or_default().to_lowercase();
        // Of `x.pdf.exe` both count, as does what the content is.
        let mut endings = file.split('.').skip(1).chain(detected.map(|d| d.ext));
        let types = [part.mime_type(), detected.map_or("", |d| d.mime)];
        let texts = || std::iter::once(file.as_str()).chain(types).filter(|t| !t.is_empty());
        let named = endings.any(|e| filter.endings.iter().any(|f| f == e));
        if named || texts().any(|t| filter.patterns.iter().any(|p| p.is_match(t))) {
            return true;
        }
    }
    // What calls itself text or a picture and is something else counts as what it is.
    if part.is_text() && !part.is_attachment() && (detected.is_none() || seen("text")) {
        return choice.text && enough_words(part, choice.words);
    }
    if seen("image") {
        return choice.images;
    }
    choice.all
}

fn enough_words(part: &Part<'_>, least: usize) -> bool {
    least == 0 || part.text().unwrap_or_default().split_whitespace().nth(least - 1).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Limits;
    use crate::scanners::options::Filter;
    use regex::Regex;

    const MAIL: &str = "Content-Type: multipart/mixed; boundary=B\n\n\
        --B\nContent-Type: text/plain\n\nplain text here\n\
        --B\nContent-Type: text/html\n\n<p>html</p>\n\
        --B\nContent-Type: text/plain; name=notes.txt\nContent-Disposition: attachment; filename=notes.txt\n\nnotes\n\
        --B\nContent-Type: application/octet-stream\n\nnameless\n\
        --B\nContent-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64\n\niVBORw0KGgo=\n\
        --B\nContent-Type: image/png; name=b.png\n\nno picture\n\
        --B\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\nTVqQAA==\n\
        --B\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=I\n\n\
        --I\nContent-Type: text/plain\n\ninner text\n\
        --I\nContent-Type: application/x-foo; name=In.TAR.gz\n\ninner file\n--I--\n\
        --B\nContent-Type: application/x-empty; name=empty\n\n\
        --B--\n";

    fn chosen(choice: &Choice) -> Vec<String> {
        let mail = Mail::parse(MAIL.as_bytes(), &Limits::default());
        let pieces = choose(&mail, choice);
        pieces.iter().map(|p| String::from_utf8_lossy(p.bytes).trim().to_owned()).collect()
    }

    #[test]
    fn attachments_and_what_is_no_text() {
        let mz = "MZ\u{fffd}\0";
        assert_eq!(chosen(&Choice::default()), ["notes", "nameless", "no picture", mz, "inner file"]);
    }

    #[test]
    fn text_and_pictures_where_asked_for() {
        let text = Choice {
            text: true,
            ..Choice::default()
        };
        assert_eq!(chosen(&text).iter().filter(|p| p.contains("text") || p.contains("html")).count(), 3);
        let long = Choice { words: 3, ..text };
        assert_eq!(chosen(&long).iter().filter(|p| p.contains("text") || p.contains("html")).count(), 1);
        let images = Choice {
            images: true,
            ..Choice::default()
        };
        assert_eq!(chosen(&images).len(), 6);
    }

    #[test]
    fn filters_name_files_types_and_endings() {
        let by = |patterns: &[&str], endings: &[&str]| Choice {
            all: false,
            filter: Some(Filter {
                patterns: patterns.iter().map(|p| Regex::new(p).unwrap()).collect(),
                endings: endings.iter().map(|e| (*e).to_owned()).collect(),
            }),
            ..Choice::default()
        };
        assert_eq!(chosen(&by(&[], &["gz"])), ["inner file"]);
        assert_eq!(chosen(&by(&[], &["tar", "exe"])).len(), 2);
        assert_eq!(chosen(&by(&["^notes"], &[])), ["notes"]);
        assert_eq!(chosen(&by(&["^application/octet"], &[])), ["nameless"]);
        assert!(chosen(&by(&[], &["notes"])).is_empty());
    }

    #[test]
    fn sizes_and_the_whole() {
        let mut choice = Choice {
            parts: false,
            ..Choice::default()
        };
        assert_eq!(chosen(&choice), [MAIL.trim()]);
        choice.max = Some(10);
        assert!(chosen(&choice).is_empty());
        let small = Choice {
            max: Some(9),
            min: Some(7),
            ..Choice::default()
        };
        assert_eq!(chosen(&small), ["nameless"]);
    }

    #[test]
    fn a_crowd_of_parts_is_one_message() {
        let part = "--B\nContent-Type: application/x-a; name=a\n\nx\n";
        let mail = format!("Content-Type: multipart/mixed; boundary=B\n\n{}--B--\n", part.repeat(65));
        let mail = Mail::parse(mail.as_bytes(), &Limits::default());
        let pieces = choose(&mail, &Choice::default());
        assert_eq!((pieces.len(), pieces[0].bytes.len()), (1, mail.raw().len()));
    }
}
