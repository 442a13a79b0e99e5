//! Virus scanning as the administrator's guide has it, with Debian's clamd and rspamc; and everything that can go wrong with a scanner,
//! with the real one where it can be made to fail that way, else with a scripted one.

mod cache;
mod cli;
mod failures;
mod finds;
pub mod servers;
mod shared;

use crate::support::filter::{Settings, Torwart};
use crate::support::rspamc::{report, rspamc};
use servers::{Clamd, Does, Scripted, eicar, guide_mail, mail_with};

/// The guide's settings, in this program's words, with more lines.
fn guide(servers: &str, more: &str) -> Settings {
    Settings {
        tables: format!(
            "[modules.antivirus]\nenabled = true\n[modules.antivirus.clamav]\ntype = \"clamav\"\nsymbol = \"CLAM_VIRUS\"\nservers = {servers}\n\
             scan_text_mime = true\nscan_mime_parts = true\nmin_size = 0\nscore = 20.0\n{more}\n"
        ),
        ..Settings::default()
    }
}

/// Only attachments, so that a mail with one is one content.
fn plain(servers: &str, more: &str) -> Settings {
    Settings {
        tables: format!("[modules.antivirus.clamav]\nsymbol = \"CLAM_VIRUS\"\nservers = {servers}\nscore = 20.0\n{more}\n"),
        ..Settings::default()
    }
}

fn listed(servers: &[&Scripted]) -> String {
    let names: Vec<String> = servers.iter().map(|s| format!("\"{}\"", s.address)).collect();
    format!("[{}]", names.join(", "))
}

/// The report on a mail.
fn scan(torwart: &Torwart, mail: &[u8]) -> Vec<String> {
    report(&rspamc(torwart.http, &["--ip", "1.2.3.4"], mail))
}

fn has(report: &[String], line: &str) {
    assert!(report.iter().any(|l| l == line), "{line} in {report:#?}");
}

/// Lines of the scanner's symbols.
fn of_scanner(report: &[String]) -> Vec<&str> {
    let lines = report.iter().filter_map(|l| l.strip_prefix("Symbol: "));
    lines.filter(|l| l.starts_with("CLAM_VIRUS")).collect()
}
