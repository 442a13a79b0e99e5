//! Listeners that cannot be together, and a controller that anybody could use.

use super::super::{Address, ControllerListener};
use super::Check;
use crate::config::report::Diagnostic;

impl Check<'_> {
    pub(super) fn listeners(&mut self) {
        if self.sound("listen") {
            self.somewhere();
            self.twice();
            self.orders();
        }
        let listen = &self.config.listen;
        let (keypair, only) = (&listen.http.keypair, listen.http.encrypted_only);
        if !keypair.is_empty() && !keypair.is_key() {
            let help = "give the private key in rspamd's base32: 52 letters";
            self.error("listen.http.keypair", "the key pair is no key", help);
        } else if only && keypair.is_empty() {
            let help = "set listen.http.keypair, or leave encrypted_only out";
            self.error(
                "listen.http.encrypted_only",
                "only encrypted requests are wanted, but there is no key to decrypt them",
                help,
            );
        }
        self.passwords("listen.controller", &listen.controller);
        for (name, named) in &listen.controller.named {
            self.passwords(&format!("listen.controller.{name}"), named);
        }
    }

    fn lists(&self) -> [(&'static str, &'static str, &[Address]); 4] {
        let listen = &self.config.listen;
        [
            ("listen.milter.sockets", "the milter listener", &listen.milter.sockets),
            ("listen.http.sockets", "the http listener", &listen.http.sockets),
            ("listen.controller.sockets", "the controller", &listen.controller.sockets),
            ("listen.control.sockets", "the control socket", &listen.control.sockets),
        ]
    }

    fn somewhere(&mut self) {
        let [lists @ .., _orders] = self.lists();
        if lists.iter().all(|(_, _, addresses)| addresses.is_empty()) {
            self.error(
                "listen.milter.sockets",
                "nothing to listen on: every list of sockets is empty",
                "give at least one listener an address",
            );
        }
    }

    /// The same address at two listeners; what else collides, the system finds out when it is bound.
    fn twice(&mut self) {
        let listed: Vec<(String, &str, &Address)> = self
            .lists()
            .into_iter()
            .flat_map(|(path, who, addresses)| {
                addresses
                    .iter()
                    .enumerate()
                    .map(move |(at, address)| (format!("{path}.{at}"), who, address))
            })
            .collect();
        let mut seen: std::collections::HashMap<String, (String, &str)> = std::collections::HashMap::new();
        let mut found = Vec::new();
        for (path, who, address) in listed {
            let key = match address {
                Address::Tcp { port: 0, .. } | Address::AnyTcp { port: 0 } => continue,
                Address::Unix { path, .. } => path.display().to_string(),
                other => other.to_string(),
            };
            match seen.get(&key) {
                None => {
                    seen.insert(key, (path, who));
                }
                Some((first, owner)) => {
                    let (place, other) = (self.place(&path), self.place(first));
                    let error = Diagnostic::error(format!("{who} and {owner} cannot share the address {address}"));
                    let error = match place {
                        Some(place) => error.at(place).also(other, "taken here"),
                        None => error.at(other),
                    };
                    found.push(error.help("give each address to one listener"));
                }
            }
        }
        self.findings.extend(found);
    }

    /// Whoever reaches a control socket gives orders, and no password is asked there.
    fn orders(&mut self) {
        let sockets = &self.config.listen.control.sockets;
        let exposed = sockets
            .iter()
            .position(|s| !matches!(s, Address::Unix { .. } | Address::Systemd { .. }));
        if let Some(at) = exposed {
            self.error(
                &format!("listen.control.sockets.{at}"),
                "orders are taken from unix sockets only",
                "write \"unix:/path?mode=0600\"",
            );
        }
    }

    fn passwords(&mut self, table: &str, controller: &ControllerListener) {
        let both = [("password", &controller.password), ("write_password", &controller.write_password)];
        let mut usable = false;
        let mut complaints = Vec::new();
        for (key, password) in both {
            let path = format!("{table}.{key}");
            match password.unusable() {
                None => usable = true,
                Some("") => (),
                Some(why) => complaints.push((path, format!("`{key}` {why}"))),
            }
        }
        let exposed = controller.sockets.iter().enumerate().find(|(_, address)| !address.is_local());
        let make = "make a hash with `torwart password` and set it here";
        let Some((at, address)) = exposed else {
            for (path, message) in complaints {
                self.warn(&path, message, make);
            }
            return;
        };
        let place = self.place(&format!("{table}.sockets.{at}"));
        if usable || !self.sound(table) {
            for (path, message) in complaints {
                self.warn(&path, message, make);
            }
        } else {
            let message = format!("the controller listens on {address}, beyond this machine, without a usable password");
            let mut error = Diagnostic::error(message).at(place.clone()).label("reachable from outside");
            for (path, why) in complaints {
                error = error.also(self.place(&path), why);
            }
            self.findings
                .push(error.help(format!("make a hash with `torwart password` and set it as `password` in [{table}]")));
        }
        if let Some((at, _)) = controller.trusted.iter().enumerate().find(|(_, network)| network.is_everything()) {
            let warning = Diagnostic::warning("everybody is trusted: whoever reaches the controller needs no password");
            let warning = warning
                .at(self.place(&format!("{table}.trusted.{at}")))
                .also(place, "reachable from outside");
            self.findings.push(warning.help("name the networks of the administrators"));
        }
    }
}
