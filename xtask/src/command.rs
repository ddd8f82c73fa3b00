//! Running other programs to their end, with errors that say what they said.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};

/// Lines of a failed program's output that its error repeats.
const ERROR_LINES: usize = 12;

/// Runs a command without standard input and gives its standard output.
///
/// # Errors
/// The program is missing, or ended with another status than 0; the error carries the last lines it printed.
pub fn run(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    judged(command, &output)
}

/// Runs a command that reads `input` (a password, a secret) from its standard input, and gives its standard output.
///
/// # Errors
/// As [`run`].
pub fn run_with_input(command: &mut Command, input: &str) -> Result<String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start `{}`", describe(command)))?;
    let stdin = child.stdin.take();
    let output = thread::scope(|scope| {
        // Beside the reading, so that neither side waits for the other; a program that ends without reading is its choice.
        scope.spawn(move || stdin.map(|mut pipe| pipe.write_all(input.as_bytes())));
        child.wait_with_output()
    })?;
    judged(command, &output)
}

fn judged(command: &Command, output: &Output) -> Result<String> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let mut said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.trim().is_empty() {
        said = String::from_utf8_lossy(&output.stdout).into_owned();
    }
    bail!("`{}` ended with {}:\n{}", describe(command), output.status, tail(&said, ERROR_LINES))
}

/// Runs a command that has to be refused, and gives everything it printed.
///
/// # Errors
/// The program is missing, or it succeeded.
pub fn refused(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    if output.status.success() {
        bail!("`{}` succeeded, but had to be refused", describe(command));
    }
    Ok(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// Runs a command without standard input and gives its status and output, whatever they are.
///
/// # Errors
/// The program is missing.
pub fn output(command: &mut Command) -> Result<Output> {
    command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{}`", describe(command)))
}

/// The command as a person would type it, without its environment (secrets live there).
pub fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let first = line.lines().next().unwrap_or_default();
    if first.chars().count() > 160 { first.chars().take(160).chain("…".chars()).collect() } else { first.to_owned() }
}

/// The last `count` lines of a text.
pub fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
