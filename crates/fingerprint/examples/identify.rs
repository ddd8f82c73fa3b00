//! Says what executables hold, one JSON line a file: `identify INDEX FILE…`; `-` for the index that comes with the program.

use std::fs;
use std::sync::Arc;

use fingerprint::{Index, identify, is_executable};
use std::io::Write as _;

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let index = match args.next().as_deref() {
        None | Some("-") => Index::builtin().clone(),
        Some(path) => Index::open(Arc::new(fs::read(path)?))?,
    };
    let mut out = std::io::stdout().lock();
    for path in args {
        let bytes = fs::read(&path)?;
        if is_executable(&bytes) {
            let found = identify(&index, &bytes, None);
            writeln!(out, "{}\t{path}\t{}", bytes.len(), serde_json::to_string(&found)?)?;
        }
    }
    Ok(())
}
