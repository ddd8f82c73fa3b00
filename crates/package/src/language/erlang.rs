//! Erlang and Elixir: the `.app` file of each application in a release, and `mix.lock` of Hex.

use crate::{Package, PackageType};

/// One application (app(4)). Those of Erlang/OTP itself name the runtime they need, and are no packages of Hex.
pub(super) fn application(text: &str) -> (PackageType, Vec<Package>) {
    let term: String = text.lines().map(|line| line.split('%').next().unwrap_or_default()).collect();
    let name = after(&term, "application").and_then(|rest| rest.strip_prefix(',')).map(atom).unwrap_or_default();
    let version = after(&term, "vsn").and_then(|rest| rest.strip_prefix(',')).and_then(quoted).unwrap_or_default();
    if after(&term, "runtime_dependencies").is_some() {
        return (
            PackageType::Generic,
            super::package(&format!("erlang/{name}"), version, Vec::new()).into_iter().collect(),
        );
    }
    (PackageType::Hex, super::package(name, version, Vec::new()).into_iter().collect())
}

/// What follows `{WORD`, without spaces.
fn after<'a>(term: &'a str, word: &str) -> Option<&'a str> {
    let mut rest = term;
    while let Some(at) = rest.find('{') {
        rest = rest[at + 1..].trim_start();
        if let Some(value) = rest.strip_prefix(word).map(str::trim_start).filter(|value| value.starts_with(',')) {
            return Some(value);
        }
    }
    None
}

fn atom(text: &str) -> &str {
    let text = text.trim_start();
    match text.strip_prefix('\'') {
        Some(quoted) => quoted.split('\'').next().unwrap_or_default(),
        None => text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '@').next().unwrap_or_default(),
    }
}

fn quoted(text: &str) -> Option<&str> {
    text.trim_start().strip_prefix('"')?.split_once('"').map(|(inside, _)| inside)
}

/// `"name": {:hex, :package, "1.0.0", …}`, one a line; what comes from git has no version.
pub(super) fn lock(text: &str) -> Vec<Package> {
    let package = |line: &str| {
        let (_, rest) = line.split_once("{:hex, :")?;
        let (name, rest) = rest.split_once(',')?;
        super::package(name.trim_matches('"'), quoted(rest)?, Vec::new())
    };
    text.lines().filter_map(package).collect()
}
