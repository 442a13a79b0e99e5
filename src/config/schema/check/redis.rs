//! `[redis]`, `[redis.MODULE]` and `store.kind`: addresses, names of modules, and what needs what.

use super::super::redis::KEEPING;
use super::super::{MODULES, Redis, RedisAddress, StoreKind};
use super::Check;
use crate::base::suggest::nearest;
use crate::config::report::Diagnostic;
use crate::config::value::Place;

impl Check<'_> {
    pub(super) fn redis(&mut self) {
        let redis = &self.config.redis;
        if !self.sound("redis") {
            return;
        }
        if self.config.store.kind == StoreKind::Redis && !redis.is_set() && self.sound("store") {
            let help = "add `servers = [\"127.0.0.1:6379\"]` (or `sentinels`) under [redis], or take `kind` out";
            self.error("store.kind", "what is remembered is to lie in Redis, but no server is named", help);
        }
        self.one_redis(None, redis);
        for (module, settings) in &redis.modules {
            let place = self.config.tree.place_at(&["redis", module]);
            if self.keeps(module, place, "[redis.", "]") {
                self.one_redis(Some(module), settings);
            }
        }
        for (at, module) in redis.not_for.iter().enumerate() {
            self.keeps(module, self.place(&format!("redis.not_for.{at}")), "`", "` in `not_for`");
        }
    }

    /// True if a module of that name keeps something.
    fn keeps(&mut self, module: &str, place: Option<Place>, before: &str, behind: &str) -> bool {
        if KEEPING.contains(&module) {
            return true;
        }
        let shown = module.escape_debug();
        if MODULES.contains(&module) && module != "history_redis" {
            let warning = Diagnostic::warning(format!(
                "{before}{shown}{behind} has no effect: that module keeps nothing in a store"
            ));
            self.findings.push(warning.at(place));
            return false;
        }
        let error = Diagnostic::error(format!("no module that keeps something is called `{shown}`")).at(place);
        let near = match module {
            "history_redis" => Some("history"),
            other => nearest(other, KEEPING.iter().copied()),
        };
        self.findings.push(match near {
            Some(name) => error.help(format!("did you mean `{name}`?")),
            None => error.help(format!("valid here: {}", KEEPING.join(", "))),
        });
        false
    }

    fn one_redis(&mut self, module: Option<&str>, settings: &Redis) {
        let tree = &self.config.tree;
        // What a module inherits is looked at where it was written.
        let place = |key: &str| match module {
            Some(module) => tree.place_at(&["redis", module, key]),
            None => tree.place_at(&["redis", key]),
        };
        let own = |key: &str| module.is_none() || place(key).is_some();
        let mut found = Vec::new();
        for (key, at, text) in settings.addresses().filter(|(key, ..)| own(key)) {
            let number = at.to_string();
            let path = match module {
                Some(module) => vec!["redis", module, key, &number],
                None => vec!["redis", key, &number],
            };
            if let Err(problem) = RedisAddress::parse(text, 6379) {
                let help = "write \"host:port\", \"[::1]:6379\" or \"unix:/run/redis/redis.sock\"";
                found.push(Diagnostic::error(problem).at(tree.place_at(&path)).help(help));
            }
        }
        if own("timeout") && settings.timeout.is_zero() {
            let error = Diagnostic::error("`timeout` leaves no time at all").at(place("timeout"));
            found.push(error.help("set a time above zero"));
        }
        let none = |path: &std::path::Path| path.as_os_str().is_empty();
        if none(&settings.tls_cert) != none(&settings.tls_key) && (own("tls_cert") || own("tls_key")) {
            let error = Diagnostic::error("a certificate needs its key, and a key its certificate");
            let error = error.at(place("tls_cert").or_else(|| place("tls_key")));
            found.push(error.help("set both `tls_cert` and `tls_key`, or neither"));
        }
        if !settings.user.is_empty() && settings.password.is_empty() && own("user") {
            let warning = Diagnostic::warning("`user` is set, but no `password`").at(place("user"));
            found.push(warning.help("a user without a password is let in by few servers"));
        }
        if !settings.write_servers.is_empty() && settings.servers.is_empty() && own("write_servers") {
            let error = Diagnostic::error("`write_servers` alone name nobody to read from").at(place("write_servers"));
            found.push(error.help("if they do both, call them `servers`"));
        }
        if !settings.sentinels.is_empty() && !settings.servers.is_empty() && (own("sentinels") || own("servers")) {
            let warning = Diagnostic::warning("`servers` have no effect: the sentinels say where they are").at(place("servers"));
            found.push(warning.help("leave out one of `servers` and `sentinels`"));
        }
        if settings.tls_insecure && settings.tls && own("tls_insecure") {
            let warning = Diagnostic::warning("with `tls_insecure` anybody between here and the server can read and change everything");
            found.push(warning.at(place("tls_insecure")).help("name the signer in `tls_ca` instead"));
        }
        self.findings.extend(found);
    }
}
