//! Which services there are and how they are put together: the one place that knows all of them.

use anyhow::Result;
use audit::Log;
use base::{AccountName, Clock, Ctx, Entropy, Secret};
use blob::Blobs;
use db::{Db, Location, Schema};
use events::{Events, Outbound, Sealer};
use identity::{Authority, Certified, Identity};
use jobs::{Subscription, Tasks, Worker};
use promote::Promote;
use registry::{Registry, Settings};
use scan::Scan;
use web::{App, Metrics, Parts, Site};

use crate::{config::Config, folder::Folder, tell};

/// The tables of all contexts.
pub(crate) const SCHEMAS: &[Schema] =
    &[jobs::SCHEMA, audit::SCHEMA, identity::SCHEMA, registry::SCHEMA, scan::SCHEMA, promote::SCHEMA, events::SCHEMA];

/// Who wants to hear of what.
const SUBSCRIPTIONS: &[&[Subscription]] =
    &[&[Subscription { event: "image.pushed", job: scan::IMAGE_JOB }], promote::SUBSCRIPTIONS, events::SUBSCRIPTIONS];

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
    let location = match &config.database {
        Some(url) => Location::Postgres(url.clone()),
        None => Location::Sqlite(folder.database()),
    };
    let db = Db::open(&location, SCHEMAS).await?;
    let identity = Identity::new(db.clone(), keys, authority.clone(), config.production_engine.clone());

    let ctx = Ctx::system("start", &clock, &entropy);
    let subscriptions = SUBSCRIPTIONS.concat();
    db::write!(db, &ctx, |tx| jobs::subscribe(tx, &subscriptions).await)
        .map_err(|error: db::Error| anyhow::Error::from(error))?;
    first_admin(&identity, &ctx, config).await?;
    let signer = folder.log_signer(&config.authority, &entropy)?;
    let origin = signer.verifier().name().to_string();
    let log = Log::open(db.clone(), signer, &origin, folder.inside("log")?, clock.clone(), entropy.clone()).await?;

    let blobs = Blobs::at(&folder.inside("blobs")?).await?;
    let settings = Settings { host: config.authority.clone(), create_on_push: true };
    let registry = Registry::new(db.clone(), blobs, settings);
    let scan = Scan::open(&ctx, db.clone(), registry.clone()).await?;

    let promote = Promote::new(db.clone(), registry.clone(), scan.clone());
    let sealer = Sealer::new(&folder.seal_key(&entropy)?);
    let outbound = Outbound::new(&config.authority, &config.webhook_allow, authority.certificate_pem());
    let events = Events::new(db.clone(), sealer, outbound, &config.authority);

    let (image, rematch) = (scan.clone(), scan.clone());
    let worker = Worker::new(db.clone(), clock.clone(), entropy.clone());
    let worker = promote
        .work(events.work(worker))
        .on(scan::IMAGE_JOB, move |ctx, job| {
            let scan = image.clone();
            async move { scan.run_image(ctx, job).await }
        })
        .on(scan::REMATCH_JOB, move |ctx, job| {
            let scan = rematch.clone();
            async move { scan.run_rematch(ctx, job).await }
        });
    if config.database.is_none() {
        worker.release_all().await?;
    }
    let site = site(config, &authority);
    let metrics = Metrics::default();
    let app = App::new(Parts { site, clock, entropy, db, log, identity, registry, scan, promote, events, metrics });
    Ok(Built { app, certified, worker, folder })
}

impl Built {
    /// Start what works in the background.
    pub(crate) fn start(&self, tasks: &Tasks) {
        self.worker.clone().start(tasks);
        let (log, owner) = (self.app.log.clone(), tasks.clone());
        tasks.spawn(async move { log.run(owner.stopped()).await });
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
