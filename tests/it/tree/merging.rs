//! Small trees, merged by us and by `rspamadm configdump`: the same settings in the same words.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value};
use torwart::config::rspamd::{self, Surroundings};
use torwart::config::ucl;

use crate::support::tools::{Folder, program, run};

/// A tree: its name, the files laid over the stock ones, and the sections that are compared.
struct Case {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    sections: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        name: "the stock tree",
        files: &[],
        sections: &[
            "options",
            "logging",
            "worker",
            "actions",
            "greylist",
            "multimap",
            "rbl",
            "redis",
            "composites",
            "classifier",
        ],
    },
    Case {
        name: "override.d over local.d over stock",
        files: &[
            ("local.d/actions.conf", "reject = 20;\nadd_header = 7;\n"),
            ("override.d/actions.conf", "reject = 30;\n"),
            ("local.d/greylist.conf", "timeout = 1min;\nexpire = 2d;\n"),
            ("override.d/greylist.conf", "expire = 3d;\n"),
            ("override.d/options.inc", "dns { timeout = 2s; }\n"),
            ("local.d/logging.inc", "level = \"error\";\n"),
        ],
        sections: &["actions", "greylist", "options", "logging"],
    },
    Case {
        name: "sections in the place of others",
        files: &[
            (
                "local.d/rbl.conf",
                "rbls { spamhaus { enabled = false; } mine { rbl = \"x.example\"; symbol = MINE; } }\n",
            ),
            ("override.d/mime_types.conf", "extension_map = { txt = \"text/plain\" }\n"),
        ],
        sections: &["rbl", "mime_types"],
    },
    Case {
        name: "lists in brackets",
        files: &[
            ("local.d/options.inc", "classify_headers = [\"X-Mine\"]\n"),
            ("local.d/once_received.conf", "bad_host = [\"pppoe\"]\ngood_host = [\"mx\"]\n"),
            ("override.d/milter_headers.conf", "use = [\"x-spamd-bar\"]\n"),
            ("local.d/milter_headers.conf", "use = [\"x-virus\", \"x-spam-level\"]\n"),
        ],
        sections: &["options", "once_received", "milter_headers"],
    },
    Case {
        name: "null",
        files: &[
            ("local.d/actions.conf", "greylist = null;\n"),
            (
                "local.d/composites.conf",
                "AUTH_NA { enabled = false; }\nMINE { expression = \"A & B\"; score = 1; }\n",
            ),
            ("override.d/greylist.conf", "whitelist_domains_url = null;\n"),
        ],
        sections: &["actions", "composites", "greylist"],
    },
    Case {
        name: "the same key twice in one file",
        files: &[
            (
                "local.d/worker-controller.inc",
                "secure_ip = \"192.0.2.1\";\nsecure_ip = \"192.0.2.2\";\n",
            ),
            (
                "local.d/worker-proxy.inc",
                "bind_socket = \"*:1\";\nbind_socket = \"/run/x.sock mode=0660\";\n",
            ),
            ("override.d/worker-normal.inc", "bind_socket = \"*:2\";\nbind_socket = \"*:3\";\n"),
        ],
        sections: &["worker"],
    },
    Case {
        name: "rspamd.conf.local and rspamd.conf.override",
        files: &[
            (
                "rspamd.conf.local",
                "greylist { timeout = 1min; sub { a = 1; } }\ngreylist { timeout = 2min; sub { b = 2; } }\n",
            ),
            ("rspamd.conf.override", "replies { expire = 7; }\n"),
            ("override.d/greylist.conf", "key_prefix = over;\ntimeout = 9;\n"),
        ],
        sections: &["greylist", "replies"],
    },
    Case {
        name: "sections of the main file said again",
        files: &[
            (
                "rspamd.conf.local",
                "options { max_message = 1000; dns { timeout = 2; } }\nactions { reject = 20; }\nlogging { level = error; }\n",
            ),
            ("rspamd.conf.local.override", "actions { reject = 21; }\n"),
        ],
        sections: &["options", "actions", "logging"],
    },
    Case {
        name: "several workers of one type, the old form too",
        files: &[(
            "rspamd.conf.local",
            "worker \"normal\" { bind_socket = \"*:12345\"; }\nworker { type = controller; bind_socket = \"*:11\"; }\n",
        )],
        sections: &["worker"],
    },
    Case {
        name: "groups in three places",
        files: &[
            (
                "local.d/headers_group.conf",
                "max_score = 12;\nsymbols { MISSING_TO { weight = 12; } RDNS_NONE { weight = 3; } }\n",
            ),
            ("local.d/groups.conf", "group \"mine\" { symbols { FOO { weight = 1; } } }\n"),
            ("override.d/surbl_group.conf", "symbols { DBL_SPAM { weight = 1; } }\n"),
        ],
        sections: &["group"],
    },
    Case {
        name: "the classifier is not merged",
        files: &[
            (
                "local.d/classifier-bayes.conf",
                "min_learns = 5;\nautolearn = true;\nstatfile { symbol = \"BAYES_HAM\"; spam = false; }\n",
            ),
            ("local.d/statistic.conf", "classifier \"bayes\" { min_tokens = 3; }\n"),
        ],
        sections: &["classifier"],
    },
    Case {
        name: "Redis for all and for one",
        files: &[
            (
                "local.d/redis.conf",
                "servers = \"127.0.0.1:6380\";\ngreylist { servers = \"127.0.0.1:6381\"; }\n",
            ),
            ("override.d/redis.conf", "servers = \"127.0.0.1:6379\";\npassword = \"x\";\n"),
            ("local.d/ratelimit.conf", "redis { db = 3; }\nservers = \"127.0.0.1:6382\";\n"),
        ],
        sections: &["redis", "ratelimit"],
    },
    Case {
        name: "templates and variables",
        files: &[
            (
                "local.d/greylist.conf",
                "{% if env.GREY == 'on' %}\ntimeout = {= env.WAIT | default(5) =};\n{% else %}\ntimeout = 1;\n{% endif %}\nmessage = \"$WORD at $HOSTNAME, ${WORD}\";\n",
            ),
            (
                "override.d/replies.conf",
                "{% if env.NOT_THERE %}expire = 1;{% else %}expire = 2;{% endif %}\n",
            ),
        ],
        sections: &["greylist", "replies"],
    },
    Case {
        name: "rules of modules",
        files: &[
            (
                "local.d/multimap.conf",
                "a { type = \"ip\"; map = \"$LOCAL_CONFDIR/a.map\"; score = 1; }\nfreemail_cc { score = 2; }\n",
            ),
            (
                "override.d/multimap.conf",
                "a { type = \"ip\"; map = \"$LOCAL_CONFDIR/b.map\"; }\nfreemail_to = null;\n",
            ),
            (
                "local.d/antivirus.conf",
                "clamav { servers = \"127.0.0.1:3310\"; symbol = \"CLAM\"; }\n",
            ),
            (
                "override.d/antivirus.conf",
                "clamav { action = \"reject\"; }\nsecond { type = \"clamav\"; }\n",
            ),
        ],
        sections: &["multimap", "antivirus"],
    },
];

/// What templates and strings of the trees find.
const ENVIRONMENT: [(&str, &str); 2] = [("RSPAMD_GREY", "on"), ("RSPAMD_WAIT", "99")];
const WORD: &str = "hello";

fn around(folder: &Path) -> Surroundings {
    Surroundings {
        folder: folder.to_owned(),
        variables: vec![("WORD".to_owned(), WORD.to_owned())],
        host: nix::unistd::gethostname().unwrap().into_string().unwrap(),
        process: ENVIRONMENT.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        ..Surroundings::default()
    }
}

/// What the peer reads.
fn dumped(folder: &Path) -> Map<String, Value> {
    let mut command = Command::new(program("rspamadm"));
    command.envs(ENVIRONMENT);
    for (name, value) in [
        ("CONFDIR", folder.to_str().unwrap()),
        ("LOCAL_CONFDIR", folder.to_str().unwrap()),
        ("WORD", WORD),
    ] {
        command.arg(format!("--var={name}={value}"));
    }
    let ran = run(command.args(["configdump", "-j", "-c"]).arg(folder.join("rspamd.conf")), b"");
    match serde_json::from_str(&ran.stdout) {
        Ok(Value::Object(dump)) => dump,
        other => panic!("rspamadm says {}: {other:?}", ran.stderr),
    }
}

/// Copies the tree that Debian's package installs.
pub fn stock_tree(folder: &Path) {
    let copied = run(Command::new(program("cp")).args(["-rT", "/etc/rspamd"]).arg(folder), b"");
    assert!(copied.stderr.is_empty(), "copy /etc/rspamd: {}", copied.stderr);
}

/// What differs, key by key.
fn difference(ours: &Value, theirs: &Value) -> String {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let keys: std::collections::BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
            let differing = keys.into_iter().filter(|key| ours.get(*key) != theirs.get(*key));
            differing
                .map(|key| {
                    format!(
                        ", {key}{}",
                        difference(ours.get(key).unwrap_or(&Value::Null), theirs.get(key).unwrap_or(&Value::Null))
                    )
                })
                .collect()
        }
        _ => format!("\n  theirs {theirs}\n  ours   {ours}"),
    }
}

/// Numbers as the peer prints them, without sentences for people and what `rspamadm` sets itself.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => format!("{:.4}", number.as_f64().unwrap()).into(),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(entries) => {
            let left_out = ["description", "check_all_filters", "learn_condition"];
            let known = entries
                .iter()
                .filter(|(key, value)| !left_out.contains(&key.as_str()) && !value.is_null());
            Value::Object(known.map(|(key, value)| (key.clone(), plain(value))).collect())
        }
        other => other.clone(),
    }
}

/// A section said several times as the peer's modules see it: key by key the last one, however deep it is.
fn joined(value: &Value) -> Value {
    match value {
        Value::Array(items) if items.iter().all(Value::is_object) => {
            let entries = items.iter().filter_map(Value::as_object).flatten();
            Value::Object(entries.map(|(key, value)| (key.clone(), value.clone())).collect())
        }
        other => other.clone(),
    }
}

#[test]
fn small_trees_are_merged_as_rspamadm_merges_them() {
    let mut wrong = String::new();
    for case in CASES {
        let folder = Folder::new("merging");
        stock_tree(folder.path());
        for (name, text) in case.files {
            folder.write(name, text);
        }
        let peer = dumped(folder.path());
        let around = around(folder.path());
        let disk = ucl::Disk::below(around.roots());
        let main = folder.join("rspamd.conf").display().to_string();
        let read = ucl::read(&main, &disk, &around.options()).unwrap_or_else(|report| panic!("{}: {report}", case.name));
        let said = ucl::to_json(&read.tree);
        let mut findings = Vec::new();
        let whole = rspamd::read(&around, &mut findings).unwrap_or_else(|| panic!("{}: {findings:?}", case.name));
        fs::remove_file(&main).unwrap();
        let over = rspamd::read(&around, &mut findings).unwrap_or_else(|| panic!("{}: {findings:?}", case.name));
        assert!(whole.main.is_some() && over.main.is_none());
        for section in case.sections {
            let theirs = plain(peer.get(*section).unwrap_or(&Value::Null));
            let mut compare = |what: &str, ours: &Value, theirs: &Value| {
                if ours != theirs {
                    writeln!(wrong, "{}: {section}, {what}{}", case.name, difference(ours, theirs)).unwrap();
                }
            };
            let ours = plain(said.get(section).unwrap_or(&Value::Null));
            // Groups and classifiers are shown by their names, joined.
            let ours_joined = if ["group", "classifier"].contains(section) {
                joined(&ours)
            } else {
                ours
            };
            compare("as it is said", &ours_joined, &theirs);
            if *section != "worker" {
                for (what, tree) in [("the whole tree", &whole), ("local files over the built-in settings", &over)] {
                    let ours = tree.raw.at([*section]).map(ucl::to_json).unwrap_or_default();
                    compare(what, &plain(&ours), &joined(&theirs));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The same key several times and one list are not the same to what is laid over them.
fn shape(value: &torwart::config::value::Value) -> Value {
    use torwart::config::value::Node;
    match &value.node {
        Node::Repeated(items) => Value::String(format!("{} times", items.len())),
        Node::List(items) => Value::String(format!("a list of {}", items.len())),
        Node::Table(table) => {
            let entries = table
                .iter()
                .filter(|entry| !["description", "learn_condition"].contains(&entry.key.as_str()));
            Value::Object(entries.map(|entry| (entry.key.clone(), shape(&entry.value))).collect())
        }
        _ => Value::String("a value".to_owned()),
    }
}

#[test]
fn the_built_in_settings_have_the_shape_of_the_package() {
    let folder = Folder::new("shape");
    stock_tree(folder.path());
    let around = around(folder.path());
    let mut findings = Vec::new();
    let whole = rspamd::read(&around, &mut findings).unwrap();
    fs::remove_file(folder.join("rspamd.conf")).unwrap();
    let over = rspamd::read(&around, &mut findings).unwrap();
    let (mut package, mut built_in) = (shape(&whole.raw), shape(&over.raw));
    for shape in [&mut package, &mut built_in] {
        let Value::Object(sections) = shape else {
            panic!("a tree is a table")
        };
        // Sections of later versions, those that hold nothing, and lines that name scripts.
        sections.retain(|name, inside| {
            !["lua", "modules"].contains(&name.as_str()) && inside.as_object().is_none_or(|inside| !inside.is_empty())
        });
    }
    assert!(package == built_in, "{}", difference(&built_in, &package));
}
