//! Webhooks of repositories and namespaces, and those for everything.

use anyhow::Result;
use axum::http::Method;
use events::Endpoint;
use serde_json::{Value, json};

use super::{Import, flag, report::Outcome, target::judge, text};

const KIND: &str = "webhook";

impl Import {
    pub(super) async fn webhooks(&mut self) -> Result<()> {
        let there = self.ask(KIND, "all of them", "/api/v0/webhooks?webhookType=any").await?;
        let there: Vec<Value> = there.into_iter().filter(|hook| self.includes_key(text(hook, "key"))).collect();
        if there.is_empty() {
            return Ok(());
        }
        let mut here = self.hooks_here(&there).await?;
        for hook in &there {
            let name = format!(
                "{} of {}",
                text(hook, "type"),
                if text(hook, "key").is_empty() { "all" } else { text(hook, "key") }
            );
            // The address may hold a token: it is compared as it is shown, and never told.
            let endpoint = match text(hook, "endpoint").parse::<Endpoint>() {
                Ok(endpoint) => endpoint.redacted(),
                Err(error) => {
                    self.report.row(KIND, name, Outcome::Left, error);
                    continue;
                }
            };
            if ["[redacted]", "***"].iter().any(|mask| text(hook, "endpoint").contains(mask)) {
                let why = format!("the DTR shows only a part of its address {endpoint}; make it by hand");
                self.report.row(KIND, name, Outcome::Left, why);
                continue;
            }
            let same = |one: &Value| {
                ["type", "key"].iter().all(|member| text(one, member) == text(hook, member))
                    && text(one, "endpoint") == endpoint
            };
            // Two may differ in their tokens only; then what else they are set to tells them apart.
            let alike = |one: &Value| same(one) && flag(one, "inactive") == flag(hook, "inactive");
            if let Some(at) = here.iter().position(alike).or_else(|| here.iter().position(same)) {
                let known = here.swap_remove(at);
                let name = format!("{name} to {endpoint}");
                self.compare(KIND, &name, &["inactive", "skipTLSVerification"], (hook, &known));
                continue;
            }
            self.webhook(&format!("{name} to {endpoint}"), hook).await?;
        }
        Ok(())
    }

    /// What is here of the keys that are there: lists of everything come in pages that name no next one.
    async fn hooks_here(&self, there: &[Value]) -> Result<Vec<Value>> {
        let mut keys: Vec<&str> = there.iter().map(|hook| text(hook, "key")).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut here = Vec::new();
        for key in keys {
            let path = match key.split_once('/') {
                Some((namespace, name)) => {
                    format!("/api/v0/repositories/{}/{}/webhooks", super::part(namespace), super::part(name))
                }
                None if key.is_empty() => "/api/v0/webhooks?webhookType=any".to_owned(),
                None => format!("/api/v0/accounts/{}/webhooks", super::part(key)),
            };
            let found = self.target.list(&path).await;
            // A key that is no name here has no webhooks here, either.
            let found = found.or_else(|error| judge(error, KIND).map(|_| None))?;
            here.extend(found.unwrap_or_default().into_iter().filter(|hook| text(hook, "key") == key));
        }
        Ok(here)
    }

    async fn webhook(&mut self, name: &str, hook: &Value) -> Result<()> {
        let body = json!({
            "type": text(hook, "type"), "key": text(hook, "key"), "endpoint": text(hook, "endpoint"),
            "tlsCert": text(hook, "tlsCert"), "skipTLSVerification": flag(hook, "skipTLSVerification"),
        });
        let made = self.make(KIND, name, (Method::POST, "/api/v0/webhooks"), &body).await?;
        self.report.note("webhooks belong to whom imports; their receivers hear of what happens here from now on");
        if let Some(made) = made.filter(|_| flag(hook, "inactive")) {
            let off = json!({"id": made["id"], "inactive": true});
            if let Err(error) = self.target.client.post("/api/v0/webhooks/update", off).await {
                let (outcome, why) = judge(error, KIND)?;
                self.report.row(KIND, name, outcome, format!("it could not be switched off: {why}"));
            }
        }
        Ok(())
    }

    /// A webhook is carried with what it is of: a repository, a namespace; one of everything with everything.
    fn includes_key(&self, key: &str) -> bool {
        match key.split_once('/') {
            Some((namespace, name)) => self.includes_repository(namespace, name),
            None if key.is_empty() => self.include.is_empty(),
            None => self.includes(key),
        }
    }
}
