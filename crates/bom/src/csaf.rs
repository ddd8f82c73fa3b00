//! CSAF 2.0 and 2.1 of others, profile VEX: which of the products of a tree are affected, and what to do.
//!
//! ```text
//!   product_tree.branches ─┐
//!   full_product_names     ├─► product id ─► package URL, CPE, hash        vulnerabilities[].product_status ─► ids
//!   relationships ─────────┘   "component as a part of platform"           flags, threats, remediations     ─► why, what to do
//! ```
//!
//! Source: OASIS CSAF 2.0, sections 3.2.2 (product tree), 3.2.3 (vulnerabilities) and 4.5 (profile VEX).

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap, HashSet},
};

use base::{Timestamp, limits};
use serde::Deserialize;

use crate::{Error, Justification, Product, Statement, Status, Vex, reading, vex::Collected};

const FORMAT: &str = "CSAF";

#[derive(Deserialize)]
struct Document {
    document: Meta,
    #[serde(default)]
    product_tree: Tree,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    publisher: Publisher,
    #[serde(default)]
    tracking: Tracking,
}

#[derive(Default, Deserialize)]
struct Publisher {
    #[serde(default)]
    name: String,
}

#[derive(Default, Deserialize)]
struct Tracking {
    #[serde(default)]
    id: String,
    current_release_date: Option<Timestamp>,
}

#[derive(Default, Deserialize)]
struct Tree {
    #[serde(default)]
    branches: Vec<Branch>,
    #[serde(default)]
    full_product_names: Vec<FullName>,
    #[serde(default)]
    relationships: Vec<Relationship>,
    #[serde(default)]
    product_groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Branch {
    #[serde(default)]
    branches: Vec<Branch>,
    product: Option<FullName>,
}

#[derive(Deserialize)]
struct FullName {
    product_id: String,
    #[serde(default)]
    product_identification_helper: Helper,
}

#[derive(Default, Deserialize)]
struct Helper {
    #[serde(default)]
    purl: String,
    /// 2.1.
    #[serde(default)]
    purls: Vec<String>,
    #[serde(default)]
    cpe: String,
    #[serde(default)]
    hashes: Vec<Hashes>,
}

#[derive(Deserialize)]
struct Hashes {
    #[serde(default)]
    file_hashes: Vec<FileHash>,
}

#[derive(Deserialize)]
struct FileHash {
    #[serde(default)]
    algorithm: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct Relationship {
    full_product_name: FullName,
    product_reference: String,
    relates_to_product_reference: String,
}

#[derive(Deserialize)]
struct Group {
    group_id: String,
    #[serde(default)]
    product_ids: Vec<String>,
}

#[derive(Deserialize)]
struct Vulnerability {
    cve: Option<String>,
    #[serde(default)]
    ids: Vec<Id>,
    #[serde(default)]
    product_status: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    flags: Vec<Note>,
    #[serde(default)]
    threats: Vec<Note>,
    #[serde(default)]
    remediations: Vec<Note>,
}

#[derive(Deserialize)]
struct Id {
    #[serde(default)]
    text: String,
}

/// A flag has a label, a threat or remediation a category and details.
#[derive(Deserialize)]
struct Note {
    #[serde(default)]
    label: String,
    #[serde(default)]
    category: String,
    #[serde(default)]
    details: String,
    #[serde(default)]
    product_ids: Vec<String>,
    #[serde(default)]
    group_ids: Vec<String>,
}

pub(crate) fn statements(bytes: &[u8], mut collected: Collected) -> Result<Vex, Error> {
    let document: Document = reading::json(bytes, FORMAT)?;
    let products = Products::of(&document.product_tree)?;
    let meta = &document.document;
    for (position, vulnerability) in document.vulnerabilities.iter().enumerate() {
        let ids = vulnerability.cve.iter().chain(vulnerability.ids.iter().map(|id| &id.text));
        let ids: Vec<String> = ids.filter(|id| !id.is_empty()).cloned().collect();
        for (said, members) in said(vulnerability, &products)? {
            let mut resolved = Vec::new();
            for id in members {
                // Held against the limit while it grows: each reference may stand for much more than its bytes.
                let more = products.resolve(id);
                collected.charge(&more)?;
                resolved.extend(more);
            }
            collected.keep(Statement {
                vulnerabilities: ids.clone(),
                products: resolved,
                status: said.status,
                justification: said.justification,
                impact: said.impact,
                action: said.action,
                author: meta.publisher.name.clone(),
                timestamp: meta.tracking.current_release_date,
                document: format!("{} vulnerabilities[{position}]", meta.tracking.id),
            });
        }
    }
    Ok(Vex {
        format: FORMAT,
        name: meta.tracking.id.clone(),
        author: meta.publisher.name.clone(),
        timestamp: meta.tracking.current_release_date,
        product_bytes: collected.bytes,
        statements: collected.statements,
    })
}

/// What is said of a product; products of which the same is said become one statement.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    status: Status,
    justification: Option<Justification>,
    impact: String,
    action: String,
}

fn said<'a>(vulnerability: &'a Vulnerability, products: &Products<'a>) -> Result<BTreeMap<Said, Vec<&'a str>>, Error> {
    let flags = products.by_id(&vulnerability.flags, |note| note.label.parse::<Justification>().ok())?;
    let threats = products.by_id(&vulnerability.threats, |note| (note.category == "impact").then_some(note))?;
    let remedies = products.by_id(&vulnerability.remediations, Some)?;
    let mut all: BTreeMap<Said, Vec<&str>> = BTreeMap::new();
    for (word, members) in &vulnerability.product_status {
        let Some(status) = status(word) else { continue };
        for id in members {
            let remedy = remedies.get(id.as_str());
            let refused = remedy.is_some_and(|note| note.category == "no_fix_planned");
            let mut said = Said { status, justification: None, impact: String::new(), action: String::new() };
            match status {
                Status::NotAffected => {
                    said.justification = flags.get(id.as_str()).copied();
                    said.impact = threats.get(id.as_str()).map(|note| note.details.clone()).unwrap_or_default();
                }
                Status::Affected => {
                    said.status = if refused { Status::WillNotFix } else { status };
                    said.action = remedy.map(|note| note.details.clone()).unwrap_or_default();
                }
                _ => {}
            }
            all.entry(said).or_default().push(id);
        }
    }
    Ok(all)
}

/// Section 3.2.3.9; `recommended` says nothing of vulnerability.
fn status(word: &str) -> Option<Status> {
    Some(match word {
        "known_affected" | "first_affected" | "last_affected" => Status::Affected,
        "known_not_affected" => Status::NotAffected,
        "fixed" | "first_fixed" => Status::Fixed,
        "under_investigation" => Status::UnderInvestigation,
        _ => return None,
    })
}

/// Products by their id.
struct Products<'a> {
    names: HashMap<&'a str, &'a FullName>,
    relations: HashMap<&'a str, &'a Relationship>,
    groups: HashMap<&'a str, &'a [String]>,
    /// References that notes made so far.
    followed: Cell<usize>,
}

impl<'a> Products<'a> {
    fn of(tree: &'a Tree) -> Result<Products<'a>, Error> {
        let mut names = HashMap::new();
        branches(&tree.branches, 1, &mut names)?;
        names.extend(tree.full_product_names.iter().map(|name| (name.product_id.as_str(), name)));
        for name in names.values().copied().chain(tree.relationships.iter().map(|relation| &relation.full_product_name))
        {
            check(name)?;
        }
        let relations =
            tree.relationships.iter().map(|relation| (relation.full_product_name.product_id.as_str(), relation));
        let groups = tree.product_groups.iter().map(|group| (group.group_id.as_str(), group.product_ids.as_slice()));
        Ok(Products { names, relations: relations.collect(), groups: groups.collect(), followed: Cell::new(0) })
    }

    /// The first note about each product.
    fn by_id<T: Clone>(
        &self,
        notes: &'a [Note],
        value: impl Fn(&'a Note) -> Option<T>,
    ) -> Result<HashMap<&'a str, T>, Error> {
        let mut found = HashMap::new();
        let mut seen = HashSet::new();
        for note in notes {
            let Some(value) = value(note) else { continue };
            // One note may name one group a thousand times.
            seen.clear();
            let groups = note.group_ids.iter().filter(|group| seen.insert(group.as_str()));
            let members = groups.filter_map(|group| self.groups.get(group.as_str())).copied().flatten();
            for id in note.product_ids.iter().chain(members) {
                found.entry(id.as_str()).or_insert_with(|| value.clone());
                self.followed.set(self.followed.get() + 1);
                reading::most("references to products", self.followed.get(), limits::VEX_REFERENCES)?;
            }
        }
        Ok(found)
    }

    /// A product, or a component as a part of another product: relationships may stand on each other.
    fn resolve(&self, id: &str) -> Vec<Product> {
        let own = self.names.get(id).map(|name| product(name)).unwrap_or_default();
        let Some(relation) = self.relations.get(id) else { return own };
        let named = product(&relation.full_product_name);
        // One helper beside the relationship itself names the whole.
        if !named.is_empty() {
            return named;
        }
        let parts = self.names_of(&relation.product_reference, 0);
        let mut whole = self.names_of(&relation.relates_to_product_reference, 0);
        for product in &mut whole {
            product.parts.clone_from(&parts);
        }
        whole
    }

    /// What a side of a relationship is called; of one that is a relationship again, its component.
    fn names_of(&self, id: &str, depth: usize) -> Vec<Product> {
        match (self.names.get(id), self.relations.get(id)) {
            (Some(name), _) => product(name),
            (None, Some(relation)) if depth < limits::BOM_DEPTH => {
                let named = product(&relation.full_product_name);
                if named.is_empty() { self.names_of(&relation.product_reference, depth + 1) } else { named }
            }
            _ => Vec::new(),
        }
    }
}

fn branches<'a>(list: &'a [Branch], depth: usize, names: &mut HashMap<&'a str, &'a FullName>) -> Result<(), Error> {
    reading::most("branches in each other", depth, limits::BOM_DEPTH)?;
    for branch in list {
        if let Some(product) = &branch.product {
            names.insert(&product.product_id, product);
        }
        branches(&branch.branches, depth + 1, names)?;
    }
    Ok(())
}

/// Relationships multiply the names of their sides.
fn check(name: &FullName) -> Result<(), Error> {
    let helper = &name.product_identification_helper;
    reading::most("package URLs of one product", helper.purls.len(), limits::VEX_NAMES)?;
    for text in helper.purls.iter().chain([&helper.purl, &helper.cpe, &name.product_id]) {
        let place = || format!("product {}", name.product_id.chars().take(80).collect::<String>());
        reading::text(text, FORMAT, place)?;
    }
    Ok(())
}

/// One for each of its package URLs, or one; none when nothing but its title is known.
fn product(name: &FullName) -> Vec<Product> {
    let helper = &name.product_identification_helper;
    let sha256 = helper.hashes.iter().flat_map(|hashes| &hashes.file_hashes).find(|hash| hash.algorithm == "sha256");
    let digest = sha256.map(|hash| format!("sha256:{}", hash.value.to_ascii_lowercase()));
    let purls = std::iter::once(&helper.purl).chain(&helper.purls).filter(|purl| !purl.is_empty());
    let mut found: Vec<Product> =
        purls.map(|purl| Product::of(purl, &helper.cpe)).filter(|p| p.purl.is_some()).collect();
    if found.is_empty() {
        found.push(Product::of("", &helper.cpe));
    }
    for product in &mut found {
        product.digest.clone_from(&digest);
    }
    found.retain(|product| !product.is_nameless());
    found
}
