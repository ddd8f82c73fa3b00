//! A new snapshot held against a registry of 10,000 images, and how long the scanner takes to open one.
//!
//! What is measured is the scanner's own job, on a database that `assay serve` made and that nobody else has open.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use advisory::{About, Snapshot};
use anyhow::{Context, Result, ensure};
use base::{Clock, Ctx, Entropy, Id};
use blob::Blobs;
use db::{Db, Location};
use jobs::Job;
use registry::{Registry, Settings};
use scan::{AttestationKey, REMATCH_JOB, Scan};

use super::{Arguments, middle, process, store, synthetic};
use crate::report::Line;
use crate::rows::Say;
use crate::side::start_assay;

pub const ROWS: [&str; 4] = ["open-snapshot", "rematch-full", "rematch-diff-all", "rematch-diff-few"];

/// Opening is short, so it is done more often.
const OPENED: usize = 25;

pub fn rows(arguments: &Arguments, feeds: &Path, say: Say<'_>) -> Result<()> {
    let folder = arguments.scratch.join("rematch");
    super::forget(&folder)?;
    drop(start_assay(&arguments.assay, &folder)?);
    let file = arguments.scratch.join("advisories.snapshot");
    let mut build = Command::new(&arguments.assay);
    build.args(["advisories", "build", "--label", "bench", "--out"]).arg(&file).arg(feeds);
    process::run("assay advisories build", &mut build, arguments.scratch.join("advisories"))?;
    let new = Snapshot::parse(&fs::read(&file)?)?;
    let records = new.records()?;
    let subjects = synthetic::subjects(&new)?;
    let older = |label: &str, records| Snapshot::new(About { label: label.to_owned(), ..new.about().clone() }, records);
    let old = older("bench, the day before", synthetic::older(&records)?)?;
    let few = older("bench, a day before", synthetic::older_by_few(&records, &subjects)?)?;
    drop(records);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let measured = runtime.block_on(measure(arguments.rounds, &folder.join("data"), &subjects, [&new, &old, &few]))?;
    println!(
        "# processor time: full {:.0} ms, all {:.0} ms, few {:.0} ms",
        middle(measured.cpu[0].clone()),
        middle(measured.cpu[1].clone()),
        middle(measured.cpu[2].clone())
    );
    println!(
        "# rematch: {} advisories, {} images, {} package versions; {} records fewer change {} images, {} others {}",
        new.advisory_count(),
        synthetic::IMAGES,
        synthetic::SUBJECTS,
        new.advisory_count() - old.advisory_count(),
        measured.changed,
        new.advisory_count() - few.advisory_count(),
        measured.changed_few,
    );
    say(Line::of("open-snapshot", "ms", middle(measured.open), None));
    say(Line::of("rematch-full", "ms", middle(measured.full), None));
    say(Line::of("rematch-diff-all", "ms", middle(measured.diff), None));
    say(Line::of("rematch-diff-few", "ms", middle(measured.few), None));
    fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Milliseconds of every turn.
#[derive(Default)]
struct Measured {
    open: Vec<f64>,
    full: Vec<f64>,
    diff: Vec<f64>,
    few: Vec<f64>,
    /// Images whose result the differences change.
    changed: i64,
    changed_few: i64,
    /// Milliseconds of the processor: full, all, few.
    cpu: [Vec<f64>; 3],
}

async fn measure(rounds: usize, data: &Path, subjects: &[String], [new, old, few]: [&Snapshot; 3]) -> Result<Measured> {
    let db = Db::open(&Location::Sqlite(data.join("assay.db")), &[]).await?;
    let ctx = Ctx::system("bench", &Clock::System, &Entropy::System);
    let settings =
        Settings { host: "localhost".to_owned(), sparse: false, untagged_after: None, undo: std::time::Duration::ZERO };
    let registry = Registry::new(db.clone(), Blobs::at(&data.join("blobs")).await?, settings);
    let records = Blobs::at(&data.join("records")).await?;
    let outbound = outbound::Outbound::new("localhost", &[], "");
    let scan = Scan::open(&ctx, db.clone(), registry.clone(), records.clone(), outbound.clone()).await?;
    // Every image that changes is noted for a new attestation, as in a server.
    let scan = scan.with_attestation_key(AttestationKey::generate());
    scan.use_snapshot(&ctx, new.serialise(), true).await?;
    let mut measured = Measured::default();
    for _ in 0..OPENED {
        // With what it asks the database about itself.
        let begun = Instant::now();
        let opened = Scan::open(&ctx, db.clone(), registry.clone(), records.clone(), outbound.clone()).await?;
        measured.open.push(milliseconds(begun));
        ensure!(opened.snapshot().digest == new.digest(), "another snapshot was opened");
    }
    let images: Vec<BTreeSet<u64>> = synthetic::images().collect();
    store::seed(&db, &ctx, subjects, &images).await.context("the registry could not be written")?;
    rematch(&scan, &db, new).await?;
    for _ in 0..rounds {
        scan.use_snapshot(&ctx, old.serialise(), true).await?;
        let (took, changed, cpu) = rematch(&scan, &db, old).await?;
        measured.cpu[1].push(cpu);
        measured.diff.push(took);
        measured.changed = changed;
        store::forget_snapshot(&db, &ctx).await?;
        scan.use_snapshot(&ctx, new.serialise(), true).await?;
        let (took, _, cpu) = rematch(&scan, &db, new).await?;
        measured.full.push(took);
        measured.cpu[0].push(cpu);
        scan.use_snapshot(&ctx, few.serialise(), true).await?;
        let (took, changed, cpu) = rematch(&scan, &db, few).await?;
        measured.cpu[2].push(cpu);
        measured.few.push(took);
        measured.changed_few = changed;
        scan.use_snapshot(&ctx, new.serialise(), true).await?;
        measured.few.push(rematch(&scan, &db, new).await?.0);
    }
    Ok(measured)
}

/// The job, and then a look at what it left.
async fn rematch(scan: &Scan, db: &Db, snapshot: &Snapshot) -> Result<(f64, i64, f64)> {
    let ctx = Ctx::system("bench", &Clock::System, &Entropy::System);
    let job = Job {
        id: Id::new(&ctx),
        kind: REMATCH_JOB.to_owned(),
        payload: serde_json::json!({}),
        cause: None,
        attempt: 1,
        created_at: ctx.now,
    };
    let (begun, before) = (Instant::now(), own_milliseconds()?);
    scan.run_rematch(ctx, job).await?;
    let (took, cpu) = (milliseconds(begun), own_milliseconds()? - before);
    let (held, changed) = store::held(db, snapshot.digest()).await?;
    ensure!(held == synthetic::IMAGES as i64, "{held} images were held against the snapshot, not all");
    Ok((took, changed, cpu))
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// Of the processor, of this process.
fn own_milliseconds() -> Result<f64> {
    Ok(process::cpu_seconds(std::process::id())? * 1000.0)
}
