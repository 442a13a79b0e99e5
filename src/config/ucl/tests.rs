//! What the recorded trees do not show: places, what is hidden, warnings, bounds, and bytes that make no sense.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert_eq, proptest};

use super::*;

/// Files in memory.
#[derive(Default)]
struct Shelf(BTreeMap<String, Vec<u8>>);

impl Shelf {
    fn of(files: &[(&str, &str)]) -> Shelf {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_owned()));
        Shelf(files.collect())
    }
}

impl Includes for Shelf {
    fn read(&self, path: &str, most: u64) -> Result<Opened, Trouble> {
        let bytes = self.0.get(path).ok_or(Trouble::Missing)?;
        if u64::try_from(bytes.len()).unwrap() > most {
            return Err(Trouble::TooLarge);
        }
        Ok(Opened {
            path: path.to_owned(),
            bytes: bytes.clone(),
            built_in: false,
        })
    }

    fn matching(&self, pattern: &str, _most: usize) -> Result<Vec<String>, Trouble> {
        Ok(self.0.keys().filter(|name| glob_matches(pattern, name)).cloned().collect())
    }
}

fn parsed(files: &[(&str, &str)]) -> Parsed {
    let main = files.first().unwrap().0;
    read(main, &Shelf::of(files), &Options::default()).unwrap_or_else(|report| panic!("{report}"))
}

fn errors(files: &[(&str, &str)]) -> Vec<String> {
    let main = files.first().unwrap().0;
    let report = read(main, &Shelf::of(files), &Options::default()).expect_err("an error is awaited");
    report
        .0
        .iter()
        .filter(|finding| finding.is_error())
        .map(Diagnostic::one_line)
        .collect()
}

fn warnings(text: &str) -> Vec<String> {
    parsed(&[("/m", text)]).findings.iter().map(Diagnostic::one_line).collect()
}

fn json(files: &[(&str, &str)]) -> String {
    to_json(&parsed(files).tree).to_string()
}

#[test]
fn every_value_knows_its_place() {
    let tree = parsed(&[
        ("/m", "a {\n  b \"n\" { c = 5s; }\n  .include \"/x/i\"\n}\n"),
        ("/x/i", "# first\r\nd =\r\n  [1,\r\n 2]\r\n"),
    ])
    .tree;
    let place = |path: &[&str]| tree.at(path.iter().copied()).unwrap().place.to_string();
    assert_eq!(place(&["a", "b", "n", "c"]), "/m:2:15");
    assert_eq!(place(&["a", "b", "n"]), "/m:2:9");
    assert_eq!(place(&["a", "d"]), "/x/i:3:3");
    assert_eq!(place(&["a", "d", "1"]), "/x/i:4:2");
    let entry = tree.at(["a"]).unwrap().table().unwrap().get("d").unwrap();
    assert_eq!(entry.key_place.to_string(), "/x/i:2:1");
    assert_eq!(tree.at(["a", "b", "n", "c"]).unwrap().node, Node::Time(5.0));
}

#[test]
fn templates_keep_places() {
    let text = "{% if env.X %}\r\nx = 1\n{% elseif env.Y ~= \"z\" %}\ny {= \"=\" =} \"{= env.Y .. \"!\" =}\"; w = 3\n{% endif %}\nv = 2\n";
    let options = Options {
        environment: BTreeMap::from([("Y".to_owned(), "long value".to_owned())]),
        ..Options::default()
    };
    let tree = read("/m", &Shelf::of(&[("/m", text)]), &options).unwrap().tree;
    assert_eq!(to_json(&tree).to_string(), r#"{"y":"long value!","w":3,"v":2}"#);
    let place = |key: &str| tree.at([key]).unwrap().place.to_string();
    assert_eq!((place("w").as_str(), place("v").as_str()), ("/m:4:39", "/m:6:5"));
    assert_eq!(tree.at(["y"]).unwrap().place.line(), 4);
}

#[test]
fn broken_and_endless_templates_are_errors() {
    for (text, word) in [
        ("a = 1\n{% if x %}\n", "unexpected end"),
        ("a = {= env.A.b =}", "undefined"),
        (
            "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}",
            "too long",
        ),
        ("a = {= \"x\"|pbkdf =}", "torwart password"),
        ("{% include \"/etc/passwd\" %}", ""),
        ("{% if 1 %}".repeat(5_000).as_str(), "recursion"),
    ] {
        let found = errors(&[("/m", text)]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains(word) && found[0].starts_with("/m:"), "{found:?}");
    }
}

#[test]
fn what_is_hidden_is_remembered() {
    let tree = parsed(&[
        (
            "/m",
            "a = 1\nb = 2\ns { x = 1 }\n.include(priority=2) \"/o\"\na = 9\n.include(priority=1,duplicate=merge) \"/l\"\n",
        ),
        ("/o", "a = 10\nb = 20\n"),
        ("/l", "b = 5\ns = null\n"),
    ])
    .tree;
    let chain = |key: &str| {
        let mut value = tree.at([key]).unwrap();
        let mut said = vec![(value.place.to_string(), value.priority)];
        while let Some(below) = &value.overridden {
            value = below;
            said.push((value.place.to_string(), value.priority));
        }
        said
    };
    let said = |all: &[(&str, u8)]| {
        all.iter()
            .map(|(place, priority)| ((*place).to_owned(), *priority))
            .collect::<Vec<_>>()
    };
    assert_eq!(chain("a"), said(&[("/o:1:5", 2), ("/m:5:5", 0), ("/m:1:5", 0)]));
    assert_eq!(chain("b"), said(&[("/o:2:5", 2), ("/l:1:5", 1), ("/m:2:5", 0)]));
    assert_eq!(chain("s"), said(&[("/l:2:5", 0), ("/m:3:3", 0)]));
    assert_eq!(
        tree.at(["s"]).unwrap().overridden.as_ref().unwrap().table().unwrap().iter().count(),
        1
    );
}

#[test]
fn merging_looks_through_repeated_sections() {
    let files = [
        ("/m", "t { a = 1 } t { b = 2 }\n.include(priority=1,duplicate=merge) \"/l\"\n"),
        ("/l", "t { b = 3; a = 4; c = 5 }\n"),
    ];
    // The peer frees the 2 and then shows what comes to lie there.
    assert_eq!(json(&files), r#"{"t":[{"a":4,"c":5},{"b":3}]}"#);
}

#[test]
fn patterns_bring_each_file_in_by_itself() {
    let files = [
        ("/m", ".include(glob=true,prefix=true) \"/d/*\"\nz = $FILENAME"),
        ("/d/b.conf", "y = $FILENAME\n"),
        ("/d/a.inc", "x = $CURDIR\n s {}\n"),
    ];
    assert_eq!(
        json(&files),
        r#"{"/d/a.inc":{"x":"/d","s":{}},"b":{"y":"/d/b.conf"},"z":"/m"}"#.replace("/d/a.inc", "a.inc")
    );
    let fed: Vec<_> = parsed(&files)
        .files
        .iter()
        .map(|fed| (fed.path.clone(), fed.section.clone()))
        .collect();
    assert_eq!(fed[1], ("/d/a.inc".to_owned(), vec!["a.inc".to_owned()]));
    assert_eq!(fed[2], ("/d/b.conf".to_owned(), vec!["b".to_owned()]));
}

#[test]
fn relative_paths_begin_at_the_file() {
    let files = [("/m", ".include \"d/a\"\n"), ("/d/a", ".include b\n"), ("/d/b", "x = 1")];
    assert_eq!(json(&files), r#"{"x":1}"#);
}

#[test]
fn slips_of_people_are_warned_of() {
    for (text, word) in [
        ("a = 5s # x\n", "a blank stands behind the unit"),
        ("a = [1]\na = 2\n", "the name holds a list already"),
        ("a =\nb = 2\n", "this line is the value of the name above it"),
        ("a = <<eod\n", "no text of several lines"),
        ("{ a = 1 }\nb = 2", "all from here on is ignored"),
        (".include(prioriti=1,try=true) \"/x\"\na=1", "no argument `prioriti`"),
        (".include(priority=\"1\",try=true) \"/x\"\na=1", "`priority` takes a number"),
        (".include(priority=16,try=true) \"/x\"\na=1", "16 counts as 0"),
        (".include_map \"http://x\"\na = 1", "not supported"),
        ("a = 1\n.include", "has no value"),
        ("a \"${X}/x\"\n b\n", "it holds a bracket"),
    ] {
        let found = warnings(text);
        assert!(found.len() == 1 && found[0].contains(word), "{text}: {found:?}");
    }
    for text in [
        "a = 5s; b = 10 # x\n# c\n",
        "{ a = 1 } # c\n /* d */ ",
        "s { a = 1 } s { a = 1 }",
        "",
    ] {
        assert_eq!(
            warnings(&format!("z = 1;\n{text}").replace("z = 1;\n{", "{")),
            Vec::<String>::new(),
            "{text}"
        );
    }
    let merged = parsed(&[
        ("/m", "w { .include(duplicate=merge) \"/l\"\n}"),
        ("/l", "r { a = 1 }\nr { b = 1 }\nn \"x\" {}\nn \"y\" {}\n"),
    ]);
    let found: Vec<_> = merged.findings.iter().map(Diagnostic::one_line).collect();
    assert!(found.len() == 1 && found[0].contains("become one"), "{found:?}");
}

#[test]
fn bad_bytes_are_shown_and_binary_files_refused() {
    let mut shelf = Shelf::default();
    shelf.0.insert("/m".to_owned(), b"\xef\xbb\xbfa = 1\nb = \"\xe4\"\n".to_vec());
    let parsed = read("/m", &shelf, &Options::default()).unwrap();
    assert_eq!(to_json(&parsed.tree).to_string(), "{\"a\":1,\"b\":\"\u{fffd}\"}");
    assert_eq!(parsed.findings[0].place.as_ref().unwrap().to_string(), "/m:2:6");
    shelf.0.insert("/m".to_owned(), b"\x7fELF\xff\x00\x01".to_vec());
    let report = read("/m", &shelf, &Options::default()).unwrap_err();
    assert!(report.0[0].one_line().starts_with("/m:1:6: this is a binary file"), "{report}");
}

#[test]
fn includes_are_bounded() {
    let itself = errors(&[
        ("/m", "x = 1\n.include \"/a\""),
        ("/a", "\n.include \"/b\""),
        ("/b", ".include \"/a\""),
    ]);
    assert!(itself[0].starts_with("/b:1:1: /a includes itself"), "{itself:?}");
    let names: Vec<String> = (0..30).map(|at| format!("/{at}")).collect();
    let texts: Vec<String> = (1..31).map(|at| format!(".include \"/{at}\"\n")).collect();
    let chain: Vec<_> = names
        .iter()
        .zip(&texts)
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    assert!(errors(&chain)[0].contains("deeper than 16 levels"));
    let many = ".include \"/a\"\n".repeat(5_000);
    assert!(errors(&[("/m", &many), ("/a", "#\n")])[0].contains("more than 4096 files"));
    // A missing file is told, and reading goes on to what else is wrong.
    let all = errors(&[("/m", ".include \"/no\"\n.include \"/nono\"\na = \"\n")]);
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(all[0].contains("cannot read /no: there is no such file"));
}

#[test]
fn depth_is_bounded_with_a_place() {
    for (open, close) in [("a {\n", "}"), ("[", "]"), ("a b {\n", "}")] {
        let begin = if open == "[" { "a = " } else { "" };
        let deep = |levels: usize| format!("{begin}{}{}", open.repeat(levels), close.repeat(levels));
        let levels = if open.contains('b') { 499 } else { 999 };
        let tree = parsed(&[("/m", &deep(levels))]).tree;
        // On a small stack, as the runtime's threads have.
        let walk = move || assert!(tree.clone() == tree && !to_json(&tree).is_null());
        std::thread::Builder::new().stack_size(2 << 20).spawn(walk).unwrap().join().unwrap();
        let found = errors(&[("/m", &deep(levels + 1))]);
        assert!(
            found[0].contains("deeper than 1000 levels") && found[0].starts_with("/m:"),
            "{found:?}"
        );
    }
    let deep = format!("b {}{}\n", "{ b ".repeat(900), "{}".to_owned() + &"}".repeat(900));
    let inherit = format!("{deep}{} .inherit b {}", "c {".repeat(200), "}".repeat(200));
    assert!(errors(&[("/m", &inherit.replace(".inherit b ", ".inherit b;"))])[0].contains("nest too deep"));
}

/// Within seconds even unoptimised; what is not linear here takes minutes.
#[test]
fn hostile_texts_end_soon() {
    const SIZE: usize = 2 << 20;
    let fill = |part: &str| part.repeat(SIZE / part.len());
    let merge = format!("{}.include(duplicate=merge,priority=1) \"/l\"\n", "a { b = 1 }\n".repeat(20_000));
    let wide = format!("a {{ {} }}", (0..20_000).map(|at| format!("k{at}=1\n")).collect::<String>());
    let texts = [
        fill("a {"),
        fill("{"),
        format!("a = {}", fill("[")),
        format!("{}{{", fill("a ")),
        format!("{}{{}}", "a ".repeat(900) + &"x".repeat(SIZE)),
        fill("/*"),
        fill("/*\""),
        format!("a = \"{}\"", fill("${")),
        format!("a = \"{}\"", fill("$CURDIR")),
        format!("a = <<E\n{}", fill("E \n")),
        fill("a=1\n"),
        format!("a = {}", fill("\\")),
        format!("a = {}", fill("1")),
        format!("{}=1", fill("k")),
        fill(".include("),
        format!(".include({}", fill("(")),
        fill("a = 5s ;\n"),
        fill("{%"),
        fill("{= x =}"),
        fill("a = \"\n"),
        merge,
    ];
    for text in texts {
        let begun = Instant::now();
        let answer = read("/m", &Shelf::of(&[("/m", &text), ("/l", &wide)]), &Options::default());
        if let Err(report) = answer {
            assert!(report.0.iter().all(|finding| finding.place.is_some()), "{report}");
        }
        let taken = begun.elapsed();
        assert!(taken < Duration::from_secs(30), "{taken:?} for {}", text.get(..20).unwrap());
    }
}

#[test]
fn large_files_are_refused_before_they_are_read() {
    let options = Options {
        limits: Limits {
            file_bytes: 10,
            ..Limits::default()
        },
        ..Options::default()
    };
    let report = read("/m", &Shelf::of(&[("/m", "abc = 12345678")]), &options).unwrap_err();
    assert!(report.to_string().contains("it is larger than"));
}

/// Pieces that the language gives a meaning, in any order.
fn scraps() -> impl Strategy<Value = String> {
    const SCRAPS: [&str; 44] = [
        "a",
        "b ",
        "\"q\"",
        "=",
        ":",
        "{",
        "}",
        "[",
        "]",
        ";",
        ",",
        "\n",
        " ",
        "#c\n",
        "/* c */",
        "\"",
        "'",
        "\\",
        "<<E\n",
        "\nE\n",
        "$CURDIR",
        "${X}",
        "1",
        "5s",
        "-",
        "0x",
        "1e",
        ".include ",
        ".include(",
        ")",
        "\"/i\"",
        ".priority 3\n",
        ".inherit a\n",
        "duplicate=merge",
        "priority=2",
        "null",
        "yes",
        "\r\n",
        "ä",
        "{%",
        "{= 1 =}",
        "%}",
        "*/",
        ".load(key=k) \"/i\"\n",
    ];
    proptest::collection::vec(proptest::sample::select(SCRAPS.to_vec()), 0..40).prop_map(|scraps| scraps.concat())
}

fn harmless(bytes: Vec<u8>) {
    let mut shelf = Shelf::of(&[("/i", "a { x = 1 }\nb = [1]\n.include(try=true) \"/m\"\n"), ("/k", "a")]);
    shelf.0.insert("/m".to_owned(), bytes);
    match read("/m", &shelf, &Options::default()) {
        Ok(parsed) => drop((to_json(&parsed.tree), Report(parsed.findings).to_string())),
        Err(report) => assert!(!report.to_string().is_empty()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes_are_harmless(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        harmless(bytes);
    }

    #[test]
    fn any_scraps_are_harmless(text in scraps()) {
        harmless(text.into_bytes());
    }

    /// What is written in quotes is read as it was.
    #[test]
    fn strings_survive(text in "[^\u{0}-\u{1f}$]{0,40}") {
        let quoted = serde_json::Value::from(text.clone()).to_string();
        let options = Options { templates: false, ..Options::default() };
        let tree = read("/m", &Shelf::of(&[("/m", &format!("a = {quoted};"))]), &options).unwrap().tree;
        prop_assert_eq!(tree.at(["a"]).map(|value| value.node.clone()), Some(Node::Text(text)));
    }
}
