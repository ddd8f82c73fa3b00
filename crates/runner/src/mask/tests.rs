//! Masking holds for every cut of every text.

use proptest::prelude::*;

use super::{Masker, STRUCK};

fn masked(secrets: &[&str], prefixes: &[&str], chunks: &[&[u8]]) -> Vec<u8> {
    let mut masker = Masker::new(secrets.iter().copied(), prefixes.iter().copied());
    let mut out = Vec::new();
    for chunk in chunks {
        masker.push(chunk, &mut out);
    }
    masker.finish(&mut out);
    out
}

fn text(secrets: &[&str], prefixes: &[&str], input: &str) -> String {
    String::from_utf8(masked(secrets, prefixes, &[input.as_bytes()])).unwrap()
}

#[test]
fn strikes_out_each_form() {
    let secret = "s3cr&t/pa\"ss";
    for (given, expected) in [
        ("login -p s3cr&t/pa\"ss now", "login -p [MASKED] now"),
        ("q=s3cr%26t%2Fpa%22ss;", "q=[MASKED];"),
        ("q=s3cr%26t%2fpa%22ss;", "q=[MASKED];"),
        (r#"{"p":"s3cr&t/pa\"ss"}"#, r#"{"p":"[MASKED]"}"#),
        ("nothing here s3cr", "nothing here s3cr"),
        ("s3cr&t/pa\"ss", "[MASKED]"),
    ] {
        assert_eq!(text(&[secret], &[], given), expected);
    }
}

#[test]
fn strikes_out_base64_at_each_alignment() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let secret = "correct-horse-battery";
    for user in ["", "a:", "ab:", "abc:", "gitlab-ci-token:"] {
        let encoded = STANDARD.encode(format!("{user}{secret}"));
        let shown = text(&[secret], &[], &encoded);
        assert!(shown.contains("[MASKED]"), "{user}: {shown}");
        assert!(shown.len() < user.len() * 4 / 3 + 8 + 8, "{user}: {shown}");
    }
}

#[test]
fn strikes_out_tokens_by_their_prefix() {
    assert_eq!(text(&[], &["glpat-"], "a glpat-abc_DEF-1 b"), "a [MASKED] b");
    assert_eq!(text(&["abcdefgh"], &["glpat-"], "glpat-abcdefgh;"), "[MASKED];");
    assert_eq!(text(&[], &["glpat-"], "glpat"), "glpat");
}

#[test]
fn overlapping_secrets_leave_no_tail() {
    assert_eq!(text(&["abcdefgh", "efghijkl"], &[], "-abcdefghijkl-"), "-[MASKED]-");
    assert_eq!(text(&["abab"], &[], "ababab."), "[MASKED].");
    assert_eq!(text(&["abcd", "abcdefgh"], &[], "abcdefg abcdefgh"), "[MASKED]efg [MASKED]");
}

#[test]
fn holds_nothing_back_that_cannot_be_a_secret() {
    let mut masker = Masker::new(["password"], []);
    let mut out = Vec::new();
    masker.push(b"a line\n", &mut out);
    assert_eq!(out, b"a line\n");
    masker.push(b"pass", &mut out);
    assert_eq!(out, b"a line\n");
    masker.push(b"port", &mut out);
    assert_eq!(out, b"a line\npassport");
}

fn cut(text: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (text.len() + 1)).collect();
    places.push(0);
    places.push(text.len());
    places.sort_unstable();
    places.windows(2).map(|pair| text[pair[0]..pair[1]].to_vec()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// A small alphabet makes collisions, overlaps and false beginnings frequent.
    #[test]
    fn the_cut_makes_no_difference_and_no_secret_stays(
        secrets in prop::collection::vec("[ab]{4,9}", 1..4),
        text in "[abc]{0,80}",
        prefix in prop::option::of("[ab]{3,4}-"),
        cuts in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let names: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let prefixes: Vec<&str> = prefix.iter().map(String::as_str).collect();
        let whole = masked(&names, &prefixes, &[text.as_bytes()]);
        let chunks = cut(text.as_bytes(), &cuts);
        let pieces: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(&masked(&names, &prefixes, &pieces), &whole);
        for secret in &names {
            prop_assert!(!whole.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }

    #[test]
    fn text_without_secrets_passes_unchanged(
        text in prop::collection::vec(any::<u8>(), 0..300),
        cuts in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let chunks = cut(&text, &cuts);
        let pieces: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(masked(&["\u{1}\u{2}never-there-\u{3}"], &[], &pieces), text);
    }

    #[test]
    fn a_secret_anywhere_is_struck(
        before in "[ -~]{0,30}", secret in "[!-~]{8,40}", after in "[ -~]{0,30}",
        cuts in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let text = format!("{before}{secret}{after}");
        let chunks = cut(text.as_bytes(), &cuts);
        let pieces: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
        let out = masked(&[&secret], &[], &pieces);
        prop_assert!(out.windows(STRUCK.len()).any(|window| window == STRUCK));
        prop_assert!(!out.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}
