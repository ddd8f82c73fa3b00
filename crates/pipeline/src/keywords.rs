//! The words of the language: which are known, which are refused, and which one was probably meant.

/// Keys at the top of a file that are no jobs.
pub(crate) const TOP_LEVEL: &[&str] = &[
    "after_script",
    "before_script",
    "cache",
    "default",
    "image",
    "include",
    "services",
    "stages",
    "types",
    "variables",
    "workflow",
];

/// Keys of a job that are understood.
pub(crate) const JOB: &[&str] = &[
    "after_script",
    "allow_failure",
    "artifacts",
    "before_script",
    "cache",
    "coverage",
    "dependencies",
    "environment",
    "except",
    "extends",
    "image",
    "interruptible",
    "needs",
    "only",
    "resource_group",
    "retry",
    "rules",
    "script",
    "services",
    "stage",
    "start_in",
    "tags",
    "timeout",
    "variables",
    "when",
];

/// Keys of `default` that are understood.
pub(crate) const DEFAULT: &[&str] = &[
    "after_script",
    "artifacts",
    "before_script",
    "cache",
    "image",
    "interruptible",
    "retry",
    "services",
    "tags",
    "timeout",
];

/// Keys of a job that would change its result and are not supported, with what to do instead.
pub(crate) const REFUSED: &[(&str, &str)] = &[
    ("hooks", "put the commands into `before_script`"),
    ("id_tokens", "use a masked project variable"),
    ("identity", "use a masked project variable"),
    ("inherit", "override the inherited keywords in the job itself"),
    ("inputs", "use `variables`"),
    ("parallel", "write one job for each, with `extends`"),
    ("release", "call the API from `script`"),
    ("run", "use `script`"),
    ("secrets", "use a masked project variable"),
    ("trigger", "call the other project's pipeline trigger from `script`"),
];

/// Keys of a job that change nothing in what it does.
pub(crate) const HARMLESS: &[&str] = &["manual_confirmation", "pages", "publish"];

/// `; did you mean `script`?`, or nothing when no known word is near.
pub(crate) fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let near = |candidate: &&str| candidate.len().abs_diff(given.len()) <= 2;
    let nearest = known
        .into_iter()
        .filter(near)
        .map(|candidate| (distance(given, candidate), candidate))
        .filter(|&(distance, _)| distance <= 2 && distance * 3 <= given.len())
        .min();
    nearest.map(|(_, candidate)| format!("; did you mean `{candidate}`?")).unwrap_or_default()
}

/// Steps between two words: a letter more, less, other, or two neighbours swapped. Long words are not compared.
fn distance(one: &str, other: &str) -> usize {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() > 40 || other.len() > 40 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let swap = usize::from(one[i - 1] != other[j - 1]);
            let mut steps = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + swap);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                steps = steps.min(before[j - 2] + 1);
            }
            row.push(steps);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_suggested_and_a_far_one_is_not() {
        assert_eq!(did_you_mean("scritp", JOB.iter().copied()), "; did you mean `script`?");
        assert_eq!(did_you_mean("befor_script", JOB.iter().copied()), "; did you mean `before_script`?");
        assert_eq!(did_you_mean("banana", JOB.iter().copied()), "");
        assert_eq!(did_you_mean("stage", ["image"]), "");
        assert_eq!(did_you_mean("a", JOB.iter().copied()), "");
    }
}
