//! What is told: progress, the figures of a run, and what broke.

use std::{collections::BTreeMap, time::Instant};

use serde_json::{Value, json};

use crate::{cut::Losses, mount::Shared, run::Options, site::Site};

/// Problems that are shown; the others are mostly the same.
const SHOWN: usize = 12;

/// What broke, and in which round.
#[derive(Debug)]
pub struct Broken {
    pub round: u64,
    pub problems: Vec<String>,
}

/// The figures of a run.
#[derive(Debug, Default)]
pub struct Figures {
    pub rounds: u64,
    pub kills: u64,
    pub killed_at_start: u64,
    pub cuts: u64,
    /// Blobs, manifests, tags that were acknowledged as set or deleted.
    pub acknowledged: u64,
    /// Those that were looked at after a restart, over all rounds.
    pub checked: u64,
    pub damaged: u64,
    names_lost: u64,
    files_cut: u64,
    synced: BTreeMap<Site, u64>,
    seconds: f64,
}

impl Figures {
    pub fn lose(&mut self, losses: Losses) {
        self.names_lost += losses.names_lost as u64;
        self.files_cut += losses.files as u64;
    }

    /// Take over what a disk counted.
    pub fn take(&mut self, disk: &Shared) {
        for (site, count) in std::mem::take(&mut disk.lock().synced) {
            *self.synced.entry(site).or_default() += count;
        }
    }

    pub fn end(&mut self, begun: Instant, disk: &Shared) {
        self.take(disk);
        self.seconds = begun.elapsed().as_secs_f64();
    }

    pub fn progress(&self, begun: Instant) -> String {
        format!(
            "crash: round {}, {} power cuts, {} acknowledged, {} looked at, {:.0} s",
            self.rounds,
            self.cuts,
            self.acknowledged,
            self.checked,
            begun.elapsed().as_secs_f64()
        )
    }

    pub fn summary(&self) -> String {
        let sites: Vec<String> = self.synced.iter().map(|(site, count)| format!("{site} {count}")).collect();
        format!(
            "crash: {} rounds in {:.0} s: {} kills, {} of them while starting, {} with a power cut ({} names and {} files lost \
             something); {} pushes and deletions acknowledged, {} looked at again, {} rounds with damage repaired\n\
             crash: syncs: {}",
            self.rounds,
            self.seconds,
            self.kills,
            self.killed_at_start,
            self.cuts,
            self.names_lost,
            self.files_cut,
            self.acknowledged,
            self.checked,
            self.damaged,
            sites.join(", ")
        )
    }

    pub fn json(&self, options: &Options, broken: Option<&Broken>) -> Value {
        let synced: BTreeMap<String, u64> =
            self.synced.iter().map(|(site, count)| (site.to_string(), *count)).collect();
        json!({
            "seed": options.seed,
            "ignored": options.ignored.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "rounds": self.rounds, "kills": self.kills, "killed_at_start": self.killed_at_start,
            "power_cuts": self.cuts, "names_lost": self.names_lost, "files_cut": self.files_cut,
            "acknowledged": self.acknowledged, "looked_at": self.checked, "damaged": self.damaged,
            "syncs": synced, "seconds": self.seconds,
            "broken": broken.map(|broken| json!({"round": broken.round, "problems": broken.problems})),
        })
    }
}

impl Broken {
    /// What broke and how to repeat it.
    pub fn show(&self, options: &Options) -> String {
        let mut text = format!("crash: broken in round {} of seed {}:\n", self.round, options.seed);
        for problem in self.problems.iter().take(SHOWN) {
            text.push_str(&format!("  {}\n", problem.replace('\n', "\n    ")));
        }
        if self.problems.len() > SHOWN {
            text.push_str(&format!("  and {} more\n", self.problems.len() - SHOWN));
        }
        let ignored: Vec<String> = options.ignored.iter().map(ToString::to_string).collect();
        let ignored = if ignored.is_empty() { String::new() } else { format!(" --ignore-sync {}", ignored.join(",")) };
        let rounds = self.round + 1;
        text + &format!("again: cargo xtask crash registry --rounds {rounds} --seed {}{ignored}", options.seed)
    }
}
