//! What has become of a digest, in one line: pure.

use serde::{Deserialize, Serialize};

use crate::{Node, State};

/// A tag that names the digest now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// `admin/flask`
    pub repository: String,
    pub tag: String,
    /// Whether the tag came by a promotion.
    pub promoted: bool,
    pub signature: Signature,
}

/// What trust data says of a tag, now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signature {
    None,
    /// It names this digest.
    This,
    /// It names another one: the tag moved after it was signed.
    Other(String),
}

/// The last line of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub complete: bool,
    pub sentence: String,
}

/// Complete exactly when a promoted tag names the digest and its trust data does, too.
pub fn judge(named: &[Named], nodes: &[Node]) -> Verdict {
    let of = |wanted: fn(&Named) -> bool| {
        let names = named.iter().filter(|tag| wanted(tag)).map(|tag| format!("{}:{}", tag.repository, tag.tag));
        Some(names.collect::<Vec<_>>().join(", ")).filter(|names| !names.is_empty())
    };
    if let Some(names) = of(|tag| tag.promoted && tag.signature == Signature::This) {
        return Verdict { complete: true, sentence: format!("promoted and signed: {names}") };
    }
    let sentence = if let Some(names) = of(|tag| tag.promoted && matches!(tag.signature, Signature::Other(_))) {
        format!("promoted, but {names} moved after it was signed: the signature names another digest; sign it again")
    } else if let Some(names) = of(|tag| tag.promoted) {
        format!("promoted, not signed: nobody signed {names} as this digest")
    } else if let Some(why) = refusal(nodes) {
        format!("refused: {why}")
    } else if let Some(names) = of(|tag| tag.signature == Signature::This) {
        format!("signed as {names}, not promoted: no policy promoted it")
    } else if named.is_empty() {
        "no tag that you may see names this digest now".to_owned()
    } else {
        format!("not promoted: {}", unpromoted(nodes))
    };
    Verdict { complete: false, sentence }
}

/// Why the last decision said no, if it did.
fn refusal(nodes: &[Node]) -> Option<String> {
    let decided = nodes.iter().rev().find(|node| node.what == "Decided")?;
    let why = || decided.fact("because").unwrap_or("the decision names no reason").to_owned();
    (decided.state == State::Bad).then(why)
}

/// What is missing of an image that no policy decided about, or that one could not decide.
fn unpromoted(nodes: &[Node]) -> String {
    let last = |what: &str| nodes.iter().rev().find(|node| node.what == what);
    if let Some(decided) = last("Decided").filter(|node| node.state == State::Neutral) {
        return format!("undecided: {}", decided.fact("because").unwrap_or("something is unknown"));
    }
    match (last("Scanned"), last("Scan failed")) {
        (None, Some(failed)) => format!("the scan failed: {}", failed.fact("error").unwrap_or("no reason was kept")),
        (None, None) => "it was not scanned, and no policy decided about it".to_owned(),
        (Some(_), _) => "no policy promoted it".to_owned(),
    }
}
