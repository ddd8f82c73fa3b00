//! Which crate may depend on which: lower layers, and sideways along listed edges only.
//!
//! The layers stand in `[workspace.metadata]` of the root manifest, top to bottom. Development dependencies are free,
//! and xtask stands above everything.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata};
use serde_json::Value;

use super::Violation;

/// Layers and sideways edges as the root manifest lists them.
struct Plan {
    layers: Vec<Vec<String>>,
    sideways: Vec<(String, String)>,
}

/// Checks every member's dependencies on other members.
///
/// # Errors
/// The root manifest has no layers, or a manifest cannot be read.
pub fn check(metadata: &Metadata, root: &Path) -> Result<Vec<Violation>> {
    let plan = Plan::read(&metadata.workspace_metadata).context("[workspace.metadata] of Cargo.toml")?;
    let mut found = plan.check_itself();
    for package in &metadata.packages {
        let manifest = package.manifest_path.strip_prefix(root).unwrap_or(&package.manifest_path).as_str();
        let text = fs::read_to_string(&package.manifest_path).with_context(|| format!("cannot read {manifest}"))?;
        if package.name != "xtask" && plan.layer(&package.name).is_none() {
            found.push(Violation::new(manifest, 1, format!("crate {} stands in no layer", package.name)));
        }
        let ours = package.dependencies.iter().filter(|dependency| dependency.path.is_some());
        for dependency in ours.filter(|dependency| dependency.kind != DependencyKind::Development) {
            if let Some(what) = plan.refuse(&package.name, &dependency.name) {
                found.push(Violation::new(manifest, line_of(&text, &dependency.name), what));
            }
        }
    }
    Ok(found)
}

impl Plan {
    fn read(metadata: &Value) -> Result<Plan> {
        let words = |value: &Value| -> Option<Vec<String>> {
            value.as_array()?.iter().map(|word| word.as_str().map(str::to_owned)).collect()
        };
        let layers = metadata["layers"].as_array().context("no `layers`")?;
        let layers =
            layers.iter().map(|layer| words(layer).context("a layer is a list of names")).collect::<Result<_>>()?;
        let sideways = words(&metadata["sideways"]).context("no `sideways`")?;
        let sideways = sideways
            .iter()
            .map(|edge| edge.split_once(" -> ").with_context(|| format!("{edge:?} is not written \"from -> to\"")))
            .map(|edge| edge.map(|(from, to)| (from.to_owned(), to.to_owned())))
            .collect::<Result<_>>()?;
        Ok(Plan { layers, sideways })
    }

    /// An edge between different layers is no sideways edge; one that closes a circle is a mistake.
    fn check_itself(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        for (from, to) in &self.sideways {
            if self.layer(from).is_none() || self.layer(from) != self.layer(to) {
                found.push(Violation::new("Cargo.toml", 1, format!("{from} -> {to} does not stay within one layer")));
            }
            if self.sideways.iter().any(|(other_from, other_to)| other_from == to && other_to == from) {
                found.push(Violation::new("Cargo.toml", 1, format!("{from} and {to} depend on each other")));
            }
        }
        found
    }

    /// The layer of a crate, 0 is the top.
    fn layer(&self, name: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.iter().any(|member| member == name))
    }

    /// Why `from` may not depend on `to`, if it may not.
    fn refuse(&self, from: &str, to: &str) -> Option<String> {
        if from == "xtask" {
            return None;
        }
        let (upper, lower) = (self.layer(from)?, self.layer(to)?);
        let listed = self.sideways.iter().any(|(listed_from, listed_to)| listed_from == from && listed_to == to);
        match upper.cmp(&lower) {
            std::cmp::Ordering::Less => None,
            std::cmp::Ordering::Equal if listed => None,
            std::cmp::Ordering::Equal => Some(format!("{from} -> {to} is a sideways edge that is not listed")),
            std::cmp::Ordering::Greater => Some(format!("{from} depends on {to}, which stands in a higher layer")),
        }
    }
}

/// The line of a manifest that names a dependency; 1 when it is named some other way.
fn line_of(manifest: &str, dependency: &str) -> usize {
    let names =
        |line: &str| line.trim_start().strip_prefix(dependency).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
    manifest.lines().position(names).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn plan(sideways: &Value) -> Plan {
        let layers = json!([["assay"], ["web", "ui"], ["ci", "forge"], ["base"]]);
        Plan::read(&json!({ "layers": layers, "sideways": sideways })).unwrap()
    }

    #[test]
    fn edges_go_down_or_are_listed() {
        let plan = plan(&json!(["ci -> forge"]));
        assert!(plan.check_itself().is_empty());
        let cases = [
            ("web", "base", true),
            ("assay", "ui", true),
            ("ci", "forge", true),
            ("forge", "ci", false),
            ("web", "ui", false),
            ("base", "web", false),
            ("xtask", "assay", true),
        ];
        for (from, to, allowed) in cases {
            assert_eq!(plan.refuse(from, to).is_none(), allowed, "{from} -> {to}");
        }
    }

    #[test]
    fn a_sideways_edge_stays_in_its_layer_and_has_no_way_back() {
        assert_eq!(plan(&json!(["web -> base"])).check_itself().len(), 1);
        assert_eq!(plan(&json!(["ci -> forge", "forge -> ci"])).check_itself().len(), 2);
    }

    #[test]
    fn finds_the_line_of_a_dependency() {
        let manifest = "[dependencies]\nbase64.workspace = true\nbase.workspace = true\n";
        assert_eq!(line_of(manifest, "base"), 3);
        assert_eq!(line_of(manifest, "forge"), 1);
    }
}
