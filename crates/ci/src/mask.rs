//! Secrets are struck out of a log on the server too: the runner does it first, but a runner can be anybody's.

use std::collections::BTreeSet;

use base::limits;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

const STRUCK: &[u8] = b"[MASKED]";

/// Every token of this installation begins so, and has at least so many characters after it.
pub(crate) const TOKEN_PREFIX: &str = "assay-";
const TOKEN_BYTES: usize = 30;

/// What a runner strikes out by its beginning alone, whatever follows. An account's token has nothing but the prefix before
/// its letters, and so have plain words such as `assay-runner`; those are told apart here, by their length.
pub(crate) const TOKEN_KINDS: [&str; 3] = ["assay-job-", "assay-trigger-", "assay-registration-"];

/// Bytes that may be held back because a secret could begin in them.
const HELD_BYTES: usize = 256 * 1024;

/// The texts that must not stand in a log.
#[derive(Debug)]
pub(crate) struct Masker {
    needles: Vec<Box<[u8]>>,
    /// For each first byte, the needles that begin with it.
    first: Vec<Vec<usize>>,
}

/// What begins at a place of the text.
enum Found {
    Nothing,
    Secret(usize),
    /// It takes more bytes to tell.
    Unsure,
}

impl Masker {
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Masker {
        let forms: BTreeSet<Vec<u8>> = secrets.into_iter().flat_map(forms).collect();
        let needles: Vec<Box<[u8]>> = forms.into_iter().map(Vec::into_boxed_slice).collect();
        let mut first = vec![Vec::new(); 256];
        for (index, needle) in needles.iter().enumerate() {
            first[usize::from(needle[0])].push(index);
        }
        Masker { needles, first }
    }

    /// Mask what is `held` from before and the next `chunk`. Gives what can be shown and what must be held back until more
    /// comes; nothing is held when it is the `last` chunk. However a text is cut, the result is the same.
    pub(crate) fn mask(&self, held: &[u8], chunk: &[u8], last: bool) -> (Vec<u8>, Vec<u8>) {
        let text = [held, chunk].concat();
        let last = last || text.len() > HELD_BYTES + chunk.len();
        let mut shown = Vec::with_capacity(text.len());
        // Where the present run of overlapping secrets began, in the text and in what is shown, and where it ends.
        let (mut begin, mut begin_shown, mut end) = (0, 0, 0);
        for at in 0..text.len() {
            match self.look(&text[at..], last) {
                Found::Unsure => {
                    let from = if at < end { begin } else { at };
                    shown.truncate(if at < end { begin_shown } else { shown.len() });
                    return (shown, text[from..].to_vec());
                }
                Found::Secret(length) => {
                    if at >= end {
                        (begin, begin_shown) = (at, shown.len());
                        shown.extend_from_slice(STRUCK);
                    }
                    end = end.max(at + length);
                }
                Found::Nothing => {}
            }
            if at >= end {
                shown.push(text[at]);
            }
        }
        (shown, Vec::new())
    }

    fn look(&self, rest: &[u8], last: bool) -> Found {
        let mut longest = 0;
        for index in &self.first[usize::from(rest[0])] {
            let needle = &self.needles[*index];
            if rest.starts_with(needle) {
                longest = longest.max(needle.len());
            } else if !last && needle.starts_with(rest) {
                return Found::Unsure;
            }
        }
        match token(rest, last) {
            Found::Secret(length) => Found::Secret(length.max(longest)),
            Found::Unsure => Found::Unsure,
            Found::Nothing if longest > 0 => Found::Secret(longest),
            Found::Nothing => Found::Nothing,
        }
    }
}

/// A token of ours, of whatever kind.
fn token(rest: &[u8], last: bool) -> Found {
    let prefix = TOKEN_PREFIX.as_bytes();
    if !rest.starts_with(prefix) {
        return if !last && prefix.starts_with(rest) { Found::Unsure } else { Found::Nothing };
    }
    let letters = rest[prefix.len()..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
    let open = prefix.len() + letters == rest.len() && letters < 4 * TOKEN_BYTES;
    match (letters >= TOKEN_BYTES, open && !last) {
        (_, true) => Found::Unsure,
        (true, false) => Found::Secret(prefix.len() + letters),
        (false, false) => Found::Nothing,
    }
}

/// The forms under which a secret is likely to be printed: as it stands, escaped for JSON and URLs, in Base64.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let secret = secret.trim();
    // As GitLab's rule for what can be masked: shorter values are ordinary words. `create_variable` refuses them too.
    if secret.chars().count() < limits::MASKED_CHARS {
        return Vec::new();
    }
    let mut forms = vec![secret.as_bytes().to_vec()];
    let json = serde_json::to_string(secret).expect("a text has a JSON form");
    forms.push(json.as_bytes()[1..json.len() - 1].to_vec());
    let mut url = Vec::new();
    for byte in secret.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            url.push(byte);
        } else {
            url.extend(format!("%{byte:02X}").bytes());
        }
    }
    forms.push(url);
    let base64 = STANDARD_NO_PAD.encode(secret);
    // The last digit may depend on what follows.
    if base64.len() > 8 {
        forms.push(base64.as_bytes()[..secret.len() * 8 / 6].to_vec());
    }
    forms
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Masker;

    fn all(masker: &Masker, text: &[u8], cuts: &[usize]) -> String {
        let (mut shown, mut held, mut at) = (Vec::new(), Vec::new(), 0);
        for cut in cuts {
            let next = (at + cut).min(text.len());
            let (more, kept) = masker.mask(&held, &text[at..next], false);
            shown.extend(more);
            (held, at) = (kept, next);
        }
        let (more, kept) = masker.mask(&held, &text[at..], true);
        assert!(kept.is_empty());
        shown.extend(more);
        String::from_utf8(shown).unwrap()
    }

    #[test]
    fn secrets_their_forms_and_tokens_are_struck() {
        let masker = Masker::new(["pa$$word one", "runner", "z"]);
        let token = format!("assay-job-{}", "a".repeat(40));
        let text = format!("x pa$$word one y pa%24%24word%20one z {token}! assay-runner cGEkJHdvcmQgb25l.");
        let shown = all(&masker, text.as_bytes(), &[]);
        assert_eq!(shown, "x [MASKED] y [MASKED] z [MASKED]! assay-runner [MASKED].");
    }

    proptest! {
        #[test]
        fn cutting_does_not_matter(text in "[ab ]{0,80}", cuts in proptest::collection::vec(0_usize..9, 0..12)) {
            let masker = Masker::new(["abababab", "baabbaabb", "aaaaaaaa"]);
            let whole = all(&masker, text.as_bytes(), &[]);
            let parted = all(&masker, text.as_bytes(), &cuts);
            prop_assert_eq!(&parted, &whole);
            for secret in ["abababab", "baabbaabb", "aaaaaaaa"] {
                prop_assert!(!whole.contains(secret));
            }
        }

        #[test]
        fn a_token_never_gets_through(before in "[a-z-]{0,10}", letters in "[a-z2-7]{40}", cuts in proptest::collection::vec(0_usize..20, 0..12)) {
            let shown = all(&Masker::new([]), format!("{before}assay-{letters} end").as_bytes(), &cuts);
            prop_assert!(!shown.contains(&letters), "{}", shown);
        }
    }
}
