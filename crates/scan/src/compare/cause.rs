//! Why a finding is not as it was.

use std::collections::HashMap;

use advisory::{Mention, Snapshot};
use bom::{Finding, Report};
use inventory::ImageInventory;
use serde::{Deserialize, Serialize};

use super::pair::{Key, Pairs};
use crate::subjects::StoredSubject;

/// What brought a change about. Each change has one cause: the first, in this order, that suffices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    ComponentAdded,
    ComponentRemoved,
    ComponentVersion,
    /// The same version, told of otherwise: in another layer, from another source, of another builder.
    ComponentChanged,
    /// The image is of another release, whose advisories judge it.
    Distribution,
    AdvisoryAdded,
    AdvisoryWithdrawn,
    /// Its record says something else: ids, details, that it is exploited.
    AdvisoryChanged,
    /// Other versions are affected, or another version mends it.
    AffectedRange,
    /// The publisher says something else of it: affected, will not fix, under investigation.
    PublisherStatus,
    /// Some source rates it otherwise, or another source counts.
    SeveritySource,
    /// Scores and words are told as severities in another way.
    SeverityProfile,
    /// The advisories are others; which of their records matters is not at hand.
    Advisories,
    /// Another version of the program finds, or judges, otherwise.
    Scanner,
    WaiverAdded,
    WaiverRemoved,
    WaiverChanged,
    WaiverExpired,
    /// Somebody's statement (VEX) about it.
    Statement,
}

impl Cause {
    /// Its word in JSON and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::ComponentAdded => "component-added",
            Cause::ComponentRemoved => "component-removed",
            Cause::ComponentVersion => "component-version",
            Cause::ComponentChanged => "component-changed",
            Cause::Distribution => "distribution",
            Cause::AdvisoryAdded => "advisory-added",
            Cause::AdvisoryWithdrawn => "advisory-withdrawn",
            Cause::AdvisoryChanged => "advisory-changed",
            Cause::AffectedRange => "affected-range",
            Cause::PublisherStatus => "publisher-status",
            Cause::SeveritySource => "severity-source",
            Cause::SeverityProfile => "severity-profile",
            Cause::Advisories => "advisories",
            Cause::Scanner => "scanner",
            Cause::WaiverAdded => "waiver-added",
            Cause::WaiverRemoved => "waiver-removed",
            Cause::WaiverChanged => "waiver-changed",
            Cause::WaiverExpired => "waiver-expired",
            Cause::Statement => "statement",
        }
    }
}

/// One side with what can be asked of it.
struct Asked<'a> {
    report: &'a Report,
    snapshot: Option<&'a Snapshot>,
    subjects: HashMap<Key, StoredSubject>,
}

pub(super) struct Causes<'a> {
    before: Asked<'a>,
    after: Asked<'a>,
    pairs: &'a Pairs<'a>,
}

type Judged<'a> = Option<(&'a Snapshot, &'a ImageInventory)>;

impl<'a> Asked<'a> {
    fn new(report: &'a Report, judged: Judged<'a>) -> Asked<'a> {
        let subjects = judged.map(|(_, image)| {
            let subject = |component| {
                let key = Key::of_component(&crate::report::component(component));
                (key, StoredSubject::of(image, component))
            };
            image.components.iter().map(subject).collect()
        });
        let subjects = subjects.unwrap_or_default();
        Asked { report, snapshot: judged.map(|(snapshot, _)| snapshot), subjects }
    }

    /// What its advisories say of a vulnerability in a component of it.
    fn mention(&self, finding: &Finding) -> Option<Mention> {
        let ids: Vec<&str> = std::iter::once(&finding.id).chain(&finding.aliases).map(String::as_str).collect();
        let subject = self.subjects.get(&Key::of_finding(finding))?;
        Some(self.snapshot?.mention(&subject.as_subject(), &ids))
    }

    fn scanner(&self) -> String {
        format!("{} {}", self.report.scanner.name, self.report.scanner.version)
    }

    fn advisories(&self) -> &str {
        self.report.snapshot.as_ref().map_or("no advisories", |snapshot| match snapshot.label.as_str() {
            "" => &snapshot.digest,
            label => label,
        })
    }

    fn profile(&self) -> &str {
        self.report.snapshot.as_ref().map_or("", |snapshot| &snapshot.profile)
    }

    fn snapshot_digest(&self) -> Option<&str> {
        self.report.snapshot.as_ref().map(|snapshot| snapshot.digest.as_str())
    }

    fn distribution(&self) -> Option<(&str, &str)> {
        self.report.image.distribution.as_ref().map(|found| (found.id.as_str(), found.version.as_str()))
    }
}

impl<'a> Causes<'a> {
    pub(super) fn new(
        (before, judged_before): (&'a Report, Judged<'a>),
        (after, judged_after): (&'a Report, Judged<'a>),
        pairs: &'a Pairs<'a>,
    ) -> Causes<'a> {
        Causes { before: Asked::new(before, judged_before), after: Asked::new(after, judged_after), pairs }
    }

    /// The cause of a difference, and the sentence for it.
    pub(super) fn of(&self, before: Option<&Finding>, after: Option<&Finding>) -> (Cause, String) {
        match (before, after) {
            (Some(before), Some(after)) => self.of_changed(before, after),
            (Some(before), None) => self.of_vanished(before),
            (None, Some(after)) => self.of_appeared(after),
            (None, None) => (Cause::Scanner, String::new()),
        }
    }

    fn of_appeared(&self, finding: &Finding) -> (Cause, String) {
        let key = Key::of_finding(finding);
        let (name, version) = (&finding.component, &finding.version);
        let (old, new) = self.pairs.counts.get(&key).copied().unwrap_or_default();
        if new > old {
            return match self.pairs.origins.get(&key) {
                Some(origin) if origin.version != *version => {
                    let said = format!("{name} is {version} now, and was {}, which does not have it", origin.version);
                    (Cause::ComponentVersion, said)
                }
                Some(_) => (Cause::ComponentChanged, format!("{name} {version} is told of otherwise than before")),
                None => (Cause::ComponentAdded, format!("{name} {version} was not there")),
            };
        }
        self.of_presence(finding, &self.before, true)
    }

    fn of_vanished(&self, finding: &Finding) -> (Cause, String) {
        let key = Key::of_finding(finding);
        let (name, version) = (&finding.component, &finding.version);
        let (old, new) = self.pairs.counts.get(&key).copied().unwrap_or_default();
        if new < old {
            return match self.pairs.versions.get(&key) {
                Some(now) if now.version != *version => {
                    let said = format!("{name} was {version}, and is {} now, which does not have it", now.version);
                    (Cause::ComponentVersion, said)
                }
                Some(_) => (Cause::ComponentChanged, format!("{name} {version} is told of otherwise than before")),
                None => (Cause::ComponentRemoved, format!("{name} {version} is not there any more")),
            };
        }
        self.of_presence(finding, &self.after, false)
    }

    /// The component is on both sides, the finding on one: `without` is the other.
    fn of_presence(&self, finding: &Finding, without: &Asked<'_>, appeared: bool) -> (Cause, String) {
        let (before, after) = (&self.before, &self.after);
        if before.distribution() != after.distribution() {
            let shown = |side: &Asked<'_>| match side.distribution() {
                Some((id, version)) => format!("{id} {version}"),
                None => "no distribution".to_owned(),
            };
            let said = format!("the image is of {} now, and was of {}", shown(after), shown(before));
            return (Cause::Distribution, said);
        }
        let others = before.snapshot_digest() != after.snapshot_digest();
        let id = &finding.id;
        let (package, advisories) = (&finding.component, without.advisories());
        match without.mention(finding).filter(|_| others) {
            Some(Mention::Nothing) if appeared => {
                return (Cause::AdvisoryAdded, format!("{advisories} said nothing of {id} in {package}"));
            }
            Some(Mention::Nothing) => {
                return (Cause::AdvisoryWithdrawn, format!("{advisories} says nothing of {id} in {package} any more"));
            }
            Some(Mention::OtherVersions) => {
                let verb = if appeared { "did not count" } else { "does not count any more" };
                let version = &finding.version;
                let said = format!("{advisories} speaks of {id} in {package}, and {verb} {version} as affected");
                return (Cause::AffectedRange, said);
            }
            // The other side's advisories say it too: so the program did otherwise.
            Some(Mention::ThisVersion) => return self.scanner(),
            None => {}
        }
        if others { self.advisories() } else { self.scanner() }
    }

    fn of_changed(&self, before: &Finding, after: &Finding) -> (Cause, String) {
        if let Some(found) = self.of_waiver(before, after) {
            return found;
        }
        if before.stated != after.stated {
            let author = after.stated.as_ref().or(before.stated.as_ref()).map_or("", |stated| stated.author.as_str());
            let verb = if after.stated.is_some() { "says of it" } else { "said of it, and says no more" };
            let author = if author.is_empty() { "somebody" } else { author };
            return (Cause::Statement, format!("{author} {verb}: {}", after.status.as_str().replace('_', " ")));
        }
        if before.version != after.version {
            let said = format!("{} is {} now, and was {}", after.component, after.version, before.version);
            return (Cause::ComponentVersion, said);
        }
        if before.severity != after.severity {
            return self.of_severity(before, after);
        }
        let others = self.before.snapshot_digest() != self.after.snapshot_digest();
        let advisory = |cause: Cause, said: String| if others { (cause, said) } else { self.scanner() };
        if before.status != after.status {
            let shown = |finding: &Finding| finding.status.as_str().replace('_', " ");
            let said = format!("its publisher says {} now, and said {}", shown(after), shown(before));
            return advisory(Cause::PublisherStatus, said);
        }
        if before.fixed_in != after.fixed_in || before.range != after.range {
            let said = format!("{} now, and before: {}", shown_range(after), shown_range(before));
            return advisory(Cause::AffectedRange, said);
        }
        let placed = |finding: &Finding| {
            (finding.layer, finding.component.clone(), finding.purl.clone(), finding.version.clone())
        };
        if placed(before) != placed(after) {
            let said = match (before.layer, after.layer) {
                (Some(old), Some(new)) if old != new => format!("it is in layer {new} now, and was in layer {old}"),
                _ => format!("{} {} is told of otherwise than before", after.component, after.version),
            };
            return (Cause::ComponentChanged, said);
        }
        if before.severities != after.severities || before.cvss != after.cvss {
            return advisory(Cause::SeveritySource, rated(before, after));
        }
        let said = if before.kev.is_none() && after.kev.is_some() {
            "it is known to be exploited now".to_owned()
        } else {
            format!("its record in {} differs", self.after.advisories())
        };
        advisory(Cause::AdvisoryChanged, said)
    }

    fn of_waiver(&self, before: &Finding, after: &Finding) -> Option<(Cause, String)> {
        let now = self.after.report.created;
        let in_force = (before.waiver_at(self.before.report.created), after.waiver_at(now));
        let cause = match in_force {
            (None, Some(_)) => Cause::WaiverAdded,
            (Some(old), None) if old.expires.is_some_and(|end| end <= now) => Cause::WaiverExpired,
            (Some(_), None) => Cause::WaiverRemoved,
            _ if before.waiver == after.waiver => return None,
            _ => Cause::WaiverChanged,
        };
        let waiver = after.waiver.as_ref().or(before.waiver.as_ref())?;
        let by = if waiver.author.is_empty() { String::new() } else { format!(" of {}", waiver.author) };
        let what = match (cause, waiver.expires) {
            (Cause::WaiverAdded, _) => format!("the waiver{by} accepts it: {}", waiver.reason),
            (Cause::WaiverExpired, Some(end)) => format!("the waiver{by} was in force until {end}"),
            (Cause::WaiverExpired | Cause::WaiverRemoved, _) => format!("the waiver{by} was taken back"),
            _ => format!("the waiver{by} says something else now"),
        };
        Some((cause, what))
    }

    fn of_severity(&self, before: &Finding, after: &Finding) -> (Cause, String) {
        let ratings = (&before.severities, &before.cvss) != (&after.severities, &after.cvss);
        let (old, new) = (self.before.profile(), self.after.profile());
        if old != new && !ratings {
            let (from, to) = (before.severity, after.severity);
            let said = format!("the profile {new} tells it as {to}, the profile {old} as {from}");
            return (Cause::SeverityProfile, said);
        }
        if ratings || self.before.snapshot_digest() != self.after.snapshot_digest() {
            return (Cause::SeveritySource, rated(before, after));
        }
        self.scanner()
    }

    fn advisories(&self) -> (Cause, String) {
        let (old, new) = (&self.before, &self.after);
        let mut said = format!("judged with {} now, and before with {}", new.advisories(), old.advisories());
        if old.report.scanner != new.report.scanner {
            said.push_str(&format!("; the program is another too ({}, before {})", new.scanner(), old.scanner()));
        }
        (Cause::Advisories, said)
    }

    /// What is left when nothing else differs is the program.
    fn scanner(&self) -> (Cause, String) {
        let (old, new) = (self.before.scanner(), self.after.scanner());
        let said = match old == new {
            false => format!("looked at by {new} now, and before by {old}"),
            true => format!("everything that {new} was given is the same, so it judged otherwise"),
        };
        (Cause::Scanner, said)
    }
}

fn shown_range(finding: &Finding) -> String {
    match (&finding.fixed_in, finding.range.as_str()) {
        (_, range) if !range.is_empty() => range.to_owned(),
        (Some(fixed), _) => format!("fixed in {fixed}"),
        (None, _) => "no fixed version".to_owned(),
    }
}

/// The first source that says something else.
fn rated(before: &Finding, after: &Finding) -> String {
    let sources = before.severities.keys().chain(after.severities.keys());
    let other = sources.into_iter().find(|source| before.severities.get(*source) != after.severities.get(*source));
    match other {
        Some(source) => {
            let said =
                |finding: &Finding| finding.severities.get(source).cloned().unwrap_or_else(|| "nothing".to_owned());
            format!("{source} says {} now, and said {}", said(after), said(before))
        }
        None => "another source's rating counts".to_owned(),
    }
}
