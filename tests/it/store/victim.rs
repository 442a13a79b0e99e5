//! A process that writes to a store and says what it did, until it is killed.
//!
//! The test binary runs itself for this: see [`Victim::start`]. Each line it prints was true before it was printed.

use bytes::Bytes;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use torwart::store::{Caps, Key, Life, Store};

/// Tells the process what it is, and where its store lies.
const FOLDER: &str = "TORWART_TEST_VICTIM";

/// One thing that was done, and when its line was read.
pub struct Done {
    pub what: String,
    pub number: u64,
    pub at: Instant,
}

/// A running process.
pub struct Victim {
    child: Child,
    lines: mpsc::Receiver<Done>,
}

impl Victim {
    pub fn start(folder: &Path) -> Victim {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["store::victim::writes_until_it_is_killed", "--exact", "--ignored", "--nocapture"])
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let Some((what, number)) = line.strip_prefix('>').and_then(|l| l.split_once(' ')) else {
                    continue;
                };
                let (what, at) = (what.to_owned(), Instant::now());
                let Ok(number) = number.parse() else { continue };
                let _ = sender.send(Done { what, number, at });
            }
        });
        Victim { child, lines }
    }

    /// Lets it write for a while, kills it, and gives what it said and when it died.
    pub fn kill_after(mut self, time: Duration) -> (Vec<Done>, Instant) {
        let mut done = vec![self.lines.recv_timeout(Duration::from_secs(30)).expect("it begins to write")];
        std::thread::sleep(time);
        let killed = Instant::now();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        done.extend(self.lines.iter());
        (done, killed)
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn say(what: &str, number: u64) {
    // One write a line, so that no line is cut in two.
    let _ = std::io::stdout().lock().write_all(format!(">{what} {number}\n").as_bytes());
}

pub const LIFE: Life = Life::For(Duration::from_secs(3_600));
pub const CAPS: Caps = Caps { items: 500, life: LIFE };

pub fn counter() -> Key {
    Key::new("stats", "acknowledged")
}

pub fn quick() -> Key {
    Key::new("stats", "quick")
}

pub fn history() -> Key {
    Key::new("history", "")
}

pub fn thrown(number: u64) -> Key {
    Key::new("thrown", number.to_string())
}

/// Adds, waits until that is safe, says so; throws a space away now and then.
async fn acknowledged(store: &dyn Store) {
    for round in 0.. {
        let sum = store.add_many(&[(counter(), 1)], Life::Forever).await.unwrap()[0] as u64;
        say("begun", sum);
        store.put_many(&[(thrown(sum), Bytes::from_static(b"x"))], LIFE).await.unwrap();
        store.settle().await.unwrap();
        say("safe", sum);
        if round % 4 == 3 {
            store.flush(Some("thrown")).await.unwrap();
            say("thrown", sum);
        }
    }
}

/// Writes as scans do: answered at once.
async fn at_once(store: &dyn Store) {
    loop {
        let sum = store.add_many(&[(quick(), 1)], Life::Forever).await.unwrap()[0] as u64;
        let item = Bytes::from(format!("{sum:>300}"));
        store.push_capped(&history(), item, CAPS).await.unwrap();
        say("quick", sum);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
#[ignore = "the other process of the kill test, which starts it"]
async fn writes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = super::embedded(Path::new(&folder));
    tokio::join!(acknowledged(&store), at_once(&store));
}
