//! Both programs against our own daemon.

use super::{Bench, even};
use crate::support::filter::{Settings, Torwart};
use crate::support::tools::program;

#[test]
fn both_say_the_same_of_our_daemon() {
    let (bench, torwart) = (Bench::new(), Torwart::start());
    let (scan, control) = (torwart.http.to_string(), torwart.controller.to_string());
    for (address, line) in [
        (&scan, "-i 192.0.2.1 -F a@example.org -r b@example.org msgs/gtube.eml"),
        (&scan, "--extended-urls -p msgs/tiny.eml"),
        (&scan, "-z msgs/tiny.eml"),
        (&control, "msgs/tiny.eml"),
        (&control, "counters"),
    ] {
        let words: Vec<&str> = ["-h", address].into_iter().chain(line.split(' ')).collect();
        let (real, ours) = (bench.run(program("rspamc"), &words, b""), bench.ours(&words, b""));
        assert_eq!((ours.code, even(&ours.stdout)), (real.code, even(&real.stdout)), "{line}");
        assert!(ours.stdout.starts_with("Results for "), "{ours:?}");
    }
    let stat = bench.ours(&["-h", &control, "stat"], b"");
    assert!(stat.code == 0 && stat.stdout.contains("\nMessages treated as spam: "), "{stat:?}");
    let uptime = bench.ours(&["-h", &control, "uptime"], b"");
    assert!(uptime.code == 0 && uptime.stdout.contains("\nUptime: "), "{uptime:?}");
    let wrong = bench.ours(&["-h", &scan, "learn_spam", "msgs/tiny.eml"], b"");
    assert!(
        wrong.code == 1 && wrong.stdout.contains("\nHTTP error: 500, invalid command\n"),
        "{wrong:?}"
    );
}

#[test]
fn both_speak_sealed_with_our_daemon() {
    let keys = "keypair = \"aeadbmk4mac1z891mbkshbaitth3rkei6g59wq193pq338tfsgty\"\nencrypted_only = true\n";
    let settings = Settings {
        http: keys.to_owned(),
        ..Settings::default()
    };
    let (bench, torwart) = (Bench::new(), Torwart::with(settings));
    let scan = torwart.http.to_string();
    let key = "a9pdcyyirq1y7sd4ff33zbuywa17mhu3uzyb8btn4j8ef14sszzy";
    let words = ["-h", &scan, "--key", key, "-i", "192.0.2.1", "msgs/gtube.eml"];
    let (real, ours) = (bench.run(program("rspamc"), &words, b""), bench.ours(&words, b""));
    assert_eq!((ours.code, even(&ours.stdout)), (real.code, even(&real.stdout)));
    assert!(ours.code == 0 && ours.stdout.contains("Action: "), "{ours:?}");
    let clear = bench.ours(&["-h", &scan, "msgs/gtube.eml"], b"");
    assert_eq!(clear.code, 0, "who asks from this machine need not seal: {clear:?}");
}
