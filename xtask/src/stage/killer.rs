//! Who kills: in every step one program, at a moment and of a choice that a seed decides.
//!
//! ```text
//!   step ├──────── as long as the last plain run took ────────┤
//!        ├──── a part of that, uniformly at random ──► kill -9 ─► start ─► ready
//!        └─ ended before ──────────────────────────────────────► kill -9 at once, between this step and the next
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::Program;

/// Decides, and keeps count.
pub struct Killer {
    seed: u64,
    turn: u64,
    inside: BTreeMap<String, usize>,
    after: BTreeMap<String, usize>,
    spared: usize,
}

/// What is to happen in one step.
pub struct Plan {
    victim: Arc<Program>,
    moment: Duration,
}

/// What has happened.
pub struct Killed {
    name: String,
    at: Duration,
    back_in: Duration,
    inside: bool,
}

impl Killer {
    /// Equal seeds, steps and durations make equal choices.
    pub fn new(seed: u64) -> Killer {
        Killer { seed, turn: 0, inside: BTreeMap::new(), after: BTreeMap::new(), spared: 0 }
    }

    /// One of the victims, at one moment of the usual duration; nothing while there is no victim.
    pub fn plan(&mut self, victims: &[Arc<Program>], usual: Duration) -> Option<Plan> {
        self.turn += 1;
        let (choice, part) = (self.draw(2 * self.turn), self.draw(2 * self.turn + 1));
        // The product is below the length, as every part is below 1.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place"
        )]
        let place = (choice * victims.len() as f64) as usize;
        let Some(victim) = victims.get(place) else {
            self.spared += 1;
            return None;
        };
        Some(Plan { victim: Arc::clone(victim), moment: usual.mul_f64(part) })
    }

    /// Counts.
    pub fn note(&mut self, killed: &Killed) {
        let counts = if killed.inside { &mut self.inside } else { &mut self.after };
        *counts.entry(killed.name.clone()).or_default() += 1;
    }

    /// For the end of the story.
    pub fn summary(&self) -> String {
        let list = |counts: &BTreeMap<String, usize>| {
            let one = |(name, count): (&String, &usize)| format!("{name} {count}");
            counts.iter().map(one).collect::<Vec<_>>().join(", ")
        };
        let total = |counts: &BTreeMap<String, usize>| counts.values().sum::<usize>();
        format!(
            "kill -9 in the middle of {} steps ({}) and at the end of {} ({}); {} steps had nothing to kill; seed {}",
            total(&self.inside),
            list(&self.inside),
            total(&self.after),
            list(&self.after),
            self.spared,
            self.seed
        )
    }

    /// A number in 0..1, which depends on nothing but seed and place: SplitMix64.
    fn draw(&self, place: u64) -> f64 {
        let mut z = self.seed.wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        f64::from(u32::try_from(z >> 32).expect("32 bits are left")) / (f64::from(u32::MAX) + 1.0)
    }
}

impl Plan {
    /// Waits for the moment or the end of the step, kills, starts again, waits until it is ready. A step that failed is
    /// told by a message, and nothing is killed after it.
    ///
    /// # Errors
    /// The program does not come up again.
    pub fn carry_out(self, end: &Receiver<bool>) -> Result<Option<Killed>> {
        let began = Instant::now();
        let inside = match end.recv_timeout(self.moment) {
            Err(RecvTimeoutError::Timeout) => true,
            Ok(true) => false,
            Ok(false) | Err(RecvTimeoutError::Disconnected) => return Ok(None),
        };
        let at = began.elapsed();
        let name = self.victim.name().to_owned();
        self.victim.kill_and_restart().with_context(|| format!("{name} did not survive kill -9"))?;
        Ok(Some(Killed { name, at, back_in: began.elapsed() - at, inside }))
    }
}

impl std::fmt::Display for Killed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = if self.inside { "" } else { ", at the step's end" };
        let (at, back) = (self.at.as_secs_f64(), self.back_in.as_secs_f64());
        write!(out, "kill -9 of {} at {at:.2} s{place}; ready again after {back:.2} s", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_depend_on_the_seed_and_cover_the_range() {
        let draws: Vec<f64> = (0..1000).map(|place| Killer::new(7).draw(place)).collect();
        assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
        let mean = draws.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
        assert!(draws.iter().any(|draw| *draw < 0.02) && draws.iter().any(|draw| *draw > 0.98));
        assert_ne!(Killer::new(8).draw(1), Killer::new(7).draw(1));
    }
}
