//! Whether a value looks random, and whether it is a placeholder.

/// Parts of values that people write where a secret belongs.
const PLACEHOLDERS: [&str; 30] = [
    "example",
    "sample",
    "placeholder",
    "changeme",
    "change_me",
    "change-me",
    "change_it",
    "changeit",
    "your",
    "xxxx",
    "****",
    "redacted",
    "dummy",
    "insert",
    "replace",
    "todo",
    "fixme",
    "secret_here",
    "goes_here",
    "goes-here",
    "password",
    "passwd",
    "notreal",
    "not_real",
    "foobar",
    "localhost",
    "deadbeef",
    "undefined",
    "lorem",
    "....",
];

/// Values that stand for one that comes from elsewhere: variables, templates, commands.
const REFERENCES: [&str; 12] = ["$", "{{", "}}", "<", ">", "%(", "#{", "ENC[", "vault:", "env:", "file:", "!"];

pub(crate) fn is_placeholder(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    PLACEHOLDERS.iter().any(|word| lower.contains(word)) || is_regular(value.as_bytes())
}

pub(crate) fn is_reference(value: &str) -> bool {
    REFERENCES.iter().any(|sign| value.contains(sign))
}

/// Six equal characters in a row, eight that count up or down, or the same half twice.
fn is_regular(value: &[u8]) -> bool {
    let equal = value.windows(6).any(|window| window.iter().all(|byte| *byte == window[0]));
    let steps = |step: i16| {
        let counts = |pair: &[u8]| i16::from(pair[1]) - i16::from(pair[0]) == step;
        value.windows(8).any(|window| window.windows(2).all(counts))
    };
    let (left, right) = value.split_at(value.len() / 2);
    equal || steps(1) || steps(-1) || (value.len() >= 8 && left == right)
}

/// Shannon entropy of a value's characters, in bits per character.
pub(crate) fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for byte in value {
        counts[usize::from(*byte)] += 1;
    }
    let length = value.len().max(1) as f64;
    let bits = |count: &u32| {
        let share = f64::from(*count) / length;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(bits).sum()
}

/// What is asked at most: some issuers write hex where their rule would let them write more.
const HEX_BITS: f64 = 3.3;

/// Whether an issuer's token is as mixed as chance makes it. `letters` is the size of its alphabet: of 20 random characters of
/// 16, fewer than one in ten thousand fall below.
pub(crate) fn is_random(value: &[u8], letters: usize) -> bool {
    let most = (letters.min(value.len()).max(2) as f64).log2();
    entropy(value) >= (most * 0.72).min(HEX_BITS)
}

/// Digits among letters, or capitals strewn among small letters: words with a prefix have neither.
pub(crate) fn is_mixed(value: &[u8]) -> bool {
    let changes = value.windows(2).filter(|pair| pair[0].is_ascii_uppercase() != pair[1].is_ascii_uppercase()).count();
    value.iter().any(u8::is_ascii_alphabetic) && (value.iter().any(u8::is_ascii_digit) || changes >= 5)
}

/// The parts of paths where keys lie that open nothing.
const EXAMPLES: [&str; 17] = [
    "test",
    "tests",
    "testing",
    "testdata",
    "test-data",
    "test_data",
    "__tests__",
    "spec",
    "fixtures",
    "doc",
    "docs",
    "example",
    "examples",
    "samples",
    "demo",
    "demos",
    "man",
];

pub(crate) fn lies_among_examples(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let mut parts = lower.split('/').filter(|part| !part.is_empty());
    let name = lower.rsplit('/').next().unwrap_or_default();
    parts.any(|part| EXAMPLES.contains(&part))
        || ["snakeoil", "readme", "changelog", ".dist-info/metadata", ".egg-info/pkg-info"]
            .iter()
            .any(|word| lower.contains(word))
        || ["test_", "example"].iter().any(|start| name.starts_with(start))
        || ["_test.go", ".md", ".rst", ".example", ".sample", ".test.js", ".dist"].iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for value in [
            "AKIAIOSFODNN7EXAMPLE",
            "xxxxxxxxxxxxxxxx",
            "aaaaaaab",
            "01234567abc",
            "your-token",
            "abcdabcd",
            "87654321",
        ] {
            assert!(is_placeholder(value), "{value}");
        }
        assert!(!is_placeholder("q7Rk2LpV9sXw4TnB"));
        assert!(is_reference("${TOKEN}") && is_reference("{{ token }}") && !is_reference("q7Rk2LpV9sXw4TnB"));
        assert!(is_random(b"q7Rk2LpV9sXw4TnBc8Zd", 62) && !is_random(b"abababababababababab", 62));
    }

    #[test]
    fn places() {
        for path in [
            "usr/share/doc/x/key.pem",
            "usr/lib/python3/test/keycert.pem",
            "etc/ssl/private/ssl-cert-snakeoil.key",
            "a/README.md",
        ] {
            assert!(lies_among_examples(path), "{path}");
        }
        for path in ["app/.env", "root/.ssh/id_rsa", "latest/config.json", "etc/document/x"] {
            assert!(!lies_among_examples(path), "{path}");
        }
    }
}
