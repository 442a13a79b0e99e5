//! Unit tests of `html`.

use super::*;
use proptest::prelude::*;

fn text(source: &str) -> String {
    Html::read(source).text
}

#[test]
fn text_as_a_reader_sees_it() {
    for (source, want) in [
        ("plain  words\n here", "plain words here"),
        ("<p>one</p><p>two</p>", "one\ntwo\n"),
        ("one<br>two<hr>three", "one\ntwo\nthree"),
        ("<b>bold</b><i> slanted</i>", "bold slanted"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n"),
        (
            "<html><head><title>no</title><style>p{}</style></head><body>yes<script>x = '<b>no</b>'</script></body></html>",
            "yes",
        ),
        ("a&amp;b &lt;c&gt; &#65;&nbsp;&nbsp;d", "a&b <c> A  d"),
        ("<!-- gone --><p>here<!-- gone -->", "here"),
        ("see <img src=x alt=picture> there", "see picture there"),
        ("<p>a<b>b<p>c</b>d", "ab\nc\n"),
        ("<html><body><p>a<b>b<p>c</b>d</body></html>", "ab\nc\nd"),
    ] {
        let got = text(source);
        assert_eq!(got.trim_end(), want.trim_end(), "{source}");
    }
}

#[test]
fn what_cannot_be_seen() {
    for source in [
        "<div style='display:none'>secret</div>",
        "<span style='font-size:0'>secret</span>",
        "<p style='visibility: hidden'>secret</p>",
        "<font color=white>secret</font>",
        "<style>.x { display: none }</style><div class=x>secret</div>",
        "<p style='color:#fff;background:#fefefe'>secret</p>",
        "<p hidden>secret</p>",
    ] {
        let html = Html::read(&format!("<html><body>seen{source}</body></html>"));
        assert!(html.text.contains("seen"), "{source}");
        assert!(!html.text.contains("secret"), "{source}: {:?}", html.text);
    }
    let html = Html::read("<body><p style='display:none'>secret</p></body>");
    assert!(html.invisible.contains("secret"));
}

#[test]
fn links_images_and_base() {
    let html = Html::read(
        "<html><body><base href='http://example.com/dir/'><a href='page'>go</a><form action='http://example.net/send'></form>\
         <a href=//example.org/x><img src='cid:1' width=10 style='height: 20px'></a><img src='data:image/png;base64,AA=='></body></html>",
    );
    let links: Vec<_> = html.links.iter().map(|l| l.value.as_str()).collect();
    assert_eq!(links, ["http://example.com/dir/page", "http://example.net/send", "//example.org/x"]);
    assert_eq!(html.shown.first().and_then(|s| html.text.get(s.range.clone())), Some("go"));
    let [first, second] = html.images.as_slice() else {
        panic!("two images")
    };
    assert_eq!(
        (first.src.as_str(), first.width, first.styled_height, first.embedded, first.data),
        ("1", 10, 20, true, false)
    );
    assert!(first.anchor.is_some() && second.anchor.is_none() && second.data);
    assert!(html.oddities.data_urls && html.has_tag("form") && !html.has_tag("table"));
}

#[test]
fn a_base_closes_itself() {
    let html = Html::read("<body><a href=http://example.com/>text</a></body>");
    assert_eq!(html.links.first().map(|l| l.value.as_str()), Some("http://example.com"));
}

#[test]
fn oddities_are_told() {
    let odd = |source: &str| Html::read(source).oddities;
    assert!(odd("text").bad_start);
    assert!(odd("<p>a</b>").unbalanced);
    assert!(odd("<o:p>a</o:p>").unknown_element);
    assert!(odd("<?xml version='1.0'?><p>").xml);
    assert_eq!(odd("<p>a</p>"), Oddities::default());
    assert!(odd(&"<i>".repeat(9_000)).too_many_elements);
}

/// Hostile shapes, each large enough that quadratic work would be seen.
#[test]
fn time_is_linear() {
    let shapes = [
        "<",
        "<div>",
        "<a href=x>",
        "</p>",
        "<p></b>",
        "<!--",
        "<!",
        "&",
        "&amp",
        "<a b=c ",
        "<style>",
        "<p style='color:red'>",
        " ",
        "<td>",
        "<br>",
        "<base href=http://a.com/><a href=b>",
    ];
    for shape in shapes {
        let source = shape.repeat(2_000_000 / shape.len());
        let begun = std::time::Instant::now();
        let html = Html::read(&source);
        assert!(html.text.len() <= source.len() * 2);
        assert!(begun.elapsed().as_secs() < 10, "{shape:?} took {:?}", begun.elapsed());
    }
}

proptest! {
    #[test]
    fn nothing_panics(source in "(<(/?(a|p|div|style|td|img|html|head|title|base)|!--)|>|/>| href=|\"| style='|font-size:|color:#|&#|;|\\PC){0,60}") {
        let html = Html::read(&source);
        for element in &html.elements {
            let _ = html.content(element);
        }
    }
}
