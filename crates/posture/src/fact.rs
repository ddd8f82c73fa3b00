//! One fact.

use base::limits;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// Stable, for policies: `runs-as-root`.
    pub id: &'static str,
    /// For a person.
    pub sentence: &'static str,
    /// Paths, names of variables or instructions where it was seen, sorted; at most [`limits::FACT_PLACES`].
    pub places: Vec<String>,
    /// How many places there were.
    pub count: usize,
}

impl Fact {
    pub(crate) fn new(id: &'static str, sentence: &'static str) -> Fact {
        Fact { id, sentence, places: Vec::new(), count: 0 }
    }
}

/// A fact that is gathered place by place; there is none when no place was seen.
pub(crate) struct Gathered(Fact);

impl Gathered {
    pub(crate) fn new(id: &'static str, sentence: &'static str) -> Gathered {
        Gathered(Fact::new(id, sentence))
    }

    /// Keeps the smallest places, so that the order they come in does not matter.
    pub(crate) fn see(&mut self, place: &str) {
        let cut: String = place.chars().take(limits::FACT_PLACE_CHARS).collect();
        self.0.count += 1;
        if let Err(at) = self.0.places.binary_search(&cut) {
            self.0.places.insert(at, cut);
            self.0.places.truncate(limits::FACT_PLACES);
        }
    }

    pub(crate) fn fact(self) -> Option<Fact> {
        (self.0.count > 0).then_some(self.0)
    }
}
