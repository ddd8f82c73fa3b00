//! Which templates tell the version of a product.
//!
//! A key is kept when the number under it was the right version in the product's own binaries, in several versions of it or beside
//! the product's name, and hardly ever a wrong one. When other products have the key too, they mention or contain the product: then
//! a banner says which version, and only texts say that the product is there.

use std::collections::{HashMap, HashSet};

use crate::index::ALONE;
use crate::learn::Learnt;
use crate::observation::Banner;
use crate::origin::{Origin, same_version};
use crate::skeleton::{Part, is_library_name};
use crate::table::Row;

/// More products than this mention a name in passing.
const MENTIONS: usize = 300;

/// Every key under which a number was seen.
#[derive(Debug, Default)]
pub struct Sightings {
    keys: HashMap<u64, Key>,
    products: HashMap<String, u16>,
    names: Vec<String>,
}

#[derive(Debug, Default)]
struct Key {
    /// Set once the number under it was right somewhere.
    known: Option<(Part, String)>,
    /// By product: numbers that were right, numbers that were wrong.
    seen: Vec<(u16, Tally)>,
}

#[derive(Debug, Default, Clone)]
struct Tally {
    right_versions: Vec<String>,
    right: u32,
    wrong: u32,
}

impl Sightings {
    /// Notes a number and whether it is the version of what it was seen in.
    pub fn add(&mut self, origin: &Origin, banner: &Banner) {
        let product = match self.products.get(&origin.product) {
            Some(number) => *number,
            None => {
                let number = u16::try_from(self.names.len()).unwrap_or(u16::MAX);
                self.products.insert(origin.product.clone(), number);
                self.names.push(origin.product.clone());
                number
            }
        };
        let key = self.keys.entry(banner.key).or_default();
        let index = key.seen.iter().position(|(known, _)| *known == product).unwrap_or_else(|| {
            key.seen.push((product, Tally::default()));
            key.seen.len() - 1
        });
        let tally = &mut key.seen[index].1;
        if !same_version(&banner.value, &origin.version) {
            tally.wrong += 1;
            return;
        }
        tally.right += 1;
        if !tally.right_versions.contains(&origin.version) {
            tally.right_versions.push(origin.version.clone());
        }
        // Of several texts under a key the least stands for it, whatever came first.
        match &mut key.known {
            Some((_, template)) if *template <= banner.template => {}
            known => *known = Some((banner.part, banner.template.clone())),
        }
    }

    /// The templates that were learnt, for people.
    pub fn templates<'s>(
        &'s self,
        numbers: &'s HashMap<&str, u16>,
        products: &'s [&Learnt],
    ) -> impl Iterator<Item = (&'s str, Part, &'s str, bool)> {
        self.keys.values().filter_map(move |key| {
            let (owner, row) = self.judge(key, numbers, products)?;
            let (part, template) = key.known.as_ref()?;
            Some((owner, *part, template.as_str(), row.flags == ALONE))
        })
    }

    fn judge<'s>(&'s self, key: &Key, numbers: &HashMap<&str, u16>, products: &[&Learnt]) -> Option<(&'s str, Row)> {
        let (part, template) = key.known.as_ref()?;
        if key.seen.len() > MENTIONS || ["/build", "prefix-map", "/usr/"].iter().any(|path| template.contains(path)) {
            return None;
        }
        let told = |product: u16, tally: &Tally| {
            let name = self.names[usize::from(product)].as_str();
            let named = names_product(template, name, products[usize::from(numbers[name])]);
            let versions = tally.right_versions.len();
            let reliable = tally.right > 0 && tally.right >= tally.wrong * 4;
            let known = products[usize::from(numbers[name])].known;
            (known && reliable && (versions >= 2 || named)).then_some((name, named, versions))
        };
        let mut best: Vec<(&str, bool, usize)> =
            key.seen.iter().filter_map(|(product, tally)| told(*product, tally)).collect();
        best.sort_by(|one, other| (other.1, other.2, one.0).cmp(&(one.1, one.2, other.0)));
        let (owner, named, versions) = *best.first()?;
        // Two products tell their own version under it: it names neither (`version 1.2`).
        if best.get(1).is_some_and(|second| second.1 == named && second.2 * 3 >= versions) {
            return None;
        }
        let others = key.seen.len() - 1;
        if !named && others > 2 {
            return None;
        }
        // Who needs a library says the name of its file as well.
        let flags = if others == 0 && named && *part != Part::Word && !is_library_name(template) { ALONE } else { 0 };
        let product = numbers[owner];
        Some((owner, Row { product, kind: *part as u8, flags, versions: 0 }))
    }
}

/// The rows of an index.
#[must_use]
pub fn choose_templates(sightings: &Sightings, numbers: &HashMap<&str, u16>, products: &[&Learnt]) -> Vec<(u64, Row)> {
    let keys = sightings.keys.iter();
    keys.filter_map(|(hash, key)| Some((*hash, sightings.judge(key, numbers, products)?.1))).collect()
}

/// Whether a template names the product, or one of its libraries or programs.
fn names_product(template: &str, product: &str, learnt: &Learnt) -> bool {
    let plain = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).flat_map(char::to_lowercase).collect()
    };
    let text = plain(&template.replace("<version>", "").replace("<n>", ""));
    let mut names: HashSet<String> = learnt.roles.iter().map(|role| plain(role)).collect();
    names.insert(plain(product));
    let bare: Vec<String> = names.iter().filter_map(|name| Some(name.strip_prefix("lib")?.to_owned())).collect();
    names.extend(bare);
    names.iter().any(|name| {
        name.len() >= 3
            && !["version", "core", "common", "util", "utils", "main"].contains(&name.as_str())
            && text.contains(name.as_str())
    })
}
