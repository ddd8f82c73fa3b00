//! What every handler can reach.

use std::{ops::Deref, sync::Arc};

use admit::Admit;
use base::{Clock, Entropy};
use ci::Ci;
use db::Db;
use events::Events;
use forge::Forge;
use identity::{Identity, Oidc};
use jobs::Board;
use mirror::Mirror;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::ConstGauge},
    registry::Registry as MetricsRegistry,
};
use promote::Promote;
use prune::Prune;
use registry::Registry;
use scan::{Scan, Standing};
use trust::Trust;

use crate::oci::Recent;

/// The services behind the edge; cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: Parts,
    recent: Recent,
}

/// The services, built once in the binary.
#[derive(Debug)]
pub struct Parts {
    pub site: Site,
    pub clock: Clock,
    pub entropy: Entropy,
    pub db: Db,
    pub log: audit::Log,
    pub identity: Identity,
    /// The identity provider, when there is one.
    pub oidc: Option<Oidc>,
    pub registry: Registry,
    pub scan: Scan,
    pub trust: Trust,
    pub forge: Forge,
    pub ci: Ci,
    pub admit: Admit,
    pub promote: Promote,
    pub prune: Prune,
    pub mirror: Mirror,
    pub events: Events,
    pub board: Board,
    pub metrics: Metrics,
}

/// Under which name this installation is reached.
#[derive(Clone, Debug)]
pub struct Site {
    /// `https://host:port`, without a slash at the end.
    pub url: String,
    /// `host:port`, as it stands in image references and trust data.
    pub authority: String,
    /// The certificate of the installation's own authority, as `/ca` serves it.
    pub ca_pem: String,
}

/// Counters that operators scrape.
#[derive(Debug, Default)]
pub struct Metrics {
    pub requests: Family<RequestLabels, Counter>,
}

/// How a request is counted: few values each, so that the number of series stays small.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    pub protocol: &'static str,
    pub status: u16,
}

impl App {
    pub fn new(parts: Parts) -> App {
        App(Arc::new(Inner { parts, recent: Recent::default() }))
    }

    /// What was answered a moment ago.
    pub(crate) fn recent(&self) -> &Recent {
        &self.0.recent
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}

impl Metrics {
    /// The registry a scrape encodes. How the advisories stand is left out where it cannot be told.
    pub(crate) fn registry(&self, advisories: Option<&Standing>) -> MetricsRegistry {
        let mut registry = MetricsRegistry::with_prefix("assay");
        registry.register("http_requests", "Requests answered, by protocol and status", self.requests.clone());
        if let Some(advisories) = advisories {
            register_advisories(&mut registry, advisories);
        }
        registry
    }
}

/// What an alert is made of: how old findings' ground is, and whether newer ones can be had.
fn register_advisories(registry: &mut MetricsRegistry, standing: &Standing) {
    let seconds = |at: Option<base::Timestamp>| at.map_or(0, base::Timestamp::as_second);
    let gauges = [
        (
            "advisories_created_timestamp_seconds",
            "When the snapshot in use was made; 0 for the built-in set",
            seconds(standing.age.created),
        ),
        (
            "advisories_stale",
            "1 when the snapshot in use is older than the settings allow",
            i64::from(standing.age.stale),
        ),
        (
            "advisories_signed",
            "1 when a trusted key signed the snapshot in use",
            i64::from(!standing.snapshot.signed_by.is_empty()),
        ),
        (
            "advisories_update_failed",
            "1 when the last new snapshot was refused or could not be fetched",
            i64::from(standing.update_error.is_some()),
        ),
        (
            "advisories_answer_timestamp_seconds",
            "When the network last answered a question for a newer snapshot; 0 for never",
            seconds(standing.answered_at),
        ),
    ];
    for (name, help, value) in gauges {
        registry.register(name, help, ConstGauge::new(value));
    }
}
