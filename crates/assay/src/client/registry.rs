//! Keeping the registry: garbage collection, scrubbing, quotas, the read-only mode, deletions.

use anyhow::Result;
use base::AccountName;
use clap::Subcommand;
use oci::RepoName;
use serde_json::{Value, json};

use super::{Client, show::Text};

#[derive(Debug, Subcommand)]
pub(crate) enum Registry {
    /// Collect garbage now instead of within the hour.
    Collect {
        /// Only say how much would go.
        #[arg(long)]
        dry_run: bool,
    },
    /// Compare stored bytes with their digests now: those that were not read for the longest time.
    Scrub,
    /// How far the replica store is, and what waits to be healed.
    Replica,
    /// Refuse pushes and deletions from now on, for this reason, or take them again.
    ReadOnly {
        #[arg(required_unless_present = "off", conflicts_with = "off")]
        reason: Option<String>,
        #[arg(long)]
        off: bool,
    },
    /// How many bytes a namespace or repository uses, and how many it may.
    Usage { place: Place },
    /// Set how many bytes a namespace or repository may use: `500M`, `20G`, or 0 for no limit.
    Quota {
        place: Place,
        #[arg(value_parser = bytes)]
        size: u64,
    },
    /// What was deleted in a namespace or repository and can be brought back.
    Deletions { place: Place },
    /// Bring back what was deleted, by its id in the list of deletions.
    Restore { id: String },
}

/// `namespace` or `namespace/name`.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Namespace(AccountName),
    Repository(RepoName),
}

impl std::str::FromStr for Place {
    type Err = base::InvalidName;

    fn from_str(text: &str) -> Result<Place, base::InvalidName> {
        if text.contains('/') { text.parse().map(Place::Repository) } else { text.parse().map(Place::Namespace) }
    }
}

impl Place {
    /// The path of one of its properties.
    fn path(&self, of: &str) -> String {
        match self {
            Place::Namespace(namespace) => format!("/api/v1/namespaces/{namespace}/{of}"),
            Place::Repository(name) => {
                let encoded: String = form_urlencoded::byte_serialize(name.name().as_bytes()).collect();
                format!("/api/v1/repositories/{}/{encoded}/{of}", name.namespace())
            }
        }
    }
}

/// A number of bytes, as it is or in K, M, G, T of 1024 each.
fn bytes(text: &str) -> Result<u64, String> {
    let (number, power) = match text.char_indices().last() {
        Some((end, 'K' | 'k')) => (&text[..end], 1),
        Some((end, 'M' | 'm')) => (&text[..end], 2),
        Some((end, 'G' | 'g')) => (&text[..end], 3),
        Some((end, 'T' | 't')) => (&text[..end], 4),
        _ => (text, 0),
    };
    let whole = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1024_u64.pow(power)));
    whole.ok_or_else(|| format!("{text:?} is no number of bytes; write 500M, 20G, or 0 for no limit"))
}

impl Registry {
    pub(super) fn text(&self) -> Text {
        match self {
            Registry::ReadOnly { off: true, .. } => Text::Said("pushes are taken again".to_owned()),
            Registry::ReadOnly { .. } => Text::Said("the registry is read-only now".to_owned()),
            Registry::Quota { size: 0, .. } => Text::Said("no limit any more".to_owned()),
            Registry::Quota { size, .. } => Text::Said(format!("at most {size} bytes from now on")),
            _ => Text::Whole,
        }
    }

    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        match self {
            Registry::Collect { dry_run } => {
                client.post(&format!("/api/v1/registry/collect?dryRun={dry_run}"), Value::Null).await
            }
            Registry::Scrub => client.post("/api/v1/registry/scrub", Value::Null).await,
            Registry::Replica => client.get("/api/v1/registry/replica").await,
            Registry::ReadOnly { reason, .. } => {
                client.put("/api/v1/registry/read-only", json!({"reason": reason})).await
            }
            Registry::Usage { place } => client.get(&place.path("usage")).await,
            Registry::Quota { place, size } => client.put(&place.path("quota"), json!({"bytes": size})).await,
            Registry::Deletions { place: Place::Repository(name) } => {
                let query: String = form_urlencoded::byte_serialize(name.name().as_bytes()).collect();
                let path = format!("/api/v1/namespaces/{}/deletions?repository={query}", name.namespace());
                client.get(&path).await
            }
            Registry::Deletions { place } => client.get(&place.path("deletions")).await,
            Registry::Restore { id } => client.post(&format!("/api/v1/deletions/{id}/restore"), Value::Null).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, bytes};

    #[test]
    fn sizes() {
        for (text, size) in [("0", 0), ("1023", 1023), ("2k", 2048), ("20G", 20 << 30), ("1T", 1 << 40)] {
            assert_eq!(bytes(text).unwrap(), size, "{text}");
        }
        for bad in ["", "G", "-1", "1.5G", "1GB", "99999999T", "é"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn places() {
        assert_eq!("a/b/c".parse::<Place>().unwrap().path("usage"), "/api/v1/repositories/a/b%2Fc/usage");
        assert_eq!("a".parse::<Place>().unwrap().path("quota"), "/api/v1/namespaces/a/quota");
        assert!("A b".parse::<Place>().is_err() && "/".parse::<Place>().is_err());
    }
}
