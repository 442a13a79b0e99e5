//! Numbers and pieces from the front of some bytes; `None` where they end. It never looks back.

/// What is left to read.
#[derive(Clone, Copy)]
pub(super) struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Reader<'b> {
        Reader(bytes)
    }

    /// A reader that begins `at` bytes into these.
    pub(super) fn at(bytes: &'b [u8], at: u64) -> Option<Reader<'b>> {
        bytes.get(usize::try_from(at).ok()?..).map(Reader)
    }

    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, count: u64) -> Option<&'b [u8]> {
        let (piece, rest) = self.0.split_at_checked(usize::try_from(count).ok()?)?;
        self.0 = rest;
        Some(piece)
    }

    pub(super) fn skip(&mut self, count: u64) -> Option<()> {
        self.take(count).map(|_| ())
    }

    /// Only the next `count` bytes of these.
    pub(super) fn first(mut self, count: u64) -> Option<Reader<'b>> {
        self.take(count).map(Reader)
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (piece, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*piece)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[b]| b)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// What stands before the next NUL; the NUL goes too.
    pub(super) fn line(&mut self) -> Option<&'b [u8]> {
        let end = memchr::memchr(0, self.0)?;
        let line = self.take(u64::try_from(end).ok()?)?;
        self.skip(1)?;
        Some(line)
    }
}
