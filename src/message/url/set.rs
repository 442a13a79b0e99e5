//! All URLs of a message, each once: from texts, HTML, PDFs, and the Subject.

use super::super::html::{Html, LinkKind};
use super::super::{Limits, Mail, Part};
use super::flags::Flags;
use super::normal::normal;
use super::{Extent, Url, displayed, find, href};
use std::collections::HashMap;
use std::ops::Range;

/// URLs and addresses in order of their first appearance.
#[derive(Clone, Debug, Default)]
pub struct Urls {
    list: Vec<Url>,
    places: HashMap<Box<str>, usize>,
    /// Where they stood in the joined text of a part, in order.
    spans: Vec<(usize, Range<usize>)>,
    /// How long those are that links of a part show.
    shown: Vec<(usize, usize)>,
}

const SUSPICIOUS: [Flags; 3] = [Flags::PHISHED, Flags::OBSCURED, Flags::ZW_SPACES];

fn suspicious(url: &Url) -> bool {
    SUSPICIOUS.iter().any(|f| url.flags.has(*f))
}

impl Urls {
    /// All, addresses included.
    pub fn all(&self) -> &[Url] {
        &self.list
    }

    /// All but e-mail addresses.
    pub fn iter(&self) -> impl Iterator<Item = &Url> {
        self.list.iter().filter(|u| !u.is_email())
    }

    /// E-mail addresses only.
    pub fn emails(&self) -> impl Iterator<Item = &Url> {
        self.list.iter().filter(|u| u.is_email())
    }

    /// Where URLs and addresses stood in the joined text of a part, in order.
    pub fn spans(&self, part: usize) -> impl Iterator<Item = Range<usize>> {
        self.spans.iter().filter(move |(p, _)| *p == part).map(|(_, span)| span.clone())
    }

    /// Bytes of the URLs that links of a part show.
    pub fn shown_length(&self, part: usize) -> usize {
        self.shown.iter().filter(|(p, _)| *p == part).map(|(_, length)| length).sum()
    }

    /// Finds or adds; true where it is new. Of two the one that looks worse is kept.
    fn add(&mut self, mut url: Url, limit: usize) -> bool {
        if let Some(old) = self.places.get(url.text()).and_then(|i| self.list.get_mut(*i)) {
            if suspicious(&url) && !suspicious(old) {
                url.count += 1;
                *old = url;
            } else {
                old.count += 1;
            }
            return false;
        }
        self.put(url, limit).is_some()
    }

    /// Finds or adds without a change; the index, and whether it is new. `None` where there is no more room.
    fn place(&mut self, url: Url, limit: usize) -> Option<(usize, bool)> {
        match self.places.get(url.text()) {
            Some(at) => Some((*at, false)),
            None => self.put(url, limit).map(|at| (at, true)),
        }
    }

    fn put(&mut self, url: Url, limit: usize) -> Option<usize> {
        let at = self.list.len();
        if at >= limit {
            return None;
        }
        self.places.insert(url.text().into(), at);
        self.list.push(url);
        Some(at)
    }
}

/// Everything in a message, part by part, the Subject last.
pub(in super::super) fn collect(mail: &Mail<'_>, limits: &Limits) -> Urls {
    let mut gather = Gather {
        urls: Urls::default(),
        limit: limits.max_urls,
        part: None,
    };
    for (number, part) in mail.parts().iter().enumerate() {
        gather.part = Some(number);
        if part.is_text() || part.is_html() {
            gather.text(mail, part);
        }
        for link in part.pdf().map_or(&[][..], |pdf| &pdf.links) {
            gather.content(link);
        }
    }
    gather.part = None;
    if let Some(subject) = mail.subject() {
        gather.subject(subject);
    }
    gather.urls
}

struct Gather {
    urls: Urls,
    limit: usize,
    part: Option<usize>,
}

impl Gather {
    fn text(&mut self, mail: &Mail<'_>, part: &Part<'_>) {
        let html = part.html();
        if let Some(html) = html {
            self.html(html);
        }
        let Some(words) = part.plain() else {
            return;
        };
        // One of two parts: what its author only wrote as text, the other one links.
        let parent = part.parent.and_then(|p| mail.parts().get(p));
        let siblings = parent.filter(|p| p.is_multipart()).map_or(0, |p| p.children.len());
        let extent = if html.is_some() || siblings == 2 {
            Extent::Strict
        } else {
            Extent::All
        };
        let most = words.text.len().saturating_mul(10);
        let mut total = 0;
        find(&words.text, &words.breaks, extent, |mut url, start| {
            total += url.raw.len();
            self.span(&words.text, start, &url.raw);
            url.flags |= Flags::FROM_TEXT;
            let query = url.query().to_owned();
            self.add(url);
            self.query(&query);
            total <= most && self.urls.list.len() < self.limit
        });
    }

    /// Notes where a URL stood; what was put in front of it did not stand there.
    fn span(&mut self, text: &str, start: usize, raw: &str) {
        let length = written(text.get(start..).unwrap_or_default(), raw);
        if let (Some(length), Some(part)) = (length, self.part) {
            self.urls.spans.push((part, start..start + length));
        }
    }

    fn add(&mut self, mut url: Url) -> bool {
        url.part = self.part;
        self.urls.add(url, self.limit)
    }

    /// URLs inside the query of another one.
    fn query(&mut self, query: &str) {
        if query.is_empty() {
            return;
        }
        find(query, &[], Extent::All, |mut url, _| {
            url.flags |= Flags::QUERY;
            self.add(url);
            self.urls.list.len() < self.limit
        });
    }

    fn html(&mut self, html: &Html) {
        let mut targets: Vec<Option<usize>> = Vec::with_capacity(html.links.len());
        for link in &html.links {
            targets.push(self.link(&link.value, link.kind, link.invisible));
        }
        for shown in &html.shown {
            let Some(target) = targets.get(shown.link).copied().flatten() else {
                continue;
            };
            let text = html.text.get(shown.range.clone()).unwrap_or_default();
            if !text.is_empty() {
                self.shown(target, text);
            }
        }
    }

    fn link(&mut self, value: &str, kind: LinkKind, invisible: bool) -> Option<usize> {
        let mut url = href(value)?;
        url.part = self.part;
        if kind == LinkKind::Image {
            url.flags |= Flags::IMAGE;
        }
        let flags = url.flags;
        let (at, new) = self.urls.place(url, self.limit)?;
        let query = {
            let url = self.urls.list.get_mut(at)?;
            if invisible {
                url.flags |= Flags::INVISIBLE;
            }
            if !new {
                url.count += 1;
                if kind == LinkKind::Image {
                    url.flags |= flags;
                }
            }
            url.query().to_owned()
        };
        if new && kind == LinkKind::Target {
            self.query(&query);
        }
        Some(at)
    }

    /// A link in an attachment; its query is left alone.
    fn content(&mut self, link: &[u8]) {
        if let Some(mut url) = href(&String::from_utf8_lossy(link)) {
            url.flags |= Flags::CONTENT;
            self.add(url);
        }
    }

    fn shown(&mut self, target: usize, text: &str) {
        let Some(url) = self.urls.list.get_mut(target) else {
            return;
        };
        let found = displayed(url, text);
        let mut ignored = Flags::default();
        url.visible = Some(normal(text.trim_start().trim_end_matches('\n'), &mut ignored).into_owned());
        let Some(mut found) = found else {
            return;
        };
        found.part = self.part;
        if let (Some(length), Some(part)) = (written(text.trim(), &found.raw), self.part) {
            self.urls.shown.push((part, length));
        }
        let flags = found.flags;
        let Some((at, _)) = self.urls.place(found, self.limit) else {
            return;
        };
        if let Some(url) = self.urls.list.get_mut(at) {
            // The same URL as plain text is a hint only, like what a link shows; what is a target too stays one.
            if url.flags.has(Flags::FROM_TEXT) {
                if !url.flags.has(Flags::DISPLAY_URL) {
                    url.flags |= flags;
                }
                url.flags = url.flags.without(Flags::FROM_TEXT);
            }
            url.count += 1;
        }
    }

    fn subject(&mut self, subject: &str) {
        find(subject, &[], Extent::Strict, |mut url, _| {
            url.flags |= Flags::HTML_DISPLAYED | Flags::SUBJECT;
            let query = url.query().to_owned();
            self.add(url);
            if !query.is_empty()
                && let Some(inner) = super::find::first(&query, Extent::All).and_then(|f| f.url)
            {
                self.add(inner);
            }
            self.urls.list.len() < self.limit
        });
    }
}

/// Bytes of a URL at the front of a text, where it stands there.
fn written(text: &str, raw: &str) -> Option<usize> {
    let stood = |put: &str| raw.strip_prefix(put).filter(|r| text.starts_with(r)).map(str::len);
    ["", "http://", "mailto://", "ftp://"].into_iter().find_map(stood)
}
