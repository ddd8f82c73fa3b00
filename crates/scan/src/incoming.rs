//! A snapshot that comes from outside: what the file holds, whether a trusted key signed it, and what snapshot that makes.
//!
//! ```text
//!   file ─► archive ─► note ─► a trusted key signed it ─► claim ─────────┐
//!              └─────► snapshot, or delta applied to the present one ─► is it what was claimed? ─► Incoming
//! ```

use advisory::{Archive, Claim, Content, Delta, Snapshot};
use tlog::{Note, VerifierKey};

use crate::Error;

/// A snapshot that is whole, and who vouches for it.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) snapshot: Snapshot,
    /// Names and ids of the trusted keys that signed it; empty when no key is trusted here.
    pub(crate) signed_by: Vec<String>,
}

impl Incoming {
    /// Take a file apart and verify all of it, which takes about as long as building the snapshot. With trusted keys one of
    /// them must have signed it; without, nobody can have.
    pub(crate) fn read(bytes: &[u8], trusted: &[VerifierKey], current: &Snapshot) -> Result<Incoming, Error> {
        let archive = Archive::parse(bytes).map_err(invalid)?;
        let (claim, signed_by) = claimed(archive.note, trusted)?;
        let snapshot = match archive.content {
            Content::Snapshot(bytes) => Snapshot::parse(bytes).map_err(|error| {
                Error::Invalid(format!("this is no advisory snapshot, and no delta of one: {error}"))
            })?,
            Content::Delta(bytes) => Delta::parse(bytes).and_then(|delta| delta.apply(current)).map_err(invalid)?,
        };
        if claim.is_some_and(|claim| !claim.is_of(&snapshot)) {
            let digest = snapshot.digest();
            return Err(Error::Invalid(format!(
                "the note in the archive is about another snapshot than the one that came, {digest}"
            )));
        }
        Ok(Incoming { snapshot, signed_by })
    }
}

/// What the note claims, and which trusted keys signed that.
pub(crate) fn claimed(note: Option<&[u8]>, trusted: &[VerifierKey]) -> Result<(Option<Claim>, Vec<String>), Error> {
    let Some(note) = note else {
        if trusted.is_empty() {
            return Ok((None, Vec::new()));
        }
        return Err(Error::Invalid(format!(
            "nobody signed this snapshot, and only what {} signed is taken here; make it with assay advisories build --sign KEYFILE",
            named(trusted).join(" or ")
        )));
    };
    let wrong = |error: tlog::Error| Error::Invalid(format!("the signed note is wrong: {error}"));
    let note = Note::parse(note).map_err(wrong)?;
    let signed_by = match trusted {
        [] => Vec::new(),
        trusted => named(
            note.verify(trusted)
                .map_err(|error| Error::Invalid(format!("{error}; trusted here: {}", named(trusted).join(", "))))?,
        ),
    };
    Ok((Some(note.text().parse().map_err(invalid)?), signed_by))
}

/// `name+id` of each key: enough for people to tell them apart.
pub(crate) fn named<'k>(keys: impl IntoIterator<Item = &'k VerifierKey>) -> Vec<String> {
    keys.into_iter().map(|key| format!("{}+{}", key.name(), key.id())).collect()
}

fn invalid(error: advisory::Error) -> Error {
    Error::Invalid(error.to_string())
}

#[cfg(test)]
mod tests {
    use advisory::About;
    use base::Entropy;
    use tlog::Signer;

    use super::*;

    fn signer(seed: u64) -> Signer {
        Signer::generate("advisories.test".parse().unwrap(), &Entropy::seeded(seed))
    }

    fn snapshot(created: &str) -> Snapshot {
        let about = About { created: created.parse().unwrap(), name: "test".into(), ..About::default() };
        Snapshot::new(about, advisory::starter().records().unwrap().into_iter().take(5).collect()).unwrap()
    }

    fn signed(content: Content<'_>, of: &Snapshot, by: &Signer) -> Vec<u8> {
        let note = Note::sign(Claim::of(of).to_string(), by).unwrap().to_string();
        Archive { content, note: Some(note.as_bytes()) }.serialise()
    }

    fn refused(bytes: &[u8], trusted: &[VerifierKey], current: &Snapshot) -> String {
        Incoming::read(bytes, trusted, current).unwrap_err().to_string()
    }

    #[test]
    fn only_what_a_trusted_key_signed() {
        let (ours, other) = (signer(1), signer(2));
        let trusted = [ours.verifier().clone()];
        let (old, new) = (snapshot("2026-01-01T00:00:00Z"), snapshot("2026-02-01T00:00:00Z"));
        let good = signed(Content::Snapshot(new.bytes()), &new, &ours);
        let taken = Incoming::read(&good, &trusted, &old).unwrap();
        assert_eq!((taken.snapshot.digest(), taken.signed_by), (new.digest(), named(&trusted)));
        // Without a trusted key nobody vouches for anything.
        assert!(Incoming::read(&good, &[], &old).unwrap().signed_by.is_empty());
        assert!(Incoming::read(new.bytes(), &[], &old).unwrap().signed_by.is_empty());

        assert!(refused(new.bytes(), &trusted, &old).contains("nobody signed"));
        let foreign = signed(Content::Snapshot(new.bytes()), &new, &other);
        assert!(refused(&foreign, &trusted, &old).contains("trusted here: advisories.test+"));
        let replaced = signed(Content::Snapshot(new.bytes()), &old, &ours);
        assert!(refused(&replaced, &trusted, &old).contains("another snapshot"));
        assert!(refused(&replaced, &[], &old).contains("another snapshot"));
        for end in [512, good.len() / 2, new.bytes().len()] {
            refused(&good[..end], &trusted, &old);
        }
    }

    #[test]
    fn a_delta_is_taken_on_the_snapshot_it_is_for() {
        let ours = signer(1);
        let trusted = [ours.verifier().clone()];
        let (old, new) = (snapshot("2026-01-01T00:00:00Z"), snapshot("2026-02-01T00:00:00Z"));
        let delta = Delta::between(&old, &new).unwrap().serialise();
        let good = signed(Content::Delta(&delta), &new, &ours);
        assert_eq!(Incoming::read(&good, &trusted, &old).unwrap().snapshot.digest(), new.digest());
        assert_eq!(Incoming::read(&delta, &[], &old).unwrap().snapshot.digest(), new.digest());
        assert!(refused(&good, &trusted, &new).contains("this delta is for the snapshot"));
        assert!(refused(&delta, &trusted, &old).contains("nobody signed"));
        let promise = signed(Content::Delta(&delta), &old, &ours);
        assert!(refused(&promise, &trusted, &old).contains("another snapshot"));
    }

    /// Every way to break a signed archive is noticed, but in padding that says nothing.
    #[test]
    fn a_thousand_mutated_archives_give_what_was_signed_or_nothing() {
        let ours = signer(1);
        let trusted = [ours.verifier().clone()];
        let (old, new) = (snapshot("2026-01-01T00:00:00Z"), snapshot("2026-02-01T00:00:00Z"));
        let delta = Delta::between(&old, &new).unwrap().serialise();
        let (mut state, mut refusals) = (7_u64, 0);
        for content in [Content::Snapshot(new.bytes()), Content::Delta(&delta)] {
            let whole = signed(content, &new, &ours);
            for _ in 0..500 {
                let mut bytes = whole.clone();
                for _ in 0..2 {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let at = (state >> 33) as usize % whole.len();
                    bytes[at] ^= 1 << (state % 8);
                }
                match Incoming::read(&bytes, &trusted, &old) {
                    Ok(taken) => {
                        assert_eq!((taken.snapshot.digest(), taken.signed_by), (new.digest(), named(&trusted)));
                    }
                    Err(Error::Invalid(_)) => refusals += 1,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        assert!(refusals > 500, "{refusals}");
    }
}
