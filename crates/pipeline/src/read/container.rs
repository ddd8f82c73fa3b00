//! `image`, `services` and `variables`.

use super::{Reader, join};
use crate::{
    job::{Image, YamlVariable},
    variable::name_length,
    yaml::{Entry, Node, Value},
};

const IMAGE: &[&str] = &["name", "entrypoint", "docker", "kubernetes", "pull_policy", "ports"];
const SERVICE: &[&str] =
    &["name", "alias", "entrypoint", "command", "docker", "kubernetes", "pull_policy", "ports", "variables"];
const PULL_POLICIES: &[&str] = &["always", "if-not-present", "never"];

impl Reader<'_> {
    pub(super) fn image(&mut self, node: &Node, path: &str) -> Option<Image> {
        self.container(node, path, IMAGE)
    }

    pub(super) fn services(&mut self, node: &Node, path: &str) -> Option<Vec<Image>> {
        let Some(list) = node.as_list() else {
            self.expected(node, path, "a list of images");
            return None;
        };
        Some(list.iter().filter_map(|item| self.container(item, path, SERVICE)).collect())
    }

    fn container(&mut self, node: &Node, path: &str, known: &[&str]) -> Option<Image> {
        let mut image = Image::default();
        if node.as_map().is_none() {
            image.name = self.text(node, path)?;
        } else {
            self.fields(node, path, known, |reader, key, node, path| {
                reader.container_field(&mut image, key, node, path);
            });
        }
        if image.name.trim().is_empty() {
            self.problem(node, path, "has no name; write the image, such as `docker:latest`");
            return None;
        }
        Some(image)
    }

    fn container_field(&mut self, image: &mut Image, key: &str, node: &Node, path: &str) {
        match key {
            "name" => image.name = self.text(node, path).unwrap_or_default(),
            "alias" => image.alias = self.text(node, path),
            "entrypoint" => image.entrypoint = self.texts_or_one(node, path).unwrap_or_default(),
            "command" => image.command = self.texts_or_one(node, path).unwrap_or_default(),
            "variables" => image.variables = self.variables(node, path),
            "pull_policy" => {
                for policy in self.texts_or_one(node, path).unwrap_or_default() {
                    if PULL_POLICIES.contains(&policy.as_str()) {
                        image.pull_policy.push(policy);
                    } else {
                        self.problem(node, path, format!("takes one of {}", PULL_POLICIES.join(", ")));
                    }
                }
            }
            "docker" => {
                self.fields(node, path, &["platform", "user"], |reader, key, node, path| {
                    let text = reader.text(node, path);
                    *(if key == "user" { &mut image.user } else { &mut image.platform }) = text;
                });
            }
            _ => self.report.warn(node.mark, path, format!("`{key}` is ignored: jobs run in Docker")),
        }
    }

    pub(crate) fn variables(&mut self, node: &Node, path: &str) -> Vec<YamlVariable> {
        let Some(map) = node.as_map() else {
            self.expected(node, path, "a map of names and values");
            return Vec::new();
        };
        map.entries().iter().filter_map(|entry| self.variable(entry, &join(path, &entry.key))).collect()
    }

    fn variable(&mut self, entry: &Entry, path: &str) -> Option<YamlVariable> {
        let key = entry.key.to_string();
        if name_length(&key) != key.len() || key.is_empty() {
            let message = "will not reach a shell; a name is letters, digits and `_`, and begins with no digit";
            self.report.warn(entry.mark, path, message);
        }
        let mut variable =
            YamlVariable { key, value: String::new(), raw: false, description: None, options: Vec::new() };
        if entry.value.as_map().is_none() {
            variable.value = self.value(&entry.value, path)?;
            return Some(variable);
        }
        let known = ["value", "description", "expand", "options"];
        self.fields(&entry.value, path, &known, |reader, key, node, path| match key {
            "value" => variable.value = reader.value(node, path).unwrap_or_default(),
            "description" => variable.description = reader.text(node, path),
            "expand" => variable.raw = reader.boolean(node, path) == Some(false),
            _ => variable.options = reader.texts(node, path).unwrap_or_default(),
        });
        if !variable.options.is_empty() && !variable.options.contains(&variable.value) {
            self.problem(&entry.value, path, "`value` is none of its `options`; make it one of them");
        }
        Some(variable)
    }

    /// The value of a variable. YAML has read `010` as 8 and `yes` as true before anybody asked: that is told.
    fn value(&mut self, node: &Node, path: &str) -> Option<String> {
        if node.is_null() {
            return Some(String::new());
        }
        let Some(text) = node.scalar_text() else {
            self.expected(node, path, "text or a number");
            return None;
        };
        if let Some(written) = &node.written {
            let message = format!("`{written}` without quotes is read as `{text}`; put it in quotes to keep it");
            self.report.warn(node.mark, path, message);
        } else if let Value::Bool(_) = node.value {
            self.report.warn(node.mark, path, "is true or false to YAML; put it in quotes to make it plainly text");
        }
        Some(text.to_string())
    }
}
