//! What libFuzzer calls: the reader that this program is named after (crates/fuzz).
#![no_main]

use std::sync::LazyLock;

static READER: LazyLock<fuzz::Reader> =
    LazyLock::new(|| fuzz::reader(env!("CARGO_BIN_NAME")).expect("a test compares the names"));

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    READER.read(bytes);
});
