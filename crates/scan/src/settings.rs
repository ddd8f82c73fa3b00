//! What administrators set for the scanner of the whole installation.

use std::time::Duration;

use audit::Entry;
use base::{Ctx, limits::LAYER_READING};
use db::Tx;
use registry::Registry;

use crate::{
    Error, Scan, attest, fetch,
    jobs::Renew,
    renew,
    store::{self, SETTINGS_KEY},
};

/// The system-wide settings, as DTR had them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// While this is off, pushes are not scanned and requests are refused; what was found before stays.
    pub enabled: bool,
    /// How long one layer may be read, in minutes; 0 sets no limit besides [`LAYER_READING`], which always holds.
    pub deadline_minutes: u32,
    /// Whether snapshots are to be fetched from the network.
    pub sync_online: bool,
    /// Whether a new snapshot is held against everything that was scanned at once, and not only when somebody asks.
    pub auto_recheck: bool,
    /// Whether inventory and scan of an image are attached to it as signed attestations. What is there stays when this is switched off.
    pub attest: bool,
}

/// New values; what is None stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct SettingsChanges {
    pub enabled: Option<bool>,
    pub deadline_minutes: Option<u32>,
    pub sync_online: Option<bool>,
    pub auto_recheck: Option<bool>,
    pub attest: Option<bool>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { enabled: true, deadline_minutes: 0, sync_online: false, auto_recheck: true, attest: true }
    }
}

impl Settings {
    fn with(self, changes: SettingsChanges) -> Settings {
        Settings {
            enabled: changes.enabled.unwrap_or(self.enabled),
            deadline_minutes: changes.deadline_minutes.unwrap_or(self.deadline_minutes),
            sync_online: changes.sync_online.unwrap_or(self.sync_online),
            auto_recheck: changes.auto_recheck.unwrap_or(self.auto_recheck),
            attest: changes.attest.unwrap_or(self.attest),
        }
    }

    /// How long one layer may be read.
    pub(crate) fn reading_time(&self) -> Duration {
        match self.deadline_minutes {
            0 => LAYER_READING,
            minutes => LAYER_READING.min(Duration::from_secs(u64::from(minutes) * 60)),
        }
    }

    /// How the log writes them.
    pub(crate) fn guard(&self) -> String {
        let Settings { enabled, deadline_minutes, sync_online, auto_recheck, attest } = self;
        // Older entries say nothing of attestations.
        let attest = if *attest { "" } else { " attest false" };
        format!("enabled {enabled} deadline {deadline_minutes} online {sync_online} recheck {auto_recheck}{attest}")
    }
}

impl Scan {
    /// The settings in force.
    pub async fn settings(&self) -> Result<Settings, Error> {
        Ok(store::settings(&mut self.db.read().await?).await?)
    }

    /// Set some of them. Switching the scanner on changes no repository, and scans again only what an older scanner looked at.
    /// Administrators only.
    pub async fn change_settings(&self, ctx: &Ctx, changes: SettingsChanges) -> Result<Settings, Error> {
        db::write!(self.db, ctx, |tx| {
            identity::Level::require_admin(tx, &ctx.actor).await.map_err(|error| Error::Registry(error.into()))?;
            let old = store::settings(tx).await?;
            let new = old.with(changes);
            if new == old {
                return Ok(old);
            }
            store::set_settings(tx, &new).await?;
            // What is made while the scanner is off is scanned by hand, also once it is on.
            Registry::scan_new(tx, new.enabled).await?;
            let entry = Entry::new("scan.settings_changed")
                .detail("enabled", new.enabled)
                .detail("deadlineMinutes", new.deadline_minutes)
                .detail("syncOnline", new.sync_online)
                .detail("autoRecheck", new.auto_recheck)
                .detail("attest", new.attest)
                .set(SETTINGS_KEY, new.guard());
            let entry = audit::append(tx, ctx, entry).await?;
            // As in DTR: what is switched on is not waited for until the night.
            if new.enabled && new.sync_online && !(old.enabled && old.sync_online) {
                fetch::enqueue(tx, ctx, &entry).await?;
            }
            if new.enabled && !old.enabled && !store::scanned(tx, &Renew::Outdated, "", 1).await?.is_empty() {
                renew::enqueue(tx, ctx, &Renew::Outdated, Some(&entry)).await?;
            }
            if new.attest && !old.attest {
                attest::want_all(tx, ctx, &entry).await?;
            }
            Ok::<_, Error>(new)
        })
    }

    /// At the start: a database of an earlier program does not say yet what new repositories have.
    pub(crate) async fn see_default(&self, ctx: &Ctx) -> Result<(), Error> {
        let mut tx = self.db.read().await?;
        let enabled = store::settings(&mut tx).await?.enabled;
        if Registry::scans_new(&mut tx).await? == enabled {
            return Ok(());
        }
        drop(tx);
        db::write!(self.db, ctx, |tx| Registry::scan_new(tx, enabled).await).map_err(Error::Registry)
    }

    /// Refuse what needs the scanner while it is switched off.
    pub(crate) async fn require_enabled(tx: &mut Tx) -> Result<(), Error> {
        match store::settings(tx).await?.enabled {
            true => Ok(()),
            false => Err(Error::SwitchedOff),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base::limits::LAYER_READING;

    use super::Settings;

    #[test]
    fn a_deadline_shortens_and_never_lengthens() {
        let time = |deadline_minutes| Settings { deadline_minutes, ..Settings::default() }.reading_time();
        assert_eq!(time(0), LAYER_READING);
        assert_eq!(time(2), Duration::from_secs(120));
        assert_eq!(time(u32::MAX), LAYER_READING);
    }
}
