//! What changed, in order: for mirrors and for those who watch a repository.

use std::str::FromStr;

use base::{Ctx, Timestamp, limits};
use identity::Level;
use registry::Right;

use crate::{Error, Gun, Trust, access, store};

/// One change of trust data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Counts up over all repositories.
    pub id: i64,
    pub gun: String,
    /// Of the timestamp; 0 for a deletion.
    pub version: i64,
    /// Of the timestamp, hex; empty for a deletion.
    pub sha256: String,
    pub kind: ChangeKind,
    pub created_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Update,
    Deletion,
}

impl Trust {
    /// Changes of one repository for its readers, or of all (`None`) for administrators; always oldest to newest.
    ///
    /// `records` is how many: 0 means a hundred, a negative number that many before `after`. `after` is exclusive; an id below
    /// 0 stands for the end, read backwards.
    pub async fn changes(&self, ctx: &Ctx, gun: Option<&Gun>, after: i64, records: i64) -> Result<Vec<Change>, Error> {
        let mut tx = self.db.read().await?;
        match gun {
            Some(gun) => {
                access::require(&mut tx, ctx, gun, Right::Pull).await?;
            }
            None => Level::require_admin(&mut tx, &ctx.actor).await?,
        }
        let backwards = records < 0 || after < 0;
        let limit = match records.unsigned_abs() {
            0 => limits::PAGE_DEFAULT,
            count => usize::try_from(count).unwrap_or(limits::PAGE_MAX).min(limits::PAGE_MAX),
        };
        let limit = i64::try_from(limit).expect("a page is small");
        let from = if backwards && after <= 0 { i64::MAX } else { after };
        let mut changes = store::changes(&mut tx, gun.map_or("", Gun::as_str), from, backwards, limit).await?;
        if backwards {
            changes.reverse();
        }
        Ok(changes)
    }
}

impl ChangeKind {
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeKind::Update => "update",
            ChangeKind::Deletion => "deletion",
        }
    }
}

impl FromStr for ChangeKind {
    type Err = String;

    fn from_str(text: &str) -> Result<ChangeKind, String> {
        [ChangeKind::Update, ChangeKind::Deletion]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("{text:?} is no kind of change"))
    }
}
