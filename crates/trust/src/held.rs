//! Signed tags are kept: the registry does not delete a tag while it counts as signed.

use std::collections::BTreeSet;

use base::{Ctx, Timestamp};
use db::Tx;
use oci::Tag;
use registry::{Hold, Registry};
use tuf::{Stored, TrustData};

use crate::{Error, Gun};

/// Whose holds these are, in the registry's table. DTR answered a deletion they forbid with `TAG_IN_NOTARY`.
pub(crate) const OWNER: &str = "trust";

/// Tags whose holds one publish can change. A repository with more keeps those it has; a person signs one or a few at once.
const CHANGES_MAX: usize = 1_000;

/// Tags that begin and cease to count as signed.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    begin: Vec<Tag>,
    end: Vec<Tag>,
}

impl Holds {
    /// What a publish changes.
    pub(crate) fn between(gun: &Gun, before: &Stored, after: &Stored, now: Timestamp) -> Holds {
        let (before, after) = (signed(gun, before, now), signed(gun, after, now));
        let only =
            |these: &BTreeSet<Tag>, those: &BTreeSet<Tag>| these.difference(those).take(CHANGES_MAX).cloned().collect();
        Holds { begin: only(&after, &before), end: only(&before, &after) }
    }

    /// The end of all.
    pub(crate) fn none_of(gun: &Gun, before: &Stored, now: Timestamp) -> Holds {
        Holds { begin: Vec::new(), end: signed(gun, before, now).into_iter().collect() }
    }

    /// Part of the transaction that changes what is signed.
    pub(crate) async fn apply(&self, tx: &mut Tx, ctx: &Ctx, gun: &Gun) -> Result<(), Error> {
        let internal = |error: registry::Error| match error {
            registry::Error::Database(error) => Error::Database(error),
            other => Error::Internal(other.to_string()),
        };
        for tag in &self.end {
            Registry::release(tx, gun.repository(), &Hold::Tag(tag.clone()), OWNER).await.map_err(internal)?;
        }
        for tag in &self.begin {
            let hold = Hold::Tag(tag.clone());
            let reason = "it is signed; revoke the signature first (docker trust revoke)";
            match Registry::hold(tx, ctx, gun.repository(), &hold, OWNER, reason).await {
                // Signed before the first push: there is nothing to keep.
                Ok(()) | Err(registry::Error::NameUnknown(_)) => {}
                Err(error) => return Err(internal(error)),
            }
        }
        Ok(())
    }
}

fn signed(gun: &Gun, stored: &Stored, now: Timestamp) -> BTreeSet<Tag> {
    let (Some(root), Some(targets)) = (stored.root.as_deref(), stored.targets.as_deref()) else {
        return BTreeSet::new();
    };
    match TrustData::verify(gun.as_str(), root, targets, &stored.delegations, now) {
        // What is no tag cannot be in the registry.
        Ok(data) => data.tags().iter().filter_map(|tag| tag.tag.parse().ok()).collect(),
        Err(_) => BTreeSet::new(),
    }
}
