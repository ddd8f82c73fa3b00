//! People whom a directory or an identity provider knows: who they are here, and what its groups make them.
//!
//! ```text
//!   (provider, subject) ──► external_accounts ──► account        never by name: a name there is no claim to an account here
//!   groups ── rules ──► administrator, organizations, teams      rows that are marked `mapped`; others are left alone
//! ```
//!
//! Rights stay rows: a group counts when its member signs in, or when the directory is asked again ([`crate::Directory`]), and
//! then the rows are written. What somebody was made here by hand stays, also when they come from elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use audit::Entry;
use base::{AccountName, Ctx, Id, limits};
use db::Tx;

use crate::{
    Account, AccountKind, Error, Identity, RESERVED,
    keys::tell_switched,
    service::{refuse_no_admin, standing},
    store,
};

/// What a group makes its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    Administrator,
    Member { organization: AccountName, owner: bool },
    TeamMember { organization: AccountName, team: AccountName },
}

/// One line of the operator's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRule {
    /// As the directory or provider calls it.
    pub group: String,
    pub made: Made,
}

/// Somebody as another system knows them.
#[derive(Clone, Debug)]
pub struct External {
    /// Which system: `https://issuer`, or `ldap`.
    pub provider: String,
    /// What identifies them there for ever.
    pub subject: String,
    /// What they shall be called here, if they are new.
    pub name: String,
    pub full_name: String,
    pub groups: BTreeSet<String>,
}

/// What the groups say somebody is.
#[derive(Debug, Default)]
struct Wanted {
    admin: Option<bool>,
    /// For each organization that a rule names: none, or member, or owner.
    organizations: BTreeMap<AccountName, Option<bool>>,
    teams: BTreeMap<(AccountName, AccountName), bool>,
}

impl Wanted {
    fn of(rules: &[GroupRule], groups: &BTreeSet<String>) -> Wanted {
        let mut wanted = Wanted::default();
        for rule in rules {
            let inside = groups.contains(&rule.group);
            match &rule.made {
                Made::Administrator => wanted.admin = Some(inside || wanted.admin == Some(true)),
                Made::Member { organization, owner } => wanted.member(organization, inside.then_some(*owner)),
                Made::TeamMember { organization, team } => {
                    wanted.member(organization, inside.then_some(false));
                    *wanted.teams.entry((organization.clone(), team.clone())).or_default() |= inside;
                }
            }
        }
        wanted
    }

    fn member(&mut self, organization: &AccountName, as_owner: Option<bool>) {
        let known = self.organizations.entry(organization.clone()).or_default();
        *known = (*known).max(as_owner);
    }
}

impl Identity {
    /// The account of somebody who proved elsewhere who they are, with what the groups make them. Made now when `create` says
    /// so and nobody has the name. An account that was made here is nobody's from elsewhere, whatever it is called.
    pub(crate) async fn admit_external(
        &self,
        ctx: &Ctx,
        external: &External,
        rules: &[GroupRule],
        create: bool,
    ) -> Result<Account, Error> {
        let wanted = Wanted::of(rules, &external.groups);
        db::write!(self.db, ctx, |tx| {
            let linked = store::linked(tx, &external.provider, &external.subject).await?;
            let (mut account, mut entry, new) = match linked {
                Some((account, gone)) => {
                    // Whom an administrator switched off stays so; whom the directory did not know comes back with it.
                    if !account.active && !gone {
                        return Err(Error::Unauthenticated);
                    }
                    let mut entry = Entry::new("account.synced").about(format!("account/{}", account.name));
                    let mut account = account;
                    if gone {
                        store::set_gone(tx, &account.id, false).await?;
                        account.active = true;
                        entry = entry.detail("back", true);
                    }
                    (account, entry, gone)
                }
                None if create => {
                    let account = provision(tx, ctx, external).await?;
                    let entry = Entry::new("account.imported")
                        .about(format!("account/{}", account.name))
                        .detail("provider", &external.provider)
                        .detail("subject", &external.subject);
                    (account, entry, true)
                }
                None => {
                    return Err(Error::Denied(format!(
                        "{} is not known here; an administrator must let accounts be made at sign-in",
                        short(&external.name)
                    )));
                }
            };
            let mut changed = new;
            if !external.full_name.is_empty() && account.full_name != external.full_name {
                account.full_name = cut(&external.full_name);
                changed = true;
            }
            let (after, told) = settle(tx, &account, &wanted, entry).await?;
            entry = told.1;
            changed |= told.0;
            changed |= after.admin != account.admin;
            if changed {
                store::update_account(tx, &after).await?;
                entry = entry.set(format!("identity/account/{}", after.name), standing(&after));
                let entry = audit::append(tx, ctx, entry).await?;
                if new {
                    tell_switched(tx, ctx, &after, entry).await?;
                }
            }
            Ok::<_, Error>(Account { imported: true, ..after })
        })
    }

    /// Somebody is not known there any more: off, and nothing that a group made them.
    pub(crate) async fn external_is_gone(
        &self,
        ctx: &Ctx,
        provider: &str,
        subject: &str,
        rules: &[GroupRule],
    ) -> Result<(), Error> {
        let wanted = Wanted::of(rules, &BTreeSet::new());
        db::write!(self.db, ctx, |tx| {
            let Some((account, gone)) = store::linked(tx, provider, subject).await? else { return Ok(()) };
            if gone {
                return Ok(());
            }
            let entry = Entry::new("account.gone").about(format!("account/{}", account.name));
            let (mut after, (changed, entry)) = settle(tx, &account, &wanted, entry).await?;
            // Whom an administrator switched off is not brought back by the directory.
            match account.active {
                true => store::set_gone(tx, &account.id, true).await?,
                false if !changed && after.admin == account.admin => return Ok(()),
                false => {}
            }
            after.active = false;
            store::update_account(tx, &after).await?;
            store::delete_sessions(tx, &account.id).await?;
            refuse_no_admin(tx, &account).await?;
            let entry = entry.set(format!("identity/account/{}", after.name), standing(&after));
            let entry = audit::append(tx, ctx, entry).await?;
            if account.active {
                tell_switched(tx, ctx, &after, entry).await?;
            }
            Ok::<_, Error>(())
        })
    }
}

/// A new account for somebody from elsewhere.
async fn provision(tx: &mut Tx, ctx: &Ctx, external: &External) -> Result<Account, Error> {
    let wished = external.name.split('@').next().unwrap_or_default().to_lowercase();
    let refused = |why: &str| {
        Error::Conflict(format!(
            "{} has no account here, and none can be made: {why}; ask an administrator",
            short(&external.name)
        ))
    };
    let name: AccountName = wished.parse().map_err(|_| refused("the name can be no account's"))?;
    if name.robot_owner().is_some() || RESERVED.contains(&name.as_str()) {
        return Err(refused("the name can be no account's"));
    }
    if store::account(tx, &name).await?.is_some() {
        return Err(refused(&format!("the name {name} is taken by an account that is not theirs")));
    }
    let account = Account {
        id: Id::new(ctx),
        name,
        kind: AccountKind::User,
        full_name: cut(&external.full_name),
        admin: false,
        active: true,
        imported: true,
        created_at: ctx.now,
    };
    store::insert_account(tx, &account, None, None).await?;
    store::link(tx, &external.provider, &external.subject, &account.id).await?;
    Ok(account)
}

/// Write what the groups make of an account; gives it as it then is, and whether a membership changed, with the entry.
async fn settle(
    tx: &mut Tx,
    account: &Account,
    wanted: &Wanted,
    mut entry: Entry,
) -> Result<(Account, (bool, Entry)), Error> {
    let mut changed = false;
    let user = &account.name;
    for (name, wanted) in &wanted.organizations {
        let organization = store::account(tx, name).await?.filter(|found| found.kind == AccountKind::Organization);
        let Some(organization) = organization else {
            tracing::warn!(organization = %name, "a group makes members of an organization that is not there");
            continue;
        };
        let present = store::mapped_member(tx, &organization.id, &account.id).await?;
        let key = format!("identity/member/{name}/{user}");
        match (present, wanted) {
            (Some((_, false)), _) | (None, None) => {}
            (Some((owner, true)), Some(wanted)) if owner == *wanted => {}
            (_, Some(owner)) => {
                store::set_mapped_member(tx, &organization.id, &account.id, *owner).await?;
                entry = entry.set(key, if *owner { "owner" } else { "member" });
                changed = true;
            }
            (Some((_, true)), None) => {
                for (team, _) in store::teams_of(tx, &organization.id, &account.id).await? {
                    entry = entry.unset(format!("identity/team/{name}/{}/{user}", team.name));
                }
                store::remove_member(tx, &organization.id, &account.id).await?;
                entry = entry.unset(key);
                changed = true;
            }
        }
    }
    for ((org, name), wanted) in &wanted.teams {
        let Some(team) = store::team(tx, org, name).await? else {
            tracing::warn!(team = %format!("{org}/{name}"), "a group makes members of a team that is not there");
            continue;
        };
        let present = store::mapped_team_member(tx, &team.id, &account.id).await?;
        let key = format!("identity/team/{org}/{name}/{user}");
        match (present, wanted) {
            (None, true) => {
                store::add_mapped_team_member(tx, &team.id, &account.id).await?;
                entry = entry.set(key, "member");
                changed = true;
            }
            (Some(true), false) => {
                store::remove_team_member(tx, &team.id, &account.id).await?;
                entry = entry.unset(key);
                changed = true;
            }
            _ => {}
        }
    }
    let mut after = account.clone();
    if let Some(admin) = wanted.admin {
        after.admin = admin;
        if account.admin && !admin && account.active && store::count_admins(tx).await? == 1 {
            tracing::warn!(account = %user, "is no administrator by its groups, but the last one; left as it is");
            after.admin = true;
        }
    }
    Ok((after, (changed, entry)))
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(limits::TEXT_BYTES.min(400));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// A name from elsewhere, short enough for an answer.
fn short(name: &str) -> String {
    format!("{:?}", name.chars().take(80).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::{GroupRule, Made, Wanted};

    #[test]
    fn the_highest_of_all_groups_counts_and_absence_is_said() {
        let rule = |group: &str, made: Made| GroupRule { group: group.to_owned(), made };
        let ops = || "ops".parse().unwrap();
        let rules = [
            rule("devs", Made::Member { organization: ops(), owner: false }),
            rule("leads", Made::Member { organization: ops(), owner: true }),
            rule("devs", Made::TeamMember { organization: ops(), team: "release".parse().unwrap() }),
            rule("roots", Made::Administrator),
        ];
        let of = |groups: &[&str]| Wanted::of(&rules, &groups.iter().map(|group| (*group).to_owned()).collect());
        let team = (ops(), "release".parse().unwrap());
        let both = of(&["leads", "devs"]);
        assert_eq!((both.organizations[&ops()], both.teams[&team], both.admin), (Some(true), true, Some(false)));
        let none = of(&["other"]);
        assert_eq!((none.organizations[&ops()], none.teams[&team], none.admin), (None, false, Some(false)));
        assert_eq!(of(&["roots"]).admin, Some(true));
        assert_eq!(Wanted::of(&rules[..3], &["roots".to_owned()].into()).admin, None);
    }
}
