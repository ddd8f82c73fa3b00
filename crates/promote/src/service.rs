//! The service.

use std::sync::Arc;

use db::{Db, Tx};
use registry::Registry;
use scan::Scan;
use trust::Trust;

use crate::{Error, documents::ReadStatements, store};

/// The promotions of one installation; cheap to clone.
#[derive(Clone, Debug)]
pub struct Promote {
    pub(crate) db: Db,
    pub(crate) registry: Registry,
    pub(crate) scan: Scan,
    /// Where signatures are looked up; without it they are not known.
    pub(crate) trust: Option<Trust>,
    pub(crate) read_statements: ReadStatements,
    /// Who decides, as statements name it: the server's URL.
    pub(crate) verifier: Arc<str>,
}

impl Promote {
    /// `verifier` is the server's URL, by which the statements that it signs name who decided.
    pub fn new(db: Db, registry: Registry, scan: Scan, verifier: &str) -> Promote {
        let read_statements = ReadStatements::default();
        Promote { db, registry, scan, trust: None, read_statements, verifier: verifier.into() }
    }

    /// With the signatures of tags, for policies that ask for them.
    #[must_use]
    pub fn with_trust(mut self, trust: Trust) -> Promote {
        self.trust = Some(trust);
        self
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
        if let Some(need) = store::need_approval(tx).await? {
            state.push((store::WAIVER_SETTINGS_KEY.to_owned(), need.to_string()));
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
