//! The guide's files, unchanged, as `/etc/rspamd`: the daemon, Redis, clamd and Postfix at the guide's ports, and the guide's results.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::machine::{ADDRESS, PACKAGE, alone, lay};
use super::{FIRST_REPORT, SECOND_REPORT};
use crate::clamav::servers::{Clamd, guide_mail};
use crate::redis::server::Peer as Redis;
use crate::support::filter::Torwart;
use crate::support::mail;
use crate::support::postfix::Postfix;
use crate::support::rspamc::report;
use crate::support::tools::{Folder, Ran, Server, program, run, wait_for};
use crate::support::web;

const TREE: &str = "/etc/rspamd";
const LOG: &str = "/var/log/rspamd/rspamd.log";
/// What Postfix and the guide call this machine.
const NAMES: &str = "myhostname = mail.it113.int\nmydestination =";

fn guides_files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guide")
}

/// The guide's machine with everything running.
struct Machine {
    redis: Redis,
    clamd: Clamd,
    folder: Folder,
    _daemon: Server,
}

impl Machine {
    fn start() -> Machine {
        let mut redis = Redis::at(6379, &[]);
        redis.up();
        let clamd = Clamd::at(3310, "");
        let folder = Folder::new("guide");
        let mut command = Command::new(Torwart::binary());
        command.args(["serve", "--rspamd", TREE]);
        for name in [
            "TORWART_CONFIG",
            "STATE_DIRECTORY",
            "RUNTIME_DIRECTORY",
            "NOTIFY_SOCKET",
            "LISTEN_FDS",
        ] {
            command.env_remove(name);
        }
        let mut daemon = Server::start("torwart", &command, folder.join("said"));
        daemon.wait_until("it is ready and Redis is well", |_| {
            log().contains("daemon: ready") && TcpStream::connect(local(11334)).is_ok()
        });
        Machine {
            redis,
            clamd,
            folder,
            _daemon: daemon,
        }
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn log() -> String {
    fs::read_to_string(LOG).unwrap_or_default()
}

/// `rspamc` as the guide calls it: nobody says where the daemon is.
fn rspamc(arguments: &[&str], stdin: &str) -> Vec<String> {
    rspamc_of(&program("rspamc"), arguments, stdin)
}

fn rspamc_of(client: &Path, arguments: &[&str], stdin: &str) -> Vec<String> {
    let mut command = Command::new(client);
    command.args(arguments).env("LC_ALL", "C.UTF-8");
    report(&run(&mut command, stdin.as_bytes()))
}

fn shell(line: &str) -> Ran {
    run(Command::new("sh").args(["-c", line]), b"")
}

fn has(report: &[String], line: &str) {
    assert!(report.iter().any(|l| l == line), "{line} in {report:#?}");
}

#[test]
fn the_guides_files_give_the_guides_results() {
    alone("guide::tree::the_guides_files_give_the_guides_results", || {
        lay(&guides_files(), Path::new(TREE));
        everything();
    });
}

#[test]
fn so_they_do_among_the_files_of_debians_package() {
    alone("guide::tree::so_they_do_among_the_files_of_debians_package", || {
        lay(Path::new(PACKAGE), Path::new(TREE));
        assert!(Path::new(TREE).join("rspamd.conf").exists(), "Debian's package is installed");
        lay(&guides_files(), Path::new(TREE));
        everything();
    });
}

/// The guide from its tests of the list to its last page, in its order but for the end of clamd.
fn everything() {
    let mut machine = Machine::start();
    the_files_are_in_order(&machine);
    every_port_is_the_guides();
    a_listed_address_is_rejected(&machine);
    a_virus_is_rejected_and_seen_in_the_log(&machine);
    let postfix = Postfix::start(local(11332), NAMES);
    gtube_is_refused_by_postfix(&postfix);
    strangers_wait_because_there_is_redis(&postfix, &machine.redis);
    the_controller_is_open_to_this_machine_only();
    the_verdict_comes_from_redis(&mut machine);
    redis_and_its_state_are_named(&mut machine);
}

/// `rspamadm configtest`, and what people hear of the guide's files.
fn the_files_are_in_order(machine: &Machine) {
    let rspamadm = machine.folder.join("rspamadm");
    symlink(Torwart::binary(), &rspamadm).expect("a link of that name");
    let test = run(Command::new(rspamadm).arg("configtest"), b"");
    assert_eq!((test.stdout.as_str(), test.code), ("syntax OK\n", 0), "{}", test.stderr);

    let check = run(Command::new(Torwart::binary()).args(["check", "--rspamd", TREE]), b"");
    assert_eq!((check.stdout.as_str(), check.code), ("syntax OK\n", 0), "{}", check.stderr);
    let files = [
        "local.d/actions.conf",
        "local.d/local_rbl.txt",
        "local.d/logging.inc",
        "local.d/multimap.conf",
        "local.d/rbl.conf",
        "local.d/redis.conf",
        "local.d/worker-controller.inc",
        "override.d/antivirus.conf",
        "override.d/redis.conf",
        "override.d/worker-controller.inc",
    ];
    for file in files {
        assert!(check.stderr.contains(&format!("read {TREE}/{file} ")), "{file} in {}", check.stderr);
    }
    for said in [
        "warning: `antivirus.clamav.scan_unauthenticated` ",
        "warning: `antivirus.clamav.stream` ",
        "note: `worker.controller.password` = *** hides ***",
        "note: `redis.servers` = \"127.0.0.1\" hides \"127.0.0.1:6379\"",
    ] {
        assert!(check.stderr.contains(said), "{said} in {}", check.stderr);
    }
}

/// `ss -ltpn | grep -E "3310|11333|11334|6379"`
fn every_port_is_the_guides() {
    let lines = shell("ss -ltn").stdout;
    for address in [
        "127.0.0.1:3310",
        "127.0.0.1:11333",
        "0.0.0.0:11334",
        "[::]:11334",
        "127.0.0.1:6379",
        "127.0.0.1:11332",
    ] {
        assert!(lines.split_whitespace().any(|word| word == address), "{address} in {lines}");
    }
}

/// By Debian's client, and by the one that this program is under that name.
fn a_listed_address_is_rejected(machine: &Machine) {
    let ours = machine.folder.join("rspamc");
    symlink(Torwart::binary(), &ours).expect("a link of that name");
    for client in [program("rspamc"), ours] {
        assert_eq!(
            rspamc_of(&client, &["-i", "10.88.113.22"], "hallo welt\n"),
            FIRST_REPORT,
            "{}",
            client.display()
        );
        assert_eq!(
            rspamc_of(&client, &["-i", "10.88.113.21"], "hallo welt\n"),
            SECOND_REPORT,
            "{}",
            client.display()
        );
    }
}

/// `rspamc --ip 1.2.3.4 /tmp/virus.eml`
fn virus(machine: &Machine) -> Vec<String> {
    let file = machine.folder.write("virus.eml", guide_mail());
    rspamc(&["--ip", "1.2.3.4", &file.display().to_string()], "")
}

fn a_virus_is_rejected_and_seen_in_the_log(machine: &Machine) {
    let found = virus(machine);
    has(&found, "Action: reject");
    has(&found, "Symbol: CLAM_VIRUS (20.00)[Eicar-Test-Signature.UNOFFICIAL]");
    let lines = shell(&format!("grep -E 'antivirus|clamav' {LOG} | grep -w debug")).stdout;
    assert!(
        lines.contains("Eicar-Test-Signature"),
        "what the scanner found, in:\n{lines}\nof\n{}",
        log()
    );
}

/// `echo 'XJS*..' | mail -s "Boese Mail" martha`, and what `journalctl -u postfix | grep cleanup` shows.
fn gtube_is_refused_by_postfix(postfix: &Postfix) {
    let mail = format!("Subject: Boese Mail\nTo: martha\n\n{}\n", mail::GTUBE);
    assert_eq!(postfix.sendmail("root", "martha", mail.as_bytes()).code, 0);
    postfix.wait_log(&[
        "postfix/cleanup[",
        ": milter-reject: END-OF-MESSAGE from localhost[127.0.0.1]: 5.7.1 Gtube pattern; \
         from=<root@mail.it113.int> to=<martha@mail.it113.int>",
    ]);
    postfix.wait_log(&[
        "postfix/cleanup[",
        ": to=<martha@mail.it113.int>, orig_to=<martha>, relay=none, ",
        ", dsn=5.7.1, status=bounced (Gtube pattern)",
    ]);
}

/// The guide's greylist threshold is 4.0: "Ein echter Mailserver versucht es erneut."
fn strangers_wait_because_there_is_redis(postfix: &Postfix, redis: &Redis) {
    let mail = "From: Anna <anna@example.org>\r\nTo: Martha <martha@example.com>\r\n\r\nhallo welt\r\n";
    let reply = postfix
        .remote_session()
        .mail("anna@example.org", "martha@example.com", mail.as_bytes());
    assert_eq!((reply.code, reply.text.as_str()), (451, "4.7.1 Try again later"), "{}", log());
    assert!(redis.say(&["keys", "*"]).lines().count() > 1, "Redis remembers it");
}

/// The port is open to everybody, but only this machine needs no password.
fn the_controller_is_open_to_this_machine_only() {
    let outside = SocketAddr::new(ADDRESS.parse().expect("an address"), 11334);
    let ask = |address, headers: &[(&str, &str)]| web::request(address, "GET", "/stat", headers, b"").status;
    assert_eq!(ask(local(11334), &[]), 200);
    assert_eq!(ask(outside, &[]), 401);
    assert_eq!(ask(outside, &[("Password", "falsch")]), 401);
}

/// "Redis immer leeren, sonst kommen die Ergebnisse aus dem Cache"
fn the_verdict_comes_from_redis(machine: &mut Machine) {
    let first = virus(machine);
    machine.clamd.server().kill();
    assert_eq!(virus(machine), first, "clamd is gone, its verdict is not");
    assert_eq!(machine.redis.say(&["flushall"]).trim(), "OK");
    let without = virus(machine);
    assert!(!without.iter().any(|l| l.contains("Eicar")), "{without:#?}");
    wait_for("the scanner's failure in the log", || {
        log().contains("the scanner fails").then_some(())
    });
}

/// `rspamadm control stat`: Redis stands there, running or not.
fn redis_and_its_state_are_named(machine: &mut Machine) {
    let rspamadm = machine.folder.join("rspamadm");
    let told = |state: &str| {
        let line = format!("\"redis 127.0.0.1:6379: {state}\",");
        wait_for(&format!("stat says {line}"), || {
            let told = run(Command::new(&rspamadm).args(["control", "stat"]), b"");
            assert_eq!(told.code, 0, "{told:?}");
            told.stdout.lines().any(|l| l.trim() == line).then_some(())
        });
    };
    told("online");
    machine.redis.kill();
    told("offline: connection refused");
}
