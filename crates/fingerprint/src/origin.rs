//! From a distribution's source package to the product people know, and from its version to upstream's.

use std::collections::{HashMap, HashSet};

/// What an executable was built from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    pub product: String,
    /// Upstream's version.
    pub version: String,
}

/// Names of products that the rule below does not give, and names in the CPE dictionary.
#[derive(Debug, Default)]
pub struct Aliases {
    product: HashMap<String, String>,
    cpe: HashMap<String, String>,
    /// Products that grew from one another, in both orders.
    forks: HashSet<(String, String)>,
    /// Products that hold a copy of another: who holds it, whose it is.
    copies: HashSet<(String, String)>,
    /// Banners written by hand: product, text, and the version in it.
    banners: Vec<(String, String, String)>,
}

impl Aliases {
    /// The table that the built-in index was learnt with.
    #[must_use]
    pub fn builtin() -> Self {
        Self::parse(include_str!("../data/aliases.txt"))
    }

    /// Reads a table of lines. `#` begins a remark.
    ///
    /// ```text
    ///   source product [vendor:product]        `-` for the product that the rule gives
    ///   fork product product                   texts that both have belong to neither
    ///   copy product product                   the first holds a copy of the second, whose texts that both have are
    ///   banner product version text …          a text that tells the version, as an example
    /// ```
    #[must_use]
    pub fn parse(table: &str) -> Self {
        let mut aliases = Self::default();
        for line in table.lines() {
            if let Some(fork) = line.strip_prefix("fork ") {
                if let Some((one, other)) = fork.trim().split_once(' ') {
                    aliases.forks.insert((one.to_owned(), other.to_owned()));
                    aliases.forks.insert((other.to_owned(), one.to_owned()));
                }
                continue;
            }
            if let Some(copy) = line.strip_prefix("copy ") {
                if let Some((holder, original)) = copy.trim().split_once(' ') {
                    aliases.copies.insert((holder.to_owned(), original.to_owned()));
                }
                continue;
            }
            if let Some(banner) = line.strip_prefix("banner ") {
                let mut parts = banner.splitn(3, ' ').map(str::to_owned);
                if let (Some(product), Some(version), Some(text)) = (parts.next(), parts.next(), parts.next()) {
                    aliases.banners.push((product, version, text));
                }
                continue;
            }
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let (Some(source), Some(product)) = (words.next(), words.next()) else { continue };
            let product = if product == "-" { product_of(source) } else { product.to_owned() };
            if let Some(cpe) = words.next() {
                aliases.cpe.insert(product.clone(), cpe.to_owned());
            }
            aliases.product.insert(source.to_owned(), product);
        }
        aliases
    }

    /// The product and upstream version of a source package of Debian.
    #[must_use]
    pub fn origin(&self, source: &str, version: &str) -> Origin {
        let product = self.product.get(source).cloned().unwrap_or_else(|| product_of(source));
        Origin { product, version: upstream_version(version) }
    }

    /// Products that grew from one another, in both orders.
    pub fn forks(&self) -> impl Iterator<Item = (&str, &str)> {
        self.forks.iter().map(|(one, other)| (one.as_str(), other.as_str()))
    }

    /// Products that hold a copy of another: who holds it, whose it is.
    pub fn copies(&self) -> impl Iterator<Item = (&str, &str)> {
        self.copies.iter().map(|(holder, original)| (holder.as_str(), original.as_str()))
    }

    /// Banners written by hand: product, version and text.
    pub fn banners(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.banners.iter().map(|(product, version, text)| (product.as_str(), version.as_str(), text.as_str()))
    }

    /// `vendor:product` in the CPE dictionary, where known.
    #[must_use]
    pub fn cpe(&self, product: &str) -> Option<&str> {
        self.cpe.get(product).map(String::as_str)
    }
}

/// The rule: `openssl1.1`, `python3.11`, `libpng1.6`, `postgresql-15` lose the version in their name; `bzip2`, `x264` keep theirs.
fn product_of(source: &str) -> String {
    let version = source.chars().rev().take_while(|c| c.is_ascii_digit() || *c == '.').count();
    let (name, digits) = source.split_at(source.len() - version);
    let joined = name.ends_with('-') || digits.contains('.');
    if joined && name.trim_end_matches('-').len() >= 2 {
        name.trim_end_matches(['-', '+']).to_owned()
    } else {
        source.to_owned()
    }
}

/// Upstream's part of a Debian version: no epoch, no revision, nothing that says how the source was repacked.
fn upstream_version(version: &str) -> String {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let version = version.rsplit_once('-').map_or(version, |(upstream, _)| upstream);
    // `1.3.dfsg+really1.3.1` was packed of 1.3.1, whatever its number must be above.
    let version = version.split_once("really").map_or(version, |(_, real)| real);
    let cut =
        ["dfsg", "ds", "repack", "orig", "debian", "deb", "nmu", "git", "stable", "svn", "hg", "bzr", "cvs", "+", "~"]
            .iter()
            .filter_map(|mark| {
                let at = version.find(mark)?;
                let stage = *mark == "~"
                    && ["~rc", "~beta", "~alpha", "~pre"].iter().any(|stage| version[at..].starts_with(stage));
                (at > 0 && !stage).then_some(at)
            })
            .min();
    version[..cut.unwrap_or(version.len())].trim_end_matches(['.', '-', '~', '+']).to_owned()
}

/// Whether a text in a binary names this upstream version: `1_81_0` and `v1.81.0` are 1.81.0, `2.0-rc1` is 2.0~rc1.
#[must_use]
pub fn same_version(value: &str, version: &str) -> bool {
    plain_version(value) == plain_version(version)
}

/// The form in which versions of different writers are compared, and in which they are told to people.
#[must_use]
pub fn plain_version(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '_' => plain.push('.'),
            '~' | '-' => {}
            c => plain.extend(c.to_lowercase()),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::{Aliases, product_of, same_version, upstream_version};

    #[test]
    fn products_of_sources() {
        for (source, product) in [
            ("libpng1.6", "libpng"),
            ("python3.11", "python"),
            ("postgresql-15", "postgresql"),
            ("gtk+3.0", "gtk"),
            ("bzip2", "bzip2"),
            ("x264", "x264"),
            ("7zip", "7zip"),
            ("zlib", "zlib"),
        ] {
            assert_eq!(product_of(source), product);
        }
    }

    #[test]
    fn upstream_versions() {
        for (version, upstream) in [
            ("1:1.2.13.dfsg-1", "1.2.13"),
            ("1:1.3.dfsg+really1.3.1-1", "1.3.1"),
            ("3.0.11-1~deb12u2", "3.0.11"),
            ("2.9.14+dfsg-1.3", "2.9.14"),
            ("2:0.164.3095+gitbaee400-3", "0.164.3095"),
            ("1.0~rc1-2", "1.0~rc1"),
            ("20211230-1", "20211230"),
            ("1.1.1w-0+deb11u1", "1.1.1w"),
            ("9.2p1-2+deb12u3", "9.2p1"),
        ] {
            assert_eq!(upstream_version(version), upstream);
        }
    }

    #[test]
    fn one_version_in_several_hands() {
        assert!(same_version("1_81_0", "1.81.0"));
        assert!(same_version("2.0-rc1", "2.0~rc1"));
        assert!(!same_version("1.2", "1.2.0"));
    }

    #[test]
    fn aliases_come_before_the_rule() {
        let aliases = Aliases::parse("sqlite3 sqlite sqlite:sqlite # remark\nopenssl - openssl:openssl\n");
        assert_eq!(aliases.origin("sqlite3", "3.40.1-2").product, "sqlite");
        assert_eq!(aliases.cpe("openssl"), Some("openssl:openssl"));
    }
}
