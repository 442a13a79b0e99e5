//! Patterns alone and in sets: the dialect, the prefilter against plain search, what hostile patterns cost.

use super::*;
use proptest::prelude::*;

fn pattern(text: &str, letters: &str) -> Pattern {
    Pattern::new(text, flags(letters)).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn flags(letters: &str) -> Flags {
    Flags {
        caseless: letters.contains('i'),
        multiline: letters.contains('m'),
        dotall: letters.contains('s'),
        extended: letters.contains('x'),
        unicode: letters.contains('u'),
        most: if letters.contains('A') { 1000 } else { 1 },
    }
}

/// What PCRE says of these, by its documentation.
#[test]
fn the_dialect() {
    let cases: &[(&str, &str, &str, bool)] = &[
        (r"\Qa.b\E+", "", "a.bbb", true),
        (r"\Qa.b\E", "", "axb", false),
        (r"a\<b\>", "", "a<b>", true),
        (r"foo$", "", "foo\n", true),
        (r"foo$", "", "foo\nbar", false),
        (r"foo$", "m", "foo\nbar", true),
        (r"(?m)foo$", "", "foo\nbar", true),
        (r"(?m:foo$)|x", "", "foo\nbar", true),
        (r"foo\Z", "", "foo\n", true),
        (r"foo\z", "", "foo\n", false),
        (r"a {2}b # two blanks", "x", "aab", true),
        (r"a\ b[ #]c", "x", "a b#c", true),
        (r"x{,3}", "", "x{,3}", true),
        (r"a{b", "", "a{b", true),
        (r"}]", "", "}]", true),
        (r"[[a]+", "", "[[a", true),
        (r"[]a]b", "", "]b", true),
        (r"[^]]b", "", "]b", false),
        (r"[a&&b]c", "", "&c", true),
        (r"[\w-]x", "", "-x", true),
        (r"[\w-+]x", "", "+x", true),
        (r"[+-\d]x", "", "-x", true),
        (r"[[:alpha:]-]x", "", "-x", true),
        (r"[\W]x", "", "!x", true),
        (r"[a\]]x", "", "]x", true),
        (r"\x41\x{42}\103\e\cA\0", "", "ABC\u{1b}\u{1}\0", true),
        (r"^x..$", "", "xö", true),
        (r"^x.$", "", "xö", false),
        (r"^x.$", "u", "xö", true),
        (r"^x\w$", "u", "xö", false),
        (r"^XÖ$", "iu", "xö", true),
        (r"^XÖ$", "i", "xö", false),
        (r"[äö]$", "", "ö", true),
        (r"x\x{f6}", "u", "xö", true),
        (r"\p{L}$", "", "ö", true),
        (r"a\hb\Rc", "", "a\tb\r\nc", true),
        (r"(?#why)a(?i)B", "", "ab", true),
        (r"a(?i:B)c", "", "abC", false),
        (r"a.c", "", "a\nc", false),
        (r"a.c", "s", "a\nc", true),
        (r"(?<!here )foo", "", "here foo", false),
        (r"(?<!here )foo", "", "there foo here, foo", true),
        (r"foo(?= here)", "", "foo here", true),
        (r"(foo) here \1", "", "foo here foo", true),
        (r"(foo) here \1", "", "foo here bar", false),
        (r"(?<n>foo) \k<n>", "", "foo foo", true),
        (r"(?P<n>foo) (?P=n)", "", "foo foo", true),
        (r"(a)(b)\g{2}\g1", "", "abba", true),
        (r"fo++o", "", "fooo", false),
        (r"fo++x", "", "foox", true),
        (r"(?>fo+) here", "", "fooo here", true),
        (r"a(?|b|c)d", "", "acd", true),
        (r"(*UTF8)a", "", "a", true),
        (r"foo\Kbar", "", "foobar", true),
    ];
    for (text, letters, on, expected) in cases {
        assert_eq!(
            pattern(text, letters).is_match(on.as_bytes()),
            *expected,
            "/{text}/{letters} on {on:?}"
        );
    }
}

#[test]
fn what_nothing_takes_is_refused() {
    for text in [
        "foo(",
        "foo)",
        "[a",
        "a\\",
        "*a",
        r"\x{100}",
        "(?(1)a|b)",
        "(?<=a",
        "(*FAIL)a",
        r"[z-a]",
        r"\k",
        "(?i",
        "(?Z)a",
        r"\X",
    ] {
        assert!(Pattern::new(text, Flags::default()).is_err(), "{text}");
    }
    let large = Pattern::new("(?:(?:a{1000}){1000}){1000}", Flags::default());
    assert!(large.is_err());
    assert!(Pattern::new(&"(".repeat(70_000), Flags::default()).is_err());
    let deep = format!("{}a{}", "(".repeat(5_000), ")".repeat(5_000));
    assert!(Pattern::new(&deep, Flags::default()).is_err());
}

#[test]
fn what_backtracks_is_told() {
    assert_eq!(pattern("a.*b", "").backtracks(), None);
    assert_eq!(pattern("a(?=b)", "").backtracks(), Some("look-around"));
    assert_eq!(pattern(r"(a)\1", "").backtracks(), Some("a back-reference"));
    assert_eq!(pattern("a++", "").backtracks(), Some("a possessive quantifier"));
}

#[test]
fn matches_are_counted() {
    let set = Patterns::new(vec![
        pattern("foo", "A"),
        pattern("foo", ""),
        pattern("b", "A"),
        pattern("(?<=o)o", "A"),
    ]);
    let mut tally = set.tally();
    set.search(b"foo here foo", &mut tally);
    assert_eq!([0, 1, 2, 3].map(|p| tally.of(p)), [2, 1, 0, 2]);
    set.search(b"foo and b", &mut tally);
    assert_eq!([0, 1, 2, 3].map(|p| tally.of(p)), [5, 1, 1, 5]);
    set.search(b"nothing", &mut tally);
    assert_eq!([0, 1, 2, 3].map(|p| tally.of(p)), [10, 1, 2, 10]);
}

#[test]
fn literals_that_are_required() {
    let literals = |text: &str, letters: &str| {
        let found = pattern(text, letters).literals;
        found
            .iter()
            .map(|l| String::from_utf8_lossy(l).into_owned())
            .collect::<Vec<_>>()
            .join("|")
    };
    for (text, letters, expected) in [
        ("Free Viagra", "", "free viagra"),
        ("free viagra", "i", "free viagra"),
        ("free stuff", "iu", "free "),
        ("a.*lottery.{0,9}win", "", "lottery"),
        ("(?:lottery|prize)s?", "", "lottery|prize"),
        ("(?:lottery|x)", "", ""),
        ("(?:lottery)?x", "", ""),
        ("(?:lottery)+x", "", "lottery"),
        (r"\bfoo\b", "", "foo"),
        ("a(?=lottery)", "", ""),
        ("gift(?!lottery) card", "", "gift card"),
        (r"[a-z]{3}abc(\d+)", "", "abc"),
    ] {
        assert_eq!(literals(text, letters), expected, "/{text}/{letters}");
    }
}

/// Exponential in the naive engine: given up after the stated steps, and said so.
#[test]
fn catastrophes_are_cut() {
    let long = vec![b'a'; 2 << 20];
    let begun = std::time::Instant::now();
    let linear = Patterns::new(vec![pattern("(a+)+$", ""), pattern("(a+)+b", "")]);
    let mut tally = linear.tally();
    linear.search(&long, &mut tally);
    assert_eq!((tally.of(0), tally.of(1), tally.cut.len()), (1, 0, 0));
    let mut mail = long.clone();
    mail.extend_from_slice(b"!b");
    for text in ["(?=a)(a+)+$", "(?<!x)(a+)+$", r"(a+)+\1b", "(?<!x)a*b"] {
        let slow = Patterns::new(vec![pattern(text, "")]);
        let mut tally = slow.tally();
        slow.search(&mail, &mut tally);
        let given_up = tally.cut == [0] || tally.of(0) == 1 || text.ends_with('$');
        assert!(given_up, "{text}: {tally:?}");
    }
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

/// Words over few letters, so that they often occur; case varies.
const WORDS: &str = "[abcABC]{3,6}";

proptest! {
    #[test]
    fn the_set_finds_what_each_pattern_finds(
        texts in prop::collection::vec("[abcABC xX\n]{0,40}", 1..4),
        list in prop::collection::vec((prop_oneof![
            WORDS.prop_map(|w| w),
            (WORDS, WORDS).prop_map(|(a, b)| format!("{a}.*{b}")),
            (WORDS, WORDS).prop_map(|(a, b)| format!("(?:{a}|{b})x?")),
            (WORDS, WORDS).prop_map(|(a, b)| format!("(?<!{a}){b}")),
            (WORDS, WORDS).prop_map(|(a, b)| format!("{a}(?=.*{b})")),
            WORDS.prop_map(|a| format!("({a})+\\s*\\1$")),
            "[abc]{1,2}".prop_map(|w| w),
            "[abc.()|*+?\\[\\]^$-]{0,12}".prop_map(|w| w),
        ], "[ims]{0,2}"), 1..12),
    ) {
        let list: Vec<(String, String)> = list.into_iter().filter(|(p, l)| Pattern::new(p, flags(l)).is_ok()).collect();
        let set = Patterns::new(list.iter().map(|(p, l)| pattern(p, l)).collect());
        let mut tally = set.tally();
        for text in &texts {
            set.search(text.as_bytes(), &mut tally);
        }
        for (place, (text, letters)) in list.iter().enumerate() {
            let alone = pattern(text, letters);
            let plain = texts.iter().any(|t| alone.is_match(t.as_bytes()));
            prop_assert_eq!(tally.of(place) > 0, plain, "/{}/{} on {:?}", text, letters, texts);
        }
    }

    /// A pattern that both engines take means the same to both, and the linear pattern accepts what the exact one does.
    #[test]
    fn look_around_is_never_lost(text in "[ab \n]{0,30}", a in "[ab]{1,3}", b in "[ab]{1,3}") {
        for source in [format!("(?<={a}){b}"), format!("{a}(?!{b})"), format!("(?={a}){b}.*?$"), format!("({a})[ab ]*\\1")] {
            let ours = pattern(&source, "").is_match(text.as_bytes());
            let plain = fancy_regex::Regex::new(&source).unwrap().is_match(text.as_str()).unwrap();
            // `$` of PCRE also stands before a last line end.
            prop_assert!(ours == plain || (ours && text.ends_with('\n')), "{} on {:?}", source, text);
        }
    }

    #[test]
    fn nothing_panics(text in "[-a-c\\\\\\[\\](){}?+*|^$.<>=!:#PQExdwsuk01]{0,30}", letters in "[imsxu]{0,5}", on in any::<Vec<u8>>()) {
        if let Ok(pattern) = Pattern::new(&text, flags(&letters)) {
            pattern.is_match(&on);
        }
    }
}
