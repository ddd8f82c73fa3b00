//! One line a row: `name ratio ours peer unit`, and behind it what else was seen.

use std::fmt;

use serde_json::{Value, json};

use crate::load::Figures;
use crate::rows::Turns;

/// What both sides do before they say that a push succeeded. Read in their sources, and for ours shown by a test that takes away
/// what was not synced.
pub const OUR_DURABILITY: &str = "before 201: fdatasync of the blob, rename, fsync of its folder, fdatasync of the log of the commit (audit entry included)";
pub const PEER_DURABILITY: &str =
    "before 201: fsync of the blob and of each link file; no fsync of any folder, links written in place";

/// A row's result.
#[derive(Debug)]
pub struct Line {
    pub name: String,
    pub unit: &'static str,
    pub ours: f64,
    /// None where the row is about ours alone.
    pub peer: Option<f64>,
    figures: Option<(Figures, Figures)>,
}

impl Line {
    /// How many answers a second each side gave.
    pub fn rate(name: &str, ours: Figures, peer: Figures) -> Line {
        let figures = Some((ours, peer));
        Line { name: name.to_owned(), unit: "/s", ours: ours.per_second, peer: Some(peer.per_second), figures }
    }

    /// The server's processor time for each byte of a blob; less is better.
    pub fn cpu(name: &str, ours: Figures, peer: Figures, bytes: usize) -> Line {
        #[expect(clippy::cast_precision_loss, reason = "at most 100 MiB")]
        let each = |figures: Figures| figures.cpu * 1e9 / bytes as f64;
        Line { name: format!("cpu-{name}"), unit: "ns/byte", ours: each(ours), peer: Some(each(peer)), figures: None }
    }

    pub fn memory(name: &str, ours: u64, peer: Option<u64>) -> Line {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        Line { name: name.to_owned(), unit: "MiB", ours: mebibytes(ours), peer: peer.map(mebibytes), figures: None }
    }

    /// A figure alone or beside another.
    pub fn of(name: &str, unit: &'static str, ours: f64, peer: Option<f64>) -> Line {
        Line { name: name.to_owned(), unit, ours, peer, figures: None }
    }

    /// How long an answer of ours takes.
    pub fn time(name: &str, ours: Figures) -> Line {
        let figures = Some((ours, Figures::default()));
        Line { name: name.to_owned(), unit: "ms", ours: ours.p50, peer: None, figures }
    }

    fn ratio(&self) -> Option<f64> {
        self.peer.filter(|peer| *peer > 0.0).map(|peer| self.ours / peer)
    }

    pub fn to_json(&self) -> Value {
        let side = |figures: &Figures| json!({"perSecond": figures.per_second, "p50Ms": figures.p50, "p99Ms": figures.p99, "cpuSeconds": figures.cpu});
        let mut row =
            json!({"name": self.name, "ratio": self.ratio(), "ours": self.ours, "peer": self.peer, "unit": self.unit});
        if let Some((ours, peer)) = &self.figures {
            row["figures"] = json!({"ours": side(ours), "peer": self.peer.map(|_| side(peer))});
        }
        row
    }
}

impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_dash = |number: Option<f64>| number.map_or("-".to_owned(), |number| format!("{number:.2}"));
        let (ratio, peer) = (or_dash(self.ratio()), or_dash(self.peer));
        write!(out, "{:<32} {ratio:>7} {:>10.2} {peer:>10} {}", self.name, self.ours, self.unit)?;
        match (&self.figures, self.peer) {
            (Some((ours, peer)), Some(_)) => {
                write!(out, "; p50 {:.2} / {:.2} ms, p99 {:.2} / {:.2} ms", ours.p50, peer.p50, ours.p99, peer.p99)?;
                write!(out, "; cpu {:.3} / {:.3} ms each", ours.cpu * 1000.0, peer.cpu * 1000.0)
            }
            (Some((ours, _)), None) => write!(out, "; p99 {:.2} ms", ours.p99),
            (None, _) => Ok(()),
        }
    }
}

/// All of it, for a program.
pub fn json(lines: &[Line], turns: &Turns) -> Value {
    json!({
        "rounds": turns.rounds, "seconds": turns.seconds, "clients": turns.clients,
        "durability": {"ours": OUR_DURABILITY, "peer": PEER_DURABILITY},
        "rows": lines.iter().map(Line::to_json).collect::<Vec<_>>(),
    })
}
