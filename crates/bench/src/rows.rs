//! The rows: what is asked, and by whom.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::content::{Image, MANIFEST, MIB, REPOSITORY, SCANNED, SIZES, Target};
use crate::floor;
use crate::load::{self, Figures, Work};
use crate::report::Line;
use crate::side::Side;

/// A turn of pushes ends when all are done; this is for a server that hangs.
const PUSHES_AT_MOST: Duration = Duration::from_secs(120);
/// Pushes of one turn, by the size of the layer.
const PUSHES: [(usize, usize); 2] = [(MIB, 120), (10 * MIB, 30)];
/// Clients under which memory is looked at.
const MANY: usize = 100;

/// How often, how long, and how many at once.
#[derive(Clone, Copy)]
pub struct Turns {
    pub rounds: usize,
    pub seconds: f64,
    pub clients: usize,
}

/// Everybody who is asked.
pub struct Sides {
    pub ours: Side,
    /// Ours, over TLS.
    pub secured: Side,
    pub open: Side,
    pub guarded: Side,
    pub secure: Side,
    pub floor: Side,
}

/// Takes each line as soon as it is known.
pub type Say<'a> = &'a mut dyn FnMut(Line);

/// The rows that compare how fast both sides are.
pub fn all(turns: &Turns, sides: &Sides, only: &str, say: Say<'_>) -> Result<()> {
    let Sides { ours, secured, open, guarded, secure, floor } = sides;
    let images = prepare(ours, &[open, guarded, secure])?;
    let mut row = |name: &str, ours: &Side, peer: &Side, measure: &dyn Fn(&Side) -> Result<Figures>| {
        if !name.contains(only) {
            return Ok(None);
        }
        let (us, them) = interleaved(turns, ours, peer, measure)?;
        say(Line::rate(name, us, them));
        Ok::<_, anyhow::Error>(Some((us, them)))
    };
    let tag = format!("/v2/{REPOSITORY}/manifests/t0");
    row("get-manifest", ours, open, &|side| read(turns, side, "GET", &tag, false))?;
    row("get-manifest-token", ours, guarded, &|side| read(turns, side, "GET", &tag, true))?;
    row("head-manifest", ours, open, &|side| read(turns, side, "HEAD", &tag, false))?;
    row("head-manifest-token", ours, guarded, &|side| read(turns, side, "HEAD", &tag, true))?;
    row("get-manifest-of-floor", ours, floor, &|side| read(turns, side, "GET", &tag, false))?;
    let mut costs = Vec::new();
    for (image, size) in images.iter().zip(SIZES) {
        let path = format!("/v2/{REPOSITORY}/blobs/{}", image.layer_digest);
        let name = format!("get-blob-{}MiB", size / MIB);
        let measure = |side: &Side| {
            let bare = floor::blob_path(size);
            read(turns, side, "GET", if std::ptr::eq(side, floor) { &bare } else { &path }, false)
        };
        for (name, ours, peer) in [
            (name.clone(), ours, open),
            (format!("{name}-tls"), secured, secure),
            (format!("{name}-of-floor"), ours, floor),
        ] {
            let seen = row(&name, ours, peer, &measure)?;
            costs.extend(seen.map(|(us, them)| Line::cpu(&name, us, them, size)));
        }
    }
    for (size, count) in PUSHES {
        for (repository, scanned) in [(REPOSITORY, ""), (SCANNED, "-scanned")] {
            let name = format!("push-unique-{}MiB{scanned}", size / MIB);
            let seen = row(&name, ours, open, &|side| push(turns, side, repository, size, count))?;
            costs.extend(seen.map(|(us, them)| Line::cpu(&name, us, them, size)));
        }
    }
    costs.into_iter().for_each(say);
    Ok(())
}

/// The same images everywhere, under `t0`, `t1`, `t2`; ours readable by everybody, and not scanned.
fn prepare(ours: &Side, peers: &[&Side]) -> Result<Vec<Image>> {
    let images = SIZES.iter().map(|bytes| Image::random(*bytes)).collect::<Result<Vec<_>>>()?;
    for side in [&[ours], peers].concat() {
        let authorization = side.authorization()?;
        let mut connection = side.connect()?;
        for (number, image) in images.iter().enumerate() {
            let to = Target { side, repository: REPOSITORY, authorization: authorization.as_ref() };
            image.push(&to, &mut connection, &format!("t{number}"))?;
        }
    }
    let body = b"{\"visibility\":\"public\",\"scanOnPush\":false}";
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
    ours: &Side,
    peer: &Side,
    measure: &dyn Fn(&Side) -> Result<Figures>,
) -> Result<(Figures, Figures)> {
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
    Ok((load::median(&us), load::median(&them)))
}

/// Everybody asks for the same thing on a connection of their own.
pub fn read(turns: &Turns, side: &Side, method: &str, path: &str, token: bool) -> Result<Figures> {
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
fn push(turns: &Turns, side: &Side, repository: &str, bytes: usize, count: usize) -> Result<Figures> {
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
            let to = Target { side, repository, authorization: authorization.as_ref() };
            image.push(&to, &mut connection, &tag)?;
            Ok(true)
        }))
    });
    load::run(clients.collect::<Result<_>>()?, PUSHES_AT_MOST)
}

/// What both hold in memory before anybody asks.
pub fn memory_idle(sides: &Sides, only: &str, say: Say<'_>) -> Result<()> {
    if "memory-idle".contains(only) {
        say(Line::memory("memory-idle", sides.ours.resident_bytes()?, Some(sides.open.resident_bytes()?)));
    }
    Ok(())
}

/// What both hold with a hundred clients at them, who pull manifests and blobs and push: after that, and at the most.
pub fn memory(turns: &Turns, sides: &Sides, only: &str, say: Say<'_>) -> Result<()> {
    if !"memory-100-clients".contains(only) && !"memory-peak".contains(only) {
        return Ok(());
    }
    let many = Turns { clients: MANY, ..*turns };
    let Sides { ours, open, .. } = sides;
    for side in [ours, open] {
        read(&many, side, "GET", &format!("/v2/{REPOSITORY}/manifests/t0"), true)?;
        push(&many, side, SCANNED, MIB, 2 * MANY)?;
        push(&many, side, SCANNED, 10 * MIB, MANY)?;
    }
    say(Line::memory("memory-100-clients", ours.resident_bytes()?, Some(open.resident_bytes()?)));
    say(Line::memory("memory-peak", ours.peak_bytes()?, Some(open.peak_bytes()?)));
    Ok(())
}
