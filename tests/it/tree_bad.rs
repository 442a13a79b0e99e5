//! Trees that nobody wrote in earnest: each is an error that names its place, in little time and few words. None of them is in force
//! in part: `serve` refuses it, and a reload keeps what was there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::daemon::Daemon;
use crate::support::filter::Torwart;
use crate::support::tools::{Folder, Ran, free_ports, program, run};
use crate::support::web;

/// Longer than any of this takes on two busy cores.
const SOON: Duration = Duration::from_secs(20);
/// The most that is said about one mistake.
const FEW_WORDS: usize = 4_000;

/// A tree with one file in local.d.
fn tree(name: &str, content: impl AsRef<[u8]>) -> Folder {
    let folder = Folder::new("tree");
    folder.write(&format!("local.d/{name}"), content);
    folder
}

fn checked(folder: &Folder, mut command: Command) -> Ran {
    command.args(["check", "--rspamd"]).arg(folder.path()).env_remove("TORWART_CONFIG");
    let begun = Instant::now();
    let mut ran = run(&mut command, b"");
    assert!(begun.elapsed() < SOON, "{:?} for {command:?}", begun.elapsed());
    ran.stderr = ran.stderr.replace(&folder.path().display().to_string(), "TREE");
    ran
}

/// What `check` says to this tree, which it must refuse: the first error, without its picture.
fn refused(folder: &Folder) -> String {
    refused_by(folder, Command::new(Torwart::binary()))
}

fn refused_by(folder: &Folder, command: Command) -> String {
    let ran = checked(folder, command);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, "syntax BAD\n"), "{ran:?}");
    let from = ran.stderr.find("error: ").unwrap_or_else(|| panic!("an error in {}", ran.stderr));
    let said = &ran.stderr[from..];
    assert!(said.len() < FEW_WORDS, "{} bytes about one mistake", said.len());
    let lines = said.lines().take_while(|line| !line.is_empty());
    let wanted = lines.filter(|line| line.starts_with("error: ") || line.contains("--> ") || line.contains("= help: "));
    wanted
        .map(|line| line.trim_start_matches([' ', '|']))
        .collect::<Vec<_>>()
        .join("\n")
}

/// What is said of a file that is there and cannot be read.
fn unread(name: &str, why: &str) -> String {
    let help = "= help: put an ordinary file there that the user torwart runs as may read, or take it away";
    format!("error: cannot read TREE/{name}: {why}\n{help}")
}

#[test]
fn a_file_of_a_hundred_megabytes() {
    let folder = tree("greylist.conf", "");
    let file = fs::File::options().write(true).open(folder.join("local.d/greylist.conf")).unwrap();
    file.set_len(100 << 20).unwrap();
    assert_eq!(
        refused(&folder),
        "error: cannot read TREE/local.d/greylist.conf: it is larger than 16 MiB"
    );
}

#[test]
fn bytes_of_a_program() {
    let bytes: Vec<u8> = (0..20_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert_eq!(
        refused(&tree("greylist.conf", bytes)),
        "error: this is a binary file\n--> TREE/local.d/greylist.conf:1:1\n= help: name a file of settings; they are plain text"
    );
}

#[test]
fn files_that_include_each_other() {
    let folder = tree("greylist.conf", ".include \"$LOCAL_CONFDIR/local.d/other.conf\"\n");
    folder.write("local.d/other.conf", ".include \"$LOCAL_CONFDIR/local.d/greylist.conf\"\n");
    assert_eq!(
        refused(&folder),
        "error: TREE/local.d/greylist.conf includes itself\n--> TREE/local.d/other.conf:1:1\n= help: take one of the includes out"
    );
}

#[test]
fn links_that_lead_to_themselves() {
    let folder = tree("redis.conf", "");
    symlink("greylist.conf", folder.join("local.d/greylist.conf")).unwrap();
    assert_eq!(refused(&folder), unread("local.d/greylist.conf", "its links lead in a circle"));
}

#[test]
fn a_folder_that_leads_to_itself() {
    let folder = Folder::new("tree");
    symlink(".", folder.join("local.d")).unwrap();
    folder.write("redis.conf", "servers = \"127.0.0.1\";\n");
    let ran = checked(&folder, Command::new(Torwart::binary()));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "syntax OK\n"), "{ran:?}");
}

#[test]
fn files_that_may_not_be_read() {
    let closed = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o000)).unwrap();
    let nobody = || {
        let mut command = Command::new(program("setpriv"));
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"]);
        command.arg(Torwart::binary());
        command
    };
    let folder = Folder::new("tree");
    closed(&folder.write("local.d/greylist.conf", "timeout = 10min;\n"));
    assert_eq!(refused_by(&folder, nobody()), unread("local.d/greylist.conf", "permission denied"));
    let folder = tree("greylist.conf", "timeout = 10min;\n");
    closed(&folder.join("local.d"));
    let said = refused_by(&folder, nobody());
    let help = "= help: let the user that torwart runs as enter it";
    assert_eq!(said, format!("error: cannot look into TREE/local.d: permission denied\n{help}"));
    let folder = Folder::new("tree");
    closed(&folder.write("rspamd.conf", ""));
    let said = refused_by(&folder, nobody());
    assert_eq!(
        said,
        "error: cannot read the configuration file TREE/rspamd.conf: permission denied"
    );
}

#[test]
fn folders_where_files_are_wanted() {
    let folder = Folder::new("tree");
    fs::create_dir_all(folder.join("local.d/greylist.conf")).unwrap();
    assert_eq!(refused(&folder), unread("local.d/greylist.conf", "it is a folder"));
    let folder = Folder::new("tree");
    fs::create_dir_all(folder.join("rspamd.conf")).unwrap();
    assert_eq!(
        refused(&folder),
        "error: cannot read the configuration file TREE/rspamd.conf: it is a folder"
    );
}

#[test]
fn what_is_no_file_at_all() {
    let folder = tree("redis.conf", "");
    assert_eq!(run(Command::new("mkfifo").arg(folder.join("local.d/greylist.conf")), b"").code, 0);
    assert_eq!(refused(&folder), unread("local.d/greylist.conf", "it is no ordinary file"));
    let folder = tree("redis.conf", "");
    symlink("/dev/zero", folder.join("local.d/greylist.conf")).unwrap();
    let said = refused(&folder);
    assert!(
        said.starts_with("error: cannot read TREE/local.d/greylist.conf: /dev/zero lies outside"),
        "{said}"
    );
}

#[test]
fn braces_nested_too_deep() {
    let said = "error: sections nest deeper than 1000 levels\n--> TREE/local.d/greylist.conf";
    let help = "= help: look for a bracket that is not closed";
    // The file itself stands two sections deep.
    let depth = 1_001;
    let text = format!("{}{}", "a {\n".repeat(depth), "}\n".repeat(depth));
    assert_eq!(refused(&tree("greylist.conf", text)), format!("{said}:999:3\n{help}"));
    let text = "a {".repeat(200_000);
    assert_eq!(refused(&tree("greylist.conf", text)), format!("{said}:1:2997\n{help}"));
}

#[test]
fn keys_and_values_of_a_megabyte() {
    let long = "k".repeat(1 << 20);
    assert_eq!(
        refused(&tree("greylist.conf", format!("{long} = 1;\n"))),
        "error: this name is longer than 64 KiB\n--> TREE/local.d/greylist.conf:1:1"
    );
    // A string of that length is one: it stands for nothing here, and the report stays short.
    let ran = checked(
        &tree("greylist.conf", format!("timeout = \"{long}\";\n")),
        Command::new(Torwart::binary()),
    );
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "syntax OK\n"));
    assert!(
        ran.stderr.contains("`greylist.timeout` takes ") && ran.stderr.len() < 3 * FEW_WORDS,
        "{}",
        ran.stderr.len()
    );
}

#[test]
fn line_ends_and_marks_of_other_systems_are_read() {
    let folder = tree("greylist.conf", "\u{feff}timeout = 10min;\r\n# a comment\r\nexpire = 2d;\r\n");
    let mut command = Command::new(Torwart::binary());
    command.args(["config", "why", "greylist.timeout", "--rspamd"]).arg(folder.path());
    let why = run(&mut command, b"");
    assert!(why.stdout.contains("greylist.timeout = 600s"), "{why:?}");
    assert!(why.stdout.contains("local.d/greylist.conf:1:11"), "{why:?}");
    let ran = checked(&folder, Command::new(Torwart::binary()));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "syntax OK\n"), "{ran:?}");
    assert!(!ran.stderr.contains("TREE/local.d/greylist.conf:"), "{}", ran.stderr);
}

/// A tree that a daemon can serve beside others, rejecting mail from 192.0.2.1.
fn servable(port: u16) -> Folder {
    let folder = Folder::new("tree");
    for (worker, port) in [("proxy", port), ("normal", port + 1), ("controller", port + 2)] {
        folder.write(
            &format!("local.d/worker-{worker}.inc"),
            format!("bind_socket = \"127.0.0.1:{port}\";\n"),
        );
    }
    folder.write("local.d/logging.inc", "type = \"console\";\n");
    folder.write("local.d/blocked.map", "192.0.2.1\n");
    let map = "map = \"$LOCAL_CONFDIR/local.d/blocked.map\";";
    folder.write(
        "local.d/multimap.conf",
        format!("blocked {{ type = \"ip\"; {map} symbol = \"BLOCKED\"; action = \"reject\"; }}\n"),
    );
    folder
}

fn serve(tree: &Path, state: &Folder) -> Command {
    let mut command = Command::new(Torwart::binary());
    command.args(["serve", "--rspamd"]).arg(tree).arg("--state").arg(state.path());
    command.env_remove("TORWART_CONFIG").env("RUNTIME_DIRECTORY", state.path());
    command
}

#[test]
fn none_is_served_and_a_reload_keeps_the_old_one() {
    let port = free_ports(3);
    let (folder, state) = (servable(port), Folder::new("state"));
    let daemon = Daemon::spawn(serve(folder.path(), &state));
    daemon.wait_log("daemon: ready");
    let http = std::net::SocketAddr::from(([127, 0, 0, 1], port + 1));
    let rejects = || web::scan(http, b"Subject: x\r\n\r\nx\r\n", &[("IP", "192.0.2.1")])["action"] == "reject";
    assert!(rejects());

    // Good settings come with each mistake, and none of them may be taken.
    folder.write("local.d/multimap.conf", "");
    let mistakes: [(&str, &str); 4] = [
        ("redis.conf", "servers = \"127.0.0.1\n"),
        ("worker-normal.inc", "bind_socket = \"127.0.0.1:none\";\n"),
        ("options.inc", ".include \"$LOCAL_CONFDIR/nowhere.inc\"\n"),
        ("antivirus.conf", "clamav {\n"),
    ];
    for (times, (name, text)) in mistakes.iter().enumerate() {
        let path = folder.join(format!("local.d/{name}"));
        let before = fs::read(&path).ok();
        folder.write(&format!("local.d/{name}"), text);
        daemon.signal("HUP");
        daemon.wait_log_times("not reloaded, the old configuration stays in force", times + 1);
        assert!(rejects(), "{name}");
        let mut refused = Daemon::spawn(serve(folder.path(), &Folder::new("state")));
        assert_eq!(refused.wait_end().code(), Some(1), "{name}");
        assert!(
            refused.log().contains("not started, the configuration has errors"),
            "{}",
            refused.log()
        );
        match before {
            Some(bytes) => drop(folder.write(&format!("local.d/{name}"), bytes)),
            None => fs::remove_file(path).unwrap(),
        }
    }
    daemon.signal("HUP");
    daemon.wait_log("daemon: reloaded");
    assert!(!rejects(), "the right tree is in force again");
}
