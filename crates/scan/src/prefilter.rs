//! Which images may have a vulnerability, by their subjects alone: no inventory is read for those that cannot.

use std::collections::{BTreeSet, HashSet};

use advisory::{Family, Mention, Snapshot};

use crate::{Error, Scan, layers::blocking, rematch::Subjects, store, subjects::each};

/// Inventories whose subjects are read at once.
const PAGE: i64 = 1_000;

impl Scan {
    /// The inventories with a subject that a snapshot in use says this of; None where that cannot be told, for a snapshot is gone.
    pub(crate) async fn inventories_with(&self, id: &str) -> Result<Option<HashSet<String>>, Error> {
        let current = self.current.get();
        let outdated = store::outdated(&mut self.db.read().await?, current.digest()).await?;
        let mut snapshots = vec![current];
        for digest in outdated {
            let Ok(snapshot) = self.snapshot_of(&digest).await else { return Ok(None) };
            snapshots.push(snapshot);
        }
        let subjects = Subjects::load(self).await?;
        let ids = spellings(id);
        let numbers = blocking(move || {
            let said = snapshots.iter().flat_map(|snapshot| numbers_with(&subjects, snapshot, &ids));
            said.collect::<HashSet<u64>>()
        });
        let numbers = numbers.await?;
        let (mut found, mut after) = (HashSet::new(), String::new());
        while !numbers.is_empty() {
            let page = store::lists_after(&mut self.db.read().await?, &after, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after.clone_from(last);
            for (inventory, list) in page {
                let mut wanted = false;
                let read = each(&list, |number, _| wanted |= numbers.contains(&number));
                read.ok_or_else(|| Error::Internal(format!("the subjects of {inventory} cannot be read")))?;
                if wanted {
                    found.insert(inventory);
                }
            }
        }
        Ok(Some(found))
    }
}

fn numbers_with(subjects: &Subjects, snapshot: &Snapshot, ids: &[String]) -> Vec<u64> {
    let packages: BTreeSet<(Family, &str)> = ids.iter().flat_map(|id| snapshot.packages_named(id)).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let affected = |(number, stored): &(u64, crate::subjects::StoredSubject)| {
        let subject = stored.as_subject();
        let family = subject.ecosystem.as_ref()?.family();
        let spoken_of = subject.names().any(|name| packages.contains(&(family, name.as_ref())));
        (spoken_of && snapshot.mention(&subject, &ids) == Mention::ThisVersion).then_some(*number)
    };
    subjects.all().iter().filter_map(affected).collect()
}

/// Ids are written in capitals, but for what follows GitHub's prefix.
fn spellings(id: &str) -> Vec<String> {
    let mut spellings = vec![id.to_owned(), id.to_ascii_uppercase()];
    if let Some((prefix, rest)) = id.split_once('-') {
        spellings.push(format!("{}-{}", prefix.to_ascii_uppercase(), rest.to_ascii_lowercase()));
    }
    spellings
}
