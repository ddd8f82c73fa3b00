//! The present state of every context, for comparing it with what the audit log says.

use admit::Admit;
use audit::Guarded;
use base::Kind;
use ci::Ci;
use db::Tx;
use events::Events;
use forge::Forge;
use identity::Identity;
use jobs::Board;
use mirror::Mirror;
use promote::Promote;
use prune::Prune;
use registry::Registry;
use scan::Scan;
use trust::Trust;

/// A context whose state could not be read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error(transparent)]
    Identity(#[from] identity::Error),
    #[error(transparent)]
    Registry(#[from] registry::Error),
    #[error(transparent)]
    Scan(#[from] scan::Error),
    #[error(transparent)]
    Trust(#[from] trust::Error),
    #[error(transparent)]
    Forge(#[from] forge::Error),
    #[error(transparent)]
    Ci(#[from] ci::Error),
    #[error(transparent)]
    Admit(#[from] admit::Error),
    #[error(transparent)]
    Events(#[from] events::Error),
    #[error(transparent)]
    Promote(#[from] promote::Error),
    #[error(transparent)]
    Prune(#[from] prune::Error),
    #[error(transparent)]
    Mirror(#[from] mirror::Error),
    #[error(transparent)]
    Jobs(#[from] db::Error),
}

impl StateError {
    pub fn kind(&self) -> Kind {
        match self {
            StateError::Identity(error) => error.kind(),
            StateError::Registry(error) => error.kind(),
            StateError::Scan(error) => error.kind(),
            StateError::Trust(error) => error.kind(),
            StateError::Forge(error) => error.kind(),
            StateError::Ci(error) => error.kind(),
            StateError::Admit(error) => error.kind(),
            StateError::Events(error) => error.kind(),
            StateError::Promote(error) => error.kind(),
            StateError::Prune(error) => error.kind(),
            StateError::Mirror(error) => error.kind(),
            StateError::Jobs(error) => error.kind(),
        }
    }
}

/// Every key that some context's entries set, with its present value.
pub async fn guarded(tx: &mut Tx) -> Result<Guarded, StateError> {
    Ok(Guarded::nothing()
        .context("identity/", Identity::state(tx).await?)
        .context("registry/", Registry::state(tx).await?)
        .context("scan/", Scan::state(tx).await?)
        .context("trust/", Trust::state(tx).await?)
        .context("forge/", Forge::state(tx).await?)
        .context("ci/", Ci::state(tx).await?)
        .context("admit/", Admit::state(tx).await?)
        .context("events/", Events::state(tx).await?)
        .context("promote/", Promote::state(tx).await?)
        .context("prune/", Prune::state(tx).await?)
        .context("mirror/", Mirror::state(tx).await?)
        .context("jobs/", Board::state(tx).await?))
}
