//! How large pictures of HTML are drawn where the HTML does not say so: by their first bytes. Nothing is decoded, nothing is fetched.

use super::html::Image;
use super::{Mail, Part, parse};
use imagesize::ImageType;

/// So much of a picture written into the source is decoded: the size stands in front.
const MAX_FRONT: usize = 64 << 10;

/// Width and height of a picture that comes with the message, in pixels.
pub fn size(mail: &Mail<'_>, image: &Image) -> Option<(u32, u32)> {
    if image.data {
        let (head, content) = image.src.split_once(',')?;
        let front = content.get(..content.floor_char_boundary(MAX_FRONT))?;
        return head.ends_with(";base64").then(|| measure(&parse::base64(front.as_bytes())))?;
    }
    let part = mail.parts().iter().find(|p| p.content_id() == Some(image.src.as_str()))?;
    (!image.src.is_empty()).then(|| measure(part.data()))?
}

/// Kinds that the peer knows.
fn measure(bytes: &[u8]) -> Option<(u32, u32)> {
    use ImageType::{Bmp, Gif, Jpeg, Png};
    let known = imagesize::image_type(bytes).is_ok_and(|kind| matches!(kind, Png | Jpeg | Gif | Bmp));
    let size = known.then(|| imagesize::blob_size(bytes).ok())??;
    Some((u32::try_from(size.width).ok()?, u32::try_from(size.height).ok()?))
}

impl Part<'_> {
    /// Content-ID without its brackets.
    fn content_id(&self) -> Option<&str> {
        let id = self.headers.first("Content-ID")?.text().trim();
        Some(id.strip_prefix('<').and_then(|i| i.strip_suffix('>')).unwrap_or(id))
    }
}

#[cfg(test)]
mod tests {
    use crate::message::{Limits, Mail};

    #[test]
    fn by_content() {
        let gif = "R0lGODlhAgEDAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
        let raw = format!(
            "Content-Type: multipart/related; boundary=x\n\n--x\nContent-Type: text/html\n\n<img src='cid:a@b'><img src='data:image/gif;base64,{gif}'>\
             <img src='cid:c'>\n--x\nContent-Type: image/gif\nContent-ID: <a@b>\nContent-Transfer-Encoding: base64\n\n{gif}\n--x--\n"
        );
        let mail = Mail::parse(raw.as_bytes(), &Limits::default());
        let html = mail.parts().iter().find_map(|p| p.html()).expect("HTML");
        let sizes: Vec<_> = html.images.iter().map(|i| super::size(&mail, i)).collect();
        assert_eq!(sizes, [Some((258, 3)), Some((258, 3)), None]);
    }
}
