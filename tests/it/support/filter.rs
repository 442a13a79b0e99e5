//! The filter under test: the real `torwart serve` with a configuration and state of its own, or Debian's rspamd beside it.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::tools::{Folder, Server, free_port, free_ports, program, run};

/// Extra lines for a test's configuration, by the table they belong to.
#[derive(Default, Clone)]
pub struct Settings {
    pub milter: String,
    pub http: String,
    pub controller: String,
    /// More addresses of the milter listener.
    pub milter_sockets: Vec<String>,
    /// Whole tables.
    pub tables: String,
    /// Environment of the daemon.
    pub environment: Vec<(String, String)>,
    /// A program that starts the daemon, with its arguments: `["prlimit", "--nofile=256"]`.
    pub wrapper: Vec<String>,
}

/// A running `torwart serve`.
pub struct Torwart {
    pub milter: SocketAddr,
    pub http: SocketAddr,
    pub controller: SocketAddr,
    settings: Settings,
    folder: Folder,
    server: Server,
}

impl Torwart {
    /// Starts one on defaults.
    pub fn start() -> Torwart {
        Torwart::with(Settings::default())
    }

    /// Starts one on free ports with these settings.
    pub fn with(settings: Settings) -> Torwart {
        Torwart::within(Folder::new("daemon"), settings)
    }

    /// Starts one whose files, such as maps, a test has already put into `folder`.
    pub fn within(folder: Folder, settings: Settings) -> Torwart {
        let [milter, http, controller] = std::array::from_fn(|_| SocketAddr::from(([127, 0, 0, 1], free_port())));
        folder.write("torwart.toml", config(&settings, folder.path(), [milter, http, controller]));
        let server = serve(&folder, &settings);
        let mut torwart = Torwart {
            milter,
            http,
            controller,
            settings,
            folder,
            server,
        };
        torwart.wait_ready();
        torwart
    }

    fn wait_ready(&mut self) {
        let ports = [self.milter, self.http, self.controller];
        self.server
            .wait_until("all its ports answer", |_| ports.iter().all(|&p| TcpStream::connect(p).is_ok()));
    }

    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    pub fn log(&self) -> String {
        self.server.log()
    }

    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it again on the same ports, configuration and state.
    pub fn restart(&mut self) {
        self.server = serve(&self.folder, &self.settings);
        self.wait_ready();
    }

    /// The binary under test.
    pub fn binary() -> &'static Path {
        Path::new(env!("CARGO_BIN_EXE_torwart"))
    }
}

fn serve(folder: &Folder, settings: &Settings) -> Server {
    let mut words = settings.wrapper.iter().map(String::as_str);
    let mut command = match words.next() {
        None => Command::new(Torwart::binary()),
        Some(wrapper) => {
            let mut command = Command::new(program(wrapper));
            command.args(words).arg(Torwart::binary());
            command
        }
    };
    command
        .args(["serve", "--config"])
        .arg(folder.join("torwart.toml"))
        .arg("--state")
        .arg(folder.join("state"));
    command.envs(settings.environment.iter().map(|(k, v)| (k, v)));
    for name in ["TORWART_CONFIG", "STATE_DIRECTORY", "NOTIFY_SOCKET", "LISTEN_FDS"] {
        command.env_remove(name);
    }
    Server::start("torwart", &command, folder.join("torwart.log"))
}

fn config(settings: &Settings, folder: &Path, [milter, http, controller]: [SocketAddr; 3]) -> String {
    let at = folder.display();
    let Settings {
        milter: m,
        http: h,
        controller: c,
        tables,
        ..
    } = settings;
    // A test that does not speak of greylisting sends each message once, and means to see what becomes of it.
    let quiet = match tables.contains("[modules.greylist]") {
        true => "",
        false => "[modules.greylist]\nenabled = false\n",
    };
    let more: String = settings.milter_sockets.iter().map(|s| format!(", \"{s}\"")).collect();
    format!(
        "[paths]\nrun = \"{at}/run\"\n\n[listen.milter]\nsockets = [\"{milter}\"{more}]\n{m}\n\n[listen.http]\nsockets = [\"{http}\"]\n{h}\n\n\
         [listen.controller]\nsockets = [\"{controller}\"]\n{c}\n\n{tables}\n{quiet}"
    )
}

/// Debian's own rspamd, stock but for its ports.
pub struct Peer {
    pub milter: SocketAddr,
    pub http: SocketAddr,
    folder: Folder,
}

impl Peer {
    /// Starts one; `overlay` holds files for its `local.d/` and `override.d/`.
    pub fn start(overlay: &[(&str, &str)]) -> Peer {
        program("rspamd");
        let folder = Folder::new("peer");
        fs::create_dir(folder.join("overlay")).expect("the overlay folder");
        for (name, content) in overlay {
            folder.write(&format!("overlay/{name}"), content);
        }
        let base = free_ports(3);
        let mut command = Command::new(script());
        command
            .arg("up")
            .arg(folder.join("peer"))
            .arg(folder.join("overlay"))
            .env("PEER_PORT_BASE", base.to_string());
        let done = run(&mut command, b"");
        assert_eq!(done.code, 0, "the peer did not start: {}{}", done.stdout, done.stderr);
        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        Peer {
            milter: at(base),
            http: at(base + 1),
            folder,
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = run(Command::new(script()).arg("down").arg(self.folder.join("peer")), b"");
    }
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer/rspamd-peer")
}
