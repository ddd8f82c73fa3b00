//! The order of Dart's packages: ["Version constraints"](https://dart.dev/tools/pub/dependencies#version-constraints) and
//! `pub_semver`.
//!
//! Semantic Versioning, but a build counts: it comes behind the same version without one, and builds compare as
//! prereleases do.

use super::{encode::Encoder, semver};

pub(super) fn write(text: &str, out: &mut Encoder) {
    semver::write_with_build(text, out);
}
