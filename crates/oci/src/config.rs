//! The configuration of an image: what it runs, for which platform, and how its layers came to be.

use std::collections::BTreeMap;

use base::{Timestamp, limits};
use serde_json::Value;

use crate::{Digest, ManifestError, fields::Fields, json};

/// Read as an engine reads it: keys whatever their case, absent and empty alike.
/// <https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageConfig {
    pub os: Option<String>,
    pub architecture: Option<String>,
    pub variant: Option<String>,
    /// `None` also when it is no point in time; nothing is decided by it.
    pub created: Option<Timestamp>,
    pub author: Option<String>,
    pub user: Option<String>,
    /// `NAME=value`, as written.
    pub env: Vec<String>,
    pub labels: BTreeMap<String, String>,
    pub healthcheck: Option<Healthcheck>,
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    /// `8080/tcp`, sorted.
    pub exposed_ports: Vec<String>,
    /// Digests of the unpacked layers, lowest first. An image is built on another when that one's are a prefix of these.
    pub diff_ids: Vec<Digest>,
    pub history: Vec<History>,
}

/// Docker's health check; not in the OCI specification, kept by every builder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Healthcheck {
    /// `["CMD", …]`, `["CMD-SHELL", …]` or `["NONE"]`.
    pub test: Vec<String>,
}

/// One step of the build. Steps that are not `empty_layer` go with the layers, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    pub created: Option<Timestamp>,
    pub created_by: Option<String>,
    pub comment: Option<String>,
    pub empty_layer: bool,
}

impl ImageConfig {
    pub fn parse(bytes: &[u8]) -> Result<ImageConfig, ManifestError> {
        if bytes.len() > limits::MANIFEST_BYTES {
            return Err(ManifestError::TooLarge { bytes: bytes.len() });
        }
        let maps = ["labels", "exposedports", "volumes", "annotations"];
        let value = json::strict_with_maps(bytes, limits::DOCUMENT_DEPTH, &maps)?;
        let fields =
            Fields::new(&value, "").map_err(|_| ManifestError::field("image configuration", "expected an object"))?;
        let mut config = ImageConfig {
            os: fields.text("os")?,
            architecture: fields.text("architecture")?,
            variant: fields.text("variant")?,
            created: read_time(&fields)?,
            author: fields.text("author")?,
            ..ImageConfig::default()
        };
        if let Some(run) = fields.object("config")? {
            config.read_run(&run)?;
        }
        if let Some(rootfs) = fields.object("rootfs")? {
            config.diff_ids = read_diff_ids(&rootfs)?;
        }
        for (index, value) in fields.list("history")?.iter().enumerate() {
            config.history.push(History::read(&Fields::new(value, &format!("history[{index}]"))?)?);
        }
        Ok(config)
    }

    /// The step of the history that made each layer, lowest first; empty when the history does not fit the layers.
    pub fn layer_history(&self) -> Vec<&History> {
        let steps: Vec<&History> = self.history.iter().filter(|step| !step.empty_layer).collect();
        if steps.len() == self.diff_ids.len() { steps } else { Vec::new() }
    }

    fn read_run(&mut self, run: &Fields<'_>) -> Result<(), ManifestError> {
        self.user = run.text("User")?;
        self.env = run.strings("Env")?;
        self.labels = run.string_map("Labels")?;
        self.entrypoint = words(run, "Entrypoint")?;
        self.cmd = words(run, "Cmd")?;
        if let Some(ports) = run.get("ExposedPorts") {
            let ports = ports.as_object().ok_or_else(|| run.wrong("ExposedPorts", "expected an object"))?;
            self.exposed_ports = ports.keys().cloned().collect();
            self.exposed_ports.sort();
        }
        if let Some(check) = run.object("Healthcheck")? {
            self.healthcheck = Some(Healthcheck { test: check.strings("Test")? });
        }
        Ok(())
    }
}

impl History {
    fn read(fields: &Fields<'_>) -> Result<History, ManifestError> {
        Ok(History {
            created: read_time(fields)?,
            created_by: fields.text("created_by")?,
            comment: fields.text("comment")?,
            empty_layer: fields.boolean("empty_layer")?,
        })
    }
}

fn read_time(fields: &Fields<'_>) -> Result<Option<Timestamp>, ManifestError> {
    Ok(fields.string("created")?.and_then(|text| text.parse().ok()))
}

fn read_diff_ids(rootfs: &Fields<'_>) -> Result<Vec<Digest>, ManifestError> {
    let list = rootfs.strings("diff_ids")?;
    if list.len() > limits::MANIFEST_DESCRIPTORS {
        return Err(ManifestError::TooManyDescriptors { count: list.len() });
    }
    let digests = list.iter().map(|text| text.parse());
    digests.collect::<Result<_, _>>().map_err(|error: base::InvalidName| rootfs.wrong("diff_ids", error.to_string()))
}

/// A command is a list of words; old builders wrote one string.
fn words(fields: &Fields<'_>, key: &str) -> Result<Vec<String>, ManifestError> {
    match fields.get(key) {
        Some(Value::String(word)) => Ok(vec![word.clone()]),
        _ => fields.strings(key),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ImageConfig;

    #[test]
    fn reads_what_docker_build_writes() {
        let diff_id = format!("sha256:{}", "a".repeat(64));
        let text = format!(
            r#"{{"architecture":"arm64","os":"linux","variant":"v8","created":"2026-11-21T10:00:00.123456789Z","author":"ci",
            "config":{{"User":"app","Env":["PATH=/bin"],"Labels":{{"Vendor":"a","vendor":"b"}},"Entrypoint":null,
              "Cmd":["python","app.py"],"ExposedPorts":{{"8080/tcp":{{}},"53/udp":{{}}}},"Volumes":null,
              "Healthcheck":{{"Test":["CMD-SHELL","true"],"Interval":5000000000}}}},
            "rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}},
            "history":[{{"created":"not a time","created_by":"ADD file"}},{{"created_by":"CMD","empty_layer":true,"comment":"x"}}],
            "moby.buildkit.cache.v0":null}}"#
        );
        let config = ImageConfig::parse(text.as_bytes()).unwrap();
        assert_eq!(config.variant.as_deref(), Some("v8"));
        assert_eq!(config.created.unwrap().to_string(), "2026-11-21T10:00:00.123456789Z");
        assert_eq!(config.user.as_deref(), Some("app"));
        assert_eq!(config.labels.len(), 2);
        assert_eq!(config.exposed_ports, ["53/udp", "8080/tcp"]);
        assert_eq!(config.healthcheck.as_ref().unwrap().test[1], "true");
        assert_eq!(config.diff_ids[0].as_str(), diff_id);
        assert_eq!(config.layer_history().len(), 1);
        assert_eq!((config.history[0].created, config.history[1].empty_layer), (None, true));
    }

    #[test]
    fn absent_is_fine_and_wrong_is_named() {
        assert_eq!(ImageConfig::parse(b"{}"), Ok(ImageConfig::default()));
        assert_eq!(ImageConfig::parse(br#"{"config":null,"rootfs":null,"history":null}"#), Ok(ImageConfig::default()));
        assert_eq!(ImageConfig::parse(br#"{"CONFIG":{"user":"x"}}"#).unwrap().user.as_deref(), Some("x"));
        assert_eq!(ImageConfig::parse(br#"{"config":{"Cmd":"sh"}}"#).unwrap().cmd, ["sh"]);
        for (bad, place) in [
            (r#"[]"#, "image configuration: expected an object"),
            (r#"{"config":{"Env":"A=1"}}"#, "config.Env: expected a list"),
            (r#"{"config":{"Env":[1]}}"#, "config.Env: expected a list of strings"),
            (r#"{"rootfs":{"diff_ids":["x"]}}"#, "rootfs.diff_ids: digest \"x\""),
            (r#"{"history":[{},{"created":1}]}"#, "history[1].created: expected a string"),
            (r#"{"config":{"User":"a","user":"root"}}"#, "stands twice"),
        ] {
            let error = ImageConfig::parse(bad.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(place), "{bad}: {error}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in r#"\{("(config|rootfs|history|os)":(\{\}|\[\]|null|1|"x"|\{"Env":\[\]\}|\[\{\}\]),?){0,4}\}"#) {
            let _ = ImageConfig::parse(text.as_bytes());
        }
    }
}
