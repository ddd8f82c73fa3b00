//! How quick the pass is over files: `speed INDEX FILE…`; `-` for the index that comes with the program.

use std::fs;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use fingerprint::{Index, Pass};

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let index = match args.next().as_deref() {
        None | Some("-") => Index::builtin().clone(),
        Some(path) => Index::open(Arc::new(fs::read(path)?))?,
    };
    let files: Vec<Vec<u8>> = args.map(fs::read).collect::<Result<_, _>>()?;
    let size: usize = files.iter().map(Vec::len).sum();
    for _ in 0..5 {
        let begun = Instant::now();
        let mut found = 0;
        for file in &files {
            let mut pass = Pass::new(&index);
            file.chunks(256 * 1024).for_each(|chunk| pass.feed(chunk));
            found += pass.finish().len();
        }
        let seconds = begun.elapsed().as_secs_f64();
        writeln!(std::io::stdout(), "{size} bytes, {found} found, {:.0} MB/s", size as f64 / 1e6 / seconds)?;
    }
    Ok(())
}
