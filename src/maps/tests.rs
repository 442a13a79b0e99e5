//! Files in every state a map may be found in.

use super::*;
use crate::maps::{Entries, Networks};
use std::net::IpAddr;
use std::path::PathBuf;

const TICK: Duration = Duration::from_millis(40);

struct Bench {
    folder: tempfile::TempDir,
    maps: Maps,
}

impl Bench {
    fn new() -> Bench {
        Bench {
            folder: tempfile::tempdir().unwrap(),
            maps: Maps::new(TICK),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn networks(&self, name: &str) -> Arc<Map<Networks>> {
        self.maps.file(&self.path(name))
    }
}

fn holds(map: &Map<Networks>, ip: &str) -> bool {
    map.content().contains(ip.parse::<IpAddr>().unwrap())
}

#[test]
fn a_file_absent_at_start_counts_once_it_appears() {
    let b = Bench::new();
    let map = b.networks("list");
    assert!(map.content().is_empty());
    assert!(map.notes()[0].ends_with("list: it does not exist; it counts as empty until it can be read"));
    assert_eq!(map.refresh(TICK, Instant::now()), (false, vec![]), "one warning, not one a look");
    b.write("list", "10.0.0.1\n");
    assert_eq!(b.maps.check_now(), 1);
    assert!(holds(&map, "10.0.0.1"));
    assert_eq!(map.notes(), Vec::<String>::new());
    assert_eq!(b.maps.check_now(), 0);
}

#[test]
fn replacing_by_rename_and_writing_in_place_are_both_seen() {
    let b = Bench::new();
    b.write("list", "10.0.0.1\n");
    let map = b.networks("list");
    b.write("new", "10.0.0.2\n");
    std::fs::rename(b.path("new"), b.path("list")).unwrap();
    assert_eq!(b.maps.check_now(), 1);
    assert!(holds(&map, "10.0.0.2") && !holds(&map, "10.0.0.1"));
    b.write("list", "10.0.0.3\n10.0.0.4\n");
    assert_eq!(b.maps.check_now(), 1);
    assert!(holds(&map, "10.0.0.3") && !holds(&map, "10.0.0.2"));
}

#[test]
fn a_half_written_file_waits_until_it_stands_still() {
    let b = Bench::new();
    b.write("list", "10.0.0.1\n");
    let map = b.networks("list");
    b.write("list", "10.0.0.2\n10.0.");
    assert_eq!(b.maps.check_now(), 0);
    assert!(holds(&map, "10.0.0.1"), "the old content stays in use");
    b.write("list", "10.0.0.2\n10.0.0.3\n");
    assert_eq!(b.maps.check_now(), 1);
    assert!(holds(&map, "10.0.0.3") && !holds(&map, "10.0.0.1"));
    b.write("list", "10.0.0.4");
    assert_eq!(b.maps.check_now(), 0);
    assert!(
        map.refresh(TICK, Instant::now() + TICK).0,
        "a last line without its end is taken after a while"
    );
    assert!(holds(&map, "10.0.0.4"));
}

#[test]
fn the_first_look_takes_a_file_without_a_last_line_end() {
    let b = Bench::new();
    b.write("list", "10.0.0.1");
    assert!(holds(&b.networks("list"), "10.0.0.1"));
}

#[test]
fn an_emptied_file_is_empty_and_said_once() {
    let b = Bench::new();
    b.write("list", "10.0.0.1\n");
    let map = b.networks("list");
    b.write("list", "");
    assert_eq!(b.maps.check_now(), 0);
    let (changed, notes) = map.refresh(TICK, Instant::now() + TICK);
    assert!(changed && notes.len() == 1 && notes[0].ends_with("list is empty now"), "{notes:?}");
    assert!(map.content().is_empty());
    assert_eq!(map.refresh(TICK, Instant::now() + TICK * 3), (false, vec![]));
}

#[test]
fn a_file_gone_or_unreadable_keeps_its_entries() {
    let b = Bench::new();
    b.write("list", "10.0.0.1\n");
    let map = b.networks("list");
    std::fs::remove_file(b.path("list")).unwrap();
    let (_, notes) = map.refresh(TICK, Instant::now());
    assert!(
        notes[0].ends_with("list: it does not exist; its last 1 entries stay in use"),
        "{notes:?}"
    );
    std::fs::create_dir(b.path("list")).unwrap();
    let (_, notes) = map.refresh(TICK, Instant::now());
    assert!(notes[0].contains("it is not a regular file"), "{notes:?}");
    assert!(holds(&map, "10.0.0.1"));
    std::fs::remove_dir(b.path("list")).unwrap();
    nix::unistd::mkfifo(&b.path("list"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(
        map.refresh(TICK, Instant::now()),
        (false, vec![]),
        "the same reason is not said twice"
    );
    std::fs::remove_file(b.path("list")).unwrap();
    b.write("list", "10.0.0.2\n");
    assert_eq!(b.maps.check_now(), 1);
    assert!(holds(&map, "10.0.0.2"));
}

#[test]
fn a_file_over_the_limit_is_not_read() {
    let b = Bench::new();
    b.write("list", "10.0.0.1\n");
    let map = b.networks("list");
    let file = std::fs::File::create(b.path("list")).unwrap();
    file.set_len(crate::maps::source::LARGEST_FILE + 1).unwrap();
    let (changed, notes) = map.refresh(TICK, Instant::now());
    assert!(!changed && notes[0].contains("it is larger than 64 MiB"), "{notes:?}");
    assert!(holds(&map, "10.0.0.1"));
}

#[test]
fn bad_lines_are_named_with_file_and_line_and_the_rest_holds() {
    let b = Bench::new();
    let path = b.write("list", "\u{feff}10.0.0.1\r\nnonsense\r\n10.0.0.2 # why\r\n");
    let map = b.networks("list");
    assert!(holds(&map, "10.0.0.1") && holds(&map, "10.0.0.2"));
    let awaited = format!(
        "{}:2: `nonsense` is neither an address nor a network; the line is left out",
        path.display()
    );
    assert_eq!(map.notes(), [awaited]);
    b.write("list", &"x\n".repeat(NAMED_PROBLEMS + 5));
    b.maps.check_now();
    assert_eq!(
        map.notes().len(),
        NAMED_PROBLEMS + 2,
        "so many lines, the count of the rest, and that it is empty"
    );
}

#[test]
fn the_same_file_is_shared_by_kind_and_forgotten_unused() {
    let b = Bench::new();
    b.write("list", "10.0.0.1\n");
    let one = b.networks("list");
    assert!(Arc::ptr_eq(&one, &b.networks("list")));
    let words: Arc<Map<Entries>> = b.maps.file(&b.path("list"));
    assert!(words.content().contains("10.0.0.1"));
    drop((one, words));
    b.maps.check_now();
    assert!(lock(&b.maps.watched).is_empty());
}

#[test]
fn inline_lists_name_their_bad_entries() {
    let (map, problems) = Map::<Networks>::inline(&["10.0.0.1".into(), "x".into(), "10.0.0.0/8 v".into()]);
    assert!(holds(&map, "10.2.3.4"));
    assert_eq!(problems.iter().map(|p| p.line).collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn the_task_sees_a_change_and_stops_when_told() {
    let b = Bench::new();
    b.write("list", "10.0.0.1\n");
    let maps = Arc::new(Maps::new(Duration::from_millis(10)));
    let map: Arc<Map<Networks>> = maps.file(&b.path("list"));
    let stop = CancellationToken::new();
    let task = tokio::spawn(Arc::clone(&maps).watch(stop.clone()));
    b.write("list", "10.0.0.2\n");
    let seen = async {
        while !holds(&map, "10.0.0.2") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), seen)
        .await
        .expect("the change is seen");
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(10), task)
        .await
        .expect("the task ends")
        .unwrap();
}
