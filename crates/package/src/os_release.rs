//! What an image says it is: os-release(5), and the older files that say it where that is missing.

mod end_of_life;
mod older;

use serde::{Deserialize, Serialize};

pub use end_of_life::{EndOfLife, end_of_life};

/// Files that say it, the first one that names an id counts. `usr/lib/os-release` is what `etc/os-release` mostly is a link to.
pub const RELEASE_FILES: [&str; 14] = [
    "etc/os-release",
    "usr/lib/os-release",
    "etc/openwrt_release",
    "etc/alpine-release",
    "etc/almalinux-release",
    "etc/rocky-release",
    "etc/centos-release",
    "etc/oracle-release",
    "etc/redhat-release",
    "etc/system-release",
    "etc/SuSE-release",
    "etc/lsb-release",
    "etc/debian_version",
    "etc/arch-release",
];

/// The fields that advisories and people need. Empty where the file is silent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsRelease {
    /// `VERSION_CODENAME`: `bookworm`.
    pub codename: String,
    /// `CPE_NAME`: `cpe:/o:redhat:enterprise_linux:9::baseos`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cpe_name: String,
    /// `debian`, `alpine`, `ubuntu`, …
    pub id: String,
    /// `ID_LIKE`, the nearest relative first: `rhel`, `centos`, `fedora`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub id_like: Vec<String>,
    pub pretty_name: String,
    /// `SUPPORT_END`, `YYYY-MM-DD` as the distribution writes it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub support_end: String,
    /// `VARIANT_ID`: `server`, `coreos`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub variant_id: String,
    /// `12`, `3.19.1`; empty in rolling releases such as Debian unstable.
    pub version_id: String,
}

/// What a file of [`RELEASE_FILES`] says; None when it names no distribution, or is none of them.
pub(crate) fn read(path: &str, text: &str) -> Option<OsRelease> {
    match path {
        "etc/os-release" | "usr/lib/os-release" => Some(parse(text)),
        _ => older::read(path, text),
    }
}

fn parse(text: &str) -> OsRelease {
    let mut release = OsRelease::default();
    for (key, value) in assignments(text) {
        let field = match key {
            "ID" => &mut release.id,
            "VERSION_ID" => &mut release.version_id,
            "VERSION_CODENAME" => &mut release.codename,
            "PRETTY_NAME" => &mut release.pretty_name,
            "CPE_NAME" => &mut release.cpe_name,
            "SUPPORT_END" => &mut release.support_end,
            "VARIANT_ID" => &mut release.variant_id,
            "ID_LIKE" => {
                release.id_like = value.split_whitespace().map(str::to_owned).collect();
                continue;
            }
            _ => continue,
        };
        *field = value;
    }
    release
}

/// Lines `KEY=value` of a file in the form of a shell's.
fn assignments(text: &str) -> impl Iterator<Item = (&str, String)> {
    text.lines().filter_map(|line| line.trim().split_once('=')).map(|(key, value)| (key.trim_end(), unquote(value)))
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

    #[test]
    fn relatives_variant_and_end_of_support() {
        let text = "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nSUPPORT_END=\"2032-05-31\"\nVARIANT_ID=container\n\
            CPE_NAME=\"cpe:/o:rocky:rocky:9::baseos\"\n";
        let release = parse(text);
        assert_eq!(release.id_like, ["rhel", "centos", "fedora"]);
        assert_eq!((release.support_end.as_str(), release.variant_id.as_str()), ("2032-05-31", "container"));
        assert_eq!(release.cpe_name, "cpe:/o:rocky:rocky:9::baseos");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "((ID|VERSION_ID|ID_LIKE|DISTRIB_ID| release )[= ]?|[\"'0-9.a-z/]{0,6}|\n|\\PC){0,20}") {
            for path in RELEASE_FILES {
                if let Some(release) = read(path, &text) {
                    end_of_life(&release);
                }
            }
        }
    }
}
