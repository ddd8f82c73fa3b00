//! Running other programs to their end, with errors that say what they said.
//!
//! A program whose run met an outage ([`crate::unrest`]) and failed is run again, as a person would; no other is.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::thread;

use anyhow::{Context, Result, bail};

use crate::unrest;

/// Lines of a failed program's output that its error repeats.
const ERROR_LINES: usize = 12;

/// How often a command is begun whose earlier runs met an outage. One that fails otherwise is not begun again.
const ATTEMPTS: usize = 4;

/// Runs a command without standard input and gives its standard output.
///
/// # Errors
/// The program is missing, or ended with another status than 0; the error carries the last lines it printed.
pub fn run(command: &mut Command) -> Result<String> {
    undisturbed(|again| excuse(again, checked(command), &[]))
}

/// As [`run`], for a command that makes or removes something. When an outage took the answer away, what was asked for may
/// have been done all the same: then the second run is refused in one of these words, and gives an empty text.
///
/// # Errors
/// As [`run`].
pub fn run_once(command: &mut Command, done: &[&str]) -> Result<String> {
    undisturbed(|again| excuse(again, checked(command), done))
}

/// As [`run`], for a client that answers from its own cache when nobody else does: what it says in an outage is no news.
///
/// # Errors
/// As [`run`].
pub fn run_anew(command: &mut Command) -> Result<String> {
    for _ in 1..ATTEMPTS {
        let watch = unrest::watch();
        let said = run(command)?;
        if !watch.disturbed() {
            return Ok(said);
        }
        unrest::remark(format!("once more, as it may have come from a cache: {}", describe(command)));
    }
    run(command)
}

/// Runs a command that reads `input` (a password, a secret) from its standard input, and gives its standard output.
///
/// # Errors
/// As [`run`].
pub fn run_with_input(command: &mut Command, input: &str) -> Result<String> {
    run_once_with_input(command, input, &[])
}

/// [`run_once`] and [`run_with_input`] together.
///
/// # Errors
/// As [`run`].
pub fn run_once_with_input(command: &mut Command, input: &str, done: &[&str]) -> Result<String> {
    undisturbed(|again| excuse(again, fed(command, input), done))
}

fn checked(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    judged(command, &output)
}

fn fed(command: &mut Command, input: &str) -> Result<String> {
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

/// Works until it succeeds, or fails though nothing was killed meanwhile. The work is told whether it is not the first try.
fn undisturbed(mut work: impl FnMut(bool) -> Result<String>) -> Result<String> {
    for attempt in 1..ATTEMPTS {
        let watch = unrest::watch();
        match work(attempt > 1) {
            Err(error) if watch.disturbed() => unrest::remark(format!("once more: {}", first_lines(&error))),
            result => return result,
        }
    }
    work(true)
}

fn first_lines(error: &anyhow::Error) -> String {
    format!("{error:#}").lines().take(3).collect::<Vec<_>>().join(" / ").chars().take(300).collect()
}

fn excuse(again: bool, result: Result<String>, done: &[&str]) -> Result<String> {
    match result {
        Err(error) if again && done.iter().any(|words| format!("{error:#}").contains(words)) => Ok(String::new()),
        result => result,
    }
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

/// Runs a command that has to be refused, and gives everything it printed; a failure in an outage is no refusal.
///
/// # Errors
/// The program is missing, or it succeeded.
pub fn refused(command: &mut Command) -> Result<String> {
    let mut watch = unrest::watch();
    let mut output = output(command)?;
    for _ in 1..ATTEMPTS {
        if output.status.success() || !watch.disturbed() {
            break;
        }
        unrest::remark(format!("once more, as nothing was refused: {}", describe(command)));
        watch = unrest::watch();
        output = self::output(command)?;
    }
    if output.status.success() {
        bail!("`{}` succeeded, but had to be refused", describe(command));
    }
    Ok(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// Runs a command once, without standard input, and gives its status and output, whatever they are.
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

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn only_a_repeated_run_is_excused() {
        let refused = || Err(anyhow!("there is a repository admin/flask already"));
        assert!(excuse(false, refused(), &["already"]).is_err());
        assert!(excuse(true, refused(), &["not found"]).is_err());
        assert_eq!(excuse(true, refused(), &["already"]).unwrap(), "");
    }
}
