//! Which paths of lower layers a layer hides: enough to merge layers without their lists of files.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest, Sha256};

/// The path is an entry or a whiteout of this layer: what lower layers have at it is gone.
const PRESENT: u64 = 1;
/// What lower layers have below the path is gone: it is no directory any more, it is removed, or opaque.
const SOLID: u64 = 2;
const FLAGS: u64 = PRESENT | SOLID;

/// Sorted numbers, one a path: 62 bits of the path's SHA-256 and two flags. Nobody can write a path that is taken for another
/// without trying some 2^62 of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shadow(Vec<u64>);

/// A path and all directories above it, the root first, as a shadow knows them.
#[derive(Clone, Debug)]
pub(crate) struct Trail(Vec<u64>);

impl Trail {
    pub(crate) fn of(path: &str) -> Trail {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        Trail(std::iter::once(hash("")).chain(ends.map(|end| hash(&path[..end]))).collect())
    }
}

impl Shadow {
    /// `entries` with whether each is a directory; `removed` are whiteouts, `opaque` directories.
    pub(crate) fn of<'a>(
        entries: impl Iterator<Item = (&'a str, bool)>,
        removed: impl Iterator<Item = &'a str>,
        opaque: impl Iterator<Item = &'a str>,
    ) -> Shadow {
        let entries = entries.map(|(path, directory)| hash(path) | if directory { PRESENT } else { FLAGS });
        let removed = removed.map(|path| hash(path) | FLAGS);
        let mut all: Vec<u64> = entries.chain(removed).chain(opaque.map(|path| hash(path) | SOLID)).collect();
        all.sort_unstable();
        all.dedup_by(|next, kept| {
            let same = *next & !FLAGS == *kept & !FLAGS;
            if same {
                *kept |= *next;
            }
            same
        });
        Shadow(all)
    }

    /// True when a lower layer's file at this trail cannot be seen any more.
    pub(crate) fn hides(&self, trail: &Trail) -> bool {
        let Some((own, above)) = trail.0.split_last() else { return false };
        self.flags(*own) & PRESENT != 0 || above.iter().any(|path| self.flags(*path) & SOLID != 0)
    }

    fn flags(&self, path: u64) -> u64 {
        let at = self.0.partition_point(|known| known & !FLAGS < path);
        self.0.get(at).filter(|known| **known & !FLAGS == path).map_or(0, |known| known & FLAGS)
    }
}

fn hash(path: &str) -> u64 {
    let digest: [u8; 32] = Sha256::digest(path.as_bytes()).into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    u64::from_le_bytes([a, b, c, d, e, f, g, h]) & !FLAGS
}

/// Base64 of the numbers, eight bytes each, little-endian.
impl Serialize for Shadow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|number| number.to_le_bytes()).collect();
        serializer.serialize_str(&STANDARD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Shadow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Shadow, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text.as_bytes()).map_err(D::Error::custom)?;
        let (numbers, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(D::Error::custom("the list of hidden paths is cut off"));
        }
        Ok(Shadow(numbers.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_removals_hide_what_is_below_and_directories_do_not() {
        let entries = [("etc", true), ("etc/passwd", false), ("bin", false)];
        let shadow = Shadow::of(entries.into_iter(), ["srv/old"].into_iter(), ["var", "etc"].into_iter());
        let hides = |path: &str| shadow.hides(&Trail::of(path));
        assert!(hides("etc/passwd") && hides("bin/sh") && hides("bin") && hides("srv/old") && hides("srv/old/x"));
        assert!(hides("var/lib/x") && hides("etc/group"), "opaque directories hide what lower layers have in them");
        assert!(!hides("srv") && !hides("srv/older") && !hides("var") && !hides("opt/x"));
        let all = Shadow::of(std::iter::empty(), std::iter::empty(), [""].into_iter());
        assert!(all.hides(&Trail::of("x")) && all.hides(&Trail::of("x/y")));
        let json = serde_json::to_string(&shadow).unwrap();
        assert_eq!(serde_json::from_str::<Shadow>(&json).unwrap(), shadow);
        assert!(serde_json::from_str::<Shadow>("\"AAAA\"").is_err());
    }
}
