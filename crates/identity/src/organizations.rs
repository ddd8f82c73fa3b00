//! Organizations: their members and owners, their teams, and who is in them.

use audit::Entry;
use base::{AccountName, Ctx, Id, limits};
use db::Tx;

use crate::{
    Counted, Error, Identity, Level, Member, Team, TeamMember,
    removal::append_removal,
    service::{organization, signed_in, team, user_account},
    store,
};

impl Identity {
    /// Make a user a member or an owner of an organization.
    pub async fn set_member(&self, ctx: &Ctx, org: &AccountName, user: &AccountName, owner: bool) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            Level::require_owner(tx, &ctx.actor, org.as_str()).await?;
            let (organization, member) = (organization(tx, org).await?, user_account(tx, user).await?);
            store::set_member(tx, &organization.id, &member.id, owner).await?;
            let entry = Entry::new("organization.member_set")
                .about(format!("account/{org}"))
                .about(format!("account/{user}"))
                .set(format!("identity/member/{org}/{user}"), if owner { "owner" } else { "member" });
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    /// Remove a user from an organization and from its teams.
    pub async fn remove_member(&self, ctx: &Ctx, org: &AccountName, user: &AccountName) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            Level::require_owner(tx, &ctx.actor, org.as_str()).await?;
            let (organization, member) = (organization(tx, org).await?, user_account(tx, user).await?);
            let mut entry = Entry::new("organization.member_removed")
                .about(format!("account/{org}"))
                .about(format!("account/{user}"))
                .unset(format!("identity/member/{org}/{user}"));
            for team in store::teams(tx, org).await? {
                if store::team_members(tx, &team.id).await?.iter().any(|present| present.account.id == member.id) {
                    entry = entry.unset(format!("identity/team/{org}/{}/{user}", team.name));
                }
            }
            if !store::remove_member(tx, &organization.id, &member.id).await? {
                return Err(Error::NotFound { what: "member", name: format!("{user} of {org}") });
            }
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    pub async fn members(&self, ctx: &Ctx, org: &AccountName) -> Result<Vec<Member>, Error> {
        signed_in(ctx)?;
        let mut tx = self.db.read().await?;
        let organization = organization(&mut tx, org).await?;
        Ok(store::members(&mut tx, &organization.id).await?)
    }

    /// Create a team in an organization.
    pub async fn create_team(
        &self,
        ctx: &Ctx,
        org: &AccountName,
        name: &AccountName,
        description: &str,
    ) -> Result<Team, Error> {
        let (id, description) = (Id::new(ctx), described(description)?);
        if name.robot_owner().is_some() {
            return Err(Error::Invalid(format!("{name} is a robot's name; a team is named by one name")));
        }
        db::write!(self.db, ctx, |tx| {
            Level::require_owner(tx, &ctx.actor, org.as_str()).await?;
            let organization = organization(tx, org).await?;
            if store::team(tx, org, name).await?.is_some() {
                return Err(Error::Conflict(format!("{org} has a team {name} already")));
            }
            let team = Team {
                id: id.clone(),
                organization: org.clone(),
                organization_id: organization.id,
                name: name.clone(),
                description: description.clone(),
                members: 0,
            };
            store::insert_team(tx, &team).await?;
            audit::append(tx, ctx, Entry::new("team.created").about(format!("team/{org}/{name}"))).await?;
            Ok(team)
        })
    }

    pub async fn teams(&self, ctx: &Ctx, org: &AccountName) -> Result<Vec<Team>, Error> {
        signed_in(ctx)?;
        let mut tx = self.db.read().await?;
        organization(&mut tx, org).await?;
        Ok(store::teams(&mut tx, org).await?)
    }

    /// Put somebody into a team, as its admin or not, or (with `None`) take it out. For owners, who make it a member of the
    /// organization by that, and for the team's admins, who may only choose among the members.
    pub async fn set_team_member(
        &self,
        ctx: &Ctx,
        (org, team_name): (&AccountName, &AccountName),
        user: &AccountName,
        admin: Option<bool>,
    ) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            let team = team_of(tx, ctx, org, team_name).await?;
            let account = user_account(tx, user).await?;
            let key = format!("identity/team/{org}/{team_name}/{user}");
            let entry = Entry::new(if admin.is_some() { "team.member_added" } else { "team.member_removed" })
                .about(format!("team/{org}/{team_name}"))
                .about(format!("account/{user}"));
            let entry = if let Some(admin) = admin {
                let organization = organization(tx, org).await?;
                let mut entry = entry;
                if store::membership(tx, &account.id, &organization.id).await?.is_none() {
                    if Level::require_owner(tx, &ctx.actor, org.as_str()).await.is_err() {
                        let why = format!("{user} is no member of {org}; an owner has to add it there first");
                        return Err(Error::Conflict(why));
                    }
                    store::set_member(tx, &organization.id, &account.id, false).await?;
                    entry = entry.set(format!("identity/member/{org}/{user}"), "member");
                }
                store::set_team_member(tx, &team.id, &account.id, admin).await?;
                entry.set(key, if admin { "admin" } else { "member" })
            } else {
                store::remove_team_member(tx, &team.id, &account.id).await?;
                entry.unset(key)
            };
            audit::append(tx, ctx, entry).await?;
            Ok(())
        })
    }

    /// One member, and whether it is an owner.
    pub async fn member(&self, ctx: &Ctx, org: &AccountName, user: &AccountName) -> Result<Member, Error> {
        signed_in(ctx)?;
        let mut tx = self.db.read().await?;
        let (organization, account) = (organization(&mut tx, org).await?, user_account(&mut tx, user).await?);
        match store::membership(&mut tx, &account.id, &organization.id).await? {
            Some(owner) => Ok(Member { account, owner }),
            None => Err(Error::NotFound { what: "member", name: format!("{user} of {org}") }),
        }
    }

    /// One member of a team.
    pub async fn team_member(
        &self,
        ctx: &Ctx,
        (org, name): (&AccountName, &AccountName),
        user: &AccountName,
    ) -> Result<TeamMember, Error> {
        signed_in(ctx)?;
        let mut tx = self.db.read().await?;
        let (team, account) = (team(&mut tx, org, name).await?, user_account(&mut tx, user).await?);
        match store::team_membership(&mut tx, &team.id, &account.id).await? {
            Some(admin) => Ok(TeamMember { account, admin }),
            None => Err(Error::NotFound { what: "member", name: format!("{user} of {org}/{name}") }),
        }
    }

    pub async fn team(&self, ctx: &Ctx, org: &AccountName, name: &AccountName) -> Result<Team, Error> {
        signed_in(ctx)?;
        team(&mut self.db.read().await?, org, name).await
    }

    /// Say what a team is for. Its name stays, as every account's does.
    pub async fn describe_team(
        &self,
        ctx: &Ctx,
        org: &AccountName,
        name: &AccountName,
        description: &str,
    ) -> Result<Team, Error> {
        let description = described(description)?;
        db::write!(self.db, ctx, |tx| {
            Level::require_owner(tx, &ctx.actor, org.as_str()).await?;
            let team = team(tx, org, name).await?;
            store::describe_team(tx, &team.id, &description).await?;
            audit::append(tx, ctx, Entry::new("team.updated").about(format!("team/{org}/{name}"))).await?;
            Ok::<_, Error>(Team { description: description.clone(), ..team })
        })
    }

    /// Delete a team with its members' places in it and its grants.
    pub async fn delete_team(&self, ctx: &Ctx, org: &AccountName, name: &AccountName) -> Result<(), Error> {
        db::write!(self.db, ctx, |tx| {
            Level::require_owner(tx, &ctx.actor, org.as_str()).await?;
            let team = team(tx, org, name).await?;
            let subject = format!("team/{org}/{name}");
            let keys = store::keys_of_team(tx, &team).await?;
            store::delete_team(tx, &team.id).await?;
            append_removal(tx, ctx, "team.deleted", &subject, &keys).await.map(drop)
        })
    }

    /// The organizations of a user, and whether it owns each.
    pub async fn organizations_of(&self, ctx: &Ctx, user: &AccountName) -> Result<Vec<(Counted, bool)>, Error> {
        signed_in(ctx)?;
        let mut tx = self.db.read().await?;
        let user = user_account(&mut tx, user).await?;
        Ok(store::organizations_of(&mut tx, &user.id).await?)
    }

    /// The teams of an organization that a user is in, and whether it is an admin of each.
    pub async fn teams_of(&self, ctx: &Ctx, org: &AccountName, user: &AccountName) -> Result<Vec<(Team, bool)>, Error> {
        signed_in(ctx)?;
        let mut tx = self.db.read().await?;
        let (organization, user) = (organization(&mut tx, org).await?, user_account(&mut tx, user).await?);
        Ok(store::teams_of(&mut tx, &organization.id, &user.id).await?)
    }

    pub async fn team_members(
        &self,
        ctx: &Ctx,
        org: &AccountName,
        name: &AccountName,
    ) -> Result<Vec<TeamMember>, Error> {
        signed_in(ctx)?;
        let mut tx = self.db.read().await?;
        let team = team(&mut tx, org, name).await?;
        Ok(store::team_members(&mut tx, &team.id).await?)
    }
}

/// The team, for those who may say who is in it.
async fn team_of(tx: &mut Tx, ctx: &Ctx, org: &AccountName, name: &AccountName) -> Result<Team, Error> {
    let refused = Level::require_owner(tx, &ctx.actor, org.as_str()).await;
    if refused.is_err()
        && let Some(principal) = ctx.principal().filter(|principal| !principal.is_limited())
        && let Some(team) = store::team(tx, org, name).await?
        && store::team_membership(tx, &team.id, &principal.account).await? == Some(true)
        && store::account_by_id(tx, &principal.account).await?.is_some_and(|account| account.active)
    {
        return Ok(team);
    }
    refused?;
    team(tx, org, name).await
}

fn described(text: &str) -> Result<String, Error> {
    if text.len() > limits::TEXT_BYTES {
        return Err(Error::Invalid(format!("a description has at most {} bytes", limits::TEXT_BYTES)));
    }
    Ok(text.to_owned())
}
