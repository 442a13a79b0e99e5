//! What is printed: as recorded, and as Debian's rspamc prints it now.

use super::{Bench, REPLY, Server, even, golden};
use crate::support::tools::program;
use std::process::Command;

/// The part of a recording between two of its marks.
fn part(text: &str, from: &str, to: &str) -> String {
    let begin = text.find(from).unwrap() + from.len();
    text[begin..][..text[begin..].find(to).unwrap()].to_owned()
}

#[test]
fn recorded_reports_come_out_again() {
    let bench = Bench::new();
    let compact = String::from_utf8(golden("rspamc-output-compact.txt")).unwrap();
    let reply = part(&compact, "# ---- stdout ----\n", ",\"filename\"") + "}";
    let gtube = Server::saying(&reply);
    let fuzzy = Server::raw("HTTP/1.1 404 Unknown or missing flag\r\nContent-Length: 2\r\n\r\n{}");
    let learned = Server::raw("HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"success\":true}");
    let again = r#"{"error":"<ham-0001@example.org> has been already learned as ham, ignore it"}"#;
    let again = Server::raw(format!("HTTP/1.1 208 x\r\nContent-Length: {}\r\n\r\n{again}", again.len()));
    bench.folder.write("msgs/ham.eml", "A: b\n\nc\n");
    let closed = crate::support::tools::free_port();
    let closed = format!("127.0.0.1:{closed}");
    for (name, server, line) in [
        ("scan-gtube", Some(&gtube), "msgs/gtube.eml"),
        ("json", Some(&gtube), "-j msgs/gtube.eml"),
        ("compact", Some(&gtube), "-j --compact msgs/gtube.eml"),
        ("compact2", Some(&gtube), "--compact msgs/gtube.eml"),
        ("ucl", Some(&gtube), "--ucl msgs/gtube.eml"),
        ("fuzzy-noflag", Some(&fuzzy), "fuzzy_add msgs/ham.eml"),
        ("learn-ham", Some(&learned), "learn_ham msgs/ham.eml"),
        ("learn-ham2", Some(&again), "learn_ham msgs/ham.eml"),
        ("learn-json", Some(&again), "-j learn_ham msgs/ham.eml"),
        ("exec", Some(&gtube), "-e cat -n msgs/gtube.eml"),
        ("exec-fail", Some(&gtube), "-e false msgs/gtube.eml"),
        ("refused", None, "msgs/gtube.eml"),
        ("nofile", None, "msgs/none.eml"),
        ("badopt", None, "--nosuch"),
        ("cmdtypo", None, "learn_spamm"),
        ("add-symbol", None, "add_symbol FOO 1.0"),
    ] {
        let recorded = String::from_utf8(golden(&format!("rspamc-output-{name}.txt"))).unwrap();
        let address = server.map_or(closed.clone(), |s| s.address.to_string());
        let mut words = vec!["-h", &address];
        match line.strip_prefix("-e cat -n") {
            Some(rest) => words.extend(["-e", "cat -n", rest.trim()]),
            None => words.extend(line.split(' ')),
        }
        let ran = bench.ours(&words, b"");
        assert_eq!(
            even(&ran.stdout),
            even(&part(&recorded, "# ---- stdout ----\n", "# ---- stderr")),
            "{name}"
        );
        assert_eq!(ran.stderr, part(&recorded, "# ---- stderr ----\n", "# ---- exit"), "{name}");
        assert_eq!(
            format!("{}\n", ran.code),
            part(&recorded, "# ---- exit code: ", "\n") + "\n",
            "{name}"
        );
    }
}

#[test]
fn debians_rspamc_prints_the_same_of_scans() {
    let bench = Bench::new();
    bench.folder.write("mac.eml", "A: b\rB: c\r\rx\r");
    bench.folder.write("plain", "no headers");
    let rewritten = format!("{REPLY}A: new\n\nbody");
    let rewritten = Server::raw(format!(
        "HTTP/1.1 200 OK\r\nMessage-Offset: {}\r\nContent-Length: {}\r\n\r\n{rewritten}",
        REPLY.len(),
        rewritten.len()
    ));
    for (server, is_rewritten) in [(Server::saying(REPLY), false), (rewritten, true)] {
        for line in [
            "msgs/gtube.eml",
            "--sort=name:asc msgs/gtube.eml",
            "--sort score msgs/gtube.eml",
            "--sort score:asc msgs/gtube.eml",
            "--sort weight msgs/gtube.eml",
            "--sort NAME msgs/gtube.eml",
            "--extended-urls msgs/gtube.eml",
            "--extended-urls --compact msgs/gtube.eml",
            "-j msgs/gtube.eml",
            "--ucl msgs/gtube.eml",
            "-j --ucl msgs/gtube.eml",
            "-m msgs/gtube.eml",
            "-m -j msgs/gtube.eml",
            "-m --ucl msgs/tiny.eml",
            "-m --compact msgs/tiny.eml",
            "-m --headers mac.eml",
            "-m plain",
            "-m learn_spam msgs/tiny.eml",
            "learn_spam msgs/tiny.eml msgs/gtube.eml -n 1",
            "-v -b nowhere msgs/gtube.eml",
            "-e true msgs/gtube.eml",
            "-e nosuchprogram msgs/gtube.eml",
        ] {
            // Debian's prints some bytes of its memory behind a rewritten message whose lines end otherwise.
            if !(is_rewritten && line.starts_with("-m")) {
                bench.both(&server, line, b"");
            }
        }
    }
}

#[test]
fn debians_rspamc_prints_the_same_of_whatever_a_scan_says() {
    let bench = Bench::new();
    for reply in [
        r#"{"action":"soft_reject","score":1,"required_score":null}"#,
        r#"{"action":"discard","required_score":4}"#,
        r#"{"score":"1","required_score":"4","symbols":{"A":{"options":[]},"B":5,"C":{"score":2.345}}}"#,
        r#"{"action":"greylist","messages":{"a":true,"o":{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx":"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}}}"#,
        r#"{"action":"reject","score":40.0,"required_score":4,"queue-id":"Q","error":"bad","profile":{"a":1.25,"b":200.5,"c":3}}"#,
        r#"{"dkim-signature":["v=1","v=2"],"urls":[],"emails":[{"a":1}]}"#,
        "[1,{\"a\":[]}]",
        "{}",
    ] {
        let server = Server::saying(reply);
        for line in [
            "msgs/tiny.eml",
            "-j msgs/tiny.eml",
            "--ucl msgs/tiny.eml",
            "-m msgs/gtube.eml",
            "learn_ham msgs/tiny.eml",
        ] {
            bench.both(&server, line, b"");
        }
    }
}

#[test]
fn debians_rspamc_prints_the_same_of_counters() {
    let bench = Bench::new();
    let stat = Server::saying(
        r#"{"scanned":5,"learned":2,"actions":{"reject":1,"foo":4},"spam_count":1,"ham_count":4,"connections":1,"scan_times":[0.5,null,1],
        "statfiles":[{"revision":4,"used":3,"total":10,"size":100,"symbol":"S","type":"redis","languages":1,"users":2,"label":"lab"},
        {"used":0,"total":0,"symbol":"H","type":"x"}],"fuzzy_hashes":{"local":3,"x":5},"total_learns":7}"#,
    );
    let counters = Server::saying(
        r#"[{"symbol":"BBBBBBBBBBBBBBB","weight":-21.5,"frequency":1234.5678,"hits":1234567890,"frequency_stddev":12.5},
        {"symbol":"A","weight":1.5,"frequency":0.5,"hits":10},{"symbol":"C","weight":0.04,"frequency":0.25,"hits":0}]"#,
    );
    for line in [
        "stat",
        "STAT_RESET",
        "stat -j",
        "stat --compact",
        "stat --ucl",
        "-m stat",
        "counters",
        "-e cat stat",
    ] {
        bench.both(&stat, line, b"");
    }
    for line in [
        "counters",
        "counters --sort weight",
        "counters --sort hits:asc",
        "counters --sort name:asc",
        "counters -j",
        "stat",
    ] {
        bench.both(&counters, line, b"");
    }
    bench.both(&Server::saying("[]"), "counters", b"");
    bench.both(&Server::saying("{}"), "stat", b"");
    bench.both(&Server::saying("{}"), "uptime", b"");
    let uptime = bench.ours(
        &[
            "-h",
            &Server::saying(r#"{"version":"3.4","uptime":197}"#).address.to_string(),
            "uptime",
        ],
        b"",
    );
    assert!(
        uptime
            .stdout
            .ends_with("\nRspamd version: 3.4\nUptime: 0 hour 3 minutes 17 seconds\n\n"),
        "{uptime:?}"
    );
}

#[test]
fn folders_are_walked_alike() {
    let (bench, server) = (Bench::new(), Server::saying(REPLY));
    for name in ["d/1.eml", "d/e/2.txt", "d/.h/3.eml", "d/.4.eml"] {
        bench.folder.write(name, "A: b\n\nc\n");
    }
    std::os::unix::fs::symlink("1.eml", bench.folder.join("d/link.eml")).unwrap();
    for (exclude, files) in [("", 2), ("*.txt", 1), ("d/e", 1), ("1*", 2), ("*", 0)] {
        let address = server.address.to_string();
        let files_of = |program| {
            let ran = bench.run(program, &["-h", &address, "-j", "--exclude", exclude, "d"], b"");
            assert_eq!(ran.code, 0, "{ran:?}");
            let mut names: Vec<String> = ran.stdout.lines().filter(|l| l.contains("filename")).map(str::to_owned).collect();
            names.sort();
            names
        };
        let ours = files_of(bench.folder.join("bin/rspamc"));
        assert_eq!(ours, files_of(program("rspamc")), "{exclude}");
        assert_eq!(ours.len(), files, "{exclude}");
    }
}

#[test]
fn a_terminal_sees_the_same_colours() {
    let bench = Bench::new();
    for action in ["reject", "no action", "greylist", "add header", "discard"] {
        let server = Server::saying(&REPLY.replace("add header", action));
        let seen = |program: &std::path::Path| {
            let line = format!("{} -h {} msgs/tiny.eml", program.display(), server.address);
            let mut script = Command::new(crate::support::tools::program("script"));
            script.args(["-qec", &line, "/dev/null"]).current_dir(bench.path());
            even(&crate::support::tools::run(&mut script, b"").stdout)
        };
        let ours = seen(&bench.folder.join("bin/rspamc"));
        assert_eq!(ours, seen(&program("rspamc")));
        assert!(ours.contains("\u{1b}["), "{ours:?}");
    }
}

#[test]
fn what_only_newer_ones_print() {
    let (bench, server) = (Bench::new(), Server::saying(REPLY));
    let address = server.address.to_string();
    let human = bench.ours(&["-h", &address, "--human", "msgs/tiny.eml"], b"");
    assert!(human.code == 0 && human.stdout.contains("\n  2.5 MISSING_MID"), "{human:?}");
    let body = format!("{REPLY}new");
    let rewritten = Server::raw(format!("HTTP/1.1 200 OK\r\nMessage-Offset: {}\r\n\r\n{body}", REPLY.len()));
    let ran = bench.ours(
        &["-h", &rewritten.address.to_string(), "--output-body", "out", "msgs/tiny.eml"],
        b"",
    );
    assert!(ran.code == 0 && !ran.stdout.contains("New body"), "{ran:?}");
    assert_eq!(std::fs::read(bench.folder.join("out")).unwrap(), b"new");
    for (args, said) in [
        (&["--msgpack"][..], "--msgpack is not supported"),
        (&["--settings", "{"], "option parsing failed: Invalid JSON/UCL in settings: "),
    ] {
        let ran = bench.ours(args, b"");
        assert!(ran.code == 1 && ran.stderr.starts_with(said) && ran.stdout.is_empty(), "{ran:?}");
    }
    let subcommand = Command::new(env!("CARGO_BIN_EXE_torwart"))
        .args(["rspamc", "-h", &address, "--help"])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&subcommand.stdout).contains("--connect"), "{subcommand:?}");
}
