//! Any text as a URL, as an attribute that holds one, and as a message in which there may be some.

use torwart::message::html::{Link, LinkKind};
use torwart::message::{Mail, Url};

/// One input.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some(url) = Url::parse(&text) {
        read(&url);
    }
    let link = Link {
        value: text.into_owned(),
        kind: LinkKind::Target,
        invisible: false,
        element: None,
    };
    if let Some(url) = link.url() {
        read(&url);
    }
    for url in Mail::raw_text(data).urls().all() {
        read(url);
    }
}

fn read(url: &Url) {
    let inside = [url.user(), url.host(), url.tld(), url.path(), url.query(), url.fragment()];
    let _ = inside.map(str::len);
    assert!(url.host().ends_with(url.tld()), "{url:?}");
    let _ = (
        url.is_email(),
        url.email(),
        url.encoded(),
        url.embedded(),
        url.flags.names().count(),
    );
}
