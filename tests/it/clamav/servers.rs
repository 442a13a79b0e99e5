//! What the tests scan with: Debian's clamd with a signature file of ours, a proxy before it that counts, and a server that says what a
//! test wrote down. The test virus stands in no source text, else a scanner on somebody's machine would remove the programs.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::support::tools::{Folder, Server, free_port, program};

/// The test virus: every letter of it one further in the alphabet of ASCII, put right here.
pub fn eicar() -> String {
    let shifted = "Y6P\"Q&ABQ\\5]Q[Y65)Q_*8DD*8~%FJDBS.TUBOEBSE.BOUJWJSVT.UFTU.GJMF\"%I,I+";
    shifted.bytes().map(|b| char::from(b - 1)).collect()
}

/// The guide's mail, the one file here that holds the test virus as it is, so that it can be sent by hand.
pub fn guide_mail() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mail/eicar.eml");
    let mail = fs::read_to_string(path).expect("the guide's mail");
    assert!(mail.contains(&eicar()), "{path}: some scanner took the test virus out");
    mail
}

/// A mail with these attachments.
pub fn mail_with(attachments: &[(&str, &[u8])]) -> Vec<u8> {
    let mut mail = format!(
        "From: a@example.org\r\nTo: b@example.com\r\nSubject: files\r\nDate: {}\r\n\
        Message-ID: <files@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n\
        --B\r\nContent-Type: text/plain\r\n\r\nSee there.\r\n",
        crate::support::mail::now()
    )
    .into_bytes();
    for (name, content) in attachments {
        mail.extend(format!("--B\r\nContent-Type: application/octet-stream; name={name}\r\nContent-Disposition: attachment; filename={name}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n").bytes());
        mail.extend_from_slice(content);
        mail.extend_from_slice(b"\r\n");
    }
    mail.extend_from_slice(b"--B--\r\n");
    mail
}

/// Debian's clamd on loopback and a socket of its own, knowing two patterns.
pub struct Clamd {
    pub tcp: SocketAddr,
    pub socket: PathBuf,
    server: Server,
    _folder: Folder,
}

/// The second pattern that it knows.
pub const SECOND: &str = "a second pattern of ours, quite harmless";

impl Clamd {
    pub fn start() -> Clamd {
        Clamd::with("")
    }

    /// Starts one with more lines of clamd.conf.
    pub fn with(extra: &str) -> Clamd {
        Clamd::at(free_port(), extra)
    }

    /// Starts one at that port.
    pub fn at(port: u16, extra: &str) -> Clamd {
        let folder = Folder::new("clamd");
        let hex = |text: &str| -> String { text.bytes().map(|b| format!("{b:02x}")).collect() };
        let signatures = format!("Eicar-Test-Signature:0:*:{}\nTest.Second:0:*:{}\n", hex(&eicar()), hex(SECOND));
        folder.write("signatures/test.ndb", signatures);
        let tcp = SocketAddr::from(([127, 0, 0, 1], port));
        let socket = folder.join("clamd.sock");
        let conf = format!(
            "TCPSocket {}\nTCPAddr 127.0.0.1\nLocalSocket {}\nDatabaseDirectory {}\nTemporaryDirectory {}\nForeground true\n{extra}\n",
            tcp.port(),
            socket.display(),
            folder.join("signatures").display(),
            folder.path().display(),
        );
        let conf = folder.write("clamd.conf", conf);
        let mut command = Command::new(program("clamd"));
        command.arg("-c").arg(conf);
        let mut server = Server::start("clamd", &command, folder.join("log"));
        server.wait_until("it answers", |_| ask(tcp, b"zPING\0") == b"PONG\0");
        Clamd {
            tcp,
            socket,
            server,
            _folder: folder,
        }
    }

    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }
}

/// One command, one answer; empty where there is none.
pub fn ask(server: SocketAddr, command: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(server) {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
        let _ = stream.write_all(command).and_then(|()| stream.read_to_end(&mut answer).map(drop));
    }
    answer
}

/// What a scripted server does once it has a whole request.
#[derive(Clone, Debug)]
pub enum Does {
    /// Says this and closes.
    Says(Vec<u8>),
    /// Says this after a while and closes.
    SaysLate(Duration, Vec<u8>),
    /// Says nothing and keeps the connection.
    Hangs,
    /// Asks the server behind it.
    Asks(SocketAddr),
    /// Says this as soon as the first chunk has come, and closes with the rest unread.
    Interrupts(Vec<u8>),
}

/// A server in the place of clamd: it counts, and it does what it is told.
pub struct Scripted {
    pub address: SocketAddr,
    does: Arc<Mutex<Does>>,
    version: Arc<Mutex<String>>,
    streams: Arc<AtomicUsize>,
    versions: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Scripted {
    pub fn start(does: Does) -> Scripted {
        let listener = TcpListener::bind(("127.0.0.1", free_port())).expect("a free port");
        let scripted = Scripted {
            address: listener.local_addr().expect("bound"),
            does: Arc::new(Mutex::new(does)),
            version: Arc::new(Mutex::new("ClamAV 1.4.6/100/Mon Nov 23 08:00:00 2026".to_owned())),
            streams: Arc::default(),
            versions: Arc::default(),
            stop: Arc::default(),
        };
        let (does, version) = (scripted.does.clone(), scripted.version.clone());
        let (streams, versions, stop) = (scripted.streams.clone(), scripted.versions.clone(), scripted.stop.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (does, version) = (does.clone(), version.clone());
                let (streams, versions) = (streams.clone(), versions.clone());
                thread::spawn(move || serve(stream, &does, &version, &streams, &versions));
            }
        });
        scripted
    }

    /// A proxy that counts, before a real server.
    pub fn before(server: SocketAddr) -> Scripted {
        Scripted::start(Does::Asks(server))
    }

    pub fn now(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    pub fn version(&self, version: &str) {
        *self.version.lock().unwrap() = version.to_owned();
    }

    /// How many INSTREAMs came.
    pub fn streams(&self) -> usize {
        self.streams.load(Ordering::SeqCst)
    }

    /// How many VERSIONs came.
    pub fn versions(&self) -> usize {
        self.versions.load(Ordering::SeqCst)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: TcpStream, does: &Mutex<Does>, version: &Mutex<String>, streams: &AtomicUsize, versions: &AtomicUsize) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(30)));
    let mut command = Vec::new();
    let mut byte = [0];
    while command.last() != Some(&0) {
        match stream.read(&mut byte) {
            Ok(1) => command.push(byte[0]),
            _ => return,
        }
    }
    if command == b"zVERSION\0" {
        versions.fetch_add(1, Ordering::SeqCst);
        let text = version.lock().unwrap().clone();
        let _ = stream.write_all(format!("{text}\0").as_bytes());
        return;
    }
    assert_eq!(command, b"zINSTREAM\0", "what torwart asks");
    streams.fetch_add(1, Ordering::SeqCst);
    let does = does.lock().unwrap().clone();
    if let Does::Interrupts(answer) = &does {
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(answer);
        return;
    }
    let mut request = command;
    if !whole(&mut stream, &mut request) {
        return;
    }
    match does {
        Does::Says(answer) => drop(stream.write_all(&answer)),
        Does::SaysLate(pause, answer) => {
            thread::sleep(pause);
            let _ = stream.write_all(&answer);
        }
        Does::Asks(server) => {
            let answer = ask(server, &request);
            let _ = stream.write_all(&answer);
        }
        // Until the other side gives up.
        Does::Hangs | Does::Interrupts(_) => drop(stream.read(&mut [0; 1])),
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// Reads chunks up to the empty one.
fn whole(stream: &mut TcpStream, request: &mut Vec<u8>) -> bool {
    loop {
        let mut length = [0; 4];
        if stream.read_exact(&mut length).is_err() {
            return false;
        }
        request.extend_from_slice(&length);
        let length = u32::from_be_bytes(length) as usize;
        if length == 0 {
            return true;
        }
        let mut chunk = vec![0; length];
        if stream.read_exact(&mut chunk).is_err() {
            return false;
        }
        request.extend_from_slice(&chunk);
    }
}

/// The socket file answers.
pub fn answers(socket: &std::path::Path) -> bool {
    let mut answer = Vec::new();
    let asked = UnixStream::connect(socket).and_then(|mut s| s.write_all(b"zPING\0").and_then(|()| s.read_to_end(&mut answer)));
    asked.is_ok() && answer == b"PONG\0"
}
