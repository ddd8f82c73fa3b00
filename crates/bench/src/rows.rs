//! The rows: what is asked, and by whom.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::content::{Image, MANIFEST, REPOSITORY};
use crate::load::{self, Figures, Work};
use crate::report::Line;
use crate::side::Side;

const MIB: usize = 1 << 20;
/// A turn of pushes ends when all are done; this is for a server that hangs.
const PUSHES_AT_MOST: Duration = Duration::from_secs(120);

/// How often, how long, and how many at once.
#[derive(Clone, Copy)]
pub struct Turns {
    pub rounds: usize,
    pub seconds: f64,
    pub clients: usize,
}

/// Every row with its name; ours against the open peer, and with tokens against the guarded one.
pub fn all(turns: &Turns, ours: &Side, open: &Side, guarded: &Side, only: &str) -> Result<Vec<Line>> {
    let images = prepare(ours, &[open, guarded])?;
    let mut lines = Vec::new();
    let mut row = |name: &str, peer: &Side, measure: &dyn Fn(&Side) -> Result<Figures>| -> Result<()> {
        if name.contains(only) {
            let line = interleaved(turns, name, ours, peer, measure)?;
            println!("{line}");
            lines.push(line);
        }
        Ok(())
    };
    let tag = format!("/v2/{REPOSITORY}/manifests/t0");
    row("GET manifest by tag, anonymous", open, &|side| read(turns, side, "GET", &tag, false))?;
    row("GET manifest by tag, token", guarded, &|side| read(turns, side, "GET", &tag, true))?;
    row("HEAD manifest by tag, token", guarded, &|side| read(turns, side, "HEAD", &tag, true))?;
    for (image, size) in images.iter().zip(SIZES) {
        let path = format!("/v2/{REPOSITORY}/blobs/{}", image.layer_digest);
        row(&format!("GET blob {} MiB", size / MIB), open, &|side| read(turns, side, "GET", &path, false))?;
    }
    for (size, count) in [(MIB, 120), (10 * MIB, 30)] {
        row(&format!("push unique {} MiB", size / MIB), open, &|side| push(turns, side, size, count))?;
    }
    Ok(lines)
}

const SIZES: [usize; 3] = [MIB, 10 * MIB, 100 * MIB];

/// The same images everywhere, under `t0`, `t1`, `t2`; ours readable by everybody.
fn prepare(ours: &Side, peers: &[&Side]) -> Result<Vec<Image>> {
    let images = SIZES.iter().map(|bytes| Image::random(*bytes)).collect::<Result<Vec<_>>>()?;
    for side in [&[ours], peers].concat() {
        let authorization = side.authorization()?;
        let mut connection = side.connect()?;
        for (number, image) in images.iter().enumerate() {
            image.push(side, &mut connection, authorization.as_deref(), &format!("t{number}"))?;
        }
    }
    let body = b"{\"visibility\":\"public\"}";
    let basic = ours.basic().unwrap_or_default().to_owned();
    let headers = [("Authorization", basic.as_str()), ("Content-Type", "application/json")];
    let patch = ours.request("PATCH", &format!("/api/v0/repositories/{REPOSITORY}"), &headers, body.len());
    let status = ours.connect()?.ask(&patch, body)?.status;
    ensure!(status == 200, "making {REPOSITORY} public was answered with {status}");
    Ok(images)
}

/// Ours, peer, ours, peer, …; the medians.
fn interleaved(
    turns: &Turns,
    name: &str,
    ours: &Side,
    peer: &Side,
    measure: &dyn Fn(&Side) -> Result<Figures>,
) -> Result<Line> {
    let turn = |side: &Side| -> Result<Figures> {
        let before = side.cpu_seconds()?;
        let mut figures = measure(side)?;
        let answers = (figures.per_second * figures.seconds).max(1.0);
        figures.cpu = (side.cpu_seconds()? - before) / answers;
        Ok(figures)
    };
    let (mut us, mut them) = (Vec::new(), Vec::new());
    for _ in 0..turns.rounds {
        us.push(turn(ours)?);
        them.push(turn(peer)?);
    }
    Ok(Line::ratio(name, load::median(&us), load::median(&them)))
}

/// Everybody asks for the same thing on a connection of their own.
fn read(turns: &Turns, side: &Side, method: &str, path: &str, token: bool) -> Result<Figures> {
    let authorization = if token { side.authorization()? } else { None };
    let mut headers = vec![("Accept", MANIFEST)];
    headers.extend(authorization.as_deref().map(|value| ("Authorization", value)));
    let request = &side.request(method, path, &headers, 0);
    let is_head = method == "HEAD";
    let clients = (0..turns.clients).map(|_| -> Result<Work<'_>> {
        let mut connection = side.connect()?;
        Ok(Box::new(move || {
            let answer = if is_head { connection.head(request)? } else { connection.ask(request, b"")? };
            ensure!(answer.status == 200 && answer.length > 0, "{} answered {}", side.name, answer.status);
            Ok(true)
        }))
    });
    load::run(clients.collect::<Result<_>>()?, Duration::from_secs_f64(turns.seconds))
}

/// Everybody pushes images that nobody has seen, until all are pushed.
fn push(turns: &Turns, side: &Side, bytes: usize, count: usize) -> Result<Figures> {
    static TAG: AtomicUsize = AtomicUsize::new(0);
    let authorization = side.authorization()?;
    let images = (0..count).map(|_| Image::random(bytes)).collect::<Result<Vec<_>>>()?;
    let waiting = &Mutex::new(images);
    let clients = (0..turns.clients).map(|_| -> Result<Work<'_>> {
        let mut connection = side.connect()?;
        let authorization = authorization.clone();
        Ok(Box::new(move || {
            let next = waiting.lock().expect("no client panics while it takes an image").pop();
            let Some(image) = next else { return Ok(false) };
            let tag = format!("p{}", TAG.fetch_add(1, Ordering::Relaxed));
            image.push(side, &mut connection, authorization.as_deref(), &tag)?;
            Ok(true)
        }))
    });
    load::run(clients.collect::<Result<_>>()?, PUSHES_AT_MOST)
}

/// What the whole product holds in memory: idle, and with a hundred clients at it.
pub fn memory(turns: &Turns, ours: &Side, idle: u64, only: &str) -> Result<Vec<Line>> {
    if !"memory".contains(only) {
        return Ok(Vec::new());
    }
    let busy = Turns { clients: 100, ..*turns };
    read(&busy, ours, "GET", &format!("/v2/{REPOSITORY}/manifests/t0"), true)?;
    push(&busy, ours, MIB, 200)?;
    Ok(vec![Line::memory("memory, idle", idle), Line::memory("memory, after 100 clients", ours.resident_bytes()?)])
}
