//! Values that the type allows and the meaning does not: no time at all, a header name with a blank, an answer of two lines.

use std::net::{IpAddr, SocketAddr};

use super::Check;

impl Check<'_> {
    pub(super) fn values(&mut self) {
        self.times();
        self.limits();
        self.texts();
        self.files();
        self.servers();
    }

    fn times(&mut self) {
        let config = self.config;
        let milter = &config.listen.milter;
        for (path, time) in [
            ("scan.timeout", config.scan.timeout),
            ("dns.timeout", config.dns.timeout),
            ("listen.milter.idle_timeout", milter.idle_timeout),
            ("listen.milter.packet_timeout", milter.packet_timeout),
            ("listen.milter.message_timeout", milter.message_timeout),
            ("listen.http.io_timeout", config.listen.http.io_timeout),
        ] {
            if time.is_zero() {
                self.error(path, format!("`{path}` leaves no time at all"), "set a time above zero");
            }
        }
        if milter.packet_timeout > milter.message_timeout && self.sound("listen.milter") {
            let help = "a packet is part of a message: give the message more time";
            self.error(
                "listen.milter.packet_timeout",
                "`packet_timeout` is longer than `message_timeout`",
                help,
            );
        }
    }

    fn limits(&mut self) {
        let scan = &self.config.scan;
        if scan.max_message.0 == 0 {
            self.error(
                "scan.max_message",
                "no message is small enough for a limit of zero",
                "set a size such as \"50MiB\"",
            );
        }
        if scan.max_recipients == 0 {
            self.error(
                "scan.max_recipients",
                "rules must see at least one recipient",
                "set a number above 0",
            );
        }
        if self.config.store.max_size.0 == 0 {
            self.error(
                "store.max_size",
                "a store of size zero keeps nothing",
                "set a size such as \"2GiB\"",
            );
        }
    }

    /// Texts that go to the other side word for word.
    fn texts(&mut self) {
        let milter = &self.config.listen.milter;
        let answers = [
            ("reject_text", &milter.reject_text),
            ("tempfail_text", &milter.tempfail_text),
            ("quarantine_text", &milter.quarantine_text),
        ];
        for (key, text) in answers {
            let path = format!("listen.milter.{key}");
            if text.trim().is_empty() {
                self.error(&path, format!("`{key}` is empty"), "the sender is owed a word");
            } else if text.contains(|c: char| c.is_control()) {
                self.error(
                    &path,
                    format!("`{key}` holds a line break or another control character"),
                    "an answer is one line",
                );
            } else if text.len() > 400 {
                self.error(
                    &path,
                    format!("`{key}` has {} bytes", text.len()),
                    "an SMTP answer takes 400 at most",
                );
            }
        }
        let subject = &self.config.actions.rewrite_subject.subject;
        if subject.contains(|c: char| c.is_control()) {
            let path = if self.place("actions.rewrite_subject.subject").is_some() {
                "actions.rewrite_subject.subject"
            } else {
                "actions.rewrite_subject"
            };
            self.error(
                path,
                "the subject holds a line break or another control character",
                "a Subject is one line",
            );
        }
        let header = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        let help = "a name has letters, digits and hyphens, no blank and no colon";
        if !header(&milter.spam_header) {
            self.error("listen.milter.spam_header", "this is no name of a header", help);
        }
        for (at, _) in milter.remove_headers.iter().enumerate().filter(|(_, name)| !header(name)) {
            self.error(&format!("listen.milter.remove_headers.{at}"), "this is no name of a header", help);
        }
        for (name, composite) in &self.config.composites {
            if composite.expression.trim().is_empty() {
                let error = crate::config::Diagnostic::error("the expression is empty");
                self.findings
                    .push(error.at(self.config.tree.place_at(&["composites", name, "expression"])));
            }
        }
    }

    fn files(&mut self) {
        let tls = &self.config.listen.http.tls;
        let none = |path: &std::path::Path| path.as_os_str().is_empty();
        if none(&tls.cert) != none(&tls.key) && self.sound("listen.http.tls") {
            self.error(
                "listen.http.tls",
                "a certificate needs its key, and a key its certificate",
                "set both `cert` and `key`, or neither",
            );
        }
        if self.config.log.target == super::super::LogTarget::File && none(&self.config.log.file) {
            self.error("log.file", "the log goes to a file, but none is named", "set `file`");
        }
        let paths = &self.config.paths;
        for (path, folder) in [
            ("paths.state", &paths.state),
            ("paths.run", &paths.run),
            ("store.path", &self.config.store.path),
        ] {
            if !none(folder) && folder.is_relative() {
                self.error(
                    path,
                    format!("`{path}` does not begin with `/`"),
                    "a daemon has no folder of its own to start from",
                );
            }
        }
    }

    fn servers(&mut self) {
        for (at, server) in self.config.dns.servers.iter().enumerate() {
            if server.parse::<IpAddr>().is_err() && server.parse::<SocketAddr>().is_err() {
                let message = format!("`{}` is no address of a name server", server.escape_debug());
                self.error(&format!("dns.servers.{at}"), message, "write \"127.0.0.1:53\" or \"[::1]:53\"");
            }
        }
    }
}
