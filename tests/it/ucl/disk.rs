//! Files of a real disk: links, folders, pipes, and the way out of the configuration's folder.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use torwart::config::ucl::{self, Disk, Options, Parsed};

use crate::support::tools::Folder;

fn read(folder: &Folder, text: &str) -> Result<Parsed, String> {
    let main = folder.write("tree/rspamd.conf", text);
    let disk = Disk::below([folder.join("tree")]);
    ucl::read(main.to_str().unwrap(), &disk, &Options::default()).map_err(|report| report.to_string())
}

fn tree(name: &str) -> Folder {
    let folder = Folder::new(name);
    fs::create_dir_all(folder.join("tree/local.d")).unwrap();
    folder
}

#[test]
fn nothing_is_read_from_outside() {
    let folder = tree("ucl-outside");
    folder.write("secret", "password = 1\n");
    symlink(folder.join("secret"), folder.join("tree/local.d/link.inc")).unwrap();
    symlink(folder.path(), folder.join("tree/up")).unwrap();
    let outside = folder.join("secret").display().to_string();
    for path in ["$CURDIR/../secret", "$CURDIR/local.d/link.inc", "$CURDIR/up/secret", &outside] {
        for arguments in ["", "(try=true)", "(glob=true)"] {
            let error = read(&folder, &format!(".include{arguments} \"{path}\"\n")).unwrap_err();
            assert!(error.contains("lies outside the configuration's folders"), "{path}: {error}");
            assert!(error.contains("rspamd.conf:1:1"), "{error}");
        }
        let error = read(&folder, &format!(".load(key=x) \"{path}\"\n")).unwrap_err();
        assert!(error.contains("lies outside"), "{error}");
    }
    // Whether there is such a file is nobody's business either.
    assert!(
        read(&folder, ".include(try=true) \"/nowhere/at/all\"\n")
            .unwrap_err()
            .contains("lies outside")
    );
    let main = folder.write("tree/rspamd.conf", ".include \"$CURDIR/up/secret\"\n");
    let parsed = ucl::read(main.to_str().unwrap(), &Disk::anywhere(), &Options::default()).unwrap();
    assert_eq!(parsed.files[1].path, fs::canonicalize(&outside).unwrap().to_str().unwrap());
}

#[test]
fn links_in_a_circle_folders_and_pipes_are_errors() {
    let folder = tree("ucl-odd");
    symlink(folder.join("tree/b"), folder.join("tree/a")).unwrap();
    symlink(folder.join("tree/a"), folder.join("tree/b")).unwrap();
    nix::unistd::mkfifo(&folder.join("tree/pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (name, word) in [
        ("a", "circle"),
        ("local.d", "it is a folder"),
        ("pipe", "no ordinary file"),
        ("none", "there is no such file"),
    ] {
        let error = read(&folder, &format!("x = 1\n.include \"$CURDIR/{name}\"\n")).unwrap_err();
        assert!(error.contains(word) && error.contains("rspamd.conf:2:1"), "{name}: {error}");
        // Only what is not there may be passed over.
        match read(&folder, &format!(".include(try=true) \"$CURDIR/{name}\"\n")) {
            Ok(parsed) => assert!(name == "none" && parsed.findings.is_empty() && parsed.absent.len() == 1, "{name}"),
            Err(error) => assert!(error.contains(word), "{name}: {error}"),
        }
    }
}

#[test]
fn a_file_under_two_names_is_still_a_loop() {
    let folder = tree("ucl-loop");
    folder.write("tree/local.d/x.inc", ".include \"$CURDIR/y.inc\"\n");
    symlink(folder.join("tree/local.d/x.inc"), folder.join("tree/local.d/y.inc")).unwrap();
    let error = read(&folder, ".include \"$CURDIR/local.d/y.inc\"\n").unwrap_err();
    assert!(error.contains("x.inc includes itself"), "{error}");
}

#[test]
fn folders_of_files_come_in_order() {
    let folder = tree("ucl-glob");
    for name in ["b.conf", "a.conf", "c.txt", ".d.conf"] {
        folder.write(&format!("tree/local.d/{name}"), format!("x = {name}\n"));
    }
    let parsed = read(&folder, ".include(glob=true) \"$CURDIR/local.d/*.conf\"\n").unwrap();
    assert_eq!(ucl::to_json(&parsed.tree), serde_json::json!({"x": ["a.conf", "b.conf"]}));
    let parsed = read(&folder, ".include(path=[\"$CURDIR/none\", \"local.d\"]) \"c.txt\"\n").unwrap();
    assert_eq!(ucl::to_json(&parsed.tree), serde_json::json!({"x": "c.txt"}));
}

#[test]
fn large_files_and_unreadable_ones_are_errors() {
    let folder = tree("ucl-large");
    let large = folder.write("tree/large", "#\n".repeat(9 << 20));
    assert!(
        read(&folder, ".include \"$CURDIR/large\"\n")
            .unwrap_err()
            .contains("larger than 16 MiB")
    );
    fs::set_permissions(&large, fs::Permissions::from_mode(0o000)).unwrap();
    if !nix::unistd::geteuid().is_root() {
        assert!(
            read(&folder, ".include \"$CURDIR/large\"\n")
                .unwrap_err()
                .contains("permission denied")
        );
    }
    let error = ucl::read(folder.join("tree").to_str().unwrap(), &Disk::anywhere(), &Options::default()).unwrap_err();
    assert!(error.to_string().contains("it is a folder"));
    assert!(Path::new(&folder.join("tree")).is_dir());
}
