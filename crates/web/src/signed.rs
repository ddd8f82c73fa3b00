//! What trust data says of the tags of a repository, in one value for the pages and for DTR's API.

use std::collections::BTreeMap;

use base::Timestamp;
use db::Tx;
use oci::{Digest, RepoName, Tag};
use trust::SignedTagView;

use crate::App;

/// The signed tags of one repository, by name.
#[derive(Debug)]
pub(crate) struct Signed(BTreeMap<String, SignedTagView>);

/// How a tag that names some digest stands to its signature.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Unsigned,
    /// Signed as what it names, by these.
    Signed(Vec<String>),
    /// Signed as something else: it moved afterwards.
    Moved,
}

impl Signed {
    /// Whoever asks has shown that they may see the repository.
    pub(crate) async fn of(app: &App, tx: &mut Tx, now: Timestamp, name: &RepoName) -> Result<Signed, trust::Error> {
        let tags = app.trust.signed_tags_of(tx, now, name).await?;
        Ok(Signed(tags.into_iter().map(|tag| (tag.tag.clone(), tag)).collect()))
    }

    pub(crate) fn standing(&self, tag: &Tag, digest: &Digest) -> Standing {
        match self.0.get(tag.as_str()) {
            None => Standing::Unsigned,
            Some(signed) if signed.digest == *digest => Standing::Signed(signers(signed)),
            Some(_) => Standing::Moved,
        }
    }
}

/// The accounts whose keys signed; the role where a key belongs to no account.
fn signers(signed: &SignedTagView) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for signer in &signed.signers {
        match signer.accounts.as_slice() {
            [] => names.push(signer.role.clone()),
            accounts => names.extend(accounts.iter().map(|account| account.name.to_string())),
        }
    }
    if names.is_empty() {
        names.push(signed.released_by.clone());
    }
    names.sort();
    names.dedup();
    names
}
