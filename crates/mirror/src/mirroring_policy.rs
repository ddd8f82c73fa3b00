//! The noun: a mirroring policy of a repository.

use std::{fmt, str::FromStr};

use base::{Id, Secret, Timestamp, limits};
use oci::RepoName;
use policy::{Policy, PolicyForm, RuleForm};
use serde::{Deserialize, Serialize};

use crate::Error;

/// A policy that copies images of one repository to a repository elsewhere, or from there.
#[derive(Clone, Debug)]
pub struct MirroringPolicy {
    pub id: Id<MirroringPolicy>,
    pub repository: RepoName,
    pub direction: Direction,
    pub place: Place,
    pub username: String,
    /// The password and the token, sealed.
    pub(crate) sealed: Option<Vec<u8>>,
    /// Rules and template of a push policy; one that polls has no rules, and `%n`. Its target says nothing here.
    pub policy: Policy,
    /// Whether signatures, attestations and other referrers come along.
    pub referrers: bool,
    pub created_by: String,
    pub created_at: Timestamp,
    pub last_mirrored_at: Option<Timestamp>,
    pub status: Option<Status>,
    /// Failures in a row of a poll.
    pub(crate) failures: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Push,
    Poll,
    /// One tag, pushed because a person asked for it; the policy is off and without credentials afterwards.
    Once,
}

/// Where the other repository is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// `https://host:port`, as it is shown.
    pub host: String,
    pub repository: String,
    /// Certificates that are trusted there, PEM; empty for the usual ones.
    pub ca_pem: String,
    pub skip_tls: bool,
}

/// How the last try went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// `SUCCESS` or `FAILURE`.
    pub code: String,
    pub detail: String,
    pub at: Timestamp,
}

/// What can be said of a policy; `None` leaves it, or takes what is usual in a new one.
#[derive(Clone, Debug, Default)]
pub struct MirroringForm {
    pub host: Option<String>,
    pub remote_repository: Option<String>,
    pub ca_pem: Option<String>,
    pub skip_tls: Option<bool>,
    pub username: Option<String>,
    pub password: Option<Secret>,
    pub auth_token: Option<Secret>,
    pub enabled: Option<bool>,
    pub rules: Option<Vec<RuleForm>>,
    pub tag_template: Option<String>,
    pub ignore_unknown_severities: Option<bool>,
    pub referrers: Option<bool>,
}

/// What is sealed.
#[derive(Default, Deserialize, Serialize)]
pub(crate) struct Secrets {
    pub(crate) password: String,
    pub(crate) auth_token: String,
}

impl MirroringPolicy {
    pub(crate) fn state_key(&self) -> String {
        format!("mirror/policy/{}", self.id)
    }

    /// The value under [`MirroringPolicy::state_key`] in the audit log.
    pub(crate) fn state(&self) -> String {
        let enabled = if self.policy.enabled() { "enabled" } else { "disabled" };
        let Place { host, repository, .. } = &self.place;
        format!("{} {} {host} {repository} {} {enabled}", self.direction, self.repository, self.policy.digest())
    }

    pub(crate) fn subject(&self) -> String {
        format!("policy/{}", self.id)
    }

    /// Whether a password or token is kept.
    pub fn has_secret(&self) -> bool {
        self.sealed.is_some()
    }

    /// Nothing more is to be done, and so nobody needs the credentials.
    pub(crate) fn ended(self) -> Result<MirroringPolicy, Error> {
        let off = MirroringForm { enabled: Some(false), ..MirroringForm::default() };
        let policy = off.policy(self.direction, &self.repository, Some(&self.policy))?;
        Ok(MirroringPolicy { policy, sealed: None, ..self })
    }

    /// `host/repository`, as people write images.
    pub fn remote(&self) -> String {
        format!("{}/{}", self.place.bare_host(), self.place.repository)
    }
}

impl Place {
    pub(crate) fn of(form: &MirroringForm, before: Option<&Place>) -> Result<Place, Error> {
        let text = |given: &Option<String>, old: Option<&String>| given.clone().or(old.cloned()).unwrap_or_default();
        let place = Place {
            host: text(&form.host, before.map(|place| &place.host)).trim().trim_end_matches('/').to_owned(),
            repository: text(&form.remote_repository, before.map(|place| &place.repository)),
            ca_pem: text(&form.ca_pem, before.map(|place| &place.ca_pem)),
            skip_tls: form.skip_tls.or(before.map(|place| place.skip_tls)).unwrap_or(false),
        };
        let place = match place.host.contains("://") {
            true => place,
            false => Place { host: format!("https://{}", place.host), ..place },
        };
        place.check()
    }

    fn check(self) -> Result<Place, Error> {
        let refused = |why: String| Err(Error::Policy(why));
        let Place { host, repository, ca_pem, skip_tls } = &self;
        let bare = self.bare_host();
        let host_byte = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        if bare.is_empty() || host.len() > limits::MIRROR_TEXT_BYTES || !bare.bytes().all(host_byte) {
            return refused(format!(
                "remoteHost {:?} is no host of a registry; write https://host or https://host:port",
                shortened(host)
            ));
        }
        match host.split_once("://").map(|(scheme, _)| scheme) {
            Some("https") => {}
            Some("http") if *skip_tls => {}
            Some("http") => {
                return refused(
                    "remoteHost is not encrypted; with skipTLSVerification true that is allowed".to_owned(),
                );
            }
            _ => return refused(format!("remoteHost {:?} begins with neither https:// nor http://", shortened(host))),
        }
        let part = |part: &str| {
            let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
            part.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric()) && part.bytes().all(good)
        };
        if repository.len() > limits::REPOSITORY_NAME_BYTES || !repository.split('/').all(part) {
            let given = shortened(repository);
            return refused(format!("remoteRepository {given:?} is no name of a repository; write account/name"));
        }
        if ca_pem.len() > limits::MIRROR_CA_BYTES {
            return refused(format!("remoteCA has at most {} bytes", limits::MIRROR_CA_BYTES));
        }
        if !ca_pem.is_empty() {
            outbound::check_certificates(ca_pem).map_err(|why| Error::Policy(format!("remoteCA: {why}")))?;
        }
        Ok(self)
    }

    pub(crate) fn bare_host(&self) -> &str {
        self.host.split_once("://").map_or(self.host.as_str(), |(_, host)| host)
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.host.starts_with("http://")
    }
}

impl MirroringForm {
    /// The rules and the template, in which everything was understood.
    pub(crate) fn policy(
        &self,
        direction: Direction,
        repository: &RepoName,
        before: Option<&Policy>,
    ) -> Result<Policy, Error> {
        let has_rules = self.rules.as_ref().is_some_and(|rules| !rules.is_empty());
        if direction == Direction::Poll && (has_rules || self.tag_template.as_ref().is_some_and(|text| text != "%n")) {
            let why = "a policy that polls has no rules and no tagTemplate: it takes all tags as they are";
            return Err(Error::Policy(why.to_owned()));
        }
        let before = before.map(|policy| PolicyForm::from(policy.clone()));
        let old = before.as_ref();
        let form = PolicyForm {
            enabled: self.enabled.or(old.map(|old| old.enabled)).unwrap_or(true),
            rules: self.rules.clone().or(old.map(|old| old.rules.clone())).unwrap_or_default(),
            target_repository: repository.to_string(),
            tag_template: self
                .tag_template
                .clone()
                .or(old.map(|old| old.tag_template.clone()))
                .filter(|template| !template.is_empty())
                .unwrap_or_else(|| "%n".to_owned()),
            ignore_unknown_severities: self
                .ignore_unknown_severities
                .or(old.map(|old| old.ignore_unknown_severities))
                .unwrap_or(false),
        };
        Ok(form.try_into()?)
    }

    pub(crate) fn check_texts(&self) -> Result<(), Error> {
        let secrets = [&self.password, &self.auth_token].into_iter().flatten().map(|secret| secret.expose());
        let too_long = |text: &String| text.len() > limits::MIRROR_TEXT_BYTES;
        if secrets.chain(&self.username).any(too_long) {
            let most = limits::MIRROR_TEXT_BYTES;
            return Err(Error::Policy(format!("username, password and authToken have at most {most} bytes each")));
        }
        Ok(())
    }
}

impl Direction {
    /// Where to, for an entry and an event.
    pub fn way(self) -> &'static str {
        match self {
            Direction::Push | Direction::Once => "push",
            Direction::Poll => "poll",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Direction::Push => "push",
            Direction::Poll => "poll",
            Direction::Once => "once",
        })
    }
}

impl FromStr for Direction {
    type Err = String;

    fn from_str(text: &str) -> Result<Direction, String> {
        match text {
            "push" => Ok(Direction::Push),
            "poll" => Ok(Direction::Poll),
            "once" => Ok(Direction::Once),
            other => Err(format!("{other:?} is no direction of mirroring")),
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
