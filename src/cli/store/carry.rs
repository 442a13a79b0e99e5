//! Exports written to files and read from them. A file is whole or not there; one that is not whole changes nothing.

use super::super::access::Access;
use super::super::print;
use super::show::entries;
use super::{ExportArgs, ImportArgs};
use crate::store::export::{Header, Reader, Row, Writer};
use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How a compressed file begins.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Entries of one slice at most.
const SLICE: usize = 500;
/// Bytes of one slice, unless one entry alone has more.
const SLICE_BYTES: usize = 512 << 10;

/// Calls `act` with every page of an export.
pub(super) fn pages(access: &Access, spaces: &[String], store: Option<&str>, act: &mut dyn FnMut(Vec<Row>) -> Result<()>) -> Result<()> {
    let mut after = Value::Null;
    loop {
        let page = access.ask(&json!({ "verb": "store.export", "spaces": spaces, "store": store, "after": after }))?;
        let rows = page.get("rows").cloned().unwrap_or_default();
        act(Vec::<Row>::deserialize(rows).context("the daemon's answer is not understood")?)?;
        after = page.get("next").cloned().unwrap_or_default();
        if after.is_null() {
            return Ok(());
        }
    }
}

pub(super) fn export(args: &ExportArgs) -> Result<ExitCode> {
    export_from(&Access::open(&args.which)?, args)
}

pub(super) fn export_from(access: &Access, args: &ExportArgs) -> Result<ExitCode> {
    let stat = access.ask(&json!({ "verb": "store.health", "store": args.store }))?;
    let stores = stat.get("stores").and_then(Value::as_array).cloned().unwrap_or_default();
    let kinds: Vec<&str> = stores.iter().filter_map(|s| s.get("kind").and_then(Value::as_str)).collect();
    let header = Header::new(kinds.join("+"));
    let packed = args.file.extension().is_some_and(|e| e == "zst");
    let to = |out: &mut dyn Write| write(access, args, &header, packed, out);
    if args.file.as_os_str() == "-" {
        let mut out = io::stdout().lock();
        let count = to(&mut out).context("cannot export to standard output")?;
        eprintln!("{} exported", entries(count));
        return Ok(ExitCode::SUCCESS);
    }
    let count = into_file(&args.file, to).with_context(|| format!("cannot export to {}", args.file.display()))?;
    print(&format!("{} exported to {}\n", entries(count), args.file.display()));
    Ok(ExitCode::SUCCESS)
}

fn write(access: &Access, args: &ExportArgs, header: &Header, packed: bool, out: &mut dyn Write) -> Result<u64> {
    if packed {
        let mut packer = zstd::stream::write::Encoder::new(out, 0)?;
        let count = rows(access, args, header, &mut packer)?;
        packer.finish()?.flush()?;
        Ok(count)
    } else {
        rows(access, args, header, out)
    }
}

fn rows(access: &Access, args: &ExportArgs, header: &Header, out: &mut dyn Write) -> Result<u64> {
    let mut writer = Writer::begin(BufWriter::new(out), header)?;
    pages(access, &args.space, args.store.as_deref(), &mut |rows| {
        rows.iter().try_for_each(|row| writer.row(row)).map_err(Into::into)
    })?;
    let count = writer.rows();
    writer.finish()?;
    Ok(count)
}

/// Lets `write` fill a new file that takes the name once it is whole and on disk; what had the name stays until then.
fn into_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<u64>) -> Result<u64> {
    // A pipe or device cannot be replaced, and need not be.
    if std::fs::metadata(path).is_ok_and(|m| !m.is_file()) {
        return write(&mut OpenOptions::new().write(true).open(path)?);
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
    let written = write(&mut file).and_then(|count| {
        file.sync_all()?;
        std::fs::rename(&part, path)?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
        Ok(count)
    });
    if written.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    written
}

pub(super) fn import(args: &ImportArgs) -> Result<ExitCode> {
    import_into(|| Access::open_or_make(&args.which), args)
}

/// Imports by a way that is only looked for once the file is known to be good.
pub(super) fn import_into(find: impl FnOnce() -> Result<Access>, args: &ImportArgs) -> Result<ExitCode> {
    let (mut file, name) = if args.file.as_os_str() == "-" {
        let file = spool(&mut io::stdin().lock()).context("cannot keep standard input in a temporary file")?;
        (file, "standard input".to_owned())
    } else {
        let name = args.file.display().to_string();
        (File::open(&args.file).with_context(|| format!("cannot read {name}"))?, name)
    };
    let refused = |error: anyhow::Error| anyhow!("cannot import {name}, nothing was changed: {error:#}");
    let count = check(&mut file).map_err(refused)?;
    let done = bring(&find()?, args, &mut file, count).with_context(|| format!("while importing {name}"))?;
    let mut text = format!("{} imported from {name}", entries(done.restored));
    if done.kept > 0 {
        text.push_str(&format!(", {} already there", done.kept));
    }
    if done.over > 0 {
        text.push_str(&format!(", {} had expired meanwhile", done.over));
    }
    print(&(text + "\n"));
    Ok(ExitCode::SUCCESS)
}

/// A copy that can be read twice: in a file without a name, which goes with this process.
fn spool(input: &mut dyn Read) -> io::Result<File> {
    let path = std::env::temp_dir().join(format!("torwart-import-{}", std::process::id()));
    let mut file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    io::copy(input, &mut file)?;
    Ok(file)
}

fn reader(file: &mut File) -> Result<Reader<Box<dyn BufRead + '_>>> {
    file.rewind()?;
    let mut plain = BufReader::new(file);
    // Up to the first lines of any export, so that a short read is no short file.
    let packed = plain.fill_buf()?.starts_with(&ZSTD);
    let input: Box<dyn BufRead + '_> = if packed {
        Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(plain)?))
    } else {
        Box::new(plain)
    };
    Ok(Reader::open(input)?)
}

/// Reads a file to its end and looks at every entry; how many there are.
fn check(file: &mut File) -> Result<u64> {
    let mut reader = reader(file)?;
    let mut count = 0;
    while let Some(row) = reader.next_row()? {
        row.entry(0).map_err(|problem| reader.fault(problem))?;
        count += 1;
    }
    Ok(count)
}

/// What became of the entries of an import.
#[derive(Default, Deserialize)]
pub(super) struct Done {
    pub restored: u64,
    pub kept: u64,
    pub over: u64,
}

impl Done {
    /// Asks for one slice to be put into a store.
    pub fn slice(&mut self, access: &Access, rows: &[Row], store: Option<&str>, keep: bool) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let done = access.ask(&json!({ "verb": "store.import", "rows": rows, "store": store, "keep": keep }))?;
        let done = Done::deserialize(done).context("the daemon's answer is not understood")?;
        self.restored += done.restored;
        self.kept += done.kept;
        self.over += done.over;
        Ok(())
    }

    fn all(&self) -> u64 {
        self.restored + self.kept + self.over
    }
}

fn bring(access: &Access, args: &ImportArgs, file: &mut File, count: u64) -> Result<Done> {
    let mut reader = reader(file)?;
    let mut done = Done::default();
    let (mut slice, mut bytes) = (Vec::new(), 0);
    loop {
        let row = reader.next_row().context("the file was changed while it was read")?;
        let last = row.is_none();
        // What is large goes alone.
        let full = slice.len() >= SLICE || bytes + reader.length() > SLICE_BYTES;
        if last || full {
            let result = done.slice(access, &slice, args.store.as_deref(), args.keep);
            result.with_context(|| {
                format!(
                    "{} of {count} entries are in; import again, which changes nothing twice",
                    done.all()
                )
            })?;
            slice.clear();
            bytes = 0;
        }
        match row {
            Some(row) => {
                bytes += reader.length();
                slice.push(row);
            }
            None if done.all() == count => return Ok(done),
            None => bail!(
                "{} of {count} entries were put back, and nobody said why not all; import again",
                done.all()
            ),
        }
    }
}
