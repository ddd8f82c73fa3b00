//! What administrators set about new snapshots: where they come from and when, whom they are trusted from, when one is stale.

use std::{fmt, str::FromStr};

use audit::Entry;
use base::{Ctx, Timestamp, limits};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use tlog::VerifierKey;

use crate::{
    Error, Scan,
    store::{self, UPDATES_KEY},
};

/// How new snapshots come. Whether any is fetched at all is the setting `sync_online`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Updates {
    /// Asked in this order, until one of them answers.
    pub urls: Vec<UpdateUrl>,
    /// When they are asked, every day.
    pub daily_at: TimeOfDay,
    /// With any key, a snapshot must be signed by one of them. What is fetched must be in any case.
    pub keys: Vec<VerifierKey>,
    /// From which age on, in days, a snapshot is called stale.
    pub stale_days: u32,
}

/// New values; what is None stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct UpdatesChanges {
    pub urls: Option<Vec<String>>,
    pub daily_at: Option<String>,
    pub keys: Option<Vec<String>>,
    pub stale_days: Option<u32>,
}

/// The address of a folder that `assay advisories publish` wrote. It holds no credentials, so that it can be shown and logged.
#[derive(Clone, PartialEq, Eq)]
pub struct UpdateUrl(Url);

/// A minute of the day, UTC, written `03:00`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay {
    minute: u16,
}

impl Default for Updates {
    fn default() -> Updates {
        let daily_at = TimeOfDay { minute: 3 * 60 };
        Updates { urls: Vec::new(), daily_at, keys: Vec::new(), stale_days: limits::SNAPSHOT_STALE_DAYS }
    }
}

impl Updates {
    fn with(self, changes: UpdatesChanges) -> Result<Updates, Error> {
        let mut new = self;
        if let Some(urls) = changes.urls {
            new.urls = few(urls, "addresses", limits::UPDATE_URLS)?;
        }
        if let Some(keys) = changes.keys {
            new.keys = few(keys, "keys", limits::UPDATE_KEYS)?;
        }
        if let Some(daily_at) = changes.daily_at {
            new.daily_at = daily_at.parse()?;
        }
        new.stale_days = changes.stale_days.unwrap_or(new.stale_days);
        if new.stale_days == 0 {
            return Err(Error::Invalid("staleDays is 1 or more: every snapshot is some hours old".to_owned()));
        }
        Ok(new)
    }

    /// How the log writes them.
    pub(crate) fn guard(&self) -> String {
        let list = |texts: Vec<String>| texts.join(" ");
        let urls = list(self.urls.iter().map(ToString::to_string).collect());
        let keys = list(self.keys.iter().map(ToString::to_string).collect());
        format!("urls [{urls}] daily {} keys [{keys}] stale {}", self.daily_at, self.stale_days)
    }
}

fn few<T: FromStr<Err: fmt::Display>>(texts: Vec<String>, what: &str, limit: usize) -> Result<Vec<T>, Error> {
    if texts.len() > limit {
        return Err(Error::Invalid(format!("there can be at most {limit} {what}")));
    }
    let parsed = texts.iter().map(|text| text.parse());
    parsed.collect::<Result<_, T::Err>>().map_err(|error| Error::Invalid(error.to_string()))
}

impl Scan {
    /// The settings in force.
    pub async fn updates(&self) -> Result<Updates, Error> {
        Ok(store::updates(&mut self.db.read().await?).await?)
    }

    /// Set some of them. A snapshot that is in use stays in use, also when none of the keys signed it. Administrators only.
    pub async fn change_updates(&self, ctx: &Ctx, changes: UpdatesChanges) -> Result<Updates, Error> {
        db::write!(self.db, ctx, |tx| {
            identity::Level::require_admin(tx, &ctx.actor).await.map_err(|error| Error::Registry(error.into()))?;
            let old = store::updates(tx).await?;
            let new = old.clone().with(changes.clone())?;
            if new == old {
                return Ok(old);
            }
            store::set_updates(tx, &new).await?;
            let texts = |keys: &[VerifierKey]| keys.iter().map(ToString::to_string).collect::<Vec<_>>();
            let entry = Entry::new("scan.updates_changed")
                .detail("urls", new.urls.iter().map(ToString::to_string).collect::<Vec<_>>())
                .detail("dailyAt", new.daily_at.to_string())
                .detail("keys", texts(&new.keys))
                .detail("staleDays", new.stale_days)
                .set(UPDATES_KEY, new.guard());
            audit::append(tx, ctx, entry).await?;
            Ok::<_, Error>(new)
        })
    }
}

impl UpdateUrl {
    /// The address of a file in the folder.
    pub(crate) fn file(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}/{path}", self.0.path().trim_end_matches('/')));
        url
    }
}

impl TimeOfDay {
    /// The last time that it was this time of day.
    pub(crate) fn last_before(self, now: Timestamp) -> Timestamp {
        const DAY: i64 = 24 * 60 * 60;
        let offset = i64::from(self.minute) * 60;
        let seconds = (now.as_second() - offset).div_euclid(DAY) * DAY + offset;
        Timestamp::from_second(seconds).unwrap_or(Timestamp::MIN)
    }
}

impl FromStr for UpdateUrl {
    type Err = Error;

    /// The error never quotes the text: somebody may have put a password into it.
    fn from_str(text: &str) -> Result<UpdateUrl, Error> {
        let refused = |why: &str| Error::Invalid(format!("the address of a published folder {why}"));
        if text.len() > limits::UPDATE_URL_BYTES {
            return Err(refused(&format!("has at most {} bytes", limits::UPDATE_URL_BYTES)));
        }
        let url = Url::parse(text).map_err(|error| refused(&format!("must be a URL: {error}")))?;
        if !matches!(url.scheme(), "https" | "http") || url.host().is_none() || url.port() == Some(0) {
            return Err(refused("must begin with https:// or http:// and name a host"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(refused("must have no user, password, query or fragment: it is shown to everybody"));
        }
        Ok(UpdateUrl(url))
    }
}

impl fmt::Display for UpdateUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0.as_str())
    }
}

impl fmt::Debug for UpdateUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl FromStr for TimeOfDay {
    type Err = Error;

    fn from_str(text: &str) -> Result<TimeOfDay, Error> {
        let number = |text: &str, below: u16| {
            let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number: &u16| digits && *number < below)
        };
        let parts = text.split_once(':').and_then(|(hour, minute)| Some((number(hour, 24)?, number(minute, 60)?)));
        let (hour, minute) =
            parts.ok_or_else(|| Error::Invalid(format!("{text:?} is no time of day such as 03:00, in UTC")))?;
        Ok(TimeOfDay { minute: hour * 60 + minute })
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:02}:{:02}", self.minute / 60, self.minute % 60)
    }
}

impl fmt::Debug for TimeOfDay {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl Serialize for UpdateUrl {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day() {
        let at: TimeOfDay = "03:00".parse().unwrap();
        assert_eq!(at.to_string(), "03:00");
        for (now, last) in [
            ("2026-11-30T03:00:00Z", "2026-11-30T03:00:00Z"),
            ("2026-11-30T02:59:59Z", "2026-11-29T03:00:00Z"),
            ("2026-11-30T23:59:59Z", "2026-11-30T03:00:00Z"),
            ("1969-12-31T02:00:00Z", "1969-12-30T03:00:00Z"),
        ] {
            assert_eq!(at.last_before(now.parse().unwrap()), last.parse().unwrap(), "{now}");
        }
        for bad in ["", "3:00", "24:00", "03:60", "03:0", "+3:00", "03:00:00", "0300"] {
            assert!(bad.parse::<TimeOfDay>().is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_hold_no_credentials_and_name_files() {
        let url = |text: &str| text.parse::<UpdateUrl>();
        for folder in ["https://mirror.test/assay", "https://mirror.test/assay/"] {
            let file = url(folder).unwrap().file("delta/00.tar");
            assert_eq!(file.as_str(), "https://mirror.test/assay/delta/00.tar");
        }
        assert_eq!(
            url("http://mirror.test:81").unwrap().file("latest.tar").as_str(),
            "http://mirror.test:81/latest.tar"
        );
        let long = format!("https://h/{}", "a".repeat(3000));
        for bad in
            ["", "h", "ftp://h/", "https://", "https://u:hunter2@h/", "https://h/?token=hunter2", "https://h/#x", &long]
        {
            let error = url(bad).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
