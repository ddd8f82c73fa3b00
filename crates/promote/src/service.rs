//! The service.

use std::sync::Arc;

use db::{Db, Tx};
use registry::Registry;
use scan::Scan;

use crate::{Error, documents::ReadStatements, store};

/// The promotions of one installation; cheap to clone.
#[derive(Clone, Debug)]
pub struct Promote {
    pub(crate) db: Db,
    pub(crate) registry: Registry,
    pub(crate) scan: Scan,
    pub(crate) read_statements: ReadStatements,
    /// Who decides, as statements name it: the server's URL.
    pub(crate) verifier: Arc<str>,
}

impl Promote {
    /// `verifier` is the server's URL, by which the statements that it signs name who decided.
    pub fn new(db: Db, registry: Registry, scan: Scan, verifier: &str) -> Promote {
        Promote { db, registry, scan, read_statements: ReadStatements::default(), verifier: verifier.into() }
    }

    /// The present state under the keys that this context's audit entries set.
    pub async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
        let mut state = Vec::new();
        for policy in store::all_policies(tx).await? {
            state.push((policy.state_key(), policy.state()));
        }
        for waiver in store::all_waivers(tx).await? {
            state.push((waiver.state_key(), waiver.state()));
        }
        for document in store::all_vex(tx).await? {
            state.push((document.state_key(), document.state()));
        }
        for record in store::all_decisions(tx).await? {
            state.push((record.state_key(), record.state()));
        }
        Ok(state)
    }
}
