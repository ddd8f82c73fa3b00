//! Which product a text belongs to, and which texts of a product are worth keeping.
//!
//! A text that one product alone has is its own. When several have it, one of them may hold a copy of the other: whoever is nearly
//! whole inside the others owns it. What is shared otherwise (code generators, common headers, a forgotten third) is nobody's.

use std::collections::{HashMap, HashSet};

use crate::index::{EXPORT, LIBRARY};
use crate::learn::{Learnt, Seen};

/// Texts kept of one kind of file (`libavcodec`), of one product, and how many of the latter tell versions apart.
const OF_A_ROLE: usize = 80;
const OF_A_PRODUCT: usize = 360;
const TELLING_VERSIONS: usize = 30;
const EXPORTS_OF_A_PRODUCT: usize = 240;
const EXPORTS_OF_A_ROLE: usize = 20;
/// More products than this share a text only by chance or by tool.
const SHARERS: usize = 12;
/// The part of the texts of an owner's library that must be inside another product to call that a copy.
const COPY: f64 = 0.3;

/// A text that was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    pub hash: u64,
    pub product: u16,
    pub weight: u8,
    pub flags: u8,
    pub versions: u32,
}

/// The texts and exported names of an index. `names` are those of all dynamic symbol tables.
#[must_use]
pub fn choose_texts(products: &[&Learnt], names: &HashSet<u64>, forks: &HashSet<(u16, u16)>) -> Vec<Text> {
    let texts: Vec<&HashMap<u64, Seen>> = products.iter().map(|product| &product.texts).collect();
    let exports: Vec<&HashMap<u64, Seen>> = products.iter().map(|product| &product.exports).collect();
    let owned_texts = owned(&texts, Some(names), forks);
    let owned_exports = owned(&exports, None, forks);
    let mut kept = Vec::new();
    for (number, product) in products.iter().enumerate() {
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        let text = |hash: u64, flags| {
            let seen = if flags == EXPORT { &product.exports[&hash] } else { &product.texts[&hash] };
            let flags = flags | if seen.library { LIBRARY } else { 0 };
            Text { hash, product: number, weight: seen.weight, flags, versions: seen.versions }
        };
        kept.extend(keep_texts(product, &owned_texts[usize::from(number)]).into_iter().map(|hash| text(hash, 0)));
        kept.extend(
            keep_exports(product, &owned_exports[usize::from(number)]).into_iter().map(|hash| text(hash, EXPORT)),
        );
    }
    kept.sort_by_key(|text| (text.hash, text.flags));
    kept.dedup_by_key(|text| text.hash);
    kept
}

/// For every product the hashes that are its own.
fn owned(products: &[&HashMap<u64, Seen>], names: Option<&HashSet<u64>>, forks: &HashSet<(u16, u16)>) -> Vec<Vec<u64>> {
    let mut all: Vec<(u64, u16)> = Vec::new();
    for (number, hashes) in products.iter().enumerate() {
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        all.extend(
            hashes.keys().filter(|hash| names.is_none_or(|names| !names.contains(hash))).map(|hash| (*hash, number)),
        );
    }
    all.sort_unstable();
    let owners = Owners { products, shared: shared_counts(&all, products), roles: role_sizes(products), forks };
    let mut owned = vec![Vec::new(); products.len()];
    for sharers in all.chunk_by(|one, other| one.0 == other.0) {
        if let Some(owner) = owners.of(sharers) {
            owned[usize::from(owner)].push(sharers[0].0);
        }
    }
    owned
}

/// How many texts of each kind of file of one product another product shares: product, role, other product.
fn shared_counts(all: &[(u64, u16)], products: &[&HashMap<u64, Seen>]) -> HashMap<(u16, u16, u16), u32> {
    let mut shared = HashMap::new();
    for sharers in all.chunk_by(|one, other| one.0 == other.0).filter(|sharers| (2..=SHARERS).contains(&sharers.len()))
    {
        for (hash, one) in sharers {
            let role = products[usize::from(*one)][hash].role;
            for (_, other) in sharers.iter().filter(|(_, other)| other != one) {
                *shared.entry((*one, role, *other)).or_insert(0) += 1;
            }
        }
    }
    shared
}

/// How many texts each kind of file of a product has.
fn role_sizes(products: &[&HashMap<u64, Seen>]) -> Vec<HashMap<u16, u32>> {
    let sizes = |hashes: &&HashMap<u64, Seen>| {
        let mut sizes = HashMap::new();
        hashes.values().for_each(|seen| *sizes.entry(seen.role).or_insert(0) += 1);
        sizes
    };
    products.iter().map(sizes).collect()
}

/// What is needed to say who owns a text.
struct Owners<'l> {
    products: &'l [&'l HashMap<u64, Seen>],
    shared: HashMap<(u16, u16, u16), u32>,
    roles: Vec<HashMap<u16, u32>>,
    forks: &'l HashSet<(u16, u16)>,
}

impl Owners<'_> {
    fn of(&self, sharers: &[(u64, u16)]) -> Option<u16> {
        if sharers.len() == 1 {
            return Some(sharers[0].1);
        }
        if sharers.len() > SHARERS {
            return None;
        }
        let mut owners = sharers.iter().filter(|(hash, product)| self.owns(*hash, *product, sharers));
        owners.next().filter(|_| owners.next().is_none()).map(|(_, product)| *product)
    }

    fn owns(&self, hash: u64, owner: u16, sharers: &[(u64, u16)]) -> bool {
        let seen = self.products[usize::from(owner)][&hash];
        let mut others = sharers.iter().filter(|(_, other)| *other != owner);
        seen.library
            && others.all(|(_, other)| {
                let inside = self.inside(owner, seen.role, *other);
                let role = self.products[usize::from(*other)][&hash].role;
                // Whoever bundles is larger than what it bundles; a library of it that is nothing but a copy is no owner.
                let smaller = self.products[usize::from(owner)].len() < self.products[usize::from(*other)].len();
                smaller
                    && !self.forks.contains(&(owner, *other))
                    && inside >= COPY
                    && inside > 2.0 * self.inside(*other, role, owner)
            })
    }

    /// Which part of the texts of one kind of file of a product another product has.
    fn inside(&self, owner: u16, role: u16, other: u16) -> f64 {
        let count = self.shared.get(&(owner, role, other)).copied().unwrap_or(0);
        let size = self.roles[usize::from(owner)].get(&role).copied().unwrap_or(1);
        f64::from(count) / f64::from(size)
    }
}

/// Those in every version first, then by hash: chance spreads the choice over all of the code, so that a part of it linked into a
/// program holds its part of them.
fn keep_texts(product: &Learnt, own: &[u64]) -> Vec<u64> {
    let mut ranked: Vec<(u64, &Seen)> = own.iter().map(|hash| (*hash, &product.texts[hash])).collect();
    ranked.sort_by_key(|(hash, seen)| (std::cmp::Reverse(seen.versions.count_ones()), seen.weight < 10, *hash));
    let mut of_role: HashMap<u16, usize> = HashMap::new();
    let mut kept: Vec<u64> = Vec::new();
    let mut telling: Vec<u64> = Vec::new();
    for (hash, seen) in ranked {
        let count = of_role.entry(seen.role).or_default();
        if kept.len() < OF_A_PRODUCT && *count < OF_A_ROLE {
            *count += 1;
            kept.push(hash);
        } else if telling.len() < TELLING_VERSIONS && product.share(seen) < 1.0 {
            telling.push(hash);
        }
    }
    kept.extend(telling);
    kept
}

fn keep_exports(product: &Learnt, own: &[u64]) -> Vec<u64> {
    let mut ranked: Vec<(u64, &Seen)> = own.iter().map(|hash| (*hash, &product.exports[hash])).collect();
    ranked.sort_by_key(|(hash, seen)| (std::cmp::Reverse(seen.versions.count_ones()), *hash));
    let mut of_role: HashMap<u16, usize> = HashMap::new();
    ranked.retain(|(_, seen)| {
        let count = of_role.entry(seen.role).or_default();
        *count += 1;
        *count <= EXPORTS_OF_A_ROLE
    });
    ranked.truncate(EXPORTS_OF_A_PRODUCT);
    ranked.into_iter().map(|(hash, _)| hash).collect()
}
