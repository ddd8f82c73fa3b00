//! One line a row: `name ratio ours peer unit`, and behind it what else was seen.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use fingerprint::About;
use serde_json::{Value, json};

use crate::judge::{Judged, Side};
use crate::score::{Kind, Score, is_closed, percent};

/// A row's result, in percent.
#[derive(Debug)]
pub struct Line {
    pub name: String,
    pub ours: f64,
    /// The better of the peers that ended; None where none did.
    pub peer: Option<f64>,
    behind: String,
}

impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_dash = |number: Option<f64>| number.map_or("-".to_owned(), |number| format!("{number:.2}"));
        let ratio = or_dash(self.peer.filter(|peer| *peer > 0.0).map(|peer| self.ours / peer));
        write!(out, "{:<32} {ratio:>7} {:>10.2} {:>10} %; {}", self.name, self.ours, or_dash(self.peer), self.behind)
    }
}

/// A question that every side is asked: which part of which whole.
type Question = (&'static str, fn(&Score) -> (usize, usize));

const RECALL: [Question; 2] =
    [("product", |score| (score.product, score.wanted)), ("version", |score| (score.version, score.versioned))];
/// Where all that is in a case is known.
const PRECISION: Question = ("precision", |score| (score.right, score.right + score.other_version + score.unlisted));
/// Where it is not: of the products known to be there that were named, those in a right version.
const AGREEMENT: Question = ("agreement", |score| (score.right, score.right + score.other_version));

/// Where few components are known, how often nothing wrong is said tells more than how many of few names are right.
const CLEAN: Question = ("clean", |score| (score.clean, score.cases));

/// The rows of one corpus.
pub fn lines(judged: &Judged) -> Vec<Line> {
    let precision = if judged.corpus.complete { PRECISION } else { AGREEMENT };
    let questions = RECALL.into_iter().chain([precision]).chain(judged.corpus.complete.then_some(CLEAN));
    let mut lines = Vec::new();
    for (word, numbered) in [("", false), ("-numbered", true)] {
        for (question, ask) in questions.clone() {
            let name = format!("{}{word}-{question}", judged.corpus.name);
            lines.extend(line(name, judged, numbered, ask));
        }
    }
    lines.extend(RECALL.into_iter().chain([precision]).filter_map(|(question, ask)| {
        let (part, whole) = ask(&judged.closed);
        let name = format!("{}-closed-{question}", judged.corpus.name);
        Some(Line { name, ours: percent(part, whole)?, peer: None, behind: format!("{part} of {whole}") })
    }));
    lines
}

fn line(name: String, judged: &Judged, numbered: bool, ask: fn(&Score) -> (usize, usize)) -> Option<Line> {
    let (part, whole) = ask(judged.ours.score(numbered));
    let ours = percent(part, whole)?;
    let mut behind = format!("{part} of {whole}");
    let mut peer: Option<f64> = None;
    for side in &judged.peers {
        match side.scores[usize::from(numbered)].as_ref() {
            Ok(score) => {
                let (part, whole) = ask(score);
                let value = percent(part, whole).unwrap_or(0.0);
                peer = Some(peer.map_or(value, |other| other.max(value)));
                let _ = write!(behind, "; {} {part} of {whole}", side.name);
            }
            Err(why) => {
                let _ = write!(behind, "; {} not judged: {why}", side.name);
            }
        }
    }
    Some(Line { name, ours, peer, behind })
}

/// What stands before the rows of a corpus: what it is and what its truth rests on.
pub fn heading(judged: &Judged) -> String {
    let corpus = &judged.corpus;
    let wanted = judged.ours.score(false);
    format!(
        "{}: {} cases, {} files, {} components, {} with a version; built by {}; truth: {}",
        corpus.name,
        corpus.cases.len(),
        corpus.files(),
        wanted.wanted,
        wanted.versioned,
        corpus.builder,
        corpus.truth
    )
}

/// The wrong answers of a corpus, the most frequent first; those of the closed half are not told.
pub fn misses(judged: &Judged) -> String {
    let mut groups: BTreeMap<(Kind, &str), Vec<String>> = BTreeMap::new();
    for miss in judged.ours.score(false).misses.iter().filter(|miss| !is_closed(&miss.case)) {
        let mut example = miss.case.clone();
        if !miss.is.is_empty() {
            let _ = write!(example, " is {}", miss.is);
        }
        if !miss.said.is_empty() {
            let _ = write!(example, " said {}", miss.said);
        }
        groups.entry((miss.kind, &miss.product)).or_default().push(example);
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|((kind, _), examples)| (*kind, std::cmp::Reverse(examples.len())));
    let mut text = format!("== {}\n", heading(judged));
    let mut kind = None;
    for ((of, product), examples) in groups {
        if kind != Some(of) {
            let _ = writeln!(text, "-- {}", of.words());
            kind = Some(of);
        }
        let _ =
            writeln!(text, "{:>5} {product}: {}", examples.len(), examples[..examples.len().min(EXAMPLES)].join(" | "));
    }
    text
}

/// Examples that a kind of wrong answer is listed with.
const EXAMPLES: usize = 4;

/// All of it, for a program.
pub fn json(learnt: &About, judged: &[Judged], lines: &[Line]) -> Value {
    let corpora = judged.iter().map(|judged| {
        let corpus = &judged.corpus;
        json!({
            "name": corpus.name, "builder": corpus.builder, "truth": corpus.truth, "complete": corpus.complete,
            "cases": corpus.cases.len(), "files": corpus.files(), "bytes": judged.bytes,
            "seconds": judged.took.as_secs_f64(),
            "ours": side(&judged.ours),
            "peers": judged.peers.iter().map(|peer| (peer.name.clone(), side(peer))).collect::<serde_json::Map<_, _>>(),
        })
    });
    let rows = lines.iter().map(|line| {
        let ratio = line.peer.filter(|peer| *peer > 0.0).map(|peer| line.ours / peer);
        json!({"name": line.name, "ratio": ratio, "ours": line.ours, "peer": line.peer, "unit": "%"})
    });
    json!({"learntFrom": learnt, "corpora": corpora.collect::<Vec<_>>(), "rows": rows.collect::<Vec<_>>()})
}

fn side(side: &Side) -> Value {
    let score = |score: &Result<Score, String>| match score {
        Ok(score) => json!({
            "wanted": score.wanted, "product": score.product, "versioned": score.versioned, "version": score.version,
            "right": score.right, "otherVersion": score.other_version, "unlisted": score.unlisted,
        }),
        Err(why) => json!({"notJudged": why}),
    };
    json!({"named": score(&side.scores[0]), "numbered": score(&side.scores[1])})
}
