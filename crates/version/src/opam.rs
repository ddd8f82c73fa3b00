//! OCaml's order: opam's manual, ["Version ordering"](https://opam.ocaml.org/doc/Manual.html#Version-ordering).
//!
//! It is Debian's, without epochs: a colon is a character like others.

use super::{debian, encode::Encoder};

pub(super) fn write(text: &str, out: &mut Encoder) {
    debian::write_parts(text, out);
}
