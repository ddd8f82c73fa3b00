//! Promotion, pruning and mirroring policies, each as DTR's own JSON.
//!
//! They are made last, and with `initialEvaluation=false`: what DTR promoted or pruned is carried as it is, and not done again.

use anyhow::Result;
use axum::http::Method;
use serde_json::{Map, Value};

use super::{Import, part, report::Outcome, text};

/// One kind of policy of a repository.
struct Kind {
    name: &'static str,
    /// The last part of its path, with the query that lists those of the source.
    path: &'static str,
    listed: &'static str,
    /// What makes a policy, and so what two that are the same have in common.
    members: &'static [&'static str],
}

const PROMOTION: Kind = Kind {
    name: "promotion policy",
    path: "promotionPolicies",
    listed: "?source=true",
    members: &["enabled", "rules", "targetRepository", "tagTemplate"],
};
const PRUNING: Kind =
    Kind { name: "pruning policy", path: "pruningPolicies", listed: "", members: &["enabled", "rules"] };
const PUSH: Kind = Kind {
    name: "push mirroring policy",
    path: "pushMirroringPolicies",
    listed: "",
    members: &["remoteHost", "remoteRepository", "rules", "tagTemplate"],
};
const POLL: Kind = Kind {
    name: "poll mirroring policy",
    path: "pollMirroringPolicies",
    listed: "",
    members: &["remoteHost", "remoteRepository"],
};
/// What a mirroring policy has besides. Its password nobody can read.
const REMOTE: [&str; 3] = ["remoteCA", "skipTLSVerification", "username"];

impl Import {
    pub(super) async fn policies(&mut self) -> Result<()> {
        let repositories: Vec<String> = self.repositories.iter().map(|(name, _)| name.clone()).collect();
        for repository in &repositories {
            for kind in [PROMOTION, PRUNING, PUSH, POLL] {
                self.policies_of(repository, &kind).await?;
            }
        }
        Ok(())
    }

    async fn policies_of(&mut self, repository: &str, kind: &Kind) -> Result<()> {
        let (namespace, name) = repository.split_once('/').unwrap_or((repository, ""));
        let there = format!("/api/v0/repositories/{}/{}/{}{}", part(namespace), part(name), kind.path, kind.listed);
        let there = match self.dtr.list(&there).await {
            Ok(there) => there,
            Err(trouble) => return self.report.trouble(kind.name, repository, trouble),
        };
        if there.is_empty() {
            return Ok(());
        }
        let path = format!("/api/v0/repositories/{repository}/{}", kind.path);
        let mut here = self.target.list(&format!("{path}{}", kind.listed)).await?;
        for policy in &there {
            let label = label(repository, policy);
            let Some(known) = &mut here else {
                self.unknown_here(kind.name, &label);
                continue;
            };
            // Each one here stands for one there, for nothing forbids two that are the same.
            if let Some(at) = known.iter().position(|one| same(one, policy, kind.members)) {
                let here = known.swap_remove(at);
                self.compare(kind.name, &label, &["enabled"], (policy, &here));
                continue;
            }
            self.policy(kind, (&path, &label), policy).await?;
        }
        Ok(())
    }

    async fn policy(&mut self, kind: &Kind, (path, label): (&str, &str), policy: &Value) -> Result<()> {
        let mut body = picked(policy, kind.members);
        let mirroring = kind.members.contains(&"remoteHost");
        if mirroring {
            body.extend(picked(policy, &REMOTE));
            // Without its password it could only fail.
            body.insert("enabled".to_owned(), false.into());
        } else if let Some(rules) = policy["rules"].as_array() {
            let rules: Vec<Value> =
                rules.iter().map(|rule| picked(rule, &["field", "operator", "values"]).into()).collect();
            body.insert("rules".to_owned(), rules.into());
        }
        let path = format!("{path}?initialEvaluation=false");
        let made = self.make(kind.name, label, (Method::POST, &path), &body.into()).await?;
        if made.is_none() && !self.target.dry_run {
            return Ok(());
        }
        if mirroring && policy["enabled"] == true {
            let why = "it is switched off until it has a password, which cannot be read from a DTR";
            self.report.row(kind.name, label, Outcome::Differs, why);
        }
        let counts =
            |rule: &Value| text(rule, "field").starts_with("vulnerability_") && rule["field"] != "vulnerability_all";
        if kind.path == PROMOTION.path && policy["rules"].as_array().is_some_and(|rules| rules.iter().any(counts)) {
            self.report.note(
                "a rule about critical, major or minor vulnerabilities is unknown here, and not satisfied, where a finding has no \
                 severity; DTR let such images pass, and \"ignoreUnknownSeverities\": true in a policy does",
            );
        }
        if kind.path == PRUNING.path {
            self.report.note("pruning policies are about tags that are pushed from now on; save one with initialEvaluation=true to apply it to what was carried");
        }
        Ok(())
    }
}

/// What a policy is called in the report.
fn label(repository: &str, policy: &Value) -> String {
    let target = match text(policy, "targetRepository") {
        "" if text(policy, "remoteHost").is_empty() => String::new(),
        "" => format!(" and {}/{}", text(policy, "remoteHost"), text(policy, "remoteRepository")),
        target => format!(" to {target}"),
    };
    let id: String = text(policy, "id").chars().take(8).collect();
    format!("{id} of {repository}{target}")
}

fn same(here: &Value, there: &Value, members: &[&str]) -> bool {
    let rule = |rule: &Value| [rule["field"].clone(), rule["operator"].clone(), rule["values"].clone()];
    // A host may be written with its scheme or without.
    let host = |text: &str| text.trim_start_matches("https://").trim_end_matches('/').to_ascii_lowercase();
    members.iter().all(|member| match (&here[*member], &there[*member]) {
        (Value::Array(here), Value::Array(there)) => here.iter().map(rule).eq(there.iter().map(rule)),
        (Value::Array(rules), Value::Null) | (Value::Null, Value::Array(rules)) => rules.is_empty(),
        (Value::String(here), Value::String(there)) if *member == "remoteHost" => host(here) == host(there),
        (here, there) => here == there,
    })
}

/// These members of a thing, where it has them.
fn picked(thing: &Value, members: &[&str]) -> Map<String, Value> {
    let there = members.iter().filter(|member| !thing[**member].is_null());
    there.map(|member| ((*member).to_owned(), thing[*member].clone())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{POLL, PROMOTION, same};

    #[test]
    fn policies_that_do_the_same_are_the_same() {
        let rules = json!([{"field": "tag", "operator": "sw", "values": ["v"]}]);
        let policy = |rules: &serde_json::Value, target: &str| json!({"id": target, "enabled": true, "rules": rules, "targetRepository": target, "tagTemplate": "%n"});
        let mut shown = policy(&rules, "ops/prod");
        shown["id"] = "another".into();
        shown["digest"] = "sha256:0".into();
        assert!(same(&shown, &policy(&rules, "ops/prod"), PROMOTION.members));
        assert!(!same(&shown, &policy(&rules, "ops/test"), PROMOTION.members));
        assert!(!same(&shown, &policy(&json!(null), "ops/prod"), PROMOTION.members));
        assert!(same(&policy(&json!([]), "a/b"), &policy(&json!(null), "a/b"), PROMOTION.members));
        let poll = |host: &str| json!({"remoteHost": host, "remoteRepository": "a/b"});
        assert!(same(&poll("dtr2.example"), &poll("https://DTR2.example/"), POLL.members));
        assert!(!same(&poll("dtr2.example"), &poll("dtr3.example"), POLL.members));
    }
}
