//! A private Postfix of Debian's package: configuration, queue, data and log under one temporary folder, ports on loopback.
//!
//! It never reads or writes /etc/postfix/main.cf, /var/spool/postfix or the system's log, and starts no service.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use super::sink::Sink;
use super::smtp::Smtp;
use super::tools::{Folder, Ran, Server, free_port, program, run, wait_for};

const DAEMONS: &str = "/usr/lib/postfix/sbin";

/// A running Postfix that delivers all mail to a sink.
pub struct Postfix {
    pub address: SocketAddr,
    pub sink: Sink,
    server: Server,
    folder: Folder,
}

impl Postfix {
    /// Starts one whose SMTP server and `sendmail` ask the milter at `milter`; `extra` lines end its main.cf.
    pub fn start(milter: SocketAddr, extra: &str) -> Postfix {
        program("postfix");
        let folder = Folder::new("postfix");
        let sink = Sink::start();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        queue(&folder.join("queue"));
        let (postfix, _) = ids();
        let data = folder.join("data");
        fs::create_dir(&data)
            .and_then(|()| chown(&data, Some(postfix), None))
            .expect("Postfix's data folder");
        folder.write("etc/main.cf", main_cf(&folder, milter, sink.address, extra));
        folder.write("etc/master.cf", master_cf(address));
        let mut master = Command::new(Path::new(DAEMONS).join("master"));
        master.arg("-c").arg(folder.join("etc")).arg("-d");
        // what postfix(1) would hand to master
        master.env("MAIL_CONFIG", folder.join("etc"));
        // Postfix logs to the same file; what master itself prints before that lands there too
        let mut server = Server::start("postfix", &master, folder.join("log"));
        server.wait_until("its SMTP port answers", |_| TcpStream::connect(address).is_ok());
        Postfix {
            address,
            sink,
            server,
            folder,
        }
    }

    /// A session from this machine.
    pub fn session(&self) -> Smtp {
        Smtp::connect(self.address)
    }

    /// A session that counts as one from a host elsewhere.
    pub fn remote_session(&self) -> Smtp {
        self.session().pretend("NAME=mail.example.org ADDR=203.0.113.5")
    }

    /// Hands a message to this Postfix's own `sendmail`.
    pub fn sendmail(&self, from: &str, to: &str, message: &[u8]) -> Ran {
        let mut command = Command::new(program("sendmail"));
        command.arg("-C").arg(self.folder.join("etc")).args(["-i", "-f", from, to]);
        command.env("MAIL_CONFIG", self.folder.join("etc"));
        run(&mut command, message)
    }

    /// Everything Postfix has logged.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }

    /// Waits for a log line that holds every one of `parts`.
    pub fn wait_log(&self, parts: &[&str]) -> String {
        wait_for(&format!("a log line with {parts:?} in:\n{}", self.log()), || {
            self.log().lines().find(|l| parts.iter().all(|p| l.contains(p))).map(str::to_string)
        })
    }

    /// How many messages wait in its queue (a message that was handed over and not yet taken is one of them).
    pub fn queued(&self) -> usize {
        ["maildrop", "incoming", "active", "deferred", "hold"]
            .iter()
            .map(|q| files(&self.folder.join("queue").join(q)))
            .sum()
    }

    /// Asks Postfix to try everything that waits.
    pub fn flush(&self) {
        let mut command = Command::new(program("postqueue"));
        command
            .arg("-c")
            .arg(self.folder.join("etc"))
            .arg("-f")
            .env("MAIL_CONFIG", self.folder.join("etc"));
        let done = run(&mut command, b"");
        assert_eq!(done.code, 0, "postqueue -f: {}", done.stderr);
    }

    /// The process that holds it together.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }
}

fn files(dir: &Path) -> usize {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|e| if e.path().is_dir() { files(&e.path()) } else { 1 }).sum()
}

/// The numbers of user postfix and group postdrop.
fn ids() -> (u32, u32) {
    let number = |file: &str, name: &str| -> u32 {
        let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("read {file}: {e}"));
        let line = text.lines().find(|l| l.split(':').next() == Some(name));
        let line = line.unwrap_or_else(|| panic!("{name} is not in {file}: is postfix installed?"));
        line.split(':')
            .nth(2)
            .and_then(|n| n.parse().ok())
            .expect("a number of the user or group")
    };
    (number("/etc/passwd", "postfix"), number("/etc/group", "postdrop"))
}

/// The queue's folders with the owners and rights that `postfix start` would give them.
fn queue(root: &Path) {
    let (postfix, postdrop) = ids();
    fs::create_dir(root).expect("the queue folder");
    let ours = [
        "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace",
    ];
    let all = ours.iter().map(|n| (*n, postfix, None, 0o700)).chain([
        ("maildrop", postfix, Some(postdrop), 0o730),
        ("public", postfix, Some(postdrop), 0o2710),
        ("pid", 0, None, 0o755),
    ]);
    for (name, user, group, mode) in all {
        let path = root.join(name);
        fs::create_dir(&path).expect("a folder of the queue");
        chown(&path, Some(user), group).expect("its owner");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its rights");
    }
}

fn main_cf(folder: &Folder, milter: SocketAddr, sink: SocketAddr, extra: &str) -> String {
    let at = folder.path().display();
    format!(
        "compatibility_level = 3.6\n\
         queue_directory = {at}/queue\n\
         data_directory = {at}/data\n\
         daemon_directory = {DAEMONS}\n\
         command_directory = /usr/sbin\n\
         mail_owner = postfix\n\
         setgid_group = postdrop\n\
         maillog_file = {at}/log\n\
         maillog_file_prefixes = {at}\n\
         myhostname = mx.example.com\n\
         mydestination =\n\
         mynetworks = 127.0.0.0/8\n\
         inet_interfaces = loopback-only\n\
         inet_protocols = ipv4\n\
         alias_maps =\n\
         alias_database =\n\
         local_recipient_maps =\n\
         default_transport = lmtp:inet:{sink}\n\
         smtp_line_length_limit = 0\n\
         smtpd_authorized_xclient_hosts = 127.0.0.0/8\n\
         relay_domains = example.com\n\
         relay_recipient_maps =\n\
         relay_transport = lmtp:inet:{sink}\n\
         smtpd_relay_restrictions = reject_unauth_destination\n\
         smtpd_recipient_restrictions =\n\
         smtpd_peername_lookup = no\n\
         disable_dns_lookups = yes\n\
         local_header_rewrite_clients =\n\
         smtpd_milters = inet:{host}:{port}\n\
         non_smtpd_milters = inet:{host}:{port}\n\
         milter_default_action = tempfail\n\
         {extra}\n",
        host = milter.ip(),
        port = milter.port(),
    )
}

fn master_cf(smtpd: SocketAddr) -> String {
    format!(
        "{smtpd} inet n - n - - smtpd\n\
         pickup unix n - n 1 1 pickup\n\
         cleanup unix n - n - 0 cleanup\n\
         qmgr unix n - n 300 1 qmgr\n\
         rewrite unix - - n - - trivial-rewrite\n\
         bounce unix - - n - 0 bounce\n\
         defer unix - - n - 0 bounce\n\
         trace unix - - n - 0 bounce\n\
         verify unix - - n - 1 verify\n\
         flush unix n - n 1000? 0 flush\n\
         proxymap unix - - n - - proxymap\n\
         smtp unix - - n - - smtp\n\
         lmtp unix - - n - - lmtp\n\
         relay unix - - n - - smtp\n\
         showq unix n - n - - showq\n\
         error unix - - n - - error\n\
         retry unix - - n - - error\n\
         discard unix - - n - - discard\n\
         anvil unix - - n - 1 anvil\n\
         scache unix - - n - 1 scache\n\
         postlog unix-dgram n - n - 1 postlogd\n"
    )
}
