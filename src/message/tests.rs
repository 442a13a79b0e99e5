use super::*;

fn mail(raw: &str) -> Mail<'_> {
    Mail::parse(raw.as_bytes(), &Limits::default())
}

#[test]
fn text_without_header_is_one_part() {
    let mail = mail("hallo welt\n");
    assert_eq!(mail.parts().len(), 1);
    assert_eq!(mail.parts()[0].mime_type(), "text/plain");
    assert_eq!(mail.parts()[0].text(), Some("hallo welt\n"));
    assert!(mail.headers().is_empty() && !mail.anomalies().broken_headers);
}
