//! What holds trust data together: names, deletion, and the state that the audit log is compared with.

use std::sync::Arc;

use base::Ctx;
use db::{Db, Tx};
use identity::Sealer;
use jobs::Event;
use oci::RepoName;
use registry::Right;
use serde_json::json;

use crate::{
    ChangeKind, Error, Gun, TrustAnchor, access, anchor, gun::Hosts, held::Holds, key, publish::newest, record, store,
};

/// The trust data of one installation; cheap to clone.
#[derive(Clone, Debug)]
pub struct Trust {
    pub(crate) db: Db,
    pub(crate) hosts: Hosts,
    pub(crate) sealer: Arc<Sealer>,
}

impl Trust {
    /// `own` is the host and port of this installation as they stand in image references, `aliases` are others that reach it.
    pub fn new(db: Db, own: &str, aliases: &[String], sealer: Sealer) -> Trust {
        Trust { db, hosts: Hosts::new(own, aliases), sealer: Arc::new(sealer) }
    }

    /// The trust data of this name, if the name is one of ours.
    pub fn gun(&self, text: &str) -> Result<Gun, Error> {
        self.hosts.parse(text)
    }

    /// The names under which a repository's tags can be signed, the usual one first.
    pub fn guns_of(&self, repository: &RepoName) -> Vec<Gun> {
        self.hosts.of(repository)
    }

    /// Everything that has trust data. What was signed under a name that is ours no more is left out.
    pub async fn all_guns(&self, tx: &mut Tx) -> Result<Vec<Gun>, Error> {
        Ok(store::guns(tx).await?.iter().filter_map(|text| self.hosts.parse(text).ok()).collect())
    }

    /// Forget all documents and keys of a repository; also when there are none. Administrators of the repository.
    pub async fn delete(&self, ctx: &Ctx, gun: &Gun) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            access::require(tx, ctx, gun, Right::Admin).await?;
            let (roles, keys) = (store::roles(tx, gun).await?, store::keys(tx, gun).await?);
            if roles.is_empty() && keys.is_empty() {
                return Ok(());
            }
            Holds::none_of(gun, &newest(tx, gun).await?, ctx.now).apply(tx, ctx, gun).await?;
            store::delete(tx, gun).await?;
            store::insert_change(tx, ctx, gun, ChangeKind::Deletion, None).await?;
            let mut entry = String::new();
            for each in record::deleted(gun, &roles, &keys) {
                entry = audit::append(tx, ctx, each).await?;
            }
            let event = Event {
                kind: "trust.deleted".to_owned(),
                subject: gun.repository().to_string(),
                data: json!({"gun": gun.as_str(), "repository": gun.repository().to_string()}),
                at: ctx.now,
                entry,
            };
            jobs::emit(tx, ctx, &event).await?;
            Ok::<_, Error>(())
        })
    }

    /// The present state under the keys that this context's audit entries set.
    pub async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
        let files = store::newest_sums(tx).await?;
        let mut state: Vec<_> =
            files.into_iter().map(|(gun, role, sha256)| (record::state_key(&gun, &role), sha256)).collect();
        let keys = store::key_states(tx).await?;
        state.extend(keys.into_iter().map(|[gun, role, id, value]| (key::state_key(&gun, &role, &id), value)));
        let anchors = store::anchors(tx).await?;
        let sum = |anchor: &TrustAnchor| (anchor::state_key(&anchor.name), base::digest_hex(anchor.pem.as_bytes()));
        state.extend(anchors.iter().map(sum));
        Ok(state)
    }
}
