//! One line a row: `name  ratio  ours  peer  unit`.

use std::fmt;

use serde_json::{Value, json};

use crate::load::Figures;
use crate::rows::Turns;

/// A row's result.
pub struct Line {
    name: String,
    ours: Figures,
    peer: Option<Figures>,
    bytes: u64,
}

impl Line {
    pub fn ratio(name: &str, ours: Figures, peer: Figures) -> Line {
        Line { name: name.to_owned(), ours, peer: Some(peer), bytes: 0 }
    }

    pub fn memory(name: &str, bytes: u64) -> Line {
        Line { name: name.to_owned(), ours: Figures::default(), peer: None, bytes }
    }
}

fn over(ours: f64, peer: f64) -> f64 {
    if peer > 0.0 { ours / peer } else { 0.0 }
}

impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line { name, ours, peer, bytes } = self;
        let Some(peer) = peer else {
            return write!(out, "{name:<34} {:>7.1} MiB resident", *bytes as f64 / f64::from(1 << 20));
        };
        let ratio = over(ours.per_second, peer.per_second);
        write!(out, "{name:<34} {ratio:>7.2}x {:>10.1} {:>10.1} a second", ours.per_second, peer.per_second)?;
        write!(out, ";  p50 {:.2} / {:.2} ms, p99 {:.2} / {:.2} ms", ours.p50, peer.p50, ours.p99, peer.p99)?;
        write!(out, ";  cpu {:.3} / {:.3} ms each", ours.cpu * 1000.0, peer.cpu * 1000.0)
    }
}

/// All of it, for a program.
pub fn json(lines: &[Line], turns: &Turns) -> Value {
    let side = |figures: &Figures| json!({"perSecond": figures.per_second, "p50Ms": figures.p50, "p99Ms": figures.p99, "cpuSeconds": figures.cpu});
    let rows = lines.iter().map(|line| match &line.peer {
        None => json!({"name": line.name, "bytes": line.bytes}),
        Some(peer) => {
            let ratio = over(line.ours.per_second, peer.per_second);
            json!({"name": line.name, "ratio": ratio, "ours": side(&line.ours), "peer": side(peer)})
        }
    });
    json!({
        "rounds": turns.rounds, "seconds": turns.seconds, "clients": turns.clients,
        "durability": {"ours": "synced before 201", "peer": "blob files synced, links not renamed into place"},
        "rows": rows.collect::<Vec<_>>(),
    })
}
