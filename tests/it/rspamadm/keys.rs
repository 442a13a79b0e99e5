//! Key pairs, signatures and DKIM keys: what one side makes the other takes.

use super::Links;
use crate::support::tools::{program, run};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[test]
fn each_takes_the_others_signatures() {
    let links = Links::new();
    links.0.write("text", "to be signed");
    for (makes, file) in [(true, "ours.conf"), (false, "theirs.conf")] {
        let words = ["keypair", "-s", "-o", file];
        let made = if makes { links.ours(&words) } else { links.theirs(&words) };
        assert_eq!((made.code, made.stderr.as_str()), (0, ""));
        for (key, value) in [("sign", true), ("sign", false)] {
            let words = ["keypair", key, "-k", file, "text"];
            let signed = if value { links.ours(&words) } else { links.theirs(&words) };
            assert_eq!(signed.code, 0, "{signed:?}");
            let words = ["keypair", "verify", "-k", file, "text"];
            let (ours, theirs) = (links.ours(&words), links.theirs(&words));
            assert_eq!((ours.code, &ours.stdout), (0, &theirs.stdout), "{ours:?}");
        }
    }
    let words = ["keypair", "verify", "-k", "ours.conf", "text"];
    let (ours, theirs) = (links.ours(&words), links.theirs(&words));
    assert_eq!((ours.code, ours.stdout), (theirs.code, theirs.stdout), "another's signature");
    let mode = std::fs::metadata(links.join("ours.conf")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    links.ours(&["signtool", "-k", "ours.conf", "text"]);
    let kept = std::fs::read_to_string(links.join("ours.conf")).unwrap();
    let public = kept
        .lines()
        .find_map(|l| l.trim().strip_prefix("pubkey = \""))
        .unwrap()
        .trim_end_matches("\";");
    let words = ["signtool", "-v", "-p", public, "text"];
    let (ours, theirs) = (links.ours(&words), links.theirs(&words));
    assert_eq!((ours.code, theirs.code), (0, 0), "{ours:?} {theirs:?}");
}

#[test]
fn pairs_are_written_in_the_peers_form() {
    let links = Links::new();
    let fields = |text: &str| -> Vec<(String, usize)> {
        let lines = text.lines().filter_map(|l| l.trim().trim_end_matches(',').split_once([' ', ':']));
        let mut all: Vec<_> = lines
            .map(|(name, value)| (name.to_owned(), value.trim_start_matches([' ', '=']).len()))
            .collect();
        all.sort();
        all
    };
    for words in [
        &["keypair"][..],
        &["kp", "gen", "-s"],
        &["keypair", "-j"],
        &["key", "--sign", "--ucl"],
    ] {
        let (ours, theirs) = (links.ours(words), links.theirs(words));
        assert_eq!(fields(&ours.stdout), fields(&theirs.stdout), "{words:?}\n{}", ours.stdout);
    }
    assert_ne!(links.ours(&["keypair"]).stdout, links.ours(&["keypair"]).stdout);
}

#[test]
fn dkim_keys_are_keys() {
    let links = Links::new();
    let openssl = |words: &[&str]| run(Command::new(program("openssl")).args(words).current_dir(links.0.path()), b"");
    for bits in ["1024", "2048"] {
        let record = links.ours(&["dkim_keygen", "-d", "example.org", "-s", "mail", "-b", bits, "-k", "key"]);
        assert_eq!(record.code, 0, "{record:?}");
        let checked = openssl(&["pkey", "-in", "key", "-noout", "-check", "-text"]);
        assert!(
            checked.stdout.starts_with("Key is valid") && checked.stdout.contains(bits),
            "{checked:?}"
        );
        let public = openssl(&["pkey", "-in", "key", "-pubout"]).stdout;
        let public: String = public.lines().filter(|l| !l.starts_with('-')).collect();
        let strings: String = record.stdout.split('"').skip(1).step_by(2).collect();
        assert_eq!(strings, format!("v=DKIM1; k=rsa; p={public}"));
        // But for the key itself the record is the peer's to the letter.
        let theirs = links.theirs(&["dkim_keygen", "-s", "mail", "-b", bits, "-k", "theirs"]);
        let shape = |text: &str| {
            text.lines()
                .map(|l| (l.len(), l.get(..2).unwrap_or(l).to_owned()))
                .collect::<Vec<_>>()
        };
        assert_eq!(shape(&record.stdout), shape(&theirs.stdout));
    }
    let small = links.ours(&["dkim_keygen", "-t", "ed25519"]);
    let lines: Vec<&str> = small.stdout.lines().collect();
    assert_eq!(lines[1], "selector._domainkey IN TXT ( \"v=DKIM1; k=ed25519; \"");
    // 64 bytes, of which the last 32 are the public half.
    assert_eq!((lines[0].len(), lines[2].len()), (88, "\t\"p=\" ) ;".len() + 44));
}

#[test]
fn the_peer_opens_what_we_encrypt() {
    let links = Links::new();
    let plain = "to be hidden\n".repeat(1000);
    links.0.write("text", &plain);
    assert_eq!(links.theirs(&["keypair", "-o", "pair"]).code, 0);
    let done = links.ours(&["keypair", "encrypt", "-k", "pair", "text"]);
    assert_eq!((done.code, done.stdout.as_str()), (0, "encrypted text -> text.enc\n"));
    // Debian's own command says that it can, but writes nothing; its Lua shows what it found.
    links.0.write(
        "open.lua",
        "local parser = require \"ucl\".parser()\nparser:parse_file(\"pair\")\n\
         local pair = require \"rspamd_cryptobox_keypair\".load(parser:get_object())\n\
         local _, text = require \"rspamd_cryptobox\".decrypt_file(pair, \"text.enc\")\nio.write(tostring(text))\n",
    );
    assert_eq!(links.theirs(&["lua", "-s", "open.lua"]).stdout, plain);
    let there = links.ours(&["keypair", "dec", "-k", "pair", "text.enc"]);
    assert!(there.code == 1 && there.stderr.starts_with("text is there already"), "{there:?}");
    std::fs::remove_file(links.join("text")).unwrap();
    let done = links.ours(&["keypair", "d", "-r", "-k", "pair", "text.enc"]);
    assert_eq!((done.code, done.stdout.as_str()), (0, "decrypted text.enc (removed) -> text\n"));
    assert_eq!(std::fs::read_to_string(links.join("text")).unwrap(), plain);
    assert!(!links.join("text.enc").exists());
    // Nobody opens what Debian's encrypts, itself included.
    assert_eq!(links.theirs(&["keypair", "encrypt", "-k", "pair", "text"]).code, 0);
    let [ours, theirs] = [
        links.ours(&["keypair", "d", "-f", "-k", "pair", "text.enc"]),
        links.theirs(&["keypair", "d", "-f", "-k", "pair", "text.enc"]),
    ];
    assert_eq!((ours.code, theirs.code), (1, 1), "{theirs:?}");
    assert!(ours.stderr.contains("nobody can open it"), "{ours:?}");
    assert_eq!(links.theirs(&["keypair", "-s", "-o", "signs"]).code, 0);
    let wrong = links.ours(&["keypair", "encrypt", "-f", "-k", "signs", "text"]);
    assert!(wrong.code == 1 && wrong.stderr.contains("a key pair for signing"), "{wrong:?}");
}
