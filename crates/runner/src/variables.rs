//! The variables of a job: what the runner adds, and what `$NAME` becomes.

use std::{collections::BTreeMap, fmt};

use crate::{Config, payload::Payload, place::Place};

/// The environment of a job's container, and the files some of its variables name.
#[derive(Clone)]
pub(crate) struct Variables {
    values: BTreeMap<String, String>,
    /// Name and content; the variable's value is the file's path.
    pub(crate) files: Vec<(String, String)>,
}

impl Variables {
    /// What the configuration says lies beneath what the server says; what only the runner knows lies on top.
    pub(crate) fn of(payload: &Payload, config: &Config, place: &Place, slot: usize) -> Variables {
        let mut values: BTreeMap<String, String> = config.environment.clone();
        let mut raw = Vec::new();
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        if let Some(pem) = &config.ca_pem {
            files.insert("CI_SERVER_TLS_CA_FILE".to_owned(), pem.clone());
        }
        for variable in &payload.variables {
            // An environment cannot hold other names, and a file's name is made from them.
            if !valid_name(&variable.key) || !variable.file && variable.value.contains('\0') {
                continue;
            }
            if variable.file {
                files.insert(variable.key.clone(), variable.value.clone());
            } else {
                files.remove(&variable.key);
                values.insert(variable.key.clone(), variable.value.clone());
                if variable.raw {
                    raw.push(variable.key.clone());
                }
            }
        }
        for (name, value) in predefined(config, place, slot) {
            values.insert(name.to_owned(), value);
        }
        for name in files.keys() {
            values.insert(name.clone(), place.variable_file(name));
            raw.push(name.clone());
        }
        let unexpanded = values.clone();
        for (name, value) in &mut values {
            if !raw.contains(name) {
                *value = expand(value, &unexpanded);
            }
        }
        Variables { values, files: files.into_iter().collect() }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The content of a file variable, or the value of another.
    pub(crate) fn content(&self, name: &str) -> Option<&str> {
        let file = self.files.iter().find(|(key, _)| key == name);
        file.map(|(_, content)| content.as_str()).or_else(|| self.get(name))
    }

    /// Replace `$NAME` and `${NAME}`, once.
    pub(crate) fn expand(&self, text: &str) -> String {
        expand(text, &self.values)
    }

    /// `NAME=value`, as the engine takes them.
    pub(crate) fn environment(&self) -> Vec<String> {
        self.values.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }
}

/// What the server must not send, because only the runner knows it.
fn predefined(config: &Config, place: &Place, slot: usize) -> [(&'static str, String); 10] {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    [
        ("CI_BUILDS_DIR", config.builds_dir.clone()),
        ("CI_PROJECT_DIR", place.project_dir()),
        ("CI_CONCURRENT_ID", slot.to_string()),
        ("CI_CONCURRENT_PROJECT_ID", slot.to_string()),
        ("CI_SERVER", "yes".to_owned()),
        ("CI_DISPOSABLE_ENVIRONMENT", "true".to_owned()),
        ("CI_RUNNER_VERSION", env!("CARGO_PKG_VERSION").to_owned()),
        ("CI_RUNNER_REVISION", "assay".to_owned()),
        ("CI_RUNNER_EXECUTABLE_ARCH", format!("{}/{architecture}", std::env::consts::OS)),
        ("RUNNER_TEMP_PROJECT_DIR", place.temporary_dir()),
    ]
}

fn valid_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// As Go's `os.Expand`, which the stock runner uses: unknown names become nothing, a `$` before anything else stays.
fn expand(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let braced = rest.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        if let Some((name, after)) = braced {
            out.push_str(values.get(name).map_or("", String::as_str));
            rest = after;
            continue;
        }
        let length = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let digit = rest.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
        let length = if digit { 1 } else { length };
        if length == 0 {
            out.push('$');
        } else {
            out.push_str(values.get(&rest[..length]).map_or("", String::as_str));
            rest = &rest[length..];
        }
    }
    out.push_str(rest);
    out
}

impl fmt::Debug for Variables {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.values.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{Variables, expand, valid_name};
    use crate::{place::Place, script::tests::payload};

    #[test]
    fn expands_once_and_keeps_what_is_no_name() {
        let values = BTreeMap::from([("A".to_owned(), "x$B".to_owned()), ("B_1".to_owned(), "y".to_owned())]);
        for (given, expected) in [
            ("$A/${B_1}", "x$B/y"),
            ("${A}tail $B_1.", "x$Btail y."),
            ("cost $ 5", "cost $ 5"),
            ("$UNKNOWN|${UNKNOWN}|", "||"),
            ("${A", "${A"),
            ("$", "$"),
            ("$1a", "a"),
        ] {
            assert_eq!(expand(given, &values), expected, "{given}");
        }
    }

    #[test]
    fn the_runner_knows_better_and_files_become_paths() {
        let payload = payload(
            r#"[{"key":"CI_PROJECT_DIR","value":"/evil"},{"key":"D","value":"$CI_PROJECT_DIR/.docker"},
                {"key":"RAW","value":"$D","raw":true},{"key":"KEY","value":"content","file":true},
                {"key":"../x","value":"y","file":true},{"key":"A=B","value":"y"}]"#,
        );
        let text =
            r#"{"server_url":"http://s","token":"t","work_dir":"/w","ca_pem":"PEM","environment":{"D":"d","E":"e"}}"#;
        let config = serde_json::from_str(text).unwrap();
        let place = Place::new("/builds", "g/p").unwrap();
        let variables = Variables::of(&payload, &config, &place, 0);
        assert_eq!(variables.get("CI_PROJECT_DIR"), Some("/builds/g/p"));
        assert_eq!(variables.get("D"), Some("/builds/g/p/.docker"));
        assert_eq!(variables.get("RAW"), Some("$D"));
        assert_eq!(variables.get("E"), Some("e"));
        assert_eq!(variables.get("KEY"), Some("/builds/g/p.tmp/KEY"));
        assert_eq!(variables.content("KEY"), Some("content"));
        assert_eq!(variables.files.len(), 2);
        assert!(variables.get("../x").is_none() && variables.get("A=B").is_none());
    }

    proptest! {
        #[test]
        fn never_panics(text in "[$A{}é1_ ]{0,40}", name in ".{0,10}") {
            let values = BTreeMap::from([("A".to_owned(), "é".to_owned())]);
            expand(&text, &values);
            valid_name(&name);
        }
    }
}
