//! What trust data says, for the rest of the product: which tags are signed, as what, by whom.

use std::collections::{BTreeMap, BTreeSet};

use base::Timestamp;
use db::Tx;
use identity::{Account, Identity};
use oci::{Digest, RepoName};
use tuf::{KeyId, KeyType, PublicKey, RoleName, SignedTag, Signer, TrustData};

use crate::{Error, Gun, Trust, read::current_documents};

/// A tag that counts as signed: it stands in `targets/releases`, or else in `targets`, and all signatures hold now.
#[derive(Clone, Debug)]
pub struct SignedTagView {
    pub tag: String,
    /// What the tag was signed as; whether the registry's tag still is that digest is for the caller to compare.
    pub digest: Digest,
    /// `targets/releases` or `targets`.
    pub released_by: String,
    /// The roles that say the same digest, `targets/releases` left out.
    pub signers: Vec<SignerView>,
}

#[derive(Clone, Debug)]
pub struct SignerView {
    /// `targets/gitlab`; `targets` is the owner of the repository.
    pub role: String,
    /// The canonical ids of the keys whose signatures are on the role's document, as `docker trust inspect` shows them.
    pub keys: BTreeSet<KeyId>,
    /// Active accounts that one of these keys belongs to and who did not revoke it.
    pub accounts: Vec<Account>,
}

impl Trust {
    /// Every signed tag, by name. None when nothing was published or what was published does not hold now.
    pub async fn signed_tags(&self, tx: &mut Tx, now: Timestamp, gun: &Gun) -> Result<Vec<SignedTagView>, Error> {
        let Some(data) = verified(tx, now, gun).await? else { return Ok(Vec::new()) };
        let owners = owners(tx).await?;
        Ok(data.tags().iter().map(|tag| view(tag, &owners)).collect())
    }

    /// Every signed tag of a repository, under whichever of our names it was signed.
    pub async fn signed_tags_of(
        &self,
        tx: &mut Tx,
        now: Timestamp,
        repository: &RepoName,
    ) -> Result<Vec<SignedTagView>, Error> {
        let mut tags: Vec<SignedTagView> = Vec::new();
        for gun in self.guns_of(repository) {
            for tag in self.signed_tags(tx, now, &gun).await? {
                if !tags.iter().any(|known| known.tag == tag.tag) {
                    tags.push(tag);
                }
            }
        }
        Ok(tags)
    }

    /// What a tag was signed as and by whom, if it is signed.
    pub async fn is_signed(
        &self,
        tx: &mut Tx,
        now: Timestamp,
        repository: &RepoName,
        tag: &str,
    ) -> Result<Option<SignedTagView>, Error> {
        for gun in self.guns_of(repository) {
            let Some(data) = verified(tx, now, &gun).await? else { continue };
            if let Some(signed) = data.tag(tag) {
                return Ok(Some(view(&signed, &owners(tx).await?)));
            }
        }
        Ok(None)
    }

    /// Who may sign in this repository, whether or not they have: every role but `targets/releases`, with all its keys.
    pub async fn signers(&self, tx: &mut Tx, now: Timestamp, gun: &Gun) -> Result<Vec<SignerView>, Error> {
        let Some(data) = verified(tx, now, gun).await? else { return Ok(Vec::new()) };
        let owners = owners(tx).await?;
        let all = |signer: Signer| signer_view(&signer.role, &signer.keys, &owners);
        Ok(data.signers().into_iter().map(all).collect())
    }
}

/// The current documents, if their signatures hold now.
async fn verified(tx: &mut Tx, now: Timestamp, gun: &Gun) -> Result<Option<TrustData>, Error> {
    let Some(mut documents) = current_documents(tx, gun).await? else { return Ok(None) };
    let (Some(root), Some(targets)) = (documents.remove(&RoleName::Root), documents.remove(&RoleName::Targets)) else {
        return Err(Error::Internal(format!("the snapshot of {gun} names documents that are not stored")));
    };
    match TrustData::verify(gun.as_str(), &root, &targets, &documents, now) {
        Ok(data) => Ok(Some(data)),
        Err(error) => {
            tracing::warn!(%gun, %error, "trust data does not hold; its tags count as not signed");
            Ok(None)
        }
    }
}

type Owners = BTreeMap<KeyId, Vec<Account>>;

/// Accounts by the canonical id of their keys. Identity names a key by its DER, Notary by JSON around it.
async fn owners(tx: &mut Tx) -> Result<Owners, Error> {
    let mut owners = Owners::new();
    for (key, account) in Identity::signers(tx).await? {
        if let Some(id) = canonical_id(&key.public_key_pem) {
            owners.entry(id).or_default().push(account);
        }
    }
    Ok(owners)
}

/// The id of a `PUBLIC KEY` PEM in trust data; `None` for a kind of key that cannot sign there.
fn canonical_id(public_key_pem: &str) -> Option<KeyId> {
    let block = pem::parse(public_key_pem).ok()?;
    let key = [KeyType::Ecdsa, KeyType::Rsa]
        .into_iter()
        .find_map(|keytype| PublicKey::new(keytype, block.contents().to_vec()).ok())?;
    Some(key.canonical_id().clone())
}

fn view(tag: &SignedTag, owners: &Owners) -> SignedTagView {
    let digest = format!("sha256:{}", hex::encode(tag.sha256)).parse().expect("32 bytes in hex are a SHA-256 digest");
    SignedTagView {
        tag: tag.tag.clone(),
        digest,
        released_by: tag.released_by.to_string(),
        signers: tag.signers.iter().map(|signer| signer_view(&signer.role, &signer.signed_by, owners)).collect(),
    }
}

fn signer_view(role: &RoleName, keys: &BTreeSet<KeyId>, owners: &Owners) -> SignerView {
    let mut accounts: Vec<Account> = Vec::new();
    for account in keys.iter().filter_map(|key| owners.get(key)).flatten() {
        if !accounts.iter().any(|known| known.id == account.id) {
            accounts.push(account.clone());
        }
    }
    SignerView { role: role.to_string(), keys: keys.clone(), accounts }
}
