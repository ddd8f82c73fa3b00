//! What verdicts are made from, read from the contexts below in one transaction: trust data, tags, teams.

use std::collections::BTreeSet;

use base::{AccountName, Kind, Timestamp};
use db::Tx;
use identity::Identity;
use oci::{RepoName, Tag};
use registry::Registry;
use trust::Trust;

use crate::{Error, RequiredTeam, SignedTag, TeamName};

/// Every signed tag. Trust data that cannot be used signs nothing, and must not keep the rest from being known.
pub(crate) async fn signed_tags(trust: &Trust, tx: &mut Tx, now: Timestamp) -> Result<Vec<SignedTag>, Error> {
    let guns = trust.all_guns(tx).await?;
    let repositories: BTreeSet<RepoName> = guns.iter().map(|gun| gun.repository().clone()).collect();
    let mut tags = Vec::new();
    for repository in repositories {
        let signed = match trust.signed_tags_of(tx, now, &repository).await {
            Ok(signed) => signed,
            Err(error) if error.kind() == Kind::Internal => {
                tracing::error!(%repository, %error, "its trust data cannot be used, so nothing of it counts as signed");
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        for view in signed {
            // A name that is no tag names nothing that an engine could run.
            let Ok(tag) = view.tag.parse::<Tag>() else { continue };
            let current = Registry::tagged(tx, &repository, &tag).await?;
            let accounts = view.signers.iter().flat_map(|signer| &signer.accounts);
            tags.push(SignedTag {
                repository: repository.clone(),
                tag,
                signed_digest: view.digest,
                current_digest: current.map(|current| current.image.digest),
                signers: accounts.filter(|account| account.active).map(|account| account.name.clone()).collect(),
            });
        }
    }
    Ok(tags)
}

/// The required teams with their active members.
pub(crate) async fn teams(tx: &mut Tx, names: &[TeamName]) -> Result<Vec<RequiredTeam>, Error> {
    let mut teams = Vec::new();
    for name in names {
        teams.push(RequiredTeam { name: name.clone(), members: members(tx, name).await? });
    }
    Ok(teams)
}

async fn members(tx: &mut Tx, name: &TeamName) -> Result<Option<BTreeSet<AccountName>>, Error> {
    match Identity::team_accounts(tx, &name.organization, &name.team).await {
        Ok(accounts) => Ok(Some(accounts.into_iter().map(|account| account.name).collect())),
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}
