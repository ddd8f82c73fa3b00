//! One name for each product, and when two versions are the same.
//!
//! Debian, upstream, CPE and each peer name a product in their own way. `data/products.txt` lists which names mean the same, with
//! the reason where it is not plain. Nothing else is folded, so that a name which merely looks alike stays wrong.

use std::collections::HashMap;

/// Other names, by the name they are folded into.
const PRODUCTS: &str = include_str!("../data/products.txt");

/// What Debian adds to a version when it repacks a source.
const REPACKED: [&str; 7] = ["dfsg", "ds", "debian", "repack", "git", "really", "nmu"];

/// The table of names.
#[derive(Debug)]
pub struct Names {
    one: HashMap<String, &'static str>,
}

impl Names {
    /// The table that is compiled in.
    pub fn builtin() -> Names {
        let mut one = HashMap::new();
        for (name, others) in table(PRODUCTS) {
            for other in others {
                one.insert(fold(other), name);
            }
        }
        Names { one }
    }

    /// The one name of a product.
    pub fn one(&self, product: &str) -> String {
        let folded = fold(product);
        self.one.get(&folded).map_or(folded, |name| fold(name))
    }
}

/// `name = other other  # reason` a line.
fn table(text: &'static str) -> impl Iterator<Item = (&'static str, std::str::SplitWhitespace<'static>)> {
    text.lines().filter_map(|line| {
        let line = line.split_once('#').map_or(line, |(line, _)| line);
        let (name, others) = line.split_once('=')?;
        Some((name.trim(), others.split_whitespace()))
    })
}

/// Case, and which of `-`, `_` and a space stands between words, tell nothing.
fn fold(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '_'], "-")
}

/// Whether two versions are of the same release: `v1.2` is `1.2.0`, and `1.2.13.dfsg` is `1.2.13`.
pub fn same_version(left: &str, right: &str) -> bool {
    release(left) == release(right)
}

fn release(version: &str) -> String {
    let mut text = version.trim().to_lowercase();
    if let Some(rest) = text.strip_prefix(['v', 'n'])
        && rest.starts_with(|first: char| first.is_ascii_digit())
    {
        text = rest.to_owned();
    }
    let marks = text.char_indices().filter(|(_, sign)| matches!(sign, '.' | '+' | '~' | '-'));
    let cut = marks.map(|(at, _)| at).find(|at| REPACKED.iter().any(|word| text[at + 1..].starts_with(word)));
    text.truncate(cut.unwrap_or(text.len()));
    let text = text.replace('_', ".");
    let mut parts: Vec<&str> = text.split('.').collect();
    while parts.len() > 1 && parts.last() == Some(&"0") {
        parts.pop();
    }
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_as_the_table_says_and_no_further() {
        let names = Names::builtin();
        assert_eq!(names.one("sqlite3"), names.one("SQLite"));
        assert_eq!(names.one("libpng1.6"), names.one("libpng"));
        assert_eq!(names.one("kerberos_5"), names.one("krb5"));
        assert_ne!(names.one("pcre"), names.one("pcre2"));
        assert_ne!(names.one("zlib-ng"), names.one("zlib"));
        assert_ne!(names.one("libressl"), names.one("openssl"));
    }

    #[test]
    fn no_name_is_folded_into_two() {
        let mut seen = HashMap::new();
        for (name, others) in table(PRODUCTS) {
            for other in others {
                assert_eq!(seen.insert(fold(other), name), None, "{other} stands twice");
            }
        }
        for name in seen.values() {
            assert!(!seen.contains_key(&fold(name)), "{name} is folded further");
        }
    }

    #[test]
    fn versions_are_of_the_same_release() {
        for (left, right) in [
            ("1.2", "1.2.0"),
            ("v5.3.2", "5.3.2"),
            ("1.2.13.dfsg", "1.2.13"),
            ("2.9.14+dfsg", "2.9.14"),
            ("n4.4.1", "4.4.1"),
        ] {
            assert!(same_version(left, right), "{left} {right}");
        }
        for (left, right) in [("1.1.1", "1.1.1n"), ("1.2.1", "1.2.10"), ("3.0.1", "3.0.10"), ("1.0", "10")] {
            assert!(!same_version(left, right), "{left} {right}");
        }
    }
}
