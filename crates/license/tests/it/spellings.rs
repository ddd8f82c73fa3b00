//! Every spelling of `cases/spellings.txt` means what stands beside it.

use license::{Expression, all, expression};
use proptest::prelude::*;

const CASES: &str = include_str!("../cases/spellings.txt");

fn cases() -> impl Iterator<Item = (&'static str, &'static str)> {
    CASES.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_once(" => ").unwrap())
}

#[test]
fn spellings_mean_expressions() {
    let read = |text: &str| expression(text).spdx.unwrap_or_else(|| "-".to_owned());
    let wrong: Vec<_> = cases()
        .filter(|(text, wanted)| read(text) != *wanted)
        .map(|(text, wanted)| format!("{text}: {} instead of {wanted}", read(text)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_identifier_of_the_list_is_itself() {
    // Two of them say that nothing is said.
    for license in spdx::identifiers::LICENSES.iter().filter(|license| !["NONE", "NOASSERTION"].contains(&license.name))
    {
        let id = spdx::license_id(license.name).unwrap();
        let wanted = if id.is_deprecated() { expression(license.name).spdx.unwrap() } else { license.name.to_owned() };
        assert_eq!(expression(license.name).spdx.as_deref(), Some(wanted.as_str()));
        let lower = license.name.to_lowercase();
        assert_eq!(expression(&lower).spdx.as_deref(), Some(wanted.as_str()), "{lower}");
    }
}

#[test]
fn one_side_of_an_alternative_is_enough() {
    let taken = |id: &str| ["MIT", "Apache-2.0"].contains(&id);
    assert!(expression("GPL-2+ or MIT").allows(taken));
    assert!(!expression("GPL-2+ and MIT").allows(taken));
    assert!(expression("Apache-2.0 WITH LLVM-exception").allows(taken));
    assert!(!expression("").allows(|_| true));
    let both =
        all(["License :: OSI Approved :: MIT License", "License :: OSI Approved :: Apache Software License", "MIT"]);
    assert_eq!(both.spdx.as_deref(), Some("MIT AND Apache-2.0"));
    assert_eq!(both.ids, ["Apache-2.0", "MIT"]);
    assert_eq!(all([]), Expression::default());
}

#[test]
fn a_text_in_place_of_a_name_is_compared() {
    let mit = spdx::license_id("MIT").unwrap().text();
    assert_eq!(expression(mit).spdx.as_deref(), Some("MIT"));
    assert_eq!(expression(&"word ".repeat(100_000)).spdx, None);
}

fn holds(text: &str) {
    let read = expression(text);
    if let Some(spdx) = &read.spdx {
        let parsed = spdx::Expression::parse(spdx).unwrap_or_else(|error| panic!("{text:?} gave {spdx}: {error}"));
        assert!(!read.ids.is_empty());
        assert!(parsed.iter().count() >= read.ids.len());
        // What was given out means itself.
        assert_eq!(expression(spdx).spdx.as_ref(), Some(spdx), "{text:?}");
    } else {
        assert!(read.ids.is_empty());
    }
}

#[test]
fn a_thousand_mutated_spellings_give_expressions() {
    let mut state = 7u32;
    let mut next = |bound: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % bound
    };
    let all: Vec<&str> = cases().map(|(text, _)| text).collect();
    for _ in 0..1_000 {
        let mut bytes = all[next(all.len())].as_bytes().to_vec();
        for _ in 0..=next(4) {
            let at = next(bytes.len().max(1)).min(bytes.len());
            match next(3) {
                0 => bytes.insert(at, b"(),+/&|-_.v2 \xffo"[next(15)]),
                1 if !bytes.is_empty() => drop(bytes.remove(at.min(bytes.len() - 1))),
                _ => bytes.extend_from_slice(all[next(all.len())].as_bytes()),
            }
        }
        holds(&String::from_utf8_lossy(&bytes));
    }
}

proptest! {
    #[test]
    fn any_text_gives_a_valid_expression(text in "\\PC{0,80}") {
        holds(&text);
    }

    #[test]
    fn any_words_give_a_valid_expression(words in proptest::collection::vec(
        prop_oneof![Just("MIT"), Just("GPL"), Just("2"), Just("+"), Just("or"), Just("and"), Just("with"), Just("("), Just(")"),
            Just(","), Just("later"), Just("exception"), Just("BSD"), Just("any"), Just("CDDL+GPL"), Just("-")], 0..20)) {
        holds(&words.join(" "));
        holds(&words.concat());
    }
}
