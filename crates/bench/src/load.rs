//! Clients that ask as fast as they are answered, and what came of it.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

/// What one turn gave.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub per_second: f64,
    /// Milliseconds within which half of the answers came.
    pub p50: f64,
    /// Milliseconds within which 99 of 100 answers came.
    pub p99: f64,
    /// How long the turn took.
    pub seconds: f64,
    /// The server's processor seconds for each answer.
    pub cpu: f64,
}

/// One client's work: does one operation; `false` when there is nothing left to do.
pub type Work<'a> = Box<dyn FnMut() -> Result<bool> + Send + 'a>;

/// Lets every client work until the time is over or it has nothing left.
pub fn run(clients: Vec<Work<'_>>, limit: Duration) -> Result<Figures> {
    let barrier = Barrier::new(clients.len() + 1);
    let (times, took) = thread::scope(|scope| {
        let barrier = &barrier;
        let threads: Vec<_> = clients
            .into_iter()
            .map(|mut work| {
                scope.spawn(move || -> Result<Vec<u32>> {
                    barrier.wait();
                    let begun = Instant::now();
                    let mut times = Vec::with_capacity(1 << 14);
                    while begun.elapsed() < limit {
                        let asked = Instant::now();
                        if !work()? {
                            break;
                        }
                        times.push(u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX));
                    }
                    Ok(times)
                })
            })
            .collect();
        barrier.wait();
        let begun = Instant::now();
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| anyhow!("a client panicked"))??);
        }
        Ok::<_, anyhow::Error>((all, begun.elapsed()))
    })?;
    Ok(figures(times, took))
}

fn figures(mut times: Vec<u32>, took: Duration) -> Figures {
    times.sort_unstable();
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank"
        )]
        let rank = (times.len() as f64 * share) as usize;
        times.get(rank.min(times.len().saturating_sub(1))).map_or(0.0, |micros| f64::from(*micros) / 1000.0)
    };
    #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
    let per_second = times.len() as f64 / took.as_secs_f64();
    Figures { per_second, p50: at(0.5), p99: at(0.99), seconds: took.as_secs_f64(), cpu: 0.0 }
}

/// The median of some figures, member by member.
pub fn median(turns: &[Figures]) -> Figures {
    let of = |member: fn(&Figures) -> f64| {
        let mut values: Vec<f64> = turns.iter().map(member).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    Figures {
        per_second: of(|turn| turn.per_second),
        p50: of(|turn| turn.p50),
        p99: of(|turn| turn.p99),
        seconds: of(|turn| turn.seconds),
        cpu: of(|turn| turn.cpu),
    }
}
