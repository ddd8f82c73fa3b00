//! A program run to its end: how long it took, what it took of the processors, the most memory it held.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often its memory is looked at; the kernel keeps the most that it ever was.
const LOOK: Duration = Duration::from_millis(5);

/// What a run took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Run {
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub peak_bytes: u64,
}

/// Runs it with its output into files below `log`, from which a failure is told.
pub fn run(name: &str, command: &mut Command, log: PathBuf) -> Result<Run> {
    let (out, errors) = (log.with_extension("out"), log.with_extension("err"));
    command.stdin(Stdio::null()).stdout(fs::File::create(&out)?).stderr(fs::File::create(&errors)?);
    let begun = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    let peak_bytes = watch(&child)?;
    let seconds = begun.elapsed().as_secs_f64();
    // It ended, and nobody took its place in the table of processes yet.
    let cpu_seconds = cpu_seconds(child.id())?;
    let status = child.wait()?;
    if !status.success() {
        bail!("{name} ended with {status}:\n{}", fs::read_to_string(&errors).unwrap_or_default());
    }
    Ok(Run { seconds, cpu_seconds, peak_bytes })
}

/// Until it ends, without taking it from the table of processes.
fn watch(child: &Child) -> Result<u64> {
    let (status, mut peak) = (format!("/proc/{}/status", child.id()), 0);
    loop {
        let text = fs::read_to_string(&status)?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        // A program that ended has no memory, and so no such line.
        let Some(line) = line else { return Ok(peak) };
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse().context("no number of kB")?;
        peak = peak.max(kibibytes * 1024);
        thread::sleep(LOOK);
    }
}

/// Processor seconds that a process has used, one that ended too.
pub fn cpu_seconds(process: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let after = stat.rsplit_once(") ").context("no stat")?.1;
    let ticks = |index: usize| after.split(' ').nth(index).and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0);
    #[expect(clippy::cast_precision_loss, reason = "100")]
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    // utime and stime, fields 14 and 15 of proc_pid_stat(5); the state is field 3.
    Ok((ticks(11) + ticks(12)) / per_second)
}
