//! `torwart config convert`: an rspamd tree as one TOML file that says the same. Only what differs from the defaults is written.

use super::document;
use crate::cli::{ConfigArgs, print};
use crate::config::rspamd::Tree;
use crate::config::{Diagnostic, Report, ucl};
use anyhow::{Result, anyhow, bail};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Args)]
pub(super) struct ConvertArgs {
    /// The tree: its folder, or its rspamd.conf
    tree: PathBuf,
    /// A variable of the tree, may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = crate::cli::variable)]
    var: Vec<(String, String)>,
    /// Do not tell what could not be taken over
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: &ConvertArgs) -> Result<ExitCode> {
    let which = ConfigArgs {
        rspamd: Some(args.tree.clone()),
        var: args.var.clone(),
        ..ConfigArgs::default()
    };
    let examined = crate::config::examine(&which.options().load());
    let told = |finding: &&Diagnostic| finding.is_error() || finding.is_trouble() && !args.quiet;
    let findings: Vec<Diagnostic> = examined.findings.iter().filter(told).cloned().collect();
    if !findings.is_empty() {
        eprintln!("{}", Report(findings).draw_for_stderr());
    }
    if !examined.is_good() {
        bail!("the tree has errors");
    }
    let tree = examined.tree.ok_or_else(|| anyhow!("{} is no tree", args.tree.display()))?;
    print(&text(&tree, &args.tree));
    Ok(ExitCode::SUCCESS)
}

/// The file.
fn text(tree: &Tree, named: &Path) -> String {
    let settings = document(&ucl::to_json(&tree.layer));
    let head = "# Written by `torwart config convert`: what differs from the defaults in rspamd's tree";
    format!(
        "{head}\n# {}\n# It may hold passwords.\n\ncompat = \"3.4\"\n\n{settings}",
        named.display().to_string().escape_debug()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LoadOptions, examine, load_text};

    #[test]
    fn the_file_says_what_the_tree_says() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(
            "local.d/options.inc",
            "task_timeout = 20s; max_message = 20mb; local_addrs = [192.0.2.0/24]; dns { timeout = 500ms; nameserver = [\"127.0.0.1:5353\"] }",
        );
        write(
            "local.d/actions.conf",
            "reject = 12.5; greylist = null; subject = \"[SPAM %d] %s\"; rewrite_subject = 8;",
        );
        write(
            "local.d/redis.conf",
            "servers = \"127.0.0.1, 127.0.0.2:6380\"; password = 'it\\'s \\\\ \"secret\"'; db = 3; greylist { servers = \"127.0.0.3\" }",
        );
        write(
            "override.d/antivirus.conf",
            "clamav { servers = \"127.0.0.1:3310\"; timeout = 7; max_size = 20mb; patterns { JUST_EICAR = '^Eicar-Test'; } whitelist = [\"a\", \"b\"] }",
        );
        write(
            "local.d/greylist.conf",
            "timeout = 2min; expire = 86400; whitelist_symbols = \"A, B\"; whitelisted_ip = [\"192.0.2.1\"]",
        );
        write(
            "local.d/multimap.conf",
            "LISTED { type = \"ip\"; map = \"$LOCAL_CONFDIR/list.txt\"; score = 3 }",
        );
        write("list.txt", "192.0.2.7\n");
        write(
            "local.d/ratelimit.conf",
            "rates { to { bucket = { burst = 100; rate = \"10 / 1min\" } } }",
        );
        write(
            "local.d/headers_group.conf",
            "max_score = 20; symbols { \"MISSING_DATE\" { weight = 2.5; description = \"no date\"; } }",
        );
        write(
            "local.d/composites.conf",
            "OURS { expression = \"MISSING_DATE & !MISSING_MID\"; score = 1.5; policy = leave; }",
        );
        write(
            "local.d/worker-proxy.inc",
            "bind_socket = \"/run/x.sock mode=0660 group=postfix\"; discard_on_reject = yes;",
        );
        write("local.d/logging.inc", "type = syslog; level = warning; facility = local3;");
        let tree = examine(&LoadOptions {
            rspamd: Some(folder.path().to_owned()),
            ..LoadOptions::default()
        });
        assert!(tree.is_good(), "{}", Report(tree.findings));
        let text = text(tree.tree.as_ref().unwrap(), folder.path());
        let file = load_text("converted.toml", &text, &LoadOptions::default()).unwrap_or_else(|report| panic!("{report}\n{text}"));
        assert_eq!(tree.config.unwrap(), file.config, "{text}");
        for said in [
            "timeout = \"20s\"",
            "reject = 12.5",
            "greylist = false",
            "score = 3 }",
            "[groups.headers",
            "JUST_EICAR",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
    }
}
