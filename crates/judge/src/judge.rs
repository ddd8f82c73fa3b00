//! One corpus, all sides, with names and with numbers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use fingerprint::Index;

use crate::corpus::Corpus;
use crate::numbered;
use crate::ours;
use crate::peers::Peer;
use crate::product::Names;
use crate::score::{Named, Score, score, score_closed};

/// What became of a corpus.
#[derive(Debug)]
pub struct Judged {
    pub corpus: Corpus,
    pub ours: Side,
    /// Ours in the half whose wrong answers are never listed.
    pub closed: Score,
    pub peers: Vec<Side>,
    /// What we read, once.
    pub bytes: u64,
    pub took: Duration,
}

/// One identifier's scores: with the files' names, and with numbers for names. A text where it was not judged.
#[derive(Debug)]
pub struct Side {
    pub name: String,
    pub scores: [Result<Score, String>; 2],
}

impl Side {
    /// The score of a side that cannot but be judged: ours.
    pub fn score(&self, numbered: bool) -> &Score {
        self.scores[usize::from(numbered)].as_ref().expect("our side ended, or there would be no report")
    }
}

/// Who judges, with what.
#[derive(Debug)]
pub struct Judge<'a> {
    pub index: &'a Index,
    pub names: Names,
    pub peers: Vec<Peer>,
    /// What a peer gets for each look at a corpus.
    pub peer_seconds: u64,
}

impl Judge<'_> {
    /// Runs every side on a corpus.
    ///
    /// # Errors
    /// A file of it cannot be read, or our answers depend on the names of files.
    pub fn judge(&self, corpus: Corpus, scratch: &Path) -> Result<Judged> {
        let numbers = scratch.join(&corpus.name);
        numbered::link(&corpus, &numbers)?;
        let named: Vec<Vec<PathBuf>> = corpus.cases.iter().map(|case| case.files.clone()).collect();
        let run = ours::identify(&corpus.folder, &named, self.index)?;
        let renamed: Vec<Vec<PathBuf>> =
            (0..corpus.cases.len()).map(|case| numbered::files(&corpus, case).collect()).collect();
        let again = ours::identify(&numbers, &renamed, self.index)?;
        let scores = [&run, &again].map(|run| score(&corpus, &run.named, &self.names));
        ensure!(
            scores[0].product == scores[1].product && scores[0].version == scores[1].version,
            "names of files decide in {}",
            corpus.name
        );
        let closed = score_closed(&corpus, &run.named, &self.names);
        let ours = Side { name: "ours".to_owned(), scores: scores.map(Ok) };
        let peers = self.peers.iter().map(|peer| self.peer(peer, &corpus, &numbers)).collect();
        Ok(Judged { corpus, ours, closed, peers, bytes: run.bytes, took: run.took })
    }

    fn peer(&self, peer: &Peer, corpus: &Corpus, numbers: &Path) -> Side {
        let cases = named_cases(corpus);
        let with_names = peer
            .run(&corpus.folder, self.peer_seconds)
            .map(|found| sort(corpus, found, |path| cases.get(path).copied().or_else(|| folder_case(corpus, path))));
        let with_numbers = peer.run(numbers, self.peer_seconds).map(|found| sort(corpus, found, numbered::case_of));
        let scores = [with_names, with_numbers].map(|found| match found {
            Ok(named) => Ok(score(corpus, &named, &self.names)),
            Err(error) => Err(format!("{error:#}")),
        });
        Side { name: peer.kind.to_string(), scores }
    }
}

fn named_cases(corpus: &Corpus) -> HashMap<&Path, usize> {
    let files = corpus
        .cases
        .iter()
        .enumerate()
        .flat_map(|(number, case)| case.files.iter().map(move |file| (file.as_path(), number)));
    files.collect()
}

/// A peer may name a folder, or a file that it makes up below one.
fn folder_case(corpus: &Corpus, path: &Path) -> Option<usize> {
    corpus.cases.iter().position(|case| path.starts_with(&case.path))
}

fn sort(corpus: &Corpus, found: Vec<(PathBuf, Named)>, case_of: impl Fn(&Path) -> Option<usize>) -> Vec<Vec<Named>> {
    let mut cases = vec![Vec::new(); corpus.cases.len()];
    for (path, named) in found {
        if let Some(case) = case_of(&path) {
            cases[case].push(named);
        }
    }
    cases
}
