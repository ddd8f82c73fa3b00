//! What is asked of an image's configuration (OCI image specification 1.1, config.md; Docker's healthcheck).

use std::collections::BTreeMap;

use base::limits;
use serde_json::Value;

/// The parts of a configuration that facts look at. What is missing or of another type is taken as not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    pub user: String,
    /// `NAME=value`.
    pub env: Vec<String>,
    pub labels: BTreeMap<String, String>,
    /// The words of the health check; empty when there is none, `["NONE"]` when it was taken away.
    pub healthcheck: Vec<String>,
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    /// `22/tcp`, sorted.
    pub exposed_ports: Vec<String>,
    /// Digests of the unpacked layers, lowest first.
    pub diff_ids: Vec<String>,
    pub history: Vec<Step>,
}

/// One step of the build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    pub created_by: String,
    pub created: String,
    /// It made no layer.
    pub empty_layer: bool,
}

impl Config {
    /// `None` when the bytes are no JSON object, or larger than a manifest may be.
    pub fn parse(bytes: &[u8]) -> Option<Config> {
        if bytes.len() > limits::MANIFEST_BYTES {
            return None;
        }
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let root = value.as_object()?;
        let run = &value["config"];
        let ports = run["ExposedPorts"].as_object().into_iter().flatten();
        let labels = run["Labels"].as_object().into_iter().flatten();
        let steps = root.get("history").and_then(Value::as_array).into_iter().flatten();
        Some(Config {
            user: text(&run["User"]),
            env: texts(&run["Env"]),
            labels: labels.map(|(name, value)| (name.clone(), text(value))).collect(),
            healthcheck: texts(&run["Healthcheck"]["Test"]),
            entrypoint: texts(&run["Entrypoint"]),
            cmd: texts(&run["Cmd"]),
            exposed_ports: ports.map(|(port, _)| port.clone()).collect(),
            diff_ids: texts(&value["rootfs"]["diff_ids"]),
            history: steps
                .map(|step| Step {
                    created_by: text(&step["created_by"]),
                    created: text(&step["created"]),
                    empty_layer: step["empty_layer"].as_bool().unwrap_or(false),
                })
                .collect(),
        })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A list of words; old builders wrote one string.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(word) => vec![word.clone()],
        Value::Array(words) => words.iter().map(text).collect(),
        _ => Vec::new(),
    }
}
