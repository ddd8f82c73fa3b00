//! What libFuzzer is started with: the names of the readers, and their seeds as files.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

const USAGE: &str = "usage: fuzz names | fuzz seeds NAME FOLDER\n";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["names"] => fuzz::readers().iter().try_for_each(|reader| writeln!(io::stdout(), "{}", reader.name)),
        ["seeds", name, folder] => seeds(name, Path::new(folder)),
        _ => Err(io::Error::other(USAGE)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn seeds(name: &str, folder: &Path) -> io::Result<()> {
    let reader =
        fuzz::reader(name).ok_or_else(|| io::Error::other(format!("there is no reader {name}; ask: fuzz names")))?;
    fs::create_dir_all(folder)?;
    for (number, seed) in reader.seeds.iter().enumerate() {
        fs::write(folder.join(format!("seed-{number}")), seed)?;
    }
    Ok(())
}
