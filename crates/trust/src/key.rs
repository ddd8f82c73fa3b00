//! The server's own keys: made when a client asks for them, in use from the root that names them to the root that does not.

use std::{fmt, str::FromStr};

use audit::Entry;
use base::Ctx;
use identity::Sealer;
use registry::Right;
use tuf::{KeyId, RoleName, SigningKey};

use crate::{Error, Gun, Trust, access, store};

/// A private key of the server for one role of one repository, sealed.
#[derive(Clone, Debug)]
pub(crate) struct ServerKey {
    /// `timestamp` or `snapshot`: clients keep all others.
    pub(crate) role: RoleName,
    pub(crate) id: KeyId,
    /// The JSON that clients put into their root.
    pub(crate) public: String,
    pub(crate) sealed: Vec<u8>,
    pub(crate) state: KeyState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    /// Given out, not named by a root yet.
    Pending,
    /// Named by the present root.
    Active,
}

impl ServerKey {
    fn generate(ctx: &Ctx, gun: &Gun, role: &RoleName, sealer: &Sealer) -> ServerKey {
        let key = SigningKey::generate();
        let id = key.public().id().clone();
        let sealed = sealer.seal(&ctx.entropy, &label(gun, role, &id), key.to_pkcs8().expose());
        let public = key.public().to_value().to_string();
        ServerKey { role: role.clone(), id, public, sealed, state: KeyState::Pending }
    }

    pub(crate) fn open(&self, gun: &Gun, sealer: &Sealer) -> Result<SigningKey, Error> {
        let opened = sealer.open(&label(gun, &self.role, &self.id), &self.sealed)?;
        Ok(SigningKey::from_pkcs8(opened.expose())?)
    }
}

fn label(gun: &Gun, role: &RoleName, id: &KeyId) -> String {
    format!("the {role} key {id} of {gun}")
}

/// Where the state of a key stands in the audit log's fold. No part of a repository's name begins with `_`.
pub(crate) fn state_key(gun: &str, role: &str, id: &str) -> String {
    format!("trust/{gun}/_trust/key/{role}/{id}")
}

impl Trust {
    /// `GET …/timestamp.key`: the public key the server signs the role with, made when there is none. Those who may publish.
    pub async fn server_key(&self, ctx: &Ctx, gun: &Gun, role: &RoleName) -> Result<String, Error> {
        self.key(ctx, gun, role, Right::Push, |keys| {
            let with = |state| keys.iter().rev().find(|key| key.state == state);
            with(KeyState::Active).or_else(|| with(KeyState::Pending))
        })
        .await
    }

    /// `POST …/timestamp.key`: the public key the server will sign the role with once a root names it. Administrators of the
    /// repository. Asking again gives the same key until then.
    pub async fn rotate_key(&self, ctx: &Ctx, gun: &Gun, role: &RoleName) -> Result<String, Error> {
        self.key(ctx, gun, role, Right::Admin, |keys| keys.iter().rev().find(|key| key.state == KeyState::Pending))
            .await
    }

    async fn key(
        &self,
        ctx: &Ctx,
        gun: &Gun,
        role: &RoleName,
        needed: Right,
        choose: impl Fn(&[ServerKey]) -> Option<&ServerKey> + Sync + Send,
    ) -> Result<String, Error> {
        if !matches!(role, RoleName::Timestamp | RoleName::Snapshot) {
            return Err(Error::NotFound { what: format!("{role} key on the server"), gun: gun.to_string() });
        }
        let chosen = |keys: Vec<ServerKey>| {
            let keys: Vec<ServerKey> = keys.into_iter().filter(|key| key.role == *role).collect();
            choose(&keys).map(|key| key.public.clone())
        };
        let mut tx = self.db.read().await?;
        access::require(&mut tx, ctx, gun, needed).await?;
        if let Some(public) = chosen(store::keys(&mut tx, gun).await?) {
            return Ok(public);
        }
        drop(tx);
        let new = ServerKey::generate(ctx, gun, role, &self.sealer);
        db::write!(self.db, ctx, |tx| {
            access::require(tx, ctx, gun, needed).await?;
            // Somebody else may have asked at the same moment.
            if let Some(public) = chosen(store::keys(tx, gun).await?) {
                return Ok(public);
            }
            store::insert_key(tx, ctx, gun, &new).await?;
            let entry = Entry::new("trust.key_created")
                .about(format!("trust/{gun}"))
                .about(format!("repository/{}", gun.repository()))
                .detail("role", role.as_str())
                .detail("key", new.id.as_str())
                .set(state_key(gun.as_str(), role.as_str(), new.id.as_str()), new.state);
            audit::append(tx, ctx, entry).await?;
            Ok::<_, Error>(new.public.clone())
        })
    }
}

impl KeyState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            KeyState::Pending => "pending",
            KeyState::Active => "active",
        }
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for KeyState {
    type Err = String;

    fn from_str(text: &str) -> Result<KeyState, String> {
        [KeyState::Pending, KeyState::Active]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("{text:?} is no state of a key"))
    }
}
