//! Webhooks.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Client, accounts::from_stdin};

#[derive(Debug, Subcommand)]
pub(crate) enum Webhook {
    /// One's own, all for an administrator; or those of one repository or namespace.
    List {
        /// `namespace/name` or `namespace`.
        #[arg(long)]
        key: Option<String>,
    },
    Show {
        id: String,
    },
    /// Call an address when something happens.
    Create {
        /// `TAG_PUSH`, `SCAN_COMPLETED`, `PROMOTION`, …
        #[arg(long = "type")]
        kind: String,
        /// `namespace/name`, `namespace`, or nothing for everything.
        #[arg(long, default_value = "")]
        key: String,
        /// Read from standard input when it is `-`: an address may carry a token.
        endpoint: String,
        #[command(flatten)]
        how: How,
    },
    /// Change how a webhook calls.
    Update {
        id: String,
        /// Sign no more, at once.
        #[arg(long, conflicts_with = "secret")]
        no_secret: bool,
        /// Check the receiver's certificate.
        #[arg(long, conflicts_with = "skip_tls")]
        check_tls: bool,
        #[command(flatten)]
        how: How,
    },
    /// Send nothing until it is resumed; what waits is given up.
    Pause {
        id: String,
    },
    Resume {
        id: String,
    },
    /// Send a made-up payload now, as the webhook does, and tell what came of it.
    Test {
        id: String,
    },
    Delete {
        id: String,
    },
    /// What was sent and what came back; one of them with all its headers.
    Deliveries {
        id: String,
        delivery: Option<String>,
    },
    /// Send an ended delivery again, with the same id and body.
    Redeliver {
        id: String,
        delivery: String,
    },
}

/// How a webhook calls.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// `dtr`, `cloudevents` or `cloudevents-binary`.
    #[arg(long = "as", value_name = "FORMAT")]
    form: Option<String>,
    /// A file with the secret that signs each delivery; `-` is standard input. A flag would be visible to every user of the
    /// machine.
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
    /// A file with a header a line, `Name: value`; `-` is standard input. They replace all that there were.
    #[arg(long, value_name = "FILE")]
    headers: Option<PathBuf>,
    /// A file with the certificate (PEM) that the receiver's is checked against.
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Do not check the receiver's certificate: whoever is in between reads what is sent, the address's token included.
    #[arg(long, conflicts_with = "tls_cert")]
    skip_tls: bool,
}

impl Webhook {
    pub(crate) async fn run(self, client: &Client) -> Result<Value> {
        match self {
            Webhook::List { key } => client.get(&list(key.as_deref())).await,
            Webhook::Show { id } => client.get(&format!("/api/v1/webhooks/{id}")).await,
            Webhook::Create { kind, key, endpoint, how } => {
                let from_stdin_too = endpoint == "-" && how.reads_stdin() > 0;
                ensure!(!from_stdin_too, "only one thing can come from standard input; put the others into files");
                let endpoint = if endpoint == "-" { from_stdin()? } else { endpoint };
                let mut body = how.body()?;
                body.extend([
                    ("type".to_owned(), json!(kind)),
                    ("key".to_owned(), json!(key)),
                    ("endpoint".to_owned(), json!(endpoint)),
                ]);
                client.post("/api/v0/webhooks", json!(body)).await
            }
            Webhook::Update { id, no_secret, check_tls, how } => {
                let mut body = how.body()?;
                if no_secret {
                    body.insert("secret".to_owned(), json!(""));
                }
                if check_tls {
                    body.insert("skipTLSVerification".to_owned(), json!(false));
                }
                ensure!(!body.is_empty(), "say what to change; see assay webhook update --help");
                update(client, &id, body).await
            }
            Webhook::Pause { id } => update(client, &id, inactive(true)).await,
            Webhook::Resume { id } => update(client, &id, inactive(false)).await,
            Webhook::Test { id } => {
                let tried = client.post(&format!("/api/v1/webhooks/{id}/test"), json!({})).await?;
                match tried["error"].as_str() {
                    Some(error) => anyhow::bail!("the test was not taken: {error}"),
                    None => Ok(tried),
                }
            }
            Webhook::Delete { id } => client.delete(&format!("/api/v0/webhooks/{id}")).await,
            Webhook::Deliveries { id, delivery: None } => {
                client.get(&format!("/api/v1/webhooks/{id}/deliveries")).await
            }
            Webhook::Deliveries { id, delivery: Some(delivery) } => {
                client.get(&format!("/api/v1/webhooks/{id}/deliveries/{delivery}")).await
            }
            Webhook::Redeliver { id, delivery } => {
                client.post(&format!("/api/v1/webhooks/{id}/deliveries/{delivery}/redeliver"), json!({})).await
            }
        }
    }
}

fn list(key: Option<&str>) -> String {
    match key {
        None => "/api/v0/webhooks?webhookType=any".to_owned(),
        Some(key) if key.contains('/') => format!("/api/v0/repositories/{key}/webhooks"),
        Some(key) => format!("/api/v0/accounts/{key}/webhooks"),
    }
}

fn inactive(inactive: bool) -> BTreeMap<String, Value> {
    BTreeMap::from([("inactive".to_owned(), json!(inactive))])
}

async fn update(client: &Client, id: &str, mut body: BTreeMap<String, Value>) -> Result<Value> {
    body.insert("id".to_owned(), json!(id));
    // A list of one.
    let mut updated = client.post("/api/v0/webhooks/update", json!(body)).await?;
    Ok(updated[0].take())
}

impl How {
    /// How many things come from standard input.
    fn reads_stdin(&self) -> usize {
        [&self.secret, &self.headers].into_iter().flatten().filter(|path| path.as_os_str() == "-").count()
    }

    /// What is said, in the API's words.
    fn body(&self) -> Result<BTreeMap<String, Value>> {
        ensure!(self.reads_stdin() < 2, "only one of --secret and --headers can come from standard input");
        let mut body = BTreeMap::new();
        if let Some(form) = &self.form {
            body.insert("format".to_owned(), json!(form));
        }
        if let Some(path) = &self.secret {
            body.insert("secret".to_owned(), json!(text(path)?.trim_end_matches(['\r', '\n'])));
        }
        if let Some(path) = &self.headers {
            body.insert("headers".to_owned(), json!(headers(&text(path)?)?));
        }
        if let Some(path) = &self.tls_cert {
            body.insert("tlsCert".to_owned(), json!(text(path)?));
        }
        if self.skip_tls {
            body.insert("skipTLSVerification".to_owned(), json!(true));
        }
        Ok(body)
    }
}

/// One a line. An error names the line and never quotes it.
fn headers(text: &str) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let pair = line.split_once(':').with_context(|| format!("line {} of the headers has no colon", index + 1))?;
        found.insert(pair.0.trim().to_owned(), pair.1.trim().to_owned());
    }
    Ok(found)
}

fn text(path: &Path) -> Result<String> {
    if path.as_os_str() == "-" {
        return from_stdin();
    }
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::headers;

    #[test]
    fn a_header_a_line() {
        let read = headers("Authorization: Bearer a:b\n\nX-One:1\r\n").unwrap();
        assert_eq!(read["Authorization"], "Bearer a:b");
        assert_eq!(read["X-One"], "1");
        let error = headers("X-One: 1\nhush").unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("hush"));
    }
}
