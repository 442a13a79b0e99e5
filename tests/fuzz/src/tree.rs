//! Any bytes as `local.d/options.inc`, `actions.conf` and so on of an rspamd tree: settings or findings, never a panic.
use std::sync::OnceLock;
use torwart::config::{LoadOptions, examine};

/// Where the bytes may stand.
pub(super) const FILES: [&str; 8] = [
    "local.d/options.inc",
    "local.d/actions.conf",
    "local.d/groups.conf",
    "local.d/multimap.conf",
    "local.d/redis.conf",
    "override.d/antivirus.conf",
    "override.d/worker-proxy.inc",
    "rspamd.conf.local",
];

static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();

/// One input.
pub fn run(data: &[u8]) {
    let Some((which, text)) = data.split_first() else { return };
    let Some(name) = FILES.get(usize::from(*which) % FILES.len()) else {
        return;
    };
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("there is a folder for such things");
        for inner in ["local.d", "override.d"] {
            std::fs::create_dir(folder.path().join(inner)).expect("it is new");
        }
        folder
    });
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("it is ours");
    let options = LoadOptions {
        rspamd: Some(folder.path().to_owned()),
        ..LoadOptions::default()
    };
    let examined = examine(&options);
    assert!(
        examined.is_good() || examined.findings.iter().any(|finding| finding.is_error()),
        "a refusal says why"
    );
    std::fs::remove_file(&path).expect("it is ours");
}
