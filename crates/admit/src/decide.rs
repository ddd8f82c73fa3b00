//! The verdict about one signed tag, as a pure function of who signed and who is in the required teams.

use std::collections::BTreeSet;

use base::AccountName;
use oci::{Digest, RepoName, Tag};

use crate::{Entry, TeamName};

/// What trust data and registry say about a tag.
#[derive(Clone, Debug)]
pub struct SignedTag {
    pub repository: RepoName,
    pub tag: Tag,
    pub signed_digest: Digest,
    pub current_digest: Option<Digest>,
    /// The active accounts whose keys signed this digest.
    pub signers: BTreeSet<AccountName>,
}

/// A team of the policy and who is in it now; `None` when there is no such team any more.
#[derive(Clone, Debug)]
pub struct RequiredTeam {
    pub name: TeamName,
    pub members: Option<BTreeSet<AccountName>>,
}

/// Of every team a member must have signed; one person who is in all of them does.
pub fn decide(authority: &str, teams: &[RequiredTeam], tag: SignedTag) -> Entry {
    let image = format!("{authority}/{}:{}", tag.repository, tag.tag);
    let signed = signed_by(&tag.signers);
    let gone = teams.iter().find(|team| team.members.is_none());
    let missing: Vec<String> = teams
        .iter()
        .filter(|team| team.members.as_ref().is_none_or(|members| members.is_disjoint(&tag.signers)))
        .map(|team| format!("team {}", team.name))
        .collect();
    let reason = match (gone, missing.is_empty(), tag.signers.len()) {
        (Some(team), _, _) => {
            format!(
                "{image} is {signed}, but the required team {} does not exist any more; change the policy",
                team.name
            )
        }
        (None, true, _) => format!("{image} is {signed}"),
        (None, false, 0) => format!("{image} is {signed}, so by nobody in {}", missing.join(" or ")),
        (None, false, 1) => format!("{image} is {signed}, who is not in {}", missing.join(" or ")),
        (None, false, _) => format!("{image} is {signed}, none of whom is in {}", missing.join(" or ")),
    };
    Entry {
        allowed: missing.is_empty(),
        current_digest: tag.current_digest,
        reason,
        repository: tag.repository,
        signed_digest: tag.signed_digest,
        signers: tag.signers.into_iter().collect(),
        tag: tag.tag,
    }
}

/// `signed by a, b and c`.
fn signed_by(signers: &BTreeSet<AccountName>) -> String {
    let names: Vec<&str> = signers.iter().map(AccountName::as_str).collect();
    match names.as_slice() {
        [] => "signed by a key that belongs to no active account".to_owned(),
        [one] => format!("signed by {one}"),
        [first @ .., last] => format!("signed by {} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use base::AccountName;
    use oci::Digest;
    use proptest::prelude::*;

    use super::{RequiredTeam, SignedTag, decide};

    fn names(names: &[&str]) -> BTreeSet<AccountName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn tag(signers: &[&str]) -> SignedTag {
        SignedTag {
            repository: "admin/flask".parse().unwrap(),
            tag: "v1".parse().unwrap(),
            signed_digest: Digest::sha256_of(b"x"),
            current_digest: None,
            signers: names(signers),
        }
    }

    fn team(name: &str, members: Option<&[&str]>) -> RequiredTeam {
        RequiredTeam { name: name.parse().unwrap(), members: members.map(names) }
    }

    #[test]
    fn teams_are_anded_and_the_reason_is_a_sentence() {
        let (gitlab, security) = (team("ci/gitlab", Some(&["gitlab"])), team("ci/security", Some(&["eve", "max"])));
        let verdict = |teams: &[RequiredTeam], signers: &[&str]| {
            let entry = decide("h.x:1", teams, tag(signers));
            (entry.allowed, entry.reason)
        };
        let both = [gitlab.clone(), security];
        for (teams, signers, allowed, reason) in [
            (&both[..0], &["bob"][..], true, "h.x:1/admin/flask:v1 is signed by bob"),
            (&both[..0], &[][..], true, "is signed by a key that belongs to no active account"),
            (&both[..1], &["gitlab"][..], true, "is signed by gitlab"),
            (&both[..1], &["bob"][..], false, "is signed by bob, who is not in team ci/gitlab"),
            (&both[..1], &[][..], false, "belongs to no active account, so by nobody in team ci/gitlab"),
            (&both[..], &["gitlab", "bob"][..], false, "signed by bob and gitlab, none of whom is in team ci/security"),
            (&both[..], &["gitlab", "max"][..], true, "is signed by gitlab and max"),
            (
                &both[..],
                &["a", "b", "c"][..],
                false,
                "a, b and c, none of whom is in team ci/gitlab or team ci/security",
            ),
        ] {
            let (is_allowed, said) = verdict(teams, signers);
            assert!(is_allowed == allowed && said.contains(reason), "{said}");
        }
        let (allowed, said) = verdict(&[gitlab, team("ci/old", None)], &["gitlab"]);
        assert!(!allowed && said.contains("team ci/old does not exist any more"), "{said}");
    }

    proptest! {
        #[test]
        fn more_signers_never_take_away_and_more_teams_never_add(
            signers in prop::collection::btree_set("[a-d]", 0..4),
            extra in "[a-d]",
            teams in prop::collection::vec(prop::collection::btree_set("[a-d]", 0..3), 0..4),
        ) {
            let teams: Vec<RequiredTeam> = teams
                .iter()
                .map(|members| {
                    let members: Vec<&str> = members.iter().map(String::as_str).collect();
                    team("o/t", Some(&members))
                })
                .collect();
            let mut signers: Vec<&str> = signers.iter().map(String::as_str).collect();
            let allowed = decide("h", &teams, tag(&signers)).allowed;
            let fewer = decide("h", &teams[..teams.len().saturating_sub(1)], tag(&signers)).allowed;
            prop_assert!(!allowed || fewer);
            signers.push(&extra);
            prop_assert!(!allowed || decide("h", &teams, tag(&signers)).allowed);
        }
    }
}
