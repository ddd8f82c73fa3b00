//! Which product a text belongs to, and which texts of a product are worth keeping.
//!
//! A text that one product alone has is its own. When several have it, one of them may hold a copy of the other: whoever is nearly
//! whole inside most of the others owns it. What is shared otherwise (code generators, common headers, a forgotten third) is nobody's. The
//! products of the background own nothing; they show what is common.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::index::{EXPORT, KIND_SHIFT, KINDS, LIBRARY};
use crate::learn::{Learnt, Seen};

/// Texts kept of one kind of file (`libavcodec`), of one product, and how many of the latter tell versions apart.
const OF_A_ROLE: usize = 80;
const OF_A_PRODUCT: usize = 360;
const TELLING_VERSIONS: usize = 30;
const EXPORTS_OF_A_PRODUCT: usize = 240;
const EXPORTS_OF_A_ROLE: usize = 20;
/// More products than this share a text only by chance or by tool.
const SHARERS: usize = 400;
/// The part of the texts of an owner's library that must be inside another product to call that a copy.
const COPY: f64 = 0.3;
/// The part of those who share a text that must hold a copy of its owner; others may have it by chance.
const MOST: f64 = 0.9;
/// The part of all of an owner's texts in a product of the background from which on that is a variant of it.
const VARIANT: f64 = 0.5;

/// What people wrote of products and one another.
#[derive(Debug, Default)]
pub struct Kin {
    /// Those that grew from one another, in both orders: texts that both have belong to neither.
    pub forks: HashSet<(u16, u16)>,
    /// Who holds a copy, and whose: texts that both have belong to the second.
    pub copies: HashSet<(u16, u16)>,
}

/// A text that was kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    pub hash: u64,
    pub product: u16,
    pub weight: u8,
    pub flags: u8,
    pub versions: u32,
}

/// The texts and exported names of an index. The first `known` products may own some; `names` are those of all dynamic symbol tables.
#[must_use]
pub fn choose_texts(products: &[&Learnt], known: usize, names: &HashSet<u64>, kin: &Kin) -> Vec<Text> {
    let texts: Vec<&HashMap<u64, Seen>> = products.iter().map(|product| &product.texts).collect();
    let exports: Vec<&HashMap<u64, Seen>> = products.iter().map(|product| &product.exports).collect();
    let owned_texts = owned(&texts, known, Some(names), kin);
    let owned_exports = owned(&exports, known, None, kin);
    let mut kept = Vec::new();
    for (number, product) in products[..known].iter().enumerate() {
        let own = keep_texts(product, &owned_texts[number]);
        let kinds = kinds(product, &own);
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        let text = |hash: u64, flags| {
            let seen = if flags == EXPORT { &product.exports[&hash] } else { &product.texts[&hash] };
            let kind = if flags == EXPORT { 0 } else { kinds[&seen.role] << KIND_SHIFT };
            let flags = flags | if seen.library { LIBRARY } else { 0 } | kind;
            Text { hash, product: number, weight: seen.weight, flags, versions: seen.versions }
        };
        kept.extend(own.into_iter().map(|hash| text(hash, 0)));
        let exports = keep_exports(product, &owned_exports[usize::from(number)]);
        kept.extend(exports.into_iter().map(|hash| text(hash, EXPORT)));
    }
    kept.sort_by_key(|text| (text.hash, text.flags & EXPORT, text.product));
    kept.dedup_by_key(|text| text.hash);
    kept
}

/// A small number for every kind of file that texts were kept of, the most frequent first; the rarest share the last.
fn kinds(product: &Learnt, kept: &[u64]) -> HashMap<u16, u8> {
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    kept.iter().for_each(|hash| *counts.entry(product.texts[hash].role).or_default() += 1);
    let mut roles: Vec<(u16, usize)> = counts.into_iter().collect();
    roles.sort_by_key(|(role, count)| (std::cmp::Reverse(*count), *role));
    let number = |place: usize| u8::try_from(place.min(KINDS - 1)).unwrap_or(u8::MAX);
    roles.into_iter().enumerate().map(|(place, (role, _))| (role, number(place))).collect()
}

/// For every known product the hashes that are its own.
fn owned(products: &[&HashMap<u64, Seen>], known: usize, names: Option<&HashSet<u64>>, kin: &Kin) -> Vec<Vec<u64>> {
    let mut all: Vec<(u64, u16)> = Vec::new();
    for (number, hashes) in products.iter().enumerate() {
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        all.extend(
            hashes.keys().filter(|hash| names.is_none_or(|names| !names.contains(hash))).map(|hash| (*hash, number)),
        );
    }
    all.sort_unstable();
    let (shared, totals) = shared_counts(&all, products, known);
    let owners = Owners { products, known, shared, totals, roles: role_sizes(&products[..known]), kin };
    let mut owned = vec![Vec::new(); known];
    for sharers in all.chunk_by(|one, other| one.0 == other.0) {
        if let Some(owner) = owners.of(sharers) {
            owned[usize::from(owner)].push(sharers[0].0);
        }
    }
    owned
}

/// By product, role and other product.
type OfRoles = HashMap<(u16, u16, u16), u32>;
/// By product and other product.
type OfProducts = HashMap<(u16, u16), u32>;

/// How many texts of each kind of file of a known product another product shares, and of all of them.
fn shared_counts(all: &[(u64, u16)], products: &[&HashMap<u64, Seen>], known: usize) -> (OfRoles, OfProducts) {
    let (mut shared, mut totals) = (HashMap::new(), HashMap::new());
    for sharers in all.chunk_by(|one, other| one.0 == other.0).filter(|sharers| (2..=SHARERS).contains(&sharers.len()))
    {
        for (hash, one) in sharers.iter().filter(|(_, one)| usize::from(*one) < known) {
            let role = products[usize::from(*one)][hash].role;
            for (_, other) in sharers.iter().filter(|(_, other)| other != one) {
                *shared.entry((*one, role, *other)).or_insert(0) += 1;
                *totals.entry((*one, *other)).or_insert(0) += 1;
            }
        }
    }
    (shared, totals)
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
    known: usize,
    shared: OfRoles,
    totals: OfProducts,
    roles: Vec<HashMap<u16, u32>>,
    kin: &'l Kin,
}

impl Owners<'_> {
    fn of(&self, sharers: &[(u64, u16)]) -> Option<u16> {
        let known = || sharers.iter().filter(|(_, product)| usize::from(*product) < self.known);
        if sharers.len() == 1 {
            return known().next().map(|(_, product)| *product);
        }
        if sharers.len() > SHARERS {
            return None;
        }
        let mut owners = known().filter(|(hash, product)| self.owns(*hash, *product, sharers));
        owners.next().filter(|_| owners.next().is_none()).map(|(_, product)| *product)
    }

    fn owns(&self, hash: u64, owner: u16, sharers: &[(u64, u16)]) -> bool {
        let seen = self.products[usize::from(owner)][&hash];
        let others = || sharers.iter().filter(|(_, other)| *other != owner);
        if !seen.library || others().any(|(_, other)| self.kin.copies.contains(&(owner, *other))) {
            return false;
        }
        let holders = others().filter(|(_, other)| self.is_held_by(hash, owner, *other)).count();
        holders as f64 >= MOST * (sharers.len() - 1) as f64
    }

    /// Whether another product holds a copy of the part of this one which the text is from.
    fn is_held_by(&self, hash: u64, owner: u16, other: u16) -> bool {
        if self.kin.copies.contains(&(other, owner)) {
            return true;
        }
        let role = self.products[usize::from(owner)][&hash].role;
        let inside = self.inside(owner, role, other);
        // Whoever bundles is larger than what it bundles.
        let smaller = (self.role_size(owner, role) as usize) < self.products[usize::from(other)].len();
        if usize::from(other) < self.known {
            let seen = self.products[usize::from(other)][&hash];
            // A library that is nothing but a copy is no owner; a program never is one.
            let back = if seen.library { self.inside(other, seen.role, owner) } else { 0.0 };
            return smaller && !self.kin.forks.contains(&(owner, other)) && inside >= COPY && inside > 2.0 * back;
        }
        let shared = self.totals.get(&(owner, other)).copied().unwrap_or(0);
        let variant = f64::from(shared) >= VARIANT * self.products[usize::from(owner)].len() as f64;
        variant || (smaller && inside >= COPY)
    }

    fn role_size(&self, owner: u16, role: u16) -> u32 {
        self.roles[usize::from(owner)].get(&role).copied().unwrap_or(1)
    }

    /// Which part of the texts of one kind of file of a product another product has.
    fn inside(&self, owner: u16, role: u16, other: u16) -> f64 {
        let count = self.shared.get(&(owner, role, other)).copied().unwrap_or(0);
        f64::from(count) / f64::from(self.role_size(owner, role))
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
