//! Gems: the specifications that RubyGems writes when it installs, and `Gemfile.lock` of Bundler.

use crate::{Error, Package, path};

/// One gem. RubyGems writes `# stub: NAME VERSION PLATFORM PATHS` as the second line (`Gem::StubSpecification`); the file is Ruby
/// code, so what is not a literal there is taken from the file's own name.
pub(super) fn specification(file: &str, text: &str) -> Result<Vec<Package>, Error> {
    let stub = text.lines().find_map(|line| line.strip_prefix("# stub: "));
    let mut words = stub.unwrap_or_default().split_whitespace();
    let stub = words.next().zip(words.next());
    let literals = || Some((literal(assigned(text, "name")?)?, literal(assigned(text, "version")?)?));
    let called = || {
        let stem = path::split(file).1.strip_suffix(".gemspec")?;
        let at = stem.match_indices('-').find(|(at, _)| stem[at + 1..].starts_with(|c: char| c.is_ascii_digit()))?.0;
        Some((&stem[..at], stem[at + 1..].split('-').next().unwrap_or_default()))
    };
    let (name, version) = stub.or_else(literals).or_else(called).ok_or_else(|| Error::Broken {
        expected: "a specification of a gem",
        reason: "it names neither gem nor version".to_owned(),
    })?;
    let licenses = assigned(text, "licenses").map(literals_of).or_else(|| assigned(text, "license").map(literals_of));
    let licenses = licenses.unwrap_or_default().into_iter().filter_map(super::license).collect();
    Ok(super::package(name, version, licenses).into_iter().collect())
}

/// The right side of `s.FIELD = …`, whatever the block's variable is called.
fn assigned<'a>(text: &'a str, field: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (left, right) = line.split_once('=')?;
        let (_, name) = left.trim().split_once('.')?;
        (name == field).then_some(right)
    })
}

/// The first text in quotes: `"rake".freeze`, `Gem::Version.new("1.0")`.
fn literal(code: &str) -> Option<&str> {
    literals_of(code).first().copied()
}

fn literals_of(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(['"', '\'']) {
        let quote = if rest[at..].starts_with('"') { '"' } else { '\'' };
        let Some(end) = rest[at + 1..].find(quote) else { break };
        found.push(&rest[at + 1..at + 1 + end]);
        rest = &rest[at + 2 + end..];
    }
    found
}

/// Gems below `specs:` of `GEM`, `GIT` and `PLUGIN SOURCE`; `PATH` is the application itself. Groups are not marked there.
pub(super) fn lock(text: &str) -> Vec<Package> {
    let mut ours = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if !line.starts_with(' ') {
            ours = matches!(line.trim_end(), "GEM" | "GIT" | "PLUGIN SOURCE");
        } else if let Some(gem) = line.strip_prefix("    ").filter(|gem| ours && !gem.starts_with(' '))
            && let Some((name, version)) = gem.trim_end().split_once(" (")
        {
            // Versions of gems hold no dash: behind it stands the platform.
            let version = version.trim_end_matches(')').split('-').next().unwrap_or_default();
            found.extend(super::package(name, version, Vec::new()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_ways_to_know_a_gem() {
        let of = |file: &str, text: &str| {
            let found = specification(file, text).unwrap();
            format!("{} {} {:?}", found[0].name, found[0].version, found[0].licenses)
        };
        let stub = "# -*- encoding: utf-8 -*-\n# stub: rake 13.0.6 ruby lib\n\n  s.licenses = [\"MIT\".freeze, 'X']\n";
        assert_eq!(of("specifications/rake-13.0.6.gemspec", stub), "rake 13.0.6 [\"MIT\", \"X\"]");
        let literals =
            "Gem::Specification.new do |spec|\n  spec.name = 'a'\n  spec.version = \"1.2\"\n  spec.license = 'MIT'\n";
        assert_eq!(of("specifications/x.gemspec", literals), "a 1.2 [\"MIT\"]");
        let code = "s.name = NAME\n";
        assert_eq!(of("specifications/net-http-1.2-x86_64-linux.gemspec", code), "net-http 1.2 []");
        assert!(specification("specifications/x.gemspec", code).is_err());
    }
}
