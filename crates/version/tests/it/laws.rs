//! What holds for every scheme and any text: total orders, keys that say the same, keys that stay short, any input taken.

use std::cmp::Ordering;

use proptest::{prelude::*, sample};
use version::{Scheme, compare, key, write_key};

/// What versions are made of, so that equal beginnings and every mark of every scheme come up often.
const PIECES: [&str; 48] = [
    "0",
    "0",
    "1",
    "1",
    "2",
    "9",
    "10",
    "00",
    "01",
    "111",
    "112",
    "2024",
    "6255",
    "6256",
    "20240131",
    "18446744073709551615",
    "18446744073709551616",
    "a",
    "b",
    "B",
    "m",
    "rc",
    "RC",
    "beta",
    "alpha",
    "dev",
    "SNAPSHOT",
    "ga",
    "sp",
    "p",
    "pl",
    "post",
    "git",
    "pre",
    "r",
    "x",
    "z",
    "za",
    "xyz",
    "v",
    "α",
    "~",
    "^",
    "+",
    ":",
    "!",
    "_",
    " ",
];

fn version() -> impl Strategy<Value = String> {
    let piece = prop_oneof![5 => sample::select(&PIECES[..]), 2 => Just("."), 1 => Just("-")];
    let pieces = prop::collection::vec(piece, 0..9).prop_map(|pieces| pieces.concat());
    prop_oneof![8 => pieces, 2 => "[0-9]{1,2}(\\.[0-9]{1,2}){0,3}(-[a-z]{1,2}[0-9])?", 1 => "\\PC{0,12}", 1 => any::<String>()]
}

/// Whether none of the texts is of the two exceptions of `compare`, which are not transitive: `#` in Composer's, and zeros
/// before an early word in Maven's.
fn ordered(scheme: Scheme, texts: &[&str]) -> bool {
    let dotted_letter =
        |text: &str| text.split('.').skip(1).any(|part| part.starts_with(|c: char| c.is_ascii_alphabetic()));
    !texts.iter().any(|text| match scheme {
        Scheme::Composer => text.contains('#'),
        Scheme::Maven => text.contains(".0") && dotted_letter(text),
        _ => false,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn orders_are_total(a in version(), b in version(), c in version()) {
        for scheme in Scheme::ALL {
            let order = |x: &str, y: &str| compare(scheme, x, y);
            prop_assert_eq!(order(&a, &a), Ordering::Equal);
            prop_assert_eq!(order(&a, &b), order(&b, &a).reverse(), "{}: {:?} {:?}", scheme, a, b);
            if ordered(scheme, &[&a, &b, &c]) && order(&a, &b).is_le() && order(&b, &c).is_le() {
                prop_assert!(order(&a, &c).is_le(), "{}: {:?} {:?} {:?}", scheme, a, b, c);
            }
        }
    }

    #[test]
    fn keys_say_what_compare_says(a in version(), b in version()) {
        for scheme in Scheme::ALL {
            if ordered(scheme, &[&a, &b]) {
                prop_assert_eq!(compare(scheme, &a, &b), key(scheme, &a).cmp(&key(scheme, &b)), "{} {:?} {:?}", scheme, a, b);
            }
        }
    }

    #[test]
    fn keys_stay_short_and_go_behind_what_is_there(text in version()) {
        for scheme in Scheme::ALL {
            let mut behind = b"before".to_vec();
            write_key(scheme, &text, &mut behind);
            prop_assert_eq!(behind.strip_prefix(b"before"), Some(&key(scheme, &text)[..]));
            prop_assert!(behind.len() <= 4 * text.len() + 24, "{}: {:?} has {} bytes", scheme, text, behind.len());
        }
    }

    /// Against an order that was written another way: digits as numbers of any size.
    #[test]
    fn numbers_order_as_numbers(a in "[0-9]{1,24}", b in "[0-9]{1,24}") {
        let value = |digits: &str| digits.parse::<u128>().unwrap();
        for scheme in Scheme::ALL {
            prop_assert_eq!(compare(scheme, &a, &b), value(&a).cmp(&value(&b)), "{} {} {}", scheme, a, b);
            let (a, b) = (format!("1.{a}"), format!("1.{b}"));
            // Alpine reads a leading zero behind a dot as a fraction.
            if scheme != Scheme::Alpine {
                prop_assert_eq!(compare(scheme, &a, &b), value(&a[2..]).cmp(&value(&b[2..])), "{} {} {}", scheme, a, b);
            }
        }
    }
}

/// Where an encoding goes over to a longer one, and everything around.
#[test]
fn numbers_order_where_their_encodings_change() {
    let mut numbers: Vec<u128> = vec![0, 9, 10, 99, 100];
    for edge in
        [112, 6256, 1 << 16, 1 << 24, 1 << 32, 1 << 40, 1 << 48, 1 << 56, 10_u128.pow(18), 10_u128.pow(19), 1 << 64]
    {
        numbers.extend([edge - 1, edge, edge + 1]);
    }
    numbers.sort_unstable();
    let texts: Vec<String> = numbers.iter().map(|number| format!("1.{number}.1")).collect();
    for scheme in Scheme::ALL {
        for pair in texts.windows(2) {
            assert_eq!(compare(scheme, &pair[0], &pair[1]), Ordering::Less, "{scheme}: {pair:?}");
        }
    }
}

/// A thousand mutations of real versions: none stops a comparison, and each has the same place from both sides.
#[test]
fn any_bytes_are_taken() {
    let seeds = [
        "1:2.3.4~rc1-5+deb12u1",
        "1!2.0rc1.post2.dev3+local.4",
        "4.0.0-M1.SNAPSHOT",
        "v1.2.3-beta.11+build",
        "1.2_p3-r4",
    ];
    let mut state = 0x9E37_79B9_u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    for round in 0..1_000 {
        let seed = seeds[round % seeds.len()];
        let mut bytes = seed.as_bytes().to_vec();
        for _ in 0..1 + random(4) {
            let at = random(bytes.len());
            match random(3) {
                0 => bytes[at] = random(256) as u8,
                1 => bytes.insert(at, random(256) as u8),
                _ => bytes.truncate(at + 1),
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        for scheme in Scheme::ALL {
            assert_eq!(compare(scheme, &text, seed), compare(scheme, seed, &text).reverse(), "{scheme}: {text:?}");
        }
    }
}

/// A hostile text costs what its length is, and its key stays within the bound.
#[test]
fn long_texts_cost_their_length() {
    for piece in ["0", "9", ".", "0.", "a", "-", "a0", "~", "+a.", "-0", "final", "α", "\0"] {
        let text = piece.repeat(20_000 / piece.len());
        for scheme in Scheme::ALL {
            let length = key(scheme, &text).len();
            assert!(length <= 4 * text.len() + 24, "{scheme}: {piece:?} gives {length} bytes");
        }
    }
}

#[test]
fn schemes_have_lasting_words() {
    let words = [
        "alpine", "composer", "cran", "debian", "gem", "generic", "hackage", "maven", "nuget", "opam", "pacman", "pub",
        "pypi", "rpm", "semver",
    ];
    assert_eq!(Scheme::ALL.map(|scheme| scheme.to_string()), words);
    for scheme in Scheme::ALL {
        assert_eq!(scheme.to_string().parse(), Ok(scheme));
    }
    let unknown = "Debian".parse::<Scheme>().unwrap_err();
    assert_eq!(unknown.to_string(), "no order of versions is called \"Debian\"");
}
