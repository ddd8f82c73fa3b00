//! `assay scan compare`: what differs between two scans, and why.

use std::path::{Path, PathBuf};

use advisory::{Profile, Snapshot};
use anyhow::Result;
use base::Clock;
use bom::{Report, Severity};
use inventory::ImageInventory;
use scan::{Comparison, Side};

use super::{Reached, Reading, print, read, source::Source, width};
use crate::client;

/// Say what differs between two scans, and why. A report that `assay scan` wrote as JSON is taken as it is, anything else is scanned.
#[derive(Debug, clap::Args)]
pub(super) struct Compare {
    /// An image, a folder, a bill of materials or a report, as for `assay scan`.
    #[arg(value_name = "BEFORE")]
    before: Source,
    #[arg(value_name = "AFTER")]
    after: Source,
    /// The advisories to judge BEFORE with, where they are not those of AFTER.
    #[arg(long, value_name = "FILE")]
    advisories_before: Option<PathBuf>,
    /// How severities of BEFORE are told, where not as those of AFTER.
    #[arg(long, value_name = "PROFILE")]
    profile_before: Option<Profile>,
    #[command(flatten)]
    reading: Reading,
}

/// One side with everything that can be asked of it.
struct Judged {
    report: Report,
    image: ImageInventory,
    /// None where a report was made with others than those at hand.
    snapshot: Option<Snapshot>,
}

impl Compare {
    pub(super) async fn run(self, format: client::Format) -> Result<()> {
        let after = self.reading.snapshot(self.reading.advisories.as_deref())?;
        let before = match &self.advisories_before {
            Some(path) => self.reading.snapshot(Some(path))?,
            None => after.clone(),
        };
        let profile = self.reading.profile;
        let old = self.judged(&self.before, &[&before, &after], self.profile_before.unwrap_or(profile)).await?;
        let new = self.judged(&self.after, &[&after, &before], profile).await?;
        let comparison = scan::compare(old.side(), new.side());
        match format {
            client::Format::Json => print(&comparison.to_json())?,
            client::Format::Text => print(comparison.to_table(width(), self.reading.all).as_bytes())?,
        }
        self.judge(&comparison)
    }

    /// Judged with the first of the snapshots; what is a report already may have been made with any of them.
    async fn judged(&self, source: &Source, snapshots: &[&Snapshot], profile: Profile) -> Result<Judged> {
        if let Some(report) = finished(source)? {
            let digest = report.snapshot.as_ref().map(|snapshot| snapshot.digest.as_str());
            let snapshot = snapshots.iter().find(|snapshot| Some(snapshot.digest()) == digest);
            let image = scan::inventory_of(&report);
            return Ok(Judged { report, image, snapshot: snapshot.map(|snapshot| (*snapshot).clone()) });
        }
        let (mut about, image) = self.reading.inspect(source).await?;
        about.base = scan::base_told(&about);
        let snapshot = snapshots.first().map(|snapshot| (*snapshot).clone());
        let judging = snapshot.as_ref().map(|snapshot| self.reading.judging(snapshot, profile));
        let mut report = scan::report(&about, &image, judging, Clock::System.now());
        self.reading.apply_statements(&mut report)?;
        Ok(Judged { report, image, snapshot })
    }

    /// Only what is new counts: what was as bad before is no reason to refuse AFTER.
    fn judge(&self, comparison: &Comparison) -> Result<()> {
        let Some(least) = &self.reading.fail_on else { return Ok(()) };
        let least: Severity = least.parse().map_err(anyhow::Error::msg)?;
        match (comparison.reaching(least), comparison.new_gaps.len()) {
            (0, 0) => Ok(()),
            (0, gaps) => Err(Reached(format!("{gaps} things could not be judged that could be before")).into()),
            (bad, _) => {
                let said = format!(
                    "{bad} findings are {} or worse, or of unknown severity, and were not before",
                    least.as_str()
                );
                Err(Reached(said).into())
            }
        }
    }
}

impl Judged {
    fn side(&self) -> Side<'_> {
        Side { report: &self.report, judged: self.snapshot.as_ref().map(|snapshot| (snapshot, &self.image)) }
    }
}

/// A report with what was matched in it; a bill alone has still to be judged.
fn finished(source: &Source) -> Result<Option<Report>> {
    let Source::Bill(path) = source else { return Ok(None) };
    let path: &Path = path;
    Ok(Report::from_json(&read(path)?).ok().filter(|report| report.snapshot.is_some()))
}
