//! Client bundles, and the public keys of accounts: what ties a signature to a person.

use audit::Entry;
use base::{AccountName, Ctx};
use db::Tx;
use jobs::Event;
use serde_json::json;
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo};

use crate::{
    Account, Bundle, Error, Identity, Level, PublicKey,
    authority::key_id,
    service::{account, require_self_or_admin, signed_in, team, user_account},
    store,
};

/// A public key that somebody brings.
#[derive(Clone, Debug)]
pub struct GivenKey {
    pub label: String,
    /// A PEM `PUBLIC KEY`, RFC 7468, section 13.
    pub public_key_pem: String,
    /// A certificate of that key.
    pub certificate_pem: Option<String>,
}

impl Identity {
    /// A new client bundle for a user: for oneself, or by an administrator. Each has a new key pair.
    pub async fn create_bundle(&self, ctx: &Ctx, name: &AccountName, label: &str) -> Result<Bundle, Error> {
        let certified = self.authority.client(name.as_str(), ctx.now)?;
        db::write!(self.db, ctx, |tx| {
            require_self_or_admin(tx, ctx, name).await?;
            let key = PublicKey {
                id: certified.key_id.clone(),
                account: user_account(tx, name).await?.id,
                label: label.chars().take(200).collect(),
                public_key_pem: certified.public_key_pem.clone(),
                certificate_pem: Some(certified.certificate_pem.clone()),
                created_at: ctx.now,
                revoked_at: None,
            };
            store::insert_key(tx, &key).await?;
            let entry = Entry::new("key.created")
                .about(format!("account/{name}"))
                .about(format!("key/{}", key.id))
                .set(format!("identity/key/{}", key.id), name);
            audit::append(tx, ctx, entry).await?;
            Ok::<_, Error>(())
        })?;
        Ok(Bundle::new(&self.authority, certified, self.engine.clone()))
    }

    /// Say that a public key is somebody's whose private half this server never saw. Administrators only: the table says whom
    /// a signature counts for, and a key is no secret, so that everybody could claim another's.
    pub async fn add_key(&self, ctx: &Ctx, name: &AccountName, given: GivenKey) -> Result<PublicKey, Error> {
        let id = given.check()?;
        db::write!(self.db, ctx, |tx| {
            Level::require_admin(tx, &ctx.actor).await?;
            let key = PublicKey {
                id: id.clone(),
                account: user_account(tx, name).await?.id,
                label: given.label.chars().take(200).collect(),
                public_key_pem: given.public_key_pem.clone(),
                certificate_pem: given.certificate_pem.clone(),
                created_at: ctx.now,
                revoked_at: None,
            };
            if store::key(tx, &id).await?.is_some() {
                return Err(Error::Conflict(format!("the key {id} is somebody's already, or was revoked")));
            }
            store::insert_key(tx, &key).await?;
            let entry = Entry::new("key.created")
                .about(format!("account/{name}"))
                .about(format!("key/{id}"))
                .set(format!("identity/key/{id}"), name);
            let entry = audit::append(tx, ctx, entry).await?;
            tell_signers(tx, ctx, name, entry).await?;
            Ok::<_, Error>(key)
        })
    }

    /// Call a key something else.
    pub async fn label_key(&self, ctx: &Ctx, name: &AccountName, id: &str, label: &str) -> Result<PublicKey, Error> {
        let label: String = label.chars().take(200).collect();
        db::write!(self.db, ctx, |tx| {
            require_self_or_admin(tx, ctx, name).await?;
            let account = account(tx, name).await?;
            let found = store::key(tx, id).await?.filter(|key| key.account == account.id);
            let key = found.ok_or_else(|| Error::NotFound { what: "key", name: id.to_owned() })?;
            store::label_key(tx, id, &label).await?;
            let entry = Entry::new("key.labelled").about(format!("account/{name}")).about(format!("key/{id}"));
            audit::append(tx, ctx, entry).await?;
            Ok::<_, Error>(PublicKey { label: label.clone(), ..key })
        })
    }

    /// The public keys of a user. Public, to those who signed in.
    pub async fn keys(&self, ctx: &Ctx, name: &AccountName) -> Result<Vec<PublicKey>, Error> {
        signed_in(ctx)?;
        let mut tx = self.db.read().await?;
        let account = account(&mut tx, name).await?;
        Ok(store::keys(&mut tx, Some(&account.id)).await?)
    }

    /// Whose key each public key is, with the organization teams of its owner: the table that ties a signature to people.
    /// Only active accounts and keys that were not revoked.
    pub async fn signers(tx: &mut Tx) -> Result<Vec<(PublicKey, Account)>, Error> {
        let mut signers = Vec::new();
        for key in store::keys(tx, None).await?.into_iter().filter(|key| key.revoked_at.is_none()) {
            if let Some(account) = store::account_by_id(tx, &key.account).await?.filter(|account| account.active) {
                signers.push((key, account));
            }
        }
        Ok(signers)
    }

    /// The active members of a team, for decisions of the program itself.
    pub async fn team_accounts(tx: &mut Tx, org: &AccountName, name: &AccountName) -> Result<Vec<Account>, Error> {
        let team = team(tx, org, name).await?;
        let members = store::team_members(tx, &team.id).await?.into_iter().map(|member| member.account);
        Ok(members.filter(|account| account.active).collect())
    }

    /// Say that a key no longer speaks for its account.
    pub async fn revoke_key(&self, ctx: &Ctx, name: &AccountName, id: &str) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            require_self_or_admin(tx, ctx, name).await?;
            let account = account(tx, name).await?;
            if !store::revoke_key(tx, &account.id, id, ctx.now).await? {
                return Err(Error::NotFound { what: "valid key", name: id.to_owned() });
            }
            let entry = Entry::new("key.revoked")
                .about(format!("account/{name}"))
                .about(format!("key/{id}"))
                .set(format!("identity/key/{id}"), format!("{name} revoked"));
            let entry = audit::append(tx, ctx, entry).await?;
            tell_signers(tx, ctx, name, entry).await
        })
    }
}

/// Tell the others that what this account signed may count for it now, or no more. Not of a new bundle: nobody can have signed with its key.
pub(crate) async fn tell_signers(tx: &mut Tx, ctx: &Ctx, name: &AccountName, entry: String) -> Result<(), Error> {
    let event = Event {
        kind: "signers.changed".to_owned(),
        subject: format!("account/{name}"),
        data: json!({"account": name}),
        at: ctx.now,
        entry,
    };
    Ok(jobs::emit(tx, ctx, &event).await?)
}

/// The same when an account was switched off or on, if it has a key at all.
pub(crate) async fn tell_switched(tx: &mut Tx, ctx: &Ctx, account: &Account, entry: String) -> Result<(), Error> {
    let keys = store::keys(tx, Some(&account.id)).await?;
    match keys.iter().any(|key| key.revoked_at.is_none()) {
        true => tell_signers(tx, ctx, &account.name, entry).await,
        false => Ok(()),
    }
}

impl GivenKey {
    /// The key's id; refuse what is no key, and a certificate of another one.
    fn check(&self) -> Result<String, Error> {
        let bad =
            |what: &str| Error::Invalid(format!("{what}; give a PEM text that begins -----BEGIN PUBLIC KEY-----"));
        let key = pem::parse(&self.public_key_pem).map_err(|_| bad("the public key is no PEM text"))?;
        if key.tag() != "PUBLIC KEY" {
            return Err(bad(&format!("the public key is a {:?}", key.tag())));
        }
        match SubjectPublicKeyInfo::from_der(key.contents()) {
            Ok((rest, parsed)) if rest.is_empty() && parsed.parsed().is_ok() => {}
            _ => return Err(bad("the public key cannot be read")),
        }
        if let Some(text) = &self.certificate_pem {
            let bad = || Error::Invalid("the certificate is none of this public key, or no PEM text".to_owned());
            let certificate = pem::parse(text).map_err(|_| bad())?;
            let (_, parsed) = x509_parser::parse_x509_certificate(certificate.contents()).map_err(|_| bad())?;
            if parsed.public_key().raw != key.contents() {
                return Err(bad());
            }
        }
        Ok(key_id(key.contents()))
    }
}
