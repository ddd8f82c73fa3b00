//! Quotas, what a repository takes up, and whether anything may be written at all.

use audit::Entry;
use base::{AccountName, Ctx, limits};
use db::Tx;
use identity::{Identity, Level};
use oci::RepoName;
use serde::Serialize;

use crate::{Error, Registry, Repository, Right, record, store};

/// Bytes in use and the most there may be; 0 stands for no limit.
///
/// A repository uses the bytes of its manifests and of each blob in it once, a namespace what its repositories use. What two
/// repositories share counts in both, though it lies on disk once: so a number never changes by what somebody else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    pub used_bytes: u64,
    pub quota_bytes: u64,
}

/// What a quota is set for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuotaOf {
    Namespace(AccountName),
    Repository(RepoName),
}

impl Registry {
    /// What a repository uses. For whoever may pull from it.
    pub async fn repository_usage(&self, ctx: &Ctx, name: &RepoName) -> Result<Usage, Error> {
        let mut tx = self.db.read().await?;
        let repository = Registry::authorize(&mut tx, ctx, name, Right::Pull).await?;
        Ok(store::repository_usage(&mut tx, &repository.id).await?)
    }

    /// What all repositories of a namespace use together. For its owners.
    pub async fn namespace_usage(&self, ctx: &Ctx, namespace: &AccountName) -> Result<Usage, Error> {
        let mut tx = self.db.read().await?;
        Level::require_owner(&mut tx, &ctx.actor, namespace.as_str()).await?;
        Ok(store::namespace_usage(&mut tx, namespace.as_str()).await?)
    }

    /// Set a quota, or take it away with 0. For administrators of the installation: who is limited does not set his limit.
    pub async fn set_quota(&self, ctx: &Ctx, of: &QuotaOf, bytes: u64) -> Result<(), Error> {
        if i64::try_from(bytes).is_err() {
            return Err(Error::Invalid("a quota has at most 2^63 - 1 bytes; 0 is no limit".to_owned()));
        }
        db::write!(self.db, ctx, |tx| {
            Level::require_admin(tx, &ctx.actor).await?;
            let subject = match of {
                QuotaOf::Namespace(namespace) => {
                    Identity::require_namespace(tx, namespace.as_str()).await?;
                    store::set_namespace_quota(tx, namespace.as_str(), bytes).await?;
                    format!("account/{namespace}")
                }
                QuotaOf::Repository(name) => {
                    let repository = Registry::authorize(tx, ctx, name, Right::Admin).await?;
                    store::set_repository_quota(tx, &repository.id, bytes).await?;
                    record::repository_subject(name)
                }
            };
            let entry = Entry::new("quota.set").about(subject).detail("bytes", bytes);
            let entry = if bytes == 0 { entry.unset(of.key()) } else { entry.set(of.key(), bytes.to_string()) };
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    /// Refuse what would not fit beside what is there.
    pub(crate) async fn require_room(tx: &mut Tx, repository: &Repository, more: u64) -> Result<(), Error> {
        let name = &repository.name;
        if store::has_quota(tx, &repository.id).await? {
            full(name.as_ref(), store::repository_usage(tx, &repository.id).await?, more)?;
        }
        if store::namespace_has_quota(tx, name.namespace()).await? {
            full(name.namespace(), store::namespace_usage(tx, name.namespace()).await?, more)?;
        }
        Ok(())
    }

    /// Why nothing may be pushed or deleted at present, if so.
    pub async fn read_only(&self) -> Result<Option<String>, Error> {
        Ok(store::read_only(&mut self.db.read().await?).await?)
    }

    /// Refuse pushes and deletions from now on, in these words; `None` takes them again. For administrators.
    pub async fn set_read_only(&self, ctx: &Ctx, reason: Option<&str>) -> Result<(), Error> {
        if reason.is_some_and(|reason| reason.trim().is_empty() || reason.len() > limits::READ_ONLY_REASON_BYTES) {
            let most = limits::READ_ONLY_REASON_BYTES;
            return Err(Error::Invalid(format!("say why, in at most {most} bytes: everybody who pushes will read it")));
        }
        db::write!(self.db, ctx, |tx| {
            Level::require_admin(tx, &ctx.actor).await?;
            store::set_read_only(tx, reason).await?;
            let entry = Entry::new("registry.read_only").detail("on", reason.is_some()).detail("reason", reason);
            let entry = match reason {
                Some(reason) => entry.set(record::READ_ONLY_KEY, base::digest_hex(reason.as_bytes())),
                None => entry.unset(record::READ_ONLY_KEY),
            };
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    /// Whether a push makes a repository, private, in a namespace that the pusher administers.
    pub async fn created_on_push(&self) -> Result<bool, Error> {
        Ok(store::made_on_push(&mut self.db.read().await?).await?)
    }

    /// Have a push make a repository, or not. For administrators.
    pub async fn set_created_on_push(&self, ctx: &Ctx, on: bool) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            Level::require_admin(tx, &ctx.actor).await?;
            if store::made_on_push(tx).await? == on {
                return Ok(());
            }
            store::set_made_on_push(tx, on).await?;
            let entry = Entry::new("registry.create_on_push").detail("on", on);
            let entry = match on {
                true => entry.unset(record::ON_PUSH_KEY),
                false => entry.set(record::ON_PUSH_KEY, "off"),
            };
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    /// Every push and deletion passes here.
    pub(crate) async fn require_writable(tx: &mut Tx) -> Result<(), Error> {
        match store::read_only(tx).await? {
            Some(reason) => Err(Error::ReadOnly(reason)),
            None => Ok(()),
        }
    }
}

impl QuotaOf {
    /// The key of the audit log that holds it.
    pub(crate) fn key(&self) -> String {
        match self {
            QuotaOf::Namespace(namespace) => record::namespace_quota_key(namespace.as_str()),
            QuotaOf::Repository(name) => record::repository_quota_key(name),
        }
    }
}

fn full(of: &str, usage: Usage, more: u64) -> Result<(), Error> {
    if usage.quota_bytes > 0 && usage.used_bytes.saturating_add(more) > usage.quota_bytes {
        return Err(Error::QuotaExceeded { of: of.to_owned(), usage, more });
    }
    Ok(())
}
