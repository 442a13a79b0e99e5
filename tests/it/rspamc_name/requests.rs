//! What is asked: as recorded, and as Debian's rspamc asks it now.

use super::{Bench, REPLY, Server, TINY, even_request, golden};

#[test]
fn recorded_requests_come_out_again() {
    let (bench, server) = (Bench::new(), Server::saying(REPLY));
    // Where the hash order of the recorded headers is ours as well, every byte is compared.
    for (name, line, whole) in [
        ("scan-file.txt", "msgs/tiny.eml", true),
        ("symbols.txt", "symbols msgs/tiny.eml", true),
        ("scan-stdin.txt", "", true),
        ("empty.txt", "-E", true),
        ("stat.txt", "stat", true),
        ("stat-reset.txt", "stat_reset", true),
        ("counters.txt", "counters", true),
        ("uptime.txt", "uptime", true),
        ("learn-spam.txt", "learn_spam msgs/tiny.eml", true),
        ("learn-ham.txt", "-c bayes -P pw learn_ham msgs/tiny.eml", true),
        ("ua.txt", "-U myagent msgs/tiny.eml", true),
        (
            "fuzzy-add.txt",
            "-f 11 -w 5 --skip-images --skip-attachments fuzzy_add msgs/tiny.eml",
            false,
        ),
        ("fuzzy-add-sym.txt", "-S LOCAL_FUZZY_DENIED -w 5 fuzzy_add msgs/tiny.eml", false),
        ("fuzzy-del.txt", "-f 11 fuzzy_del msgs/tiny.eml", false),
        ("fuzzy-delhash.txt", "-f 11 fuzzy_delhash aabbcc ddeeff", false),
        (
            "scan-opts.txt",
            "-i 192.0.2.4 -F from@example.org -r a@example.com -r b@example.com --helo helo.example.org \
             --hostname host.example.org -u authu -d deliver@example.com -p -P secret --extended-urls --profile --header X-A=1 \
             --header Settings-Id=abc --raw msgs/tiny.eml",
            false,
        ),
        ("zstd.bin", "-z msgs/tiny.eml", false),
    ] {
        let recorded = golden(&format!("rspamc-request-{name}"));
        let begin = recorded.iter().position(|b| *b == b'\n').unwrap() + 1;
        let recorded = recorded[begin..].strip_suffix(b"\n").unwrap();
        let address = server.address.to_string();
        let words: Vec<&str> = ["-h", &address].into_iter().chain(line.split_whitespace()).collect();
        bench.ours(&words, TINY);
        let asked = server.take().remove(0);
        assert_eq!(even_request(&asked), even_request(recorded), "{name}");
        if whole {
            assert_eq!(String::from_utf8_lossy(&asked), String::from_utf8_lossy(recorded), "{name}");
        }
    }
}

#[test]
fn debians_rspamc_asks_the_same() {
    let (bench, server) = (Bench::new(), Server::saying(REPLY));
    bench.folder.write("pw", "secret");
    bench.folder.write("packed.eml", zstd::bulk::compress(TINY, 3).unwrap());
    bench.folder.write("empty.eml", "");
    for line in [
        "msgs/tiny.eml -p -f 0x10 -w -3",
        "-P ./pw stat",
        "stat --password=./absent",
        "-z stat",
        "-z -E",
        "-z fuzzy_delhash aa",
        "-z -D msgs/tiny.eml msgs/gtube.eml",
        "packed.eml",
        "empty.eml",
        "-E msgs/tiny.eml",
        "stat msgs/tiny.eml",
        "fuzzy_delhash",
        "-i localhost --header A=b --header C:d=e --header F --header A=c msgs/tiny.eml",
        "--header User-Agent=zz msgs/tiny.eml",
        "CHECK msgs/tiny.eml",
        "report -n 1 msgs/tiny.eml msgs/gtube.eml",
    ] {
        bench.both(&server, line, b"");
    }
}

#[test]
fn newer_options_are_sent_too() {
    let (bench, server) = (Bench::new(), Server::saying(REPLY));
    let address = server.address.to_string();
    bench.folder.write("list", "msgs/tiny.eml\n\nmsgs/gtube.eml\n");
    let line = [
        "-h",
        &address,
        "--queue-id",
        "Q",
        "--log-tag",
        "T",
        "--settings",
        "{\"a\":1}",
        "--files-list",
        "list",
        "-n",
        "1",
    ];
    let ran = bench.ours(&line, b"");
    let asked = server.take();
    assert_eq!((ran.code, asked.len()), (0, 2), "{ran:?}");
    let text = String::from_utf8_lossy(&asked[0]).into_owned();
    for header in [
        "\r\nQueue-ID: Q\r\n",
        "\r\nLog-Tag: T\r\n",
        "\r\nSettings: {\"a\":1}\r\n",
        "\r\nFilename: msgs/tiny.eml\r\n",
    ] {
        assert!(text.contains(header), "{text}");
    }
    let ran = bench.ours(&["-h", &address, "learn_class:work", "msgs/tiny.eml"], b"");
    let text = String::from_utf8_lossy(&server.take()[0]).into_owned();
    assert!(
        ran.code == 0 && text.starts_with("POST /learnclass ") && text.contains("\r\nClass: work\r\n"),
        "{text}"
    );
    let ran = bench.ours(
        &[
            "-h",
            &address,
            "--protocol-v3",
            "--metadata-header",
            "X=y",
            "-F",
            "a@b",
            "msgs/tiny.eml",
        ],
        b"",
    );
    let text = String::from_utf8_lossy(&server.take()[0]).into_owned();
    assert!(
        text.starts_with("POST /checkv3 ") && text.contains(r#""headers":{"X":"y"}"#),
        "{text}"
    );
    assert!(ran.stdout.contains("Action: add header\n"), "{ran:?}");
}
