//! Configuration of who else knows people: an OpenID Connect provider and an LDAP directory.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base::{AccountName, Secret};
use identity::{DirectorySettings, GroupRule, Made, OidcSettings};
use serde::Deserialize;

/// `[oidc]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OidcTable {
    issuer: String,
    client_id: String,
    client_secret_file: Option<PathBuf>,
    #[serde(default = "provider")]
    title: String,
    #[serde(default = "scopes")]
    scopes: Vec<String>,
    #[serde(default = "preferred_username")]
    name_claim: String,
    #[serde(default = "groups")]
    groups_claim: String,
    #[serde(default = "yes")]
    create_accounts: bool,
    ca_file: Option<PathBuf>,
    #[serde(default)]
    groups: Vec<GroupTable>,
}

/// `[ldap]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LdapTable {
    urls: Vec<String>,
    #[serde(default)]
    start_tls: bool,
    ca_file: Option<PathBuf>,
    reader_dn: String,
    reader_password_file: PathBuf,
    users_base: String,
    #[serde(default = "person")]
    users_filter: String,
    #[serde(default = "uid")]
    name_attribute: String,
    #[serde(default = "cn")]
    full_name_attribute: String,
    #[serde(default = "entry_uuid")]
    id_attribute: String,
    #[serde(default = "member")]
    group_member_attribute: String,
    #[serde(default = "yes")]
    create_accounts: bool,
    #[serde(default = "ten")]
    sync_minutes: u16,
    #[serde(default)]
    groups: Vec<GroupTable>,
}

/// `[[oidc.groups]]` and `[[ldap.groups]]`: what a group makes its members.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupTable {
    group: String,
    organization: Option<AccountName>,
    #[serde(default)]
    owner: bool,
    /// `organization/team`.
    team: Option<String>,
    #[serde(default)]
    administrator: bool,
}

fn provider() -> String {
    "single sign-on".to_owned()
}
fn scopes() -> Vec<String> {
    vec!["profile".to_owned(), "email".to_owned()]
}
fn preferred_username() -> String {
    "preferred_username".to_owned()
}
fn groups() -> String {
    "groups".to_owned()
}
fn person() -> String {
    "(objectClass=person)".to_owned()
}
fn uid() -> String {
    "uid".to_owned()
}
fn cn() -> String {
    "cn".to_owned()
}
fn entry_uuid() -> String {
    "entryUUID".to_owned()
}
fn member() -> String {
    "member".to_owned()
}
fn yes() -> bool {
    true
}
fn ten() -> u16 {
    10
}

impl OidcTable {
    pub(crate) fn check(self) -> Result<OidcSettings> {
        Ok(OidcSettings {
            title: self.title,
            issuer: self.issuer,
            client_id: self.client_id,
            client_secret: self.client_secret_file.as_deref().map(secret).transpose()?,
            scopes: self.scopes,
            name_claim: self.name_claim,
            groups_claim: self.groups_claim,
            create_accounts: self.create_accounts,
            rules: rules("oidc", self.groups)?,
            ca_pem: self.ca_file.as_deref().map(text).transpose()?,
        })
    }
}

impl LdapTable {
    /// The settings, and how often the directory is asked again.
    pub(crate) fn check(self) -> Result<(DirectorySettings, std::time::Duration)> {
        if self.sync_minutes == 0 {
            bail!("[ldap] sync_minutes is at least 1");
        }
        let settings = DirectorySettings {
            urls: self.urls,
            start_tls: self.start_tls,
            ca_pem: self.ca_file.as_deref().map(text).transpose()?,
            reader_dn: self.reader_dn,
            reader_password: secret(&self.reader_password_file)?,
            users_base: self.users_base,
            users_filter: self.users_filter,
            name_attribute: self.name_attribute,
            full_name_attribute: self.full_name_attribute,
            id_attribute: self.id_attribute,
            group_member_attribute: self.group_member_attribute,
            create_accounts: self.create_accounts,
            rules: rules("ldap", self.groups)?,
        };
        Ok((settings, std::time::Duration::from_secs(60) * u32::from(self.sync_minutes)))
    }
}

fn rules(of: &str, tables: Vec<GroupTable>) -> Result<Vec<GroupRule>> {
    let mut rules = Vec::new();
    for table in tables {
        let GroupTable { group, organization, owner, team, administrator } = table;
        let made = match (organization, team, administrator) {
            (Some(organization), None, false) => Made::Member { organization, owner },
            (None, Some(team), false) if !owner => {
                let (organization, team) = team
                    .split_once('/')
                    .with_context(|| format!("[[{of}.groups]] {group:?}: a team has the form organization/team"))?;
                Made::TeamMember { organization: organization.parse()?, team: team.parse()? }
            }
            (None, None, true) if !owner => Made::Administrator,
            _ => bail!(
                "[[{of}.groups]] {group:?} needs exactly one of organization = \"…\" (with owner = true for its owners), team = \
                 \"organization/team\" and administrator = true"
            ),
        };
        rules.push(GroupRule { group, made });
    }
    Ok(rules)
}

fn text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn secret(path: &Path) -> Result<Secret> {
    let secret = text(path)?.trim_end_matches(['\r', '\n']).to_owned();
    if secret.is_empty() {
        bail!("{} holds no secret", path.display());
    }
    Ok(Secret::new(secret))
}
