//! Keys and comparisons, for all schemes.

use std::cmp::Ordering;

use super::{
    Scheme, alpine, composer, cran, debian, encode::Encoder, gem, generic, hackage, maven, nuget, opam, pacman,
    pub_dev, pypi, rpm, semver,
};

/// Says how keys are built. Stored beside stored keys: keys of another number must not be compared with today's.
pub const KEY_FORMAT: u32 = 1;

/// Total on any text: what no tool would accept as a version still has a place, so that bad data cannot stop a scan.
///
/// It is the order of the keys, with two exceptions that the public vectors ask for and that no key can say, because they
/// are no orders: in [`Scheme::Composer`], a part `#` equals any number; in [`Scheme::Maven`], `1.0.0-1` comes before
/// `1.0.0.RC1` though that comes before `1.0.0`.
pub fn compare(scheme: Scheme, left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    if scheme == Scheme::Composer && (left.contains('#') || right.contains('#')) {
        return composer::compare_wild(left.trim(), right.trim());
    }
    if scheme == Scheme::Maven && (left.contains(".0") || right.contains(".0")) {
        return maven::compare_dashed(left.trim(), right.trim());
    }
    key(scheme, left).cmp(&key(scheme, right))
}

/// The version as bytes: two keys of one scheme compare as their versions do.
pub fn key(scheme: Scheme, text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() + 8);
    write_key(scheme, text, &mut bytes);
    bytes
}

/// As [`key`], behind what `bytes` already holds.
pub fn write_key(scheme: Scheme, text: &str, bytes: &mut Vec<u8>) {
    let mut out = Encoder::new(bytes);
    let text = text.trim();
    match scheme {
        Scheme::Alpine => alpine::write(text, &mut out),
        Scheme::Composer => composer::write(text, &mut out),
        Scheme::Cran => cran::write(text, &mut out),
        Scheme::Debian => debian::write(text, &mut out),
        Scheme::Gem => gem::write(text, &mut out),
        Scheme::Generic => generic::write(text, &mut out),
        Scheme::Hackage => hackage::write(text, &mut out),
        Scheme::Maven => maven::write(text, &mut out),
        Scheme::Nuget => nuget::write(text, &mut out),
        Scheme::Opam => opam::write(text, &mut out),
        Scheme::Pacman => pacman::write(text, &mut out),
        Scheme::Pub => pub_dev::write(text, &mut out),
        Scheme::Pypi => pypi::write(text, &mut out),
        Scheme::Rpm => rpm::write(text, &mut out),
        Scheme::Semver => semver::write(text, &mut out),
    }
}
