//! SPDX expressions (SPDX 3.0, annex B), as far as a decision asks: which licenses suffice.
//!
//! The evidence has them in one spelling. They are read here and not where spellings are known, because what is learnt there must not
//! change a decision that was made before.

use base::limits;

/// Whether the licenses that are taken suffice: one side of an `OR`, both of an `AND`. What stands behind `WITH` gives more rights and is
/// not asked about. What is no expression is met by nothing.
pub(crate) fn allows(text: &str, taken: impl Fn(&str) -> bool) -> bool {
    if text.len() > limits::POLICY_EXPRESSION_BYTES {
        return false;
    }
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut reader = Reader { words: spaced.split_whitespace().peekable(), depth: 0 };
    let met = reader.any(&taken);
    met == Some(true) && reader.words.next().is_none()
}

struct Reader<'a> {
    words: std::iter::Peekable<std::str::SplitWhitespace<'a>>,
    depth: usize,
}

impl Reader<'_> {
    /// Parts joined by `OR`, which binds less than `AND`. None when it is no expression.
    fn any(&mut self, taken: &impl Fn(&str) -> bool) -> Option<bool> {
        let mut met = self.every(taken)?;
        while self.words.next_if(|word| word.eq_ignore_ascii_case("OR")).is_some() {
            met |= self.every(taken)?;
        }
        Some(met)
    }

    fn every(&mut self, taken: &impl Fn(&str) -> bool) -> Option<bool> {
        let mut met = self.one(taken)?;
        while self.words.next_if(|word| word.eq_ignore_ascii_case("AND")).is_some() {
            met &= self.one(taken)?;
        }
        Some(met)
    }

    fn one(&mut self, taken: &impl Fn(&str) -> bool) -> Option<bool> {
        let word = self.words.next()?;
        if word == "(" {
            self.depth += 1;
            if self.depth > limits::DOCUMENT_DEPTH {
                return None;
            }
            let met = self.any(taken)?;
            self.depth -= 1;
            return (self.words.next() == Some(")")).then_some(met);
        }
        if ["AND", "OR", "WITH", ")"].iter().any(|reserved| word.eq_ignore_ascii_case(reserved)) {
            return None;
        }
        if self.words.next_if(|word| word.eq_ignore_ascii_case("WITH")).is_some() {
            self.words.next()?;
        }
        Some(taken(word))
    }
}

#[cfg(test)]
mod tests {
    use super::allows;

    #[test]
    fn one_side_of_an_or_is_enough() {
        let with = |text: &str, taken: &[&str]| allows(text, |id| taken.contains(&id));
        assert!(with("MIT", &["MIT"]) && !with("MIT", &["ISC"]));
        assert!(with("GPL-2.0-only OR MIT", &["MIT"]));
        assert!(!with("GPL-2.0-only AND MIT", &["MIT"]));
        assert!(with("GPL-2.0-only AND MIT OR ISC", &["ISC"]), "AND binds more");
        assert!(!with("GPL-2.0-only AND (MIT OR ISC)", &["ISC"]));
        assert!(with("GPL-2.0-only WITH Classpath-exception-2.0", &["GPL-2.0-only"]));
        for broken in ["", "MIT OR", "(MIT", "MIT)", "MIT ISC", "AND", "MIT WITH", &"(".repeat(9_999)] {
            assert!(!allows(broken, |_| true), "{broken:.40}");
        }
    }
}
