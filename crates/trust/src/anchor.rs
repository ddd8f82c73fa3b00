//! Keys and authorities of people elsewhere, whose signatures an administrator lets count here.

use std::{fmt, str};

use audit::Entry;
use base::{Actor, Ctx, InvalidName, Timestamp, limits};
use identity::Level;
use seal::{Authority, PublicKey};

use crate::{Error, Trust, store};

/// 1 to 64 of `a-z`, `0-9`, `.`, `_` and `-`, beginning with a letter or a digit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnchorName(Box<str>);

/// One of them, with the PEM text as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustAnchor {
    pub name: AnchorName,
    pub kind: AnchorKind,
    /// One block: `PUBLIC KEY` or `CERTIFICATE`.
    pub pem: String,
    pub set_by: String,
    pub set_at: Timestamp,
}

/// What stands for the signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnchorKind {
    Key(PublicKey),
    /// Whatever certificate for signing code leads to this one.
    Authority(Authority),
}

impl Trust {
    /// All of them, by name. Nothing in them is secret; for everybody who is signed in.
    pub async fn anchors(&self, ctx: &Ctx) -> Result<Vec<TrustAnchor>, Error> {
        if ctx.actor == Actor::Anonymous {
            return Err(Error::Unauthenticated("sign in to see whose signatures count here".to_owned()));
        }
        store::anchors(&mut self.db.read().await?).await
    }

    /// Let the signatures of this key or authority count. Administrators.
    pub async fn set_anchor(&self, ctx: &Ctx, name: &AnchorName, pem: &str) -> Result<TrustAnchor, Error> {
        let (kind, set_by) = (AnchorKind::from_pem(pem)?, ctx.actor.label());
        let anchor = TrustAnchor { name: name.clone(), kind, pem: pem.trim().to_owned(), set_by, set_at: ctx.now };
        db::write!(self.db, ctx, |tx| {
            Level::require_admin(tx, &ctx.actor).await?;
            let known = store::anchors(tx).await?;
            let before = known.iter().find(|known| known.name == anchor.name);
            if before.is_some_and(|before| before.pem == anchor.pem) {
                return Ok(());
            }
            if before.is_none() && known.len() >= limits::TRUST_ANCHORS {
                let limit = limits::TRUST_ANCHORS;
                return Err(Error::Invalid(format!("there are {limit} keys and authorities; remove one first")));
            }
            store::set_anchor(tx, &anchor).await?;
            let entry = anchor.entry("trust.anchor_set").detail("key", anchor.kind.id());
            let entry = entry.detail("was", before.map(|before| before.kind.id()));
            audit::append(tx, ctx, entry.set(state_key(&anchor.name), base::digest_hex(anchor.pem.as_bytes()))).await?;
            Ok::<_, Error>(())
        })?;
        Ok(anchor)
    }

    /// From the next question on its signatures count for nothing. Administrators.
    pub async fn remove_anchor(&self, ctx: &Ctx, name: &AnchorName) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            Level::require_admin(tx, &ctx.actor).await?;
            let known = store::anchors(tx).await?;
            let anchor = known.iter().find(|known| known.name == *name);
            let anchor = anchor.ok_or_else(|| Error::NoAnchor(name.to_string()))?;
            store::remove_anchor(tx, name).await?;
            let entry = anchor.entry("trust.anchor_removed").detail("key", anchor.kind.id());
            audit::append(tx, ctx, entry.unset(state_key(name))).await?;
            Ok::<_, Error>(())
        })
    }
}

impl TrustAnchor {
    fn entry(&self, kind: &'static str) -> Entry {
        Entry::new(kind).about(format!("anchor/{}", self.name)).detail("kind", self.kind.as_str())
    }
}

impl AnchorKind {
    pub(crate) fn from_pem(pem: &str) -> Result<AnchorKind, Error> {
        if pem.len() > limits::TRUST_ANCHOR_BYTES {
            let limit = limits::TRUST_ANCHOR_BYTES;
            return Err(Error::Invalid(format!("a key or certificate has at most {limit} bytes")));
        }
        let invalid = |error: seal::Unreadable| Error::Invalid(error.to_string());
        if pem.contains("BEGIN CERTIFICATE") {
            Authority::from_pem(pem).map(AnchorKind::Authority).map_err(invalid)
        } else {
            PublicKey::from_pem(pem).map(AnchorKind::Key).map_err(invalid)
        }
    }

    pub fn as_str(&self) -> &'static str {
        match self {
            AnchorKind::Key(_) => "key",
            AnchorKind::Authority(_) => "authority",
        }
    }

    /// The hexadecimal SHA-256 of the key, or of the authority's certificate.
    pub fn id(&self) -> String {
        match self {
            AnchorKind::Key(key) => key.id().to_string(),
            AnchorKind::Authority(authority) => base::digest_hex(authority.der()),
        }
    }
}

/// Where the checksum of an anchor stands in the audit log's fold.
pub(crate) fn state_key(name: &AnchorName) -> String {
    format!("trust/anchor/{name}")
}

impl str::FromStr for AnchorName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<AnchorName, InvalidName> {
        let part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if begins && text.len() <= 64 && text.bytes().all(part) {
            return Ok(AnchorName(text.into()));
        }
        Err(InvalidName::new("name", text, "1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or a digit"))
    }
}

impl fmt::Display for AnchorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
