//! What an image says it is: os-release(5).

use serde::{Deserialize, Serialize};

/// The fields that advisories and people need. Empty where the file is silent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsRelease {
    /// `VERSION_CODENAME`: `bookworm`.
    pub codename: String,
    /// `debian`, `alpine`, `ubuntu`, …
    pub id: String,
    pub pretty_name: String,
    /// `12`, `3.19.1`; empty in rolling releases such as Debian unstable.
    pub version_id: String,
}

pub(crate) fn parse(text: &str) -> OsRelease {
    let mut release = OsRelease::default();
    for line in text.lines() {
        let Some((key, value)) = line.trim().split_once('=') else { continue };
        let field = match key {
            "ID" => &mut release.id,
            "VERSION_ID" => &mut release.version_id,
            "VERSION_CODENAME" => &mut release.codename,
            "PRETTY_NAME" => &mut release.pretty_name,
            _ => continue,
        };
        *field = unquote(value);
    }
    release
}

/// Shell quoting as far as the file may use it: one pair of quotes, backslashes inside double ones.
fn unquote(value: &str) -> String {
    let value = value.trim();
    if let Some(inner) = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return inner.to_owned();
    }
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_and_bare_values() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID='12'\n#x\nVERSION_CODENAME=bookworm\n";
        let release = parse(text);
        assert_eq!((release.id.as_str(), release.version_id.as_str()), ("debian", "12"));
        assert_eq!(release.pretty_name, "Debian GNU/Linux 12 (bookworm)");
        assert_eq!(release.codename, "bookworm");
        assert_eq!(parse("ID=\"a\\\"b\\").id, "\"a\"b");
    }
}
