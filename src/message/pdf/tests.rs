//! What is read of PDFs, and that hostile ones end soon.

use super::{LINKS, OBJECTS, Pdf, TRAILER_WITHIN};
use flate2::{Compression, write::ZlibEncoder};
use std::io::Write as _;
use std::time::{Duration, Instant};

fn objects(list: &[&str]) -> Vec<u8> {
    let numbered = list.iter().enumerate();
    let text: String = numbered
        .map(|(at, object)| format!("{} 0 obj\n{object}\nendobj\n", at + 1))
        .collect();
    format!("%PDF-1.5\n{text}").into_bytes()
}

fn one(object: &str) -> Pdf {
    Pdf::read(&objects(&[object]))
}

fn links(object: &str) -> Vec<String> {
    let text = |link: &Vec<u8>| String::from_utf8_lossy(link).into_owned();
    one(object).links.iter().map(text).collect()
}

fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).expect("memory");
    encoder.finish().expect("memory")
}

/// A stream of one object, number 5.
fn packed(object: &str, filter: &str) -> Vec<u8> {
    let content = format!("5 0 {object}");
    let mut file = format!("%PDF-1.5\n1 0 obj\n<< /Type /ObjStm /N 1 /First 4 /Filter {filter} >>\nstream\n").into_bytes();
    file.extend(deflated(content.as_bytes()));
    file.extend(b"\nendstream\nendobj\n");
    file
}

#[test]
fn links_stand_anywhere_in_an_object() {
    for object in [
        "<< /S /URI /URI (http://a.example/) >>",
        "<</A<</S/URI/URI(http://a.example/)>>>>",
        "<< /Annots [ << /A << /URI (http://a.example/) >> >> ] >>",
        "[ << /URI (http://a.example/) >> ]",
        "<< /X [null true -1.5 .5 1. 7 0 R (a) <41> /n] /URI (http://a.example/) >>",
        "<< /U#52I (http://a.example/) % a comment >>\n >>",
        "<< /URI <687474703a2f2f612e6578616d706c652f> >>",
        "<< /URI < 68 7474703a2f2f612e657861\n6d706c652f> >>",
        "<< /URI (http://b.example/) /URI (http://a.example/) >>",
        "<< /URI (http://\\141.ex\\\nample/) >>",
    ] {
        assert_eq!(links(object), ["http://a.example/"], "{object}");
    }
    assert_eq!(links("<< /URI (a(b)\\)\\x\\53\\0531) >>"), ["a(b))\\x++1"]);
    assert_eq!(links("<< /URI <6> >>"), ["`"]);
}

#[test]
fn what_does_not_hold_together_leads_nowhere() {
    for object in [
        "<< /URI (http://a.example/)",
        "<< /URI (http://a.example/ >>",
        "<< /X foo /URI (http://a.example/) >>",
        "<< /X 1 2 /URI (http://a.example/) >>",
        "foo << /URI (http://a.example/) >>",
        "<< /URI /http:name >>",
        "<< /URI <68zz> >>",
        "<< /X (/URI (http://a.example/)) >>",
    ] {
        assert!(links(object).is_empty(), "{object}");
    }
    assert!(Pdf::read(b"%PDF-1.5\n1 0 obj\n<< /URI (http://a.example/) >>").links.is_empty());
    assert!(Pdf::read(b"%PDF-1.5\nobj\n<< /URI (http://a.example/) >>\nendobj").links.is_empty());
}

#[test]
fn depth_and_length_of_an_object_end() {
    let nested = |n: usize| format!("{}<< /URI (u) >>{}", "<< /A ".repeat(n), " >>".repeat(n));
    assert_eq!(links(&nested(10)), ["u"]);
    assert!(links(&nested(11)).is_empty());
    assert!(links(&"[".repeat(100_000)).is_empty());
    let padded = |n: usize| format!("<< /X ({}) /URI (u) >>", "a".repeat(n));
    assert_eq!(links(&padded(32_000)), ["u"]);
    assert!(links(&padded(40_000)).is_empty());
}

#[test]
fn streams_of_objects_are_opened() {
    let file = packed("<< /URI (http://a.example/) >>", "/FlateDecode");
    assert_eq!(Pdf::read(&file).links, [b"http://a.example/"]);
    assert_eq!(Pdf::read(&packed("<< /URI (u) >>", "[/FlateDecode]")).links, [b"u"]);
    assert!(
        Pdf::read(&packed("<< /URI (u) >>", "[/ASCIIHexDecode /FlateDecode]"))
            .links
            .is_empty()
    );
    assert!(Pdf::read(&packed("<< /S /JavaScript /JS (x) >>", "/FlateDecode")).scripts);
    let mut encrypted = file.clone();
    encrypted.extend(b"trailer\n<< /Encrypt 9 0 R >>\n");
    assert!(Pdf::read(&encrypted).links.is_empty());
}

#[test]
fn scripts_are_actions_with_text() {
    for object in [
        "<< /S /JavaScript /JS (x) >>",
        "<< /S /J#61vaScript /#4aS <78> >>",
        "<< /S /JavaScript /JS () >>",
    ] {
        assert!(one(object).scripts, "{object}");
    }
    for object in [
        "<< /JS (x) >>",
        "<< /S /JavaScript >>",
        "<< /S /X /JS 7 0 R >>",
        "<< /X (/S /JavaScript /JS (x)) >>",
    ] {
        assert!(!one(object).scripts, "{object}");
    }
    let refers = |to: &str| Pdf::read(&objects(&["<< /S /JavaScript /JS 2 0 R >>", to])).scripts;
    assert!(refers("(app.alert)"));
    assert!(refers("<< /Length 3 >>\nstream\nabc\nendstream"));
    assert!(!refers("<< >>"));
    assert!(!refers("<< /Filter /Odd >>\nstream\nabc\nendstream"));
}

#[test]
fn encryption_is_named_by_the_last_trailer_or_a_stream_of_references() {
    let with = |tail: &str| {
        let mut file = objects(&["<< /OpenAction 3 0 R >>"]);
        file.extend(tail.as_bytes());
        Pdf::read(&file)
    };
    assert!(with("trailer\n<< /Encrypt 9 0 R >>").encrypted);
    assert!(with("trailer<</Encrypt<</V 1>>>>").encrypted);
    assert!(with("trailer\n<<>>\ntrailer\r\n<< /Encrypt 9 0 R >>").opens);
    assert!(with("9 0 obj\n<< /Type /XRef /Encrypt 3 0 R >>\nstream\nabc\nendstream\nendobj\n").encrypted);
    for tail in [
        "",
        "trailer\n<< /Encryption 9 0 R >>",
        "trailer\n<< /X (/Encrypt) >>",
        "trailer\n<< /Encrypt 9 0 R >>\ntrailer\n<< >>",
        "%trailer\n<< /Encrypt 9 0 R >>",
        "9 0 obj\n<< /Encrypt 3 0 R >>\nendobj\n",
    ] {
        assert!(!with(tail).encrypted, "{tail}");
    }
    assert!(!Pdf::read(b"%PDF-1.5\ntrailer\n<< /Encrypt 9 0 R >>").encrypted);
}

#[test]
fn objects_are_counted_and_the_first_are_read() {
    let file = objects(&vec!["<< /URI (u) >>"; 100_000]);
    let pdf = Pdf::read(&file);
    assert_eq!((pdf.objects, pdf.links.len(), pdf.gave_up), (100_000, OBJECTS.min(LINKS), None));
    assert!(pdf.many_objects() && !Pdf::read(&objects(&vec!["1"; OBJECTS])).many_objects());
}

#[test]
fn a_trailer_far_behind_is_a_long_one() {
    let file = |padding: usize| {
        let mut file = objects(&["1"]);
        file.resize(file.len() + padding, b' ');
        file.extend(b"\ntrailer\n<< /Size 1 >>\n");
        Pdf::read(&file).long_trailer
    };
    assert_eq!((file(TRAILER_WITHIN), file(1_000)), (Some(14), None));
}

/// Every file that is made to be slow or large ends soon, and within bounds.
#[test]
fn hostile_files_end_soon() {
    let bomb = packed(&" ".repeat(32 << 20), "/FlateDecode");
    let many = |text: &str| format!("%PDF-1.5\n{}", text.repeat((4 << 20) / text.len())).into_bytes();
    let closed = |text: &str| [many(text), b"\nendobj".to_vec()].concat();
    let bombs: Vec<u8> = std::iter::repeat_n(packed(&" ".repeat(1 << 20), "/FlateDecode"), 3_000)
        .flatten()
        .collect();
    let files = [
        bomb,
        bombs,
        many("1 0 obj "),
        closed("1 0 obj "),
        closed("1 0 obj ( "),
        closed("1 0 obj << /A "),
        closed("1 0 obj <<>>\nstream\n"),
        closed("1 0 obj [1 1 1 1 1 1 %%%%\n"),
        many("trailer"),
        many("trailer\n/Encrypt"),
        many("endobj"),
        many("<"),
        many("("),
    ];
    let begun = Instant::now();
    for (number, file) in files.iter().enumerate() {
        assert!(Pdf::read(file).links.is_empty(), "{number}");
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "took {:?}", begun.elapsed());
    let file = closed("1 0 obj ( ");
    assert!(Pdf::read(&file).gave_up.is_some_and(|work| work < file.len() * 6));
}

#[test]
fn a_file_may_end_anywhere_and_hold_anything() {
    let mut file = objects(&["<< /A [ << /S /URI /URI (http://a.ex\\141mple/) >> <41> 1 0 R ] >>"]);
    file.extend(packed("<< /S /JavaScript /JS (x) >>", "/FlateDecode"));
    file.extend(b"trailer\n<< /Encrypt 9 0 R >>\n");
    for end in 0..file.len() {
        Pdf::read(&file[..end]);
        for byte in [0, b'(', b'>', 0xff] {
            let mut other = file.clone();
            other[end] = byte;
            Pdf::read(&other);
        }
    }
}
