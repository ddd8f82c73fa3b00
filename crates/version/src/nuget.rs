//! The order of .NET's packages: ["Package versioning"](https://learn.microsoft.com/nuget/concepts/package-versioning),
//! "Normalized version numbers" and "Where NuGet diverges from SemVer".
//!
//! Semantic Versioning with a fourth number, and without regard to capital letters.
//!
//! ```text
//! numbers | 02 prerelease | identifiers as in semver
//!         | 04 none       |
//! ```

use super::{encode::Encoder, semver, text::strip_v};

const PRERELEASE: u8 = 0x02;
const FINAL: u8 = 0x04;

pub(super) fn write(text: &str, out: &mut Encoder) {
    let text = text.split_once('+').map_or(text, |(text, _build)| text);
    let rest = semver::write_numbers(strip_v(text), out);
    if rest.is_empty() {
        return out.mark(FINAL);
    }
    out.mark(PRERELEASE);
    semver::write_identifiers(rest.strip_prefix('-').unwrap_or(rest), out, |out, text| out.lower(text));
}
