//! R's order: ["Writing R Extensions"](https://cran.r-project.org/doc/manuals/R-exts.html#The-DESCRIPTION-file), "Version",
//! and R's `package_version`.
//!
//! Numbers with dots or dashes between them, which are the same, the shorter row first: `0.1 < 0.1-0`.

use super::{encode::Encoder, hackage};

pub(super) fn write(text: &str, out: &mut Encoder) {
    hackage::write_rows(text.split(['.', '-']), out);
}
