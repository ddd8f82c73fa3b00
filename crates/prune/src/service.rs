//! The service.

use db::{Db, Tx};
use promote::Promote;
use registry::Registry;

use crate::{Error, store};

/// The pruning of one installation; cheap to clone.
#[derive(Clone, Debug)]
pub struct Prune {
    pub(crate) db: Db,
    pub(crate) registry: Registry,
    pub(crate) promote: Promote,
}

impl Prune {
    pub fn new(db: Db, registry: Registry, promote: Promote) -> Prune {
        Prune { db, registry, promote }
    }

    /// The present state under the keys that this context's audit entries set.
    pub async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
        let policies = store::all(tx).await?;
        Ok(policies.iter().map(|policy| (policy.state_key(), policy.state())).collect())
    }
}
