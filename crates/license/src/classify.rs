//! Licence texts, known by the word triples they share with the texts of the SPDX list.
//!
//! For each licence the stretch of the file that fits best is found; the licence that explains most of it goes first, and what
//! it explains is not looked at again. So BSD-3-Clause is not BSD-2-Clause as well, and a file of several licences has each.

use std::collections::{BTreeMap, HashMap};

use base::limits;
use serde::Serialize;

use crate::{
    notice,
    sketch::{SKETCHES, Sketch, gram},
    words::{Word, words},
};

/// A licence that a file holds or speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Match {
    /// An SPDX identifier; for [`Evidence::Tag`] the expression that was written.
    pub id: String,
    pub evidence: Evidence,
    /// For a text, the share of word triples in common (Sørensen–Dice); 90 for a notice, 100 for a tag.
    pub score_percent: u8,
    /// Where it begins, in bytes.
    pub offset: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// The words of the licence stand there.
    Text,
    /// `SPDX-License-Identifier:` (SPDX 3.0, annex E).
    Tag,
    /// A sentence says under which licence something is.
    Notice,
}

/// The least score of a text. Below it, texts that only share a disclaimer meet.
const LEAST: f64 = 0.80;

/// Words that are looked at together, and how far the next such piece begins: longer than twice the longest licence, so that
/// each lies whole in one of them. Bounds memory whatever the file says.
const PIECE: usize = 40_000;
const PIECE_STEP: usize = 20_000;

/// The licences in a file, in the order of their places. The GNU texts do not say whether a later version may be chosen:
/// alone they are `-only`, and `-or-later` with a notice that says so. Only the first [`limits::LICENSE_FILE_BYTES`] are read.
pub fn classify(text: &[u8]) -> Vec<Match> {
    let text = &text[..text.len().min(limits::LICENSE_FILE_BYTES)];
    let words = words(text);
    let mut found: BTreeMap<&'static str, Region> = BTreeMap::new();
    let mut explained = vec![false; words.len()];
    let mut start = 0;
    loop {
        let end = (start + PIECE).min(words.len());
        for region in regions(&words[start..end], &mut explained[start..end]) {
            let region = Region { start: region.start + start, end: region.end + start, ..region };
            let best = found.entry(region.id).or_insert(region);
            if best.score < region.score {
                *best = region;
            }
        }
        if end == words.len() {
            break;
        }
        start += PIECE_STEP;
    }
    let texts = found.into_values().map(|region| Match {
        id: region.id.to_owned(),
        evidence: Evidence::Text,
        score_percent: (region.score * 100.0).round().clamp(0.0, 100.0) as u8,
        offset: words[region.start].start as usize,
    });
    let mut matches: Vec<Match> = texts.chain(notice::find(text, &words, &explained)).collect();
    matches.sort_by(|a, b| (a.offset, a.evidence, &a.id).cmp(&(b.offset, b.evidence, &b.id)));
    settle(&mut matches);
    matches.truncate(limits::LICENSE_MATCHES);
    matches
}

/// Each licence once, by its best evidence; a GNU text is `-or-later` when a notice next to it is.
fn settle(matches: &mut Vec<Match>) {
    let later: Vec<String> = matches
        .iter()
        .filter(|found| found.evidence != Evidence::Text)
        .filter_map(|found| found.id.strip_suffix("-or-later").map(str::to_owned))
        .collect();
    for found in matches.iter_mut().filter(|found| found.evidence == Evidence::Text) {
        if let Some(base) = found.id.strip_suffix("-only")
            && later.iter().any(|other| other == base)
        {
            found.id = format!("{base}-or-later");
        }
    }
    let mut best: HashMap<String, Evidence> = HashMap::new();
    for found in matches.iter() {
        let evidence = best.entry(found.id.clone()).or_insert(found.evidence);
        *evidence = (*evidence).min(found.evidence);
    }
    matches.retain(|found| best.get(&found.id) == Some(&found.evidence) && best.remove(&found.id).is_some());
}

#[derive(Clone, Copy)]
struct Region {
    id: &'static str,
    score: f64,
    /// Of the licence's triples, those that the stretch has.
    contained: f64,
    /// Words, the end not included.
    start: usize,
    end: usize,
}

/// A triple of the file that a licence has, at a word; `gram` is its place in the licence's sketch.
#[derive(Clone, Copy)]
struct Hit {
    at: u32,
    gram: u16,
}

fn regions(words: &[Word], explained: &mut [bool]) -> Vec<Region> {
    let sketches = &*SKETCHES;
    let mut hits: Vec<Vec<Hit>> = vec![Vec::new(); sketches.all.len()];
    for (at, three) in words.windows(3).enumerate() {
        let Some(gram) = gram(three) else { continue };
        for holder in sketches.holders(gram) {
            hits[usize::from(holder.sketch)].push(Hit { at: at as u32, gram: holder.gram });
        }
    }
    // A score of LEAST needs two thirds of a licence's triples, whatever else the stretch holds.
    let enough =
        |index: usize, hits: &[Hit]| hits.len() as f64 >= f64::from(sketches.all[index].grams) * LEAST / (2.0 - LEAST);
    let mut open: Vec<(usize, Vec<Hit>, Option<Region>)> = hits
        .into_iter()
        .enumerate()
        .filter(|(index, hits)| enough(*index, hits))
        .map(|(index, hits)| {
            let region = best_region(&sketches.all[index], &hits);
            (index, hits, region)
        })
        .collect();
    let mut regions = Vec::new();
    while regions.len() < limits::LICENSE_MATCHES {
        open.retain(|(_, _, region)| region.is_some());
        // Words that it explains, and how exactly: a licence with a clause more than the file's explains as much, and fits less.
        let weight = |region: &Region, index: usize| {
            f64::from(sketches.all[index].words) * region.contained * region.score.powi(8)
        };
        let best = open.iter().filter_map(|(index, _, region)| region.map(|region| (weight(&region, *index), region)));
        let Some((_, chosen)) = best.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.id.cmp(a.1.id))) else { break };
        explained[chosen.start..chosen.end].fill(true);
        regions.push(chosen);
        for (index, hits, region) in &mut open {
            let touched = region.is_some_and(|region| region.start < chosen.end && chosen.start < region.end);
            hits.retain(|hit| (hit.at as usize) < chosen.start || (hit.at as usize) >= chosen.end);
            if touched {
                *region = if enough(*index, hits) { best_region(&sketches.all[*index], hits) } else { None };
            }
        }
    }
    regions
}

/// The stretch of the file with the best score for one licence, when that is good enough.
fn best_region(sketch: &Sketch, hits: &[Hit]) -> Option<Region> {
    let longest = sketch.words + sketch.words / 2 + 20;
    // Of so many triples one is among the kept ones: by the sampling, and because a text says some things twice.
    let kept = f64::from(sketch.grams) / f64::from(sketch.words.saturating_sub(2).max(1));
    let mut inside = Inside { counts: vec![0; sketch.grams as usize], distinct: 0 };
    let mut best: Option<Region> = None;
    let mut first = 0;
    for last in 0..hits.len() {
        inside.enter(hits[last].gram);
        while hits[last].at - hits[first].at > longest {
            inside.leave(hits[first].gram);
            first += 1;
        }
        // A stretch that begins with a stray triple of the words before it is longer for nothing.
        while first < last && (inside.counts[usize::from(hits[first].gram)] > 1 || is_stray(sketch, hits, first)) {
            inside.leave(hits[first].gram);
            first += 1;
        }
        let (start, end) = (hits[first].at, hits[last].at + 3);
        let common = f64::from(inside.distinct);
        let whole = (f64::from(end - start - 2) * kept).max(common);
        let score = 2.0 * common / (f64::from(sketch.grams) + whole);
        if score >= LEAST && best.is_none_or(|best| score > best.score) {
            let contained = common / f64::from(sketch.grams);
            best = Some(Region { id: sketch.id, score, contained, start: start as usize, end: end as usize });
        }
    }
    best
}

/// Far from the next one: a tenth of the licence lies between.
fn is_stray(sketch: &Sketch, hits: &[Hit], at: usize) -> bool {
    hits[at + 1].at - hits[at].at > sketch.words / 10 + 8 * sketch.scale
}

/// Which triples of a licence a stretch has.
struct Inside {
    counts: Vec<u32>,
    distinct: u32,
}

impl Inside {
    fn enter(&mut self, gram: u16) {
        let count = &mut self.counts[usize::from(gram)];
        self.distinct += u32::from(*count == 0);
        *count += 1;
    }

    fn leave(&mut self, gram: u16) {
        let count = &mut self.counts[usize::from(gram)];
        *count -= 1;
        self.distinct -= u32::from(*count == 0);
    }
}
