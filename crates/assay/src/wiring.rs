//! Which services there are and how they are put together: the one place that knows all of them.

use std::{pin::Pin, time::Duration};

use admit::Admit;
use anyhow::{Context, Result};
use audit::Log;
use base::{AccountName, Actor, Clock, Ctx, Entropy, Secret, limits};
use ci::Ci;
use db::{Db, Location, Schema, Tx};
use events::Events;
use forge::Forge;
use identity::{Authority, Certified, Directory, Identity, Level, Oidc, Sealer, TokenKeys};
use jobs::{Board, Failure, NewJob, Refusal, Subscription, Tasks, Worker};
use mirror::Mirror;
use outbound::Outbound;
use promote::Promote;
use prune::Prune;
use registry::{Registry, Settings};
use scan::Scan;
use trust::Trust;
use web::{App, Metrics, Parts, Site};

use crate::{
    bucket::Storage,
    config::Config,
    folder::{Folder, make_folder},
    tell,
};

/// The tables of all contexts.
pub(crate) const SCHEMAS: &[Schema] = &[
    jobs::SCHEMA,
    audit::SCHEMA,
    identity::SCHEMA,
    registry::SCHEMA,
    scan::SCHEMA,
    trust::SCHEMA,
    admit::SCHEMA,
    forge::SCHEMA,
    ci::SCHEMA,
    promote::SCHEMA,
    prune::SCHEMA,
    mirror::SCHEMA,
    events::SCHEMA,
];

/// Who wants to hear of what.
const SUBSCRIPTIONS: &[&[Subscription]] = &[
    &[
        Subscription { event: "image.pushed", job: scan::IMAGE_JOB, filtered: false },
        Subscription { event: "git.pushed", job: ci::PUSHED_JOB, filtered: false },
    ],
    promote::SUBSCRIPTIONS,
    prune::SUBSCRIPTIONS,
    mirror::SUBSCRIPTIONS,
    events::SUBSCRIPTIONS,
];

/// How often the reconcilers look: for jobs whose runner is silent, for pushes that broke off, for waivers whose time is
/// over, for uploads that nobody goes on with, for images that could not be attested, for garbage, and for damage on disk.
const LOST_JOBS: Duration = Duration::from_secs(5);
const BROKEN_PUSHES: Duration = Duration::from_secs(30);
const EXPIRED_WAIVERS: Duration = Duration::from_secs(10);
/// How often policies that ask for ages are asked again.
const AGES: Duration = Duration::from_secs(15 * 60);
/// Whether something is to be mirrored again, or polled.
const MIRRORINGS: Duration = Duration::from_secs(30);
/// As DTR did. What is done by the clock can be set by an administrator.
const PRUNINGS: &str = "0 */15 * * * *";
const EXPIRED_UPLOADS: Duration = Duration::from_secs(600);
const UNATTESTED: Duration = Duration::from_secs(10 * 60);
const COLLECTIONS: &str = "0 0 * * * *";
/// Whether it is the time of day at which advisories are fetched.
const FETCHES: Duration = Duration::from_secs(60);
const RECORDS: &str = "0 20 */6 * * *";
const SCRUBS: &str = "0 40 * * * *";
/// Jobs that ended long ago, also where few end.
const FORGOTTEN_JOBS: Duration = Duration::from_secs(60 * 60);

/// What also runs at each start, for what happened while nobody looked.
const AT_START: [&str; 5] =
    [promote::EXPIRE_JOB, promote::CLOCK_JOB, promote::ATTEST_JOB, registry::EXPIRE_JOB, scan::ATTEST_JOB];

/// Everything a running server consists of.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) app: App,
    pub(crate) certified: Certified,
    pub(crate) worker: Worker,
    /// Held for its lock.
    pub(crate) folder: Folder,
}

/// Open the folder and the database and put the services together.
pub(crate) async fn build(config: &Config, clock: Clock, entropy: Entropy) -> Result<Built> {
    let folder = Folder::open(&config.data)?;
    let now = clock.now();
    let authority = folder.authority(&config.host, now)?;
    let certified = folder.server_certificate(&authority, &server_names(config), now)?;
    let keys = folder.token_keys(&authority, &config.authority, now)?;
    let db = open_database(config, &folder).await?;
    let identity = open_identity(config, &db, keys, &authority)?;

    let sealer = Sealer::new(&folder.sealing_key(&entropy)?);
    let trust = Trust::new(db.clone(), &config.authority, &[], sealer.clone());
    let admission_signer = folder.admission_signer(&config.authority, &entropy)?;
    let admit = Admit::new(db.clone(), trust.clone(), &config.authority, admission_signer);

    let ctx = Ctx::system("start", &clock, &entropy);
    subscribe(&ctx, &db).await?;
    first_admin(&identity, &ctx, config).await?;
    let log = open_log(&folder, &db, config, &clock, &entropy).await?;

    let registry = open_registry(&ctx, config, &db, &folder).await?;
    registry.resume(&ctx).await?;
    let records = config.storage.records().open().await?;
    let outbound = Outbound::new(&config.authority, &config.webhook_allow, authority.certificate_pem());
    let oidc = open_oidc(config, &authority, &sealer)?;
    let scan = Scan::open(&ctx, db.clone(), registry.clone(), records, outbound.clone()).await?;
    let scan = with_keys(&ctx, scan, &folder).await?;
    let promote = Promote::new(db.clone(), registry.clone(), scan.clone(), &config.url).with_trust(trust.clone());
    promote.resume(&ctx).await?;
    let prune = Prune::new(db.clone(), registry.clone(), promote.clone());
    let services = (registry.clone(), promote.clone());
    let mirror = Mirror::new(db.clone(), services, sealer.clone(), outbound.clone(), clock.clone());
    mirror.resume(&ctx).await?;
    let events = Events::new(db.clone(), sealer, outbound, &config.authority);
    events.resume(&ctx).await?;

    let alone = config.database.is_none();
    let forge = Forge::new(db.clone(), folder.inside("git")?);
    forge.reconcile(&ctx, alone).await?;
    let ci = open_ci(&ctx, config, &db, &forge, (&folder, &clock, &entropy)).await?;

    let worker = Worker::new(db.clone(), clock.clone(), entropy.clone()).every(FORGOTTEN_JOBS, jobs::FORGET_JOB);
    let worker = with_scan(with_promote(events.work(worker), &promote), &scan, &promote);
    let worker = with_directory(with_ci(with_registry(worker, &registry), &forge, &ci, alone), &identity, config);
    let worker = with_policies(worker, &prune, &mirror);
    if alone {
        worker.release_all().await?;
        events.release_all(&ctx).await?;
    }
    look_at_start(&db, &ctx).await?;
    let site = site(config, &authority);
    let app = App::new(Parts {
        site,
        clock,
        entropy,
        db,
        log,
        identity,
        oidc,
        registry,
        scan,
        trust,
        admit,
        forge,
        ci,
        promote,
        prune,
        mirror,
        events,
        board: Board::of(&worker, require_admin),
        metrics: Metrics::default(),
    });
    Ok(Built { app, certified, worker, folder })
}

/// The queue knows no accounts: it asks this.
fn require_admin<'t>(
    tx: &'t mut Tx,
    actor: &'t Actor,
) -> Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send + 't>> {
    let refusal = |error: identity::Error| Refusal { kind: error.kind(), message: error.to_string() };
    Box::pin(async move { Level::require_admin(tx, actor).await.map_err(refusal) })
}

async fn open_database(config: &Config, folder: &Folder) -> Result<Db> {
    let location = match &config.database {
        Some(url) => Location::Postgres(url.clone()),
        None => Location::Sqlite(folder.database()),
    };
    Ok(Db::open(&location, SCHEMAS).await?)
}

/// With the directory, when there is one.
fn open_identity(config: &Config, db: &Db, keys: TokenKeys, authority: &Authority) -> Result<Identity> {
    let identity = Identity::new(db.clone(), keys, authority.clone(), config.production_engine.clone());
    match &config.ldap {
        Some((settings, _)) => Ok(identity.with_directory(Directory::new(settings.clone()).context("[ldap]")?)),
        None => Ok(identity),
    }
}

/// The identity provider, which may be reached wherever the operator says it is.
fn open_oidc(config: &Config, authority: &Authority, sealer: &Sealer) -> Result<Option<Oidc>> {
    let Some(settings) = &config.oidc else { return Ok(None) };
    let issuer = settings.issuer.parse::<axum::http::Uri>().context("[oidc] issuer")?;
    let host = issuer.authority().context("[oidc] issuer has no host")?.to_string();
    let allowed: Vec<String> = config.webhook_allow.iter().cloned().chain([host]).collect();
    let outbound = Outbound::new(&config.authority, &allowed, authority.certificate_pem());
    let redirect_uri = format!("{}/sign-in/oidc/callback", config.url);
    Ok(Some(Oidc::new(settings.clone(), outbound, sealer.clone(), redirect_uri).context("[oidc]")?))
}

/// Asking the directory again what became of its people.
fn with_directory(worker: Worker, identity: &Identity, config: &Config) -> Worker {
    let Some((_, period)) = &config.ldap else { return worker };
    let identity = identity.clone();
    worker
        .on(identity::SYNC_JOB, move |ctx, _| {
            let identity = identity.clone();
            // What cannot be asked now is asked the next time.
            async move {
                match identity.sync_directory(&ctx).await {
                    Ok(_) | Err(identity::Error::Unavailable(_)) => Ok(()),
                    Err(error) => Err(Failure::retry(error)),
                }
            }
        })
        .every(*period, identity::SYNC_JOB)
}

async fn subscribe(ctx: &Ctx, db: &Db) -> Result<(), db::Error> {
    let subscriptions = SUBSCRIPTIONS.concat();
    db::write!(db, ctx, |tx| jobs::subscribe(tx, &subscriptions).await)
}

async fn with_keys(ctx: &Ctx, scan: Scan, folder: &Folder) -> Result<Scan> {
    let scan = scan.with_attestation_key(folder.attestation_key()?);
    scan.see_attestation_key(ctx).await?;
    scan.resume(ctx).await?;
    Ok(scan)
}

async fn open_ci(
    ctx: &Ctx,
    config: &Config,
    db: &Db,
    forge: &Forge,
    (folder, clock, entropy): (&Folder, &Clock, &Entropy),
) -> Result<Ci> {
    let ci_config = ci::Config::new(&config.url, &config.authority, folder.sealing_key(entropy)?);
    let ci = Ci::new(db.clone(), forge.clone(), ci_config, clock.clone());
    ci.resume(ctx).await?;
    Ok(ci)
}

/// The registry with the stores it keeps bytes in.
async fn open_registry(ctx: &Ctx, config: &Config, db: &Db, folder: &Folder) -> Result<Registry> {
    if let Storage::Folder(_) = config.storage {
        folder.inside("blobs")?;
        folder.inside("records")?;
    }
    let registry = Registry::new(db.clone(), config.storage.open().await?, registry_settings(config));
    let Some(replica) = &config.replica_store else { return Ok(registry) };
    if let Storage::Folder(path) = replica {
        make_folder(path)?;
    }
    let store = replica.open().await.context("the replica store")?;
    Ok(registry.with_replica_store(ctx, store, &replica.to_string()).await?)
}

fn registry_settings(config: &Config) -> Settings {
    let days = |days: u16| Duration::from_secs(u64::from(days) * 24 * 60 * 60);
    Settings {
        host: config.authority.clone(),
        sparse: config.sparse_manifests,
        untagged_after: config.untagged_days.map(days),
        undo: days(config.undo_days),
    }
}

/// The log with its key, as the folder holds them.
async fn open_log(folder: &Folder, db: &Db, config: &Config, clock: &Clock, entropy: &Entropy) -> Result<Log> {
    let signer = folder.log_signer(&config.authority, entropy)?;
    let origin = signer.verifier().name().to_string();
    Ok(Log::open(db.clone(), signer, &origin, folder.inside("log")?, clock.clone(), entropy.clone()).await?)
}

/// Have the slow reconcilers look now, and not only when their first period is over.
async fn look_at_start(db: &Db, ctx: &Ctx) -> Result<()> {
    let written: Result<(), db::Error> = db::write!(db, ctx, |tx| {
        for kind in AT_START {
            let job = NewJob::new(kind, serde_json::Value::Null).in_lane(&format!("schedule {kind}"));
            jobs::enqueue(tx, ctx, job).await?;
        }
        Ok(())
    });
    Ok(written?)
}

/// The background work of the registry.
fn with_registry(worker: Worker, registry: &Registry) -> Worker {
    let (registry, collector, scrubber) = (registry.clone(), registry.clone(), registry.clone());
    worker
        .on(registry::COLLECT_JOB, move |ctx, _| {
            let registry = collector.clone();
            async move { registry.collect(&ctx).await.map(drop).or_else(later) }
        })
        .at(COLLECTIONS, registry::COLLECT_JOB)
        .on(registry::SCRUB_JOB, move |ctx, _| {
            let registry = scrubber.clone();
            async move { registry.scrub(&ctx, limits::SCRUB_RUN_BYTES).await.map(drop).map_err(Failure::retry) }
        })
        .at(SCRUBS, registry::SCRUB_JOB)
        .on(registry::EXPIRE_JOB, move |ctx, _| {
            let registry = registry.clone();
            async move { registry.expire_uploads(&ctx).await.map(drop).map_err(Failure::retry) }
        })
        .every(EXPIRED_UPLOADS, registry::EXPIRE_JOB)
}

/// A collection that may not run now is made up for by the next one.
fn later(error: registry::Error) -> Result<(), Failure> {
    match error {
        registry::Error::ReadOnly(_) | registry::Error::Collecting => Ok(()),
        error => Err(Failure::retry(error)),
    }
}

/// The background work of promotion.
fn with_promote(worker: Worker, promote: &Promote) -> Worker {
    promote
        .work(worker)
        .every(EXPIRED_WAIVERS, promote::EXPIRE_JOB)
        .every(AGES, promote::CLOCK_JOB)
        .every(UNATTESTED, promote::ATTEST_JOB)
}

/// The background work of the scanner.
fn with_scan(worker: Worker, scan: &Scan, promote: &Promote) -> Worker {
    let (image, rematch, renew) = (scan.clone(), scan.clone(), scan.clone());
    let (attest, fetch) = (scan.clone(), scan.clone());
    let (collector, promote) = (scan.clone(), promote.clone());
    worker
        .on(scan::IMAGE_JOB, move |ctx, job| {
            let scan = image.clone();
            async move { scan.run_image(ctx, job).await }
        })
        .on(scan::REMATCH_JOB, move |ctx, job| {
            let scan = rematch.clone();
            async move { scan.run_rematch(ctx, job).await }
        })
        .on(scan::RENEW_JOB, move |ctx, job| {
            let scan = renew.clone();
            async move { scan.run_renew(ctx, job).await }
        })
        .on(scan::ATTEST_JOB, move |ctx, job| {
            let scan = attest.clone();
            async move { scan.run_attest(ctx, job).await }
        })
        .every(UNATTESTED, scan::ATTEST_JOB)
        .on(scan::FETCH_JOB, move |ctx, job| {
            let scan = fetch.clone();
            async move { scan.run_fetch(ctx, job).await }
        })
        .every(FETCHES, scan::FETCH_JOB)
        .on(scan::COLLECT_JOB, move |ctx, _| {
            let (scan, promote) = (collector.clone(), promote.clone());
            async move {
                let decided = promote.snapshots_named().await.map_err(Failure::retry)?;
                scan.collect(&ctx, &decided).await.map(drop).map_err(Failure::retry)
            }
        })
        .at(RECORDS, scan::COLLECT_JOB)
}

/// The background work of policies.
fn with_policies(worker: Worker, prune: &Prune, mirror: &Mirror) -> Worker {
    let worker = worker.every(EXPIRED_WAIVERS, promote::EXPIRE_JOB);
    let worker = prune.work(worker.at(PRUNINGS, prune::EVERY_JOB));
    mirror.work_on(worker.every(MIRRORINGS, mirror::EVERY_JOB))
}

/// The background work of forge and ci.
fn with_ci(worker: Worker, forge: &Forge, ci: &Ci, alone: bool) -> Worker {
    let (pushed, lost, broken) = (ci.clone(), ci.clone(), forge.clone());
    worker
        .on(ci::PUSHED_JOB, move |ctx, job| {
            let ci = pushed.clone();
            async move { ci.pushed(&ctx, &job.event()?).await }
        })
        .on(ci::LOST_JOB, move |ctx, _| {
            let ci = lost.clone();
            async move { ci.reap(&ctx).await.map(drop).map_err(Failure::retry) }
        })
        .on(forge::BROKEN_JOB, move |ctx, _| {
            let forge = broken.clone();
            async move { forge.reconcile(&ctx, alone).await.map(drop).map_err(Failure::retry) }
        })
        .every(LOST_JOBS, ci::LOST_JOB)
        .every(BROKEN_PUSHES, forge::BROKEN_JOB)
}

impl Built {
    /// Start what works in the background.
    pub(crate) fn start(&self, tasks: &Tasks) {
        self.worker.clone().start(tasks);
        let (log, owner) = (self.app.log.clone(), tasks.clone());
        tasks.spawn(async move { log.run(owner.stopped()).await });
        let (events, owner) = (self.app.events.clone(), tasks.clone());
        let (clock, entropy) = (self.app.clock.clone(), self.app.entropy.clone());
        tasks.spawn(events.keep_sending(owner, clock, entropy));
        let (events, owner) = (self.app.events.clone(), tasks.clone());
        let (clock, entropy) = (self.app.clock.clone(), self.app.entropy.clone());
        tasks.spawn(events.keep_telling_pulls(owner, clock, entropy));
        let (registry, owner) = (self.app.registry.clone(), tasks.clone());
        let (clock, entropy) = (self.app.clock.clone(), self.app.entropy.clone());
        tasks.spawn(async move { registry.keep_tending(clock, entropy, owner.stopped()).await });
        let (registry, owner) = (self.app.registry.clone(), tasks.clone());
        let (clock, entropy) = (self.app.clock.clone(), self.app.entropy.clone());
        tasks.spawn(registry.keep_counting(owner, clock, entropy));
        let (scan, owner) = (self.app.scan.clone(), tasks.clone());
        let (clock, entropy) = (self.app.clock.clone(), self.app.entropy.clone());
        tasks.spawn(async move { scan.read_ahead(owner, clock, entropy).await });
        let (scan, owner) = (self.app.scan.clone(), tasks.clone());
        tasks.spawn(async move { scan.keep_following(owner).await });
        let (identity, owner) = (self.app.identity.clone(), tasks.clone());
        let (clock, entropy) = (self.app.clock.clone(), self.app.entropy.clone());
        tasks.spawn(async move { keep_uses(identity, owner, clock, entropy).await });
    }
}

/// Write now and then, and at the end, when tokens were used.
async fn keep_uses(identity: Identity, tasks: Tasks, clock: Clock, entropy: Entropy) {
    loop {
        let stopping = tokio::time::timeout(limits::TOKEN_USE_GRAIN, tasks.stopped()).await.is_ok();
        if let Err(error) = identity.write_uses(&Ctx::system("identity", &clock, &entropy)).await {
            tracing::warn!(%error, "when tokens were used could not be written; it is tried again");
        }
        if stopping {
            return;
        }
    }
}

/// Names the server's certificate is good for: the URL's host, and this machine itself.
fn server_names(config: &Config) -> Vec<String> {
    let mut names = vec![config.host.clone()];
    for own in ["localhost", "127.0.0.1", "::1"] {
        if !names.iter().any(|name| name == own) {
            names.push(own.to_owned());
        }
    }
    if !config.listen.ip().is_unspecified() {
        names.push(config.listen.ip().to_string());
    }
    names
}

fn site(config: &Config, authority: &Authority) -> Site {
    Site {
        url: config.url.clone(),
        authority: config.authority.clone(),
        ca_pem: authority.certificate_pem().to_owned(),
    }
}

/// At the first start there is an administrator `admin`; a generated password is shown once and stored nowhere.
async fn first_admin(identity: &Identity, ctx: &Ctx, config: &Config) -> Result<()> {
    let name: AccountName = "admin".parse()?;
    let generated = Secret::new(ctx.entropy.token(20));
    let password = config.admin_password.clone().unwrap_or_else(|| generated.clone());
    if identity.create_first_admin(ctx, name, password).await? && config.admin_password.is_none() {
        tell(&format!(
            "The administrator is \"admin\", the password is \"{}\". It is not shown again.",
            generated.expose()
        ));
    }
    Ok(())
}
