//! The service, and asking another registry what it lets one do.

use base::{Clock, Ctx, Id, Secret};
use db::{Db, Tx};
use identity::{Level, Sealer};
use oci::RepoName;
use outbound::Outbound;
use promote::Promote;
use registry::{Registry, Right};
use remote::{Credentials, Guarded, Remote, Started, Transport};

use crate::{Error, MirroringForm, MirroringPolicy, Place, mirroring_policy::Secrets, policies::either_at, store};

/// The mirroring of one installation; cheap to clone.
#[derive(Clone, Debug)]
pub struct Mirror {
    pub(crate) db: Db,
    pub(crate) registry: Registry,
    pub(crate) promote: Promote,
    pub(crate) sealer: Sealer,
    pub(crate) outbound: Outbound,
    /// What is mirrored takes long: how late it is then is asked again.
    pub(crate) clock: Clock,
}

/// What another registry lets somebody do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    pub read: bool,
    pub write: bool,
}

impl Mirror {
    pub fn new(
        db: Db,
        (registry, promote): (Registry, Promote),
        sealer: Sealer,
        outbound: Outbound,
        clock: Clock,
    ) -> Mirror {
        Mirror { db, registry, promote, sealer, outbound, clock }
    }

    /// The present state under the keys that this context's audit entries set.
    pub async fn state(tx: &mut Tx) -> Result<Vec<(String, String)>, Error> {
        let policies = store::all(tx).await?;
        Ok(policies.iter().map(|policy| (policy.state_key(), policy.state())).collect())
    }

    /// Ask another registry what these credentials may do in a repository: for whoever may make policies here.
    pub async fn connect(&self, ctx: &Ctx, form: &MirroringForm) -> Result<Permissions, Error> {
        Level::require_person(&ctx.actor)?;
        form.check_texts()?;
        let place = Place::of(form, None)?;
        let secret = |given: &Option<Secret>| given.as_ref().map(|one| one.expose().clone()).unwrap_or_default();
        let secrets = Secrets { password: secret(&form.password), auth_token: secret(&form.auth_token) };
        let username = form.username.clone().unwrap_or_default();
        let remote = || self.remote(&place, credentials(&username, &secrets));
        permissions(remote()?, remote()?).await
    }

    /// The same with the place and the credentials of a policy; for those who may change it.
    pub async fn connect_as(
        &self,
        ctx: &Ctx,
        repository: &RepoName,
        id: &Id<MirroringPolicy>,
    ) -> Result<Permissions, Error> {
        Level::require_person(&ctx.actor)?;
        let policy = {
            let mut tx = self.db.read().await?;
            Registry::authorize(&mut tx, ctx, repository, Right::Admin).await?;
            either_at(&mut tx, repository, id).await?
        };
        permissions(self.remote_of(&policy)?, self.remote_of(&policy)?).await
    }

    /// The other repository of a policy.
    pub(crate) fn remote_of(&self, policy: &MirroringPolicy) -> Result<Remote, Error> {
        let secrets = match &policy.sealed {
            Some(sealed) => {
                let opened = self.sealer.open(&sealed_about(policy.id.as_str()), sealed)?;
                serde_json::from_slice(opened.expose()).map_err(|_| identity::DoesNotOpen)?
            }
            None => Secrets::default(),
        };
        self.remote(&policy.place, credentials(&policy.username, &secrets))
    }

    fn remote(&self, place: &Place, credentials: Option<Credentials>) -> Result<Remote, Error> {
        let guarded = Guarded::new(self.outbound.clone(), &place.ca_pem, place.skip_tls);
        let transport = Transport::Guarded(guarded);
        Ok(Remote::new(transport, place.bare_host(), place.is_plain(), &place.repository, credentials)?)
    }

    /// The same context, now.
    pub(crate) fn now(&self, ctx: &Ctx) -> Ctx {
        Ctx { now: self.clock.now(), ..ctx.clone() }
    }
}

/// What these let one do: read the tags, and begin an upload that is taken back.
async fn permissions(reading: Remote, writing: Remote) -> Result<Permissions, Error> {
    let read = match reading.tags().await {
        // A repository that a first push makes.
        Ok(_) | Err(remote::Error::NotFound(_)) => true,
        Err(remote::Error::Denied(_)) => false,
        Err(error) => return Err(error.into()),
    };
    let writing = writing.to_push(None);
    let nothing = oci::Digest::sha256_of(b"");
    let write = match writing.start_upload(&nothing, None).await {
        Ok(Started::Upload(at)) => {
            // It only showed that it may be; a registry that does not forget it here does so in time.
            if let Err(error) = writing.cancel_upload(&at).await {
                tracing::debug!(%error, "an upload that was only tried stays with the other registry");
            }
            true
        }
        Ok(Started::Mounted) => true,
        Err(remote::Error::Denied(_) | remote::Error::NotFound(_) | remote::Error::Unexpected(_)) => false,
        Err(error) => return Err(error.into()),
    };
    Ok(Permissions { read, write })
}

/// What a sealed credential is bound to.
pub(crate) fn sealed_about(policy: &str) -> String {
    format!("mirror/{policy}/credentials")
}

fn credentials(username: &str, secrets: &Secrets) -> Option<Credentials> {
    match (username, secrets) {
        (_, Secrets { auth_token, .. }) if !auth_token.is_empty() => {
            Some(Credentials::Refresh(Secret::new(auth_token.clone())))
        }
        ("", _) => None,
        (name, Secrets { password, .. }) => {
            Some(Credentials::Password { name: name.to_owned(), secret: Secret::new(password.clone()) })
        }
    }
}

/// The lane of a policy's transfers. There are two, so that mirroring never takes all that a worker can do at once.
pub(crate) fn lane(policy: &str) -> String {
    format!("mirror {}", policy.bytes().last().unwrap_or_default() & 1)
}

/// What is written of a repository in entries.
pub(crate) fn repository_subject(name: &RepoName) -> String {
    format!("repository/{name}")
}
