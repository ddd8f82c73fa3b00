//! Each reader reads its seeds, a thousand damaged ones do no harm, and libFuzzer has a program for each.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{fs, panic, path::Path, thread};

use fuzz::{Damage, Reader, readers};

const ROUNDS: usize = 1_000;

#[test]
fn every_reader_survives_a_thousand_damaged_files() {
    let readers = readers();
    assert!(readers.len() > 80, "readers are missing: {}", readers.len());
    // Two threads, as a machine that builds this has at least two cores.
    let (first, second) = readers.split_at(readers.len() / 2);
    let failed: Vec<String> = thread::scope(|scope| {
        let halves = [first, second].map(|half| scope.spawn(|| half.iter().filter_map(failure).collect::<Vec<_>>()));
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// None when the reader did as it should.
fn failure(reader: &Reader) -> Option<String> {
    for (number, seed) in reader.seeds.iter().enumerate() {
        if !reader.read(seed) {
            return Some(format!("{} does not read its seed {number}", reader.name));
        }
    }
    if reader.seeds.is_empty() {
        return Some(format!("{} has no seed", reader.name));
    }
    let mut damage = Damage::new(reader.name.len() as u64);
    for round in 0..ROUNDS {
        let bytes = damage.of(&reader.seeds[round % reader.seeds.len()]);
        let read = panic::catch_unwind(panic::AssertUnwindSafe(|| reader.read(&bytes)));
        if read.is_err() {
            let file = std::env::temp_dir().join(format!("fuzz-{}", reader.name));
            fs::write(&file, &bytes).unwrap();
            return Some(format!("{} panics in round {round} with {}", reader.name, file.display()));
        }
    }
    None
}

#[test]
fn libfuzzer_has_a_program_for_each_reader() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/Cargo.toml")).unwrap();
    let programs: Vec<&str> =
        manifest.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    let names: Vec<String> = readers().into_iter().map(|reader| reader.name).collect();
    assert_eq!(programs[1..], names, "list them in fuzz/Cargo.toml, each with path = \"reader.rs\"");
}
