//! Accounts, members, teams and keys: eNZi's part of a DTR.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use axum::http::Method;
use base::AccountName;
use serde_json::{Value, json};

use super::{Import, flag, part, report::Outcome, target::judge, text};

/// An organization of the DTR and whom it has.
struct Organization {
    name: String,
    account: Value,
    members: Vec<Value>,
}

impl Import {
    pub(super) async fn people(&mut self) -> Result<()> {
        let accounts = match self.dtr.list("/enzi/v0/accounts").await {
            Ok(accounts) => accounts,
            Err(trouble) => return self.report.trouble("account", "all of them", trouble),
        };
        self.namespaces = accounts.iter().map(|account| text(account, "name").to_owned()).collect();
        let (organizations, mut users): (Vec<Value>, Vec<Value>) =
            accounts.into_iter().partition(|account| flag(account, "isOrg"));
        let mut wanted = Vec::new();
        for account in organizations {
            let name = text(&account, "name").to_owned();
            if self.includes(&name) {
                let members = self.ask("member", &name, &format!("/enzi/v0/accounts/{}/members", part(&name))).await?;
                wanted.push(Organization { name, account, members });
            }
        }
        let members: BTreeSet<&str> =
            wanted.iter().flat_map(|one| &one.members).map(|member| text(&member["member"], "name")).collect();
        users.retain(|user| self.includes(text(user, "name")) || members.contains(text(user, "name")));
        let here = self.target.list("/enzi/v0/accounts?limit=1000").await?.unwrap_or_default();
        let here: BTreeMap<String, Value> =
            here.into_iter().map(|account| (text(&account, "name").to_owned(), account)).collect();
        let mut made = 0;
        for user in &users {
            made += usize::from(self.account("user", user, &here).await?);
        }
        if made > 0 {
            self.report.note(format!(
                "users made without a password, who cannot sign in with one until they have: {made}; assay password --account NAME"
            ));
        }
        for Organization { account, .. } in &wanted {
            self.account("organization", account, &here).await?;
        }
        for user in &users {
            self.keys(text(user, "name")).await?;
        }
        for organization in wanted {
            if !self.absent.contains_key(&organization.name) {
                self.members(&organization.name, &organization.members).await?;
                self.teams_of(&organization.name).await?;
            }
        }
        Ok(())
    }

    /// What a DTR lists, or nothing and a row that says why.
    pub(super) async fn ask(&mut self, kind: &'static str, name: &str, path: &str) -> Result<Vec<Value>> {
        match self.dtr.list(path).await {
            Ok(items) => Ok(items),
            Err(trouble) => {
                self.report.trouble(kind, name, trouble)?;
                Ok(Vec::new())
            }
        }
    }

    /// Whether it was made.
    async fn account(&mut self, kind: &'static str, there: &Value, here: &BTreeMap<String, Value>) -> Result<bool> {
        let name = text(there, "name");
        if let Err(error) = name.parse::<AccountName>() {
            self.lack(kind, name, error.to_string());
            return Ok(false);
        }
        let organization = kind == "organization";
        if let Some(here) = here.get(name) {
            if flag(here, "isOrg") != organization {
                self.report.row(kind, name, Outcome::Differs, "the name is that of another kind of account here");
                self.absent.insert(name.to_owned(), "its name is that of another kind of account here".to_owned());
                return Ok(false);
            }
            let members: &[&str] = if organization { &["fullName"] } else { &["fullName", "isAdmin", "isActive"] };
            self.compare(kind, name, members, (there, here));
            return Ok(false);
        }
        let body = json!({
            "name": name, "fullName": text(there, "fullName"), "isOrg": organization,
            "isAdmin": !organization && flag(there, "isAdmin"),
        });
        let Some(made) = self.make(kind, name, (Method::POST, "/enzi/v0/accounts"), &body).await? else {
            if !self.target.dry_run {
                self.absent.insert(name.to_owned(), "its account is not here".to_owned());
            }
            return Ok(false);
        };
        if !organization && there["isActive"] == false && flag(&made, "isActive") {
            let (path, body) = (format!("/enzi/v0/accounts/{name}"), json!({"isActive": false}));
            if let Err(error) = self.target.client.call(Method::PATCH, &path, Some(&body)).await {
                let (outcome, why) = judge(error, kind)?;
                self.report.row(kind, name, outcome, format!("it could not be switched off: {why}"));
            }
        }
        Ok(!organization)
    }

    /// An account that cannot be here.
    fn lack(&mut self, kind: &'static str, name: &str, why: String) {
        self.absent.insert(name.to_owned(), "its account is not here".to_owned());
        self.report.row(kind, name, Outcome::Left, why);
    }

    /// Say whether what is on both sides is the same in these members.
    pub(super) fn compare(
        &mut self,
        kind: &'static str,
        name: &str,
        members: &[&str],
        (there, here): (&Value, &Value),
    ) -> bool {
        let differs = |member: &&&str| !alike(&there[**member], &here[**member]);
        let told = |member: &&str| format!("{member} is {} there and {} here", there[*member], here[*member]);
        let different: Vec<String> = members.iter().filter(differs).map(told).collect();
        if different.is_empty() {
            self.report.there(kind, name);
        } else {
            self.report.row(kind, name, Outcome::Differs, different.join("; "));
        }
        different.is_empty()
    }

    async fn members(&mut self, org: &str, members: &[Value]) -> Result<()> {
        let here = self.target.list(&format!("/enzi/v0/accounts/{org}/members?limit=1000")).await?.unwrap_or_default();
        for there in members {
            self.member("member", org, there, &here).await?;
        }
        Ok(())
    }

    /// One of an organization, or of a team `org/teams/team`.
    async fn member(&mut self, kind: &'static str, of: &str, there: &Value, here: &[Value]) -> Result<()> {
        let user = text(&there["member"], "name");
        let name = format!("{} in {}", user, of.replace("/teams/", "/"));
        if let Some(why) = self.absent.get(user) {
            let why = why.clone();
            self.report.row(kind, name, Outcome::Left, why);
            return Ok(());
        }
        let wanted = flag(there, "isAdmin");
        let is_admin = |here: &Value| flag(here, "isAdmin");
        match here.iter().find(|one| text(&one["member"], "name") == user) {
            Some(here) => {
                self.compare(kind, &name, &["isAdmin"], (there, here));
            }
            None => {
                let path = format!("/enzi/v0/accounts/{of}/members/{}", part(user));
                let made = self.make(kind, &name, (Method::PUT, &path), &json!({"isAdmin": wanted})).await?;
                if made.is_some_and(|made| is_admin(&made) != wanted) {
                    self.report.row(kind, name, Outcome::Differs, "teams have no administrators of their own here");
                }
            }
        }
        Ok(())
    }

    async fn teams_of(&mut self, org: &str) -> Result<()> {
        let teams = self.ask("team", org, &format!("/enzi/v0/accounts/{}/teams", part(org))).await?;
        let here = self.target.list(&format!("/enzi/v0/accounts/{org}/teams?limit=1000")).await?.unwrap_or_default();
        for there in teams {
            let team = text(&there, "name").to_owned();
            let name = format!("{org}/{team}");
            if let Err(error) = team.parse::<AccountName>() {
                self.report.row("team", name, Outcome::Left, error);
                continue;
            }
            match here.iter().find(|one| text(one, "name") == team) {
                Some(here) => {
                    self.compare("team", &name, &["description"], (&there, here));
                }
                None => {
                    let body = json!({"name": team, "description": text(&there, "description")});
                    let path = format!("/enzi/v0/accounts/{org}/teams");
                    let made = self.make("team", &name, (Method::POST, &path), &body).await?;
                    if made.is_none() && !self.target.dry_run {
                        continue;
                    }
                }
            }
            self.teams.entry(org.to_owned()).or_default().insert(text(&there, "id").to_owned(), team.clone());
            let path = format!("/enzi/v0/accounts/{}/teams/{}/members", part(org), part(&team));
            let members = self.ask("team member", &name, &path).await?;
            let here = format!("/enzi/v0/accounts/{org}/teams/{team}/members?limit=1000");
            let here = self.target.list(&here).await?.unwrap_or_default();
            for member in &members {
                self.member("team member", &format!("{org}/teams/{team}"), member, &here).await?;
            }
        }
        Ok(())
    }

    /// Public keys, which tie signatures to people.
    async fn keys(&mut self, user: &str) -> Result<()> {
        // Whoever is no administrator sees only their own.
        if self.absent.contains_key(user) || !self.sees_all {
            return Ok(());
        }
        let keys = match self.dtr.list(&format!("/enzi/v0/accounts/{}/publicKeys", part(user))).await {
            Ok(keys) => keys,
            Err(trouble) => return self.report.trouble("public key", user, trouble),
        };
        if keys.is_empty() {
            return Ok(());
        }
        let path = format!("/enzi/v0/accounts/{user}/publicKeys");
        let here = self.target.list(&path).await?.unwrap_or_default();
        for key in &keys {
            let name = format!("{} of {user}", text(key, "id"));
            let pem = |one: &Value| text(one, "publicKey").split_whitespace().collect::<String>();
            if here.iter().any(|one| pem(one) == pem(key)) {
                self.report.there("public key", name);
                continue;
            }
            let body = json!({"label": text(key, "label"), "publicKey": text(key, "publicKey")});
            self.make("public key", &name, (Method::POST, &path), &body).await?;
        }
        Ok(())
    }
}

/// Whether two values mean the same: what is not said is empty, none or no.
fn alike(there: &Value, here: &Value) -> bool {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        _ => false,
    };
    there == here || empty(there) && empty(here)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::alike;

    #[test]
    fn what_is_not_said_is_empty() {
        assert!(alike(&json!(null), &json!("")) && alike(&json!(0), &json!(null)) && alike(&json!(true), &json!(true)));
        assert!(!alike(&json!(true), &json!(null)) && !alike(&json!("a"), &json!("b")) && !alike(&json!(1), &json!(0)));
    }
}
