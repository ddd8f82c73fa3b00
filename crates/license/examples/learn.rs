//! Writes `data/texts.bin` from the texts of the SPDX list: `cargo run -p license --example learn -- crates/license/data/texts.bin`.

use std::{env, fs, process::ExitCode};

#[path = "../tests/it/corpus.rs"]
mod corpus;

fn main() -> ExitCode {
    let Some(path) = env::args().nth(1) else {
        eprintln!("usage: learn FILE");
        return ExitCode::from(2);
    };
    let bytes = license::learn(corpus::texts());
    eprintln!("{} bytes", bytes.len());
    match fs::write(&path, bytes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}
