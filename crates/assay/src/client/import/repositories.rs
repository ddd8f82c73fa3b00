//! Repositories with their settings, and what teams may do in them.

use anyhow::Result;
use axum::http::Method;
use oci::RepoName;
use serde_json::{Value, json};

use super::{Import, part, report::Outcome, text};

/// What a repository is set to, under DTR's names for it.
const SET: [&str; 6] = ["visibility", "scanOnPush", "immutableTags", "tagLimit", "shortDescription", "longDescription"];

impl Import {
    pub(super) async fn all_repositories(&mut self) -> Result<()> {
        let found = self.ask("repository", "all of them", "/api/v0/repositories").await?;
        for one in &self.include {
            let of = |there: &Value| {
                text(there, "namespace") == one.namespace
                    && one.repository.as_deref().is_none_or(|name| text(there, "name") == name)
            };
            let account = one.repository.is_none() && self.namespaces.contains(&one.namespace);
            if !account && !found.iter().any(of) {
                let name = [Some(one.namespace.as_str()), one.repository.as_deref()].into_iter().flatten();
                let name = name.collect::<Vec<_>>().join("/");
                self.report.row("repository", name, Outcome::Left, "the DTR has nothing of this name");
            }
        }
        for there in found {
            let (namespace, name) = (text(&there, "namespace").to_owned(), text(&there, "name").to_owned());
            if self.includes_repository(&namespace, &name) {
                self.repository(&namespace, &name, there).await?;
            }
        }
        let organizations: Vec<String> = self.teams.keys().cloned().collect();
        for org in organizations {
            let grants = self.grants(&org).await?;
            let path = format!("/api/v0/repositoryNamespaces/{}/teamAccess", part(&org));
            self.access(&org, None, &path, &grants).await?;
            let repositories: Vec<String> = self.repositories.iter().map(|(name, _)| name.clone()).collect();
            for repository in repositories.iter().filter_map(|name| name.strip_prefix(&format!("{org}/"))) {
                let path = format!("/api/v0/repositories/{}/{}/teamAccess", part(&org), part(repository));
                self.access(&org, Some(repository), &path, &grants).await?;
            }
        }
        Ok(())
    }

    async fn repository(&mut self, namespace: &str, name: &str, there: Value) -> Result<()> {
        const KIND: &str = "repository";
        let whole = format!("{namespace}/{name}");
        if let Some(why) = self.absent.get(namespace) {
            let why = format!("it is in a namespace that is not here: {why}");
            self.report.row(KIND, whole, Outcome::Left, why);
            return Ok(());
        }
        if let Err(error) = whole.parse::<RepoName>() {
            self.report.row(KIND, whole, Outcome::Left, error);
            return Ok(());
        }
        match self.target.find(&format!("/api/v0/repositories/{whole}")).await? {
            Some(here) => {
                self.compare(KIND, &whole, &SET, (&there, &here));
            }
            None => {
                let mut body: serde_json::Map<String, Value> = SET
                    .into_iter()
                    .filter(|member| !there[*member].is_null())
                    .map(|member| (member.to_owned(), there[member].clone()))
                    .collect();
                body.insert("name".to_owned(), name.into());
                let path = format!("/api/v0/repositories/{namespace}");
                let made = self.make(KIND, &whole, (Method::POST, &path), &body.into()).await?;
                if made.is_none() && !self.target.dry_run {
                    return Ok(());
                }
            }
        }
        if there["enableManifestLists"] == false {
            self.report.note("enableManifestLists is not carried: manifest lists are always taken here");
        }
        self.repositories.push((whole, there));
        Ok(())
    }

    /// What was granted here on the repositories of an organization.
    async fn grants(&self, org: &str) -> Result<Vec<Value>> {
        Ok(self.target.list(&format!("/api/v1/namespaces/{org}/grants")).await?.unwrap_or_default())
    }

    /// The teams that have a level on a repository, or on all of a namespace.
    async fn access(&mut self, org: &str, repository: Option<&str>, path: &str, grants: &[Value]) -> Result<()> {
        const KIND: &str = "team access";
        let place = repository.map_or_else(|| org.to_owned(), |name| format!("{org}/{name}"));
        for there in self.ask(KIND, &place, path).await? {
            let id = there["team"].as_str().unwrap_or_else(|| text(&there["team"], "id"));
            let known = self.teams.get(org).and_then(|teams| {
                let name = text(&there["team"], "name");
                teams.get(id).or_else(|| teams.values().find(|team| *team == name))
            });
            let Some(team) = known.cloned() else {
                self.report.row(KIND, format!("{id} on {place}"), Outcome::Left, "the team is not here");
                continue;
            };
            let name = format!("{org}/{team} on {place}");
            let grantee = format!("team/{org}/{team}");
            let same = |one: &&Value| {
                text(one, "on") == "repository" && one["name"].as_str() == repository && text(one, "grantee") == grantee
            };
            match grants.iter().find(same) {
                Some(here) => {
                    self.compare(KIND, &name, &["accessLevel"], (&there, here));
                }
                None => {
                    let path = match repository {
                        Some(repository) => format!("/api/v0/repositories/{org}/{repository}/teamAccess/{team}"),
                        None => format!("/api/v0/repositoryNamespaces/{org}/teamAccess/{team}"),
                    };
                    let body = json!({"accessLevel": there["accessLevel"]});
                    self.make(KIND, &name, (Method::PUT, &path), &body).await?;
                }
            }
        }
        Ok(())
    }
}
