//! What a path with `/_trust/` in it asks for.

use trust::Which;
use tuf::RoleName;

/// What is asked for. A GUN stands as it came; whether it is one of ours is for the service.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked<'a> {
    /// `/v2/{gun}/_trust/tuf/`
    Repository { gun: &'a str },
    /// `/v2/{gun}/_trust/tuf/root.json`, `….{sha256}.json`, `{version}.….json`
    Document { gun: &'a str, role: RoleName, which: Which },
    /// `/v2/{gun}/_trust/tuf/timestamp.key`
    Key { gun: &'a str, role: RoleName },
    /// `/v2/{gun}/_trust/changefeed`, or without a GUN that of all.
    Changefeed { gun: Option<&'a str> },
}

/// `None` for what is no path of the protocol.
pub(crate) fn parse(path: &str) -> Option<Asked<'_>> {
    let rest = path.strip_prefix("/v2/")?;
    if rest == "_trust/changefeed" {
        return Some(Asked::Changefeed { gun: None });
    }
    // No part of a repository's name begins with `_`, so the first is the only one that can be meant.
    let (gun, rest) = rest.split_once("/_trust/")?;
    if rest == "changefeed" {
        return Some(Asked::Changefeed { gun: Some(gun) });
    }
    let file = rest.strip_prefix("tuf/")?;
    if file.is_empty() {
        return Some(Asked::Repository { gun });
    }
    if let Some(role) = file.strip_suffix(".key") {
        let role = role.parse().ok().filter(|role| matches!(role, RoleName::Timestamp | RoleName::Snapshot))?;
        return Some(Asked::Key { gun, role });
    }
    let (role, which) = document(file.strip_suffix(".json")?)?;
    Some(Asked::Document { gun, role, which })
}

/// `root`, `root.{hex}` or `3.root`. No role's name holds a dot. Of the checksums that Notary's grammar allows (SHA-256,
/// -384, -512), documents are stored under the first only.
fn document(name: &str) -> Option<(RoleName, Which)> {
    let Some((left, right)) = name.split_once('.') else { return Some((name.parse().ok()?, Which::Current)) };
    if let Ok(role) = left.parse() {
        let hex = right.len() == 64 && right.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        return hex.then(|| (role, Which::Sha256(right.to_owned())));
    }
    let digits = left.bytes().all(|byte| byte.is_ascii_digit());
    let version = digits.then(|| left.parse().ok()).flatten()?;
    Some((right.parse().ok()?, Which::Version(version)))
}

#[cfg(test)]
mod tests {
    use trust::Which;
    use tuf::RoleName;

    use super::{Asked, parse};

    fn role(name: &str) -> RoleName {
        name.parse().unwrap()
    }

    #[test]
    fn documents() {
        let hex = "a".repeat(64);
        let sum = format!("targets/releases.{hex}");
        for (file, expected, which) in [
            ("root", "root", Which::Current),
            ("targets/a/b", "targets/a/b", Which::Current),
            ("3.root", "root", Which::Version(3)),
            ("12.targets/gitlab", "targets/gitlab", Which::Version(12)),
            (sum.as_str(), "targets/releases", Which::Sha256(hex)),
        ] {
            let path = format!("/v2/h:4443/a/b/_trust/tuf/{file}.json");
            assert_eq!(
                parse(&path),
                Some(Asked::Document { gun: "h:4443/a/b", role: role(expected), which }),
                "{path}"
            );
        }
        for bad in [
            "x.json",
            "root",
            ".json",
            "root.json.json",
            "root.abc.json",
            "99999999999.root.json",
            "+3.root.json",
            "-1.root.json",
            "3.x.json",
            "3..json",
            ".root.json",
            "root..json",
            "targets/A.json",
            "../root.json",
            "3.root.4.json",
        ] {
            assert_eq!(parse(&format!("/v2/h/a/b/_trust/tuf/{bad}")), None, "{bad}");
        }
        assert_eq!(parse(&format!("/v2/h/a/b/_trust/tuf/root.{}.json", "A".repeat(64))), None);
        assert_eq!(parse(&format!("/v2/h/a/b/_trust/tuf/root.{}.json", "a".repeat(128))), None);
    }

    #[test]
    fn the_rest() {
        assert_eq!(parse("/v2/h/a/b/_trust/tuf/"), Some(Asked::Repository { gun: "h/a/b" }));
        let key = Asked::Key { gun: "h/a/b", role: RoleName::Timestamp };
        assert_eq!(parse("/v2/h/a/b/_trust/tuf/timestamp.key"), Some(key));
        assert_eq!(parse("/v2/h/a/b/_trust/changefeed"), Some(Asked::Changefeed { gun: Some("h/a/b") }));
        assert_eq!(parse("/v2/_trust/changefeed"), Some(Asked::Changefeed { gun: None }));
        for bad in [
            "/v2/_trust/tuf/root.json",
            "/v2/h/a/b/_trust/tuf",
            "/v2/h/a/b/_trust/",
            "/v2/h/a/b/_trust/tuf/root.key",
            "/v2/h/a/b/_trust/tuf/targets/a.key",
            "/v2/h/a/b/_trust/changefeed/",
            "/v1/h/a/b/_trust/tuf/",
            "",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
