//! The program under the name `rspamc` beside Debian's own: the same command lines against the same server, and the requests,
//! reports and exit codes compared byte for byte. What no two runs share (times, the order of hashed headers) is evened out.

mod failures;
mod outputs;
mod requests;
mod sealed;
mod servers;

use crate::support::tools::{Folder, Ran, program, run};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The message of most tests, as recorded.
const TINY: &[u8] = b"From: a@b.c\nSubject: x\n\nshort\n";
const REPLY: &str = r#"{"is_skipped":false,"score":7.8,"required_score":16.0,"action":"add header","symbols":{"MIME_TRACE":{"name":"MIME_TRACE","score":0.0,"metric_score":0.0,"options":["0:+"]},"ARC_NA":{"name":"ARC_NA","score":0.0},"MISSING_MID":{"name":"MISSING_MID","score":2.5,"options":["a","b"]},"GOOD":{"name":"GOOD","score":-3.125}},"messages":{"smtp_message":"Try \"again\"","n":1.5},"message-id":"undef","subject":"new","time_real":0.000433,"urls":["b.example","a.example"],"emails":["c@example.net"],"dkim-signature":"v=1; a=b"}"#;

/// A server that answers everything alike and keeps what it was asked.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Server {
    /// Answers 200 with this body.
    fn saying(body: &str) -> Server {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nServer: rspamd/3.4\r\nContent-Type: application/json\r\n";
        Server::raw(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()))
    }

    /// Answers with these bytes.
    fn raw(answer: impl Into<Vec<u8>>) -> Server {
        let answer = answer.into();
        Server::with(move |_| answer.clone())
    }

    fn with(answer: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (asked.clone(), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, answer) = (kept.clone(), answer.clone());
                std::thread::spawn(move || {
                    let mut stream = stream;
                    let request = request(&mut stream);
                    // Debian's connects before it has opened all files.
                    if request.is_empty() {
                        return;
                    }
                    kept.lock().unwrap().push(request.clone());
                    let _ = stream.write_all(&answer(&request));
                });
            }
        });
        Server { address, asked }
    }

    fn take(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// One request with the body that its head announces.
fn request(stream: &mut TcpStream) -> Vec<u8> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        if let Some(end) = all.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&all[..end]).into_owned();
            let length = head.lines().find_map(|l| l.strip_prefix("Content-Length: "));
            if all.len() >= end + 4 + length.map_or(0, |n| n.parse::<usize>().unwrap()) {
                return all;
            }
        }
        match stream.read(&mut piece) {
            Ok(n) if n > 0 => all.extend_from_slice(&piece[..n]),
            _ => return all,
        }
    }
}

/// A folder with messages, and both programs under the same name.
struct Bench {
    folder: Folder,
}

impl Bench {
    fn new() -> Bench {
        let folder = Folder::new("rspamc");
        folder.write("msgs/tiny.eml", TINY);
        folder.write("msgs/gtube.eml", b"Date: x\r\nSubject: GTUBE test\r\n\r\nbody\r\n");
        std::fs::create_dir(folder.join("bin")).unwrap();
        symlink(env!("CARGO_BIN_EXE_torwart"), folder.join("bin/rspamc")).unwrap();
        Bench { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&self, program: PathBuf, args: &[&str], stdin: &[u8]) -> Ran {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.path()).env("LC_ALL", "C.UTF-8");
        run(&mut command, stdin)
    }

    fn ours(&self, args: &[&str], stdin: &[u8]) -> Ran {
        self.run(self.folder.join("bin/rspamc"), args, stdin)
    }

    /// Runs both against one server and compares all that they say and ask; ours.
    fn both(&self, server: &Server, line: &str, stdin: &[u8]) -> Ran {
        let address = server.address.to_string();
        let words: Vec<&str> = ["-h", &address]
            .into_iter()
            .chain(line.split(' ').filter(|w| !w.is_empty()))
            .collect();
        let real = self.run(program("rspamc"), &words, stdin);
        let wanted: Vec<Vec<String>> = server.take().iter().map(|r| even_request(r)).collect();
        let ours = self.ours(&words, stdin);
        let asked: Vec<Vec<String>> = server.take().iter().map(|r| even_request(r)).collect();
        assert_eq!(asked, wanted, "requests of: {line}");
        assert_eq!(even(&ours.stdout), even(&real.stdout), "output of: {line}\nreal:\n{}", real.stdout);
        assert_eq!((ours.code, &ours.stderr), (real.code, &real.stderr), "end of: {line}");
        ours
    }
}

/// Output without times.
fn even(text: &str) -> String {
    let times = [
        (r"\((?:\d+\.)?\d+ seconds\)", "(N seconds)"),
        (r#"(scan_time"?(?: =|:) ?)[\d.]+"#, "${1}N"),
        (r#"(time_real"?(?: =|:) ?)[\d.]+"#, "${1}N"),
        (r"(X-Spam-Scan-Time: )[\d.]+", "${1}N"),
        (r"\nDate: [^\n]*", ""),
    ];
    times.iter().fold(text.to_owned(), |text, (pattern, instead)| {
        regex::Regex::new(pattern).unwrap().replace_all(&text, *instead).into_owned()
    })
}

/// A request as lines: the fixed ones first, the hashed headers in order of the alphabet, then the body.
fn even_request(request: &[u8]) -> Vec<String> {
    let end = request.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(request.len());
    let head = String::from_utf8_lossy(&request[..end]).into_owned();
    let mut lines: Vec<String> = head.split("\r\n").map(str::to_owned).collect();
    let fixed = lines.iter().take_while(|l| !l.starts_with("Content-Type")).count().min(3);
    let fixed = fixed + usize::from(lines.get(fixed).is_some_and(|l| l.starts_with("Content-Type")));
    lines[fixed..].sort();
    lines.push(format!("{:?}", &request[end..]));
    lines
}

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/http").join(name)).unwrap()
}
