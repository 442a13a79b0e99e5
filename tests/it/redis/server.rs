//! Private Redis servers of the tests: on loopback or a unix socket, without anything on disk but their folder.

use crate::support::tools::{Folder, Server, free_ports, program, run, wait_for};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use torwart::config::schema::{Redis as Settings, Secret};
use torwart::store::{Redis, Store};

/// One server, which can be stopped and started again at its address.
pub struct Peer {
    pub folder: Folder,
    pub port: u16,
    /// How `redis-cli` gets in.
    pub way: Vec<String>,
    options: Vec<String>,
    server: Option<Server>,
}

impl Peer {
    /// A running server with more options of its own (`--maxmemory`, `10mb`).
    pub fn start(options: &[&str]) -> Peer {
        let mut peer = Peer::at(free_ports(1), options);
        peer.up();
        peer
    }

    /// A server at that port, not started yet.
    pub fn at(port: u16, options: &[&str]) -> Peer {
        Peer {
            folder: Folder::new("redis"),
            port,
            way: vec!["-p".to_owned(), port.to_string()],
            options: options.iter().map(|o| (*o).to_owned()).collect(),
            server: None,
        }
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Starts it and waits until it answers.
    pub fn up(&mut self) {
        self.begin();
        self.wait();
    }

    /// The same without its plain port.
    pub fn up_on_port(&mut self, plain: u16) {
        self.options.extend(["--port".to_owned(), plain.to_string()]);
        self.up();
    }

    /// More options for the next start.
    pub fn option(&mut self, more: &[&str]) {
        self.options.extend(more.iter().map(|o| (*o).to_owned()));
    }

    /// A sentinel with a configuration file of its own, running.
    pub fn sentinel(port: u16, folder: Folder, file: &Path) -> Peer {
        let mut peer = Peer {
            folder,
            ..Peer::at(port, &[])
        };
        let mut command = Command::new(program("redis-server"));
        command
            .arg(file)
            .args(["--sentinel", "--bind", "127.0.0.1", "--port", &port.to_string()]);
        peer.server = Some(Server::start("sentinel", &command, peer.log()));
        peer.wait();
        peer
    }

    fn wait(&self) {
        wait_for(&format!("redis-server at {} answers", self.port), || {
            let said = self.say(&["PING"]);
            (said.contains("PONG") || said.contains("NOAUTH")).then_some(())
        });
    }

    /// Starts it.
    pub fn begin(&mut self) {
        let mut command = Command::new(program("redis-server"));
        // Options of the test come last and win.
        command.args([
            "--bind",
            "127.0.0.1",
            "--port",
            &self.port.to_string(),
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        command.args([
            "--dir",
            &self.folder.path().display().to_string(),
            "--repl-diskless-sync-delay",
            "0",
        ]);
        command.args(&self.options);
        self.server = Some(Server::start("redis-server", &command, self.log()));
    }

    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
    }

    pub fn signal(&self, name: &str) {
        self.server.as_ref().expect("it runs").signal(name);
    }

    /// What `redis-cli` prints for a command.
    pub fn say(&self, words: &[&str]) -> String {
        let mut command = Command::new(program("redis-cli"));
        command.args(&self.way).args(words);
        let ran = run(&mut command, b"");
        ran.stdout + &ran.stderr
    }

    /// Settings that lead to it.
    pub fn settings(&self) -> Settings {
        settings(&[&self.address()])
    }
}

/// Settings with these servers.
pub fn settings(servers: &[&str]) -> Settings {
    Settings {
        servers: servers.iter().map(|s| (*s).to_owned()).collect(),
        ..Settings::default()
    }
}

pub fn secret(text: &str) -> Secret {
    Secret::new(text)
}

/// A store that answers already.
pub async fn open(settings: Settings) -> Redis {
    let store = Redis::open("redis", settings);
    well(&store, "it answers at first").await;
    store
}

/// Waits until a store takes writes.
pub async fn well(store: &Redis, what: &str) {
    let begun = std::time::Instant::now();
    loop {
        match store.settle().await {
            Ok(()) if !store.health().degraded => return,
            said => assert!(
                begun.elapsed() < Duration::from_secs(30),
                "it never came that {what}: {said:?}, {:?}",
                store.health()
            ),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What the engine logs, on the one thread of a test.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Collects from now until the guard goes.
    pub fn listen() -> (Log, tracing::subscriber::DefaultGuard) {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }

    pub fn count(&self, words: &str) -> usize {
        self.text().matches(words).count()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
