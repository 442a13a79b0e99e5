//! The names people type: links called `rspamadm` and `rspamd`, beside Debian's own programs wherever the two can be compared.

mod control;
mod daemon;
mod keys;
mod looking;
mod mime;
mod pw;

use crate::support::tools::{Folder, Ran, program, run};
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A folder with links of those names to the program under test.
struct Links(Folder);

impl Links {
    fn new() -> Links {
        let folder = Folder::new("links");
        for name in ["rspamadm", "rspamd"] {
            symlink(env!("CARGO_BIN_EXE_torwart"), folder.join(name)).expect("a link");
        }
        Links(folder)
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// One of the links, working in the folder.
    fn command(&self, name: &str, words: &[&str]) -> Command {
        let mut command = Command::new(self.join(name));
        command.args(words).current_dir(self.0.path());
        command.env_remove("TORWART_CONFIG").env_remove("RSPAMADM_PASSWORD");
        command
    }

    fn ours(&self, words: &[&str]) -> Ran {
        run(&mut self.command("rspamadm", words), b"")
    }

    /// Debian's own, in the same folder.
    fn theirs(&self, words: &[&str]) -> Ran {
        run(Command::new(program("rspamadm")).args(words).current_dir(self.0.path()), b"")
    }
}

/// Runs a command on a terminal of its own, answering each question; gives what the terminal showed, and the exit code.
fn typed(command: &Command, answers: &[(&str, &str)]) -> (String, i32) {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let quoted: Vec<String> = words.map(|w| format!("'{}'", w.to_str().expect("plain words"))).collect();
    let mut child = Command::new(program("script"))
        .args(["-qec", &quoted.join(" "), "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script starts");
    let (mut keys, mut screen) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    let (mut shown, mut byte) = (String::new(), [0]);
    let mut answers = answers.iter();
    let mut next = answers.next();
    while screen.read(&mut byte).is_ok_and(|n| n == 1) {
        shown.push(char::from(byte[0]));
        if let Some((_, answer)) = next.filter(|(question, _)| shown.ends_with(question)) {
            // The terminal throws away what comes before the question is out.
            std::thread::sleep(std::time::Duration::from_millis(200));
            writeln!(keys, "{answer}").expect("a terminal");
            next = answers.next();
        }
    }
    let code = child.wait().expect("script ends").code().unwrap_or(-1);
    (shown.replace('\r', ""), code)
}

/// Lines of the command, good and bad ones.
const LINES: &[&str] = &[
    "",
    "-l",
    "-h",
    "-V",
    "--version",
    "bogus",
    "con",
    "--bogus",
    "-l pw",
    "help",
    "help pw",
    "--var=a=b pw -l",
    "--var a=b pw -l",
    "--var=ab pw -l",
    "pw -h",
    "pw -x",
    "pw -p",
    "pw foo",
    "pw -l -l",
    "pw -p abc -p def more words",
    "pw -ep abc",
    "configtest -q",
    "configtest -q -q more words",
    "configtest -qc /nonexistent -c /etc/rspamd/rspamd.conf",
    "dkim_keygen -k key -s a -s b more words",
    "control",
    "control bogus",
    "control -h",
    "control -s /nonexistent stat",
    "keypair bogus",
    "keypair sign",
    "grep",
    "grep -p ((( x",
    "grep -s a -p b x",
    "mime",
    "mime extract",
    "mime extract /nonexistent",
    "dkim_keygen -t foo",
    "dkim_keygen -b 100",
    "dkim_keygen -b abc",
    "dkim_keygen -k /nonexistent/x",
    "signtool",
];

#[test]
fn exit_codes_are_the_peers() {
    let links = Links::new();
    for line in LINES {
        let words: Vec<&str> = line.split(' ').filter(|w| !w.is_empty()).collect();
        let (ours, theirs) = (links.ours(&words), links.theirs(&words));
        assert_eq!(ours.code, theirs.code, "rspamadm {line}\n{ours:?}\n{theirs:?}");
        assert_eq!(
            ours.stdout.is_empty(),
            theirs.stdout.is_empty(),
            "rspamadm {line}\n{ours:?}\n{theirs:?}"
        );
        assert_eq!(
            ours.stderr.is_empty(),
            theirs.stderr.is_empty(),
            "rspamadm {line}\n{ours:?}\n{theirs:?}"
        );
    }
}

#[test]
fn every_command_of_the_peers_is_known() {
    let links = Links::new();
    let names = |ran: &Ran| -> Vec<String> {
        let lines = ran.stdout.lines().filter(|l| l.starts_with("  "));
        lines.filter_map(|l| l.split_whitespace().next()).map(str::to_owned).collect()
    };
    let (ours, theirs) = (names(&links.ours(&["-l"])), names(&links.theirs(&["-l"])));
    assert!(theirs.len() > 20, "{theirs:?}");
    for name in theirs {
        assert!(ours.contains(&name), "{name} is missing");
    }
    let ran = links.ours(&["clickhouse", "neural_train"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (1, "rspamadm clickhouse: not in this version of torwart\n")
    );
    let (ours, theirs) = (links.ours(&["dmarc"]), links.theirs(&["dmarc"]));
    assert_eq!((ours.code, ours.stderr), (theirs.code, theirs.stderr));
    let hidden = run(Command::new(env!("CARGO_BIN_EXE_torwart")).args(["rspamadm", "-V"]), b"");
    assert_eq!(hidden.stdout, links.ours(&["-V"]).stdout);
}
