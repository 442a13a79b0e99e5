//! 7-Zip: the header at the end, where it is written plainly. One that is compressed, as most with several files are, or encrypted, is
//! not unpacked: that would take as much memory as a stranger asks for.

use super::{Archive, Entry, Kind, Reader};

/// Names of properties in the header.
mod id {
    pub const END: u64 = 0x00;
    pub const HEADER: u64 = 0x01;
    pub const ARCHIVE_PROPERTIES: u64 = 0x02;
    pub const ADDITIONAL_STREAMS: u64 = 0x03;
    pub const MAIN_STREAMS: u64 = 0x04;
    pub const FILES: u64 = 0x05;
    pub const PACK_INFO: u64 = 0x06;
    pub const UNPACK_INFO: u64 = 0x07;
    pub const SUB_STREAMS: u64 = 0x08;
    pub const SIZE: u64 = 0x09;
    pub const SUM: u64 = 0x0a;
    pub const FOLDER: u64 = 0x0b;
    pub const UNPACK_SIZE: u64 = 0x0c;
    pub const STREAMS_OF_FOLDER: u64 = 0x0d;
    pub const NAMES: u64 = 0x11;
    pub const ENCODED_HEADER: u64 = 0x17;
}

/// AES, the only coder that encrypts.
const AES: &[u8] = &[0x06, 0xf1, 0x07, 0x01];
/// Where the fixed front ends; offsets count from here.
const FRONT: u64 = 32;

pub(super) fn list(bytes: &[u8]) -> Archive {
    Archive::new(Kind::SevenZip).walked(|archive| {
        let mut front = Reader::at(bytes, 12)?;
        let (offset, size) = (front.u64()?, front.u64()?);
        let mut header = Reader::at(bytes, FRONT.checked_add(offset)?)?;
        if header.is_empty() {
            return None;
        }
        // A cut header is read as far as it goes.
        let whole = header.first(size);
        header = whole.unwrap_or(header);
        match number(&mut header)? {
            id::ENCODED_HEADER => archive.hidden = true,
            id::HEADER => read(archive, header)?,
            _ => return None,
        }
        whole.map(|_| ())
    })
}

fn read(archive: &mut Archive, mut header: Reader<'_>) -> Option<()> {
    loop {
        match number(&mut header)? {
            id::END => return Some(()),
            id::ARCHIVE_PROPERTIES => properties(&mut header)?,
            id::ADDITIONAL_STREAMS | id::MAIN_STREAMS => streams(archive, &mut header)?,
            id::FILES => return files(archive, &mut header),
            _ => return None,
        }
    }
}

/// Properties with their sizes, up to the end mark.
fn properties(header: &mut Reader<'_>) -> Option<()> {
    while number(header)? != id::END {
        let size = number(header)?;
        header.skip(size)?;
    }
    Some(())
}

/// Where the content is and how it is packed: only encryption is of interest, the rest has to be passed.
fn streams(archive: &mut Archive, header: &mut Reader<'_>) -> Option<()> {
    let mut folders = Folders {
        count: 0,
        sums: Sums::Some(&[]),
    };
    loop {
        match number(header)? {
            id::END => return Some(()),
            id::PACK_INFO => pack_info(header)?,
            id::UNPACK_INFO => folders = unpack_info(archive, header)?,
            id::SUB_STREAMS => {
                // Once and last: a row of them would each walk all folders.
                sub_streams(&folders, header)?;
                return (number(header)? == id::END).then_some(());
            }
            _ => return None,
        }
    }
}

fn pack_info(header: &mut Reader<'_>) -> Option<()> {
    number(header)?;
    let count = number(header)?;
    loop {
        match number(header)? {
            id::END => return Some(()),
            id::SIZE => numbers(header, count)?,
            id::SUM => sums(header, count).map(|_| ())?,
            _ => return None,
        }
    }
}

/// How many folders there are, and which have a checksum of their own.
struct Folders<'b> {
    count: u64,
    sums: Sums<'b>,
}

fn unpack_info<'b>(archive: &mut Archive, header: &mut Reader<'b>) -> Option<Folders<'b>> {
    if number(header)? != id::FOLDER {
        return None;
    }
    let count = number(header)?;
    if header.u8()? != 0 {
        // The folders stand elsewhere: nobody writes that.
        return None;
    }
    let mut outputs = 0u64;
    for _ in 0..count {
        outputs = outputs.checked_add(folder(archive, header)?)?;
    }
    let mut folders = Folders {
        count,
        sums: Sums::Some(&[]),
    };
    loop {
        match number(header)? {
            id::END => return Some(folders),
            id::UNPACK_SIZE => numbers(header, outputs)?,
            id::SUM => folders.sums = sums(header, count)?,
            _ => return None,
        }
    }
}

/// One folder: a chain of coders. Gives how many streams its coders put out.
fn folder(archive: &mut Archive, header: &mut Reader<'_>) -> Option<u64> {
    let coders = number(header)?;
    if !(1..=32).contains(&coders) {
        return None;
    }
    let (mut inputs, mut outputs) = (0u64, 0u64);
    for _ in 0..coders {
        let flags = header.u8()?;
        let name = header.take(u64::from(flags & 0x0f))?;
        archive.encrypted |= name == AES;
        let complex = flags & 0x10 != 0;
        let (ins, outs) = if complex { (number(header)?, number(header)?) } else { (1, 1) };
        inputs = inputs.checked_add(ins)?;
        outputs = outputs.checked_add(outs)?;
        if flags & 0x20 != 0 {
            let size = number(header)?;
            header.skip(size)?;
        }
    }
    let bonds = outputs.checked_sub(1)?;
    numbers(header, bonds.checked_mul(2)?)?;
    let packed = inputs.checked_sub(bonds)?;
    if packed > 1 {
        numbers(header, packed)?;
    }
    Some(outputs)
}

fn sub_streams(folders: &Folders<'_>, header: &mut Reader<'_>) -> Option<()> {
    // As many as there are folders, each of which took bytes.
    let mut counts = vec![1u64; usize::try_from(folders.count).ok()?];
    let mut kind = number(header)?;
    if kind == id::STREAMS_OF_FOLDER {
        for count in &mut counts {
            *count = number(header)?;
        }
        kind = number(header)?;
    }
    if kind == id::SIZE {
        for count in &counts {
            numbers(header, count.saturating_sub(1))?;
        }
        kind = number(header)?;
    }
    if kind == id::SUM {
        // A folder of one stream with a checksum has told it already.
        let told = |place: usize, count: u64| count == 1 && folders.sums.has(place);
        let missing = counts.iter().enumerate().filter(|(place, count)| !told(*place, **count));
        let missing = missing.map(|(_, count)| *count).try_fold(0u64, u64::checked_add)?;
        sums(header, missing)?;
        kind = number(header)?;
    }
    (kind == id::END).then_some(())
}

/// The names of the files stand among their properties.
fn files(archive: &mut Archive, header: &mut Reader<'_>) -> Option<()> {
    number(header)?;
    loop {
        let kind = number(header)?;
        if kind == id::END {
            return Some(());
        }
        let size = number(header)?;
        let mut value = Reader::new(header.take(size)?);
        if kind == id::NAMES && value.u8()? == 0 {
            return names(archive, value);
        }
    }
}

/// UTF-16 names, each with a zero behind it.
fn names(archive: &mut Archive, mut value: Reader<'_>) -> Option<()> {
    let mut units = Vec::new();
    while !value.is_empty() {
        match value.u16()? {
            0 => {
                let name = String::from_utf16_lossy(&units);
                units.clear();
                if !archive.keep(name.as_bytes(), Entry::default()) {
                    break;
                }
            }
            unit => units.push(unit),
        }
    }
    Some(())
}

/// Which of some things have a checksum.
enum Sums<'b> {
    All,
    Some(&'b [u8]),
}

impl Sums<'_> {
    fn has(&self, place: usize) -> bool {
        match self {
            Sums::All => true,
            Sums::Some(bits) => bits.get(place / 8).is_some_and(|byte| byte & (0x80 >> (place % 8)) != 0),
        }
    }
}

/// Passes the checksums of `count` things.
fn sums<'b>(header: &mut Reader<'b>, count: u64) -> Option<Sums<'b>> {
    if header.u8()? != 0 {
        header.skip(count.checked_mul(4)?)?;
        return Some(Sums::All);
    }
    let bits = header.take(count.div_ceil(8))?;
    let present: u64 = bits.iter().map(|b| u64::from(b.count_ones())).sum();
    header.skip(present * 4)?;
    Some(Sums::Some(bits))
}

/// Passes `count` numbers.
fn numbers(header: &mut Reader<'_>, count: u64) -> Option<()> {
    for _ in 0..count {
        number(header)?;
    }
    Some(())
}

/// The ones at the top of the first byte count the bytes that follow, low ones first; what is left of it is the highest part.
fn number(from: &mut Reader<'_>) -> Option<u64> {
    let first = from.u8()?;
    let more = first.leading_ones();
    let mut value = 0;
    for place in 0..more.min(8) {
        value |= u64::from(from.u8()?) << (8 * place);
    }
    let rest = u64::from(first) & (0x7f_u64 >> more.min(7));
    Some(value | rest.checked_shl(8 * more).unwrap_or(0))
}
