//! Signing in with the password of an LDAP directory, and what its groups make of people.
//!
//! ```text
//!   name, password ──► as the reader: who has that name? ──► as that person: is it the password? ──► as the reader: which groups?
//!                                                                                                            │
//!   every few minutes, for everybody who came from there: still known? which groups? ────────────────────────┴──► external.rs
//! ```
//!
//! Accounts that were made here do not need it: while the directory is away, they and all access tokens go on. RFC 4511 is the
//! protocol, RFC 4513 its binds (an empty password would be an unauthenticated bind, which succeeds, and is never sent), RFC 4515
//! the filters, into which names go escaped.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use base::{AccountName, Ctx, Secret, limits};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry, ldap_escape};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{Account, Error, External, GroupRule, Identity, store};

/// Asks the directory about everybody who came from it: a timer's job, [`Identity::sync_directory`] runs it.
pub const SYNC_JOB: &str = "identity.sync_directory";

/// What all subjects of the directory are of.
const PROVIDER: &str = "ldap";
const CONNECTING: Duration = Duration::from_secs(5);
/// All of one sign-in, or one search of a synchronization.
const PATIENCE: Duration = Duration::from_secs(15);
/// RFC 4511, appendix A.
const INVALID_CREDENTIALS: u32 = 49;
const NO_SUCH_OBJECT: u32 = 32;

/// What the operator says of the directory.
#[derive(Clone, Debug)]
pub struct DirectorySettings {
    /// `ldaps://HOST[:PORT]` or `ldap://HOST[:PORT]`, asked in this order until one answers.
    pub urls: Vec<String>,
    /// Turn `ldap://` into TLS before anything is said.
    pub start_tls: bool,
    /// Authorities to trust in place of the system's, PEM.
    pub ca_pem: Option<String>,
    pub reader_dn: String,
    pub reader_password: Secret,
    /// Where people are, at any depth.
    pub users_base: String,
    /// Which of them may sign in.
    pub users_filter: String,
    /// What they sign in with: `uid`, `sAMAccountName`.
    pub name_attribute: String,
    pub full_name_attribute: String,
    /// What stays when somebody is renamed: `entryUUID`, `objectGUID`.
    pub id_attribute: String,
    /// How a group names its members: `member`, `uniqueMember`, or `memberUid`, which holds names.
    pub group_member_attribute: String,
    pub create_accounts: bool,
    /// By distinguished names of groups.
    pub rules: Vec<GroupRule>,
}

/// The directory. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Directory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: DirectorySettings,
    tls: Option<Arc<ClientConfig>>,
}

/// Somebody as the directory has them.
struct Person {
    dn: String,
    name: String,
    full_name: String,
    subject: String,
}

/// What is asked on one connection.
enum Question<'a> {
    /// Who has this name and this password?
    Password(&'a AccountName, &'a Secret),
    /// What became of these?
    People(&'a [String]),
}

/// People by subject; those whom the directory does not know are none.
type Answer = Vec<(String, Option<External>)>;

/// How to look for somebody.
enum By<'a> {
    Name(&'a str),
    Subject(&'a str),
}

impl Directory {
    /// Refuse what cannot be used, and a password that would cross a network in the clear.
    pub fn new(settings: DirectorySettings) -> Result<Directory, Error> {
        if settings.urls.is_empty() {
            return Err(Error::Invalid("name at least one server of the directory".to_owned()));
        }
        for url in &settings.urls {
            let parsed = url.parse::<reqwest::Url>();
            let parsed = parsed.map_err(|error| Error::Invalid(format!("directory {url:?}: {error}")))?;
            let here = matches!(parsed.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
            match parsed.scheme() {
                "ldaps" => {}
                "ldap" if settings.start_tls || here => {}
                "ldap" => {
                    let why = "passwords would cross the network in the clear; use ldaps:// or start_tls = true";
                    return Err(Error::Invalid(format!("directory {url:?}: {why}")));
                }
                _ => return Err(Error::Invalid(format!("directory {url:?}: write ldaps://HOST or ldap://HOST"))),
            }
        }
        let attributes = [
            &settings.name_attribute,
            &settings.full_name_attribute,
            &settings.id_attribute,
            &settings.group_member_attribute,
        ];
        let letters = |text: &&&String| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-;.:".contains(&byte))
        };
        if let Some(bad) = attributes.iter().find(|text| !letters(text)) {
            return Err(Error::Invalid(format!("{bad:?} is no attribute of a directory")));
        }
        if !settings.users_filter.starts_with('(') || ldap3::parse_filter(&settings.users_filter).is_err() {
            return Err(Error::Invalid(format!(
                "{:?} is no filter; write (objectClass=person)",
                settings.users_filter
            )));
        }
        let tls = settings.ca_pem.as_deref().map(trusting).transpose()?;
        Ok(Directory(Arc::new(Inner { settings, tls })))
    }

    /// Ask the first server that answers, as the reader.
    async fn ask(&self, patience: Duration, question: &Question<'_>) -> Result<Answer, Error> {
        let settings = &self.0.settings;
        let mut last = None;
        for url in &settings.urls {
            let mut connecting = LdapConnSettings::new()
                .set_conn_timeout(CONNECTING)
                .set_starttls(settings.start_tls && url.starts_with("ldap:"));
            if let Some(tls) = &self.0.tls {
                connecting = connecting.set_config(Arc::clone(tls));
            }
            let opened = tokio::time::timeout(PATIENCE, LdapConnAsync::with_settings(connecting, url)).await;
            let (connection, mut ldap) = match opened {
                Ok(Ok(opened)) => opened,
                Ok(Err(error)) => {
                    last = Some(unavailable(url, &error));
                    continue;
                }
                Err(_) => {
                    last = Some(unavailable(url, &"it does not answer"));
                    continue;
                }
            };
            // The connection lives as long as what is asked on it.
            return tokio::select! {
                answer = tokio::time::timeout(patience, self.answer(&mut ldap, url, question)) => {
                    answer.unwrap_or_else(|_| Err(unavailable(url, &"it is too slow")))
                }
                ended = connection.drive() => Err(match ended {
                    Ok(()) => unavailable(url, &"it hung up"),
                    Err(error) => unavailable(url, &error),
                }),
            };
        }
        Err(last.unwrap_or_else(|| Error::Unavailable("no server of the directory is configured".to_owned())))
    }

    async fn as_reader(&self, ldap: &mut Ldap, url: &str) -> Result<(), Error> {
        let settings = &self.0.settings;
        let bound = ldap.simple_bind(&settings.reader_dn, settings.reader_password.expose()).await;
        let bound = bound.and_then(ldap3::LdapResult::success);
        bound.map(drop).map_err(|error| unavailable(url, &format!("the reader is refused: {error}")))
    }

    async fn answer(&self, ldap: &mut Ldap, url: &str, question: &Question<'_>) -> Result<Answer, Error> {
        self.as_reader(ldap, url).await?;
        let answer = match question {
            Question::Password(name, password) => {
                let found = self.authenticate(ldap, url, name, password).await?;
                found.into_iter().map(|external| (external.subject.clone(), Some(external))).collect()
            }
            Question::People(subjects) => {
                let mut people = Vec::with_capacity(subjects.len());
                for subject in *subjects {
                    let external = match self.find(ldap, By::Subject(subject)).await? {
                        Some(person) => Some(self.external(ldap, person).await?),
                        None => None,
                    };
                    people.push((subject.clone(), external));
                }
                people
            }
        };
        Ok(answer)
    }

    async fn authenticate(
        &self,
        ldap: &mut Ldap,
        url: &str,
        name: &AccountName,
        password: &Secret,
    ) -> Result<Option<External>, Error> {
        let Some(person) = self.find(ldap, By::Name(name.as_str())).await? else { return Ok(None) };
        let bound = ldap.simple_bind(&person.dn, password.expose()).await.map_err(|error| asked(&error))?;
        match bound.rc {
            0 => {}
            INVALID_CREDENTIALS => return Ok(None),
            // Locked, expired and the like are refused as a wrong password is; the log says which.
            code => {
                tracing::info!(code, dn = person.dn, "the directory does not let somebody in");
                return Ok(None);
            }
        }
        self.as_reader(ldap, url).await?;
        self.external(ldap, person).await.map(Some)
    }

    /// The one person, if there is exactly one.
    async fn find(&self, ldap: &mut Ldap, by: By<'_>) -> Result<Option<Person>, Error> {
        let settings = &self.0.settings;
        let wanted = match by {
            By::Name(name) => format!("({}={})", settings.name_attribute, ldap_escape(name)),
            By::Subject(subject) => format!("({}={})", settings.id_attribute, escaped_subject(subject)),
        };
        let filter = format!("(&{}{wanted})", settings.users_filter);
        let attributes = [&settings.name_attribute, &settings.full_name_attribute, &settings.id_attribute];
        let found = ldap.search(&settings.users_base, Scope::Subtree, &filter, attributes.map(String::as_str)).await;
        let (found, _) = found.and_then(ldap3::SearchResult::success).map_err(|error| asked(&error))?;
        let mut people = found.into_iter().filter(|entry| !entry.is_ref()).map(SearchEntry::construct);
        let Some(entry) = people.next() else { return Ok(None) };
        if people.next().is_some() {
            tracing::warn!(filter, "several people of the directory have one name; nobody is let in");
            return Ok(None);
        }
        let first = |attribute: &str| {
            let found = entry.attrs.iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute));
            found.and_then(|(_, values)| values.first()).cloned()
        };
        let binary = entry.bin_attrs.iter().find(|(name, _)| name.eq_ignore_ascii_case(&settings.id_attribute));
        let binary = binary.and_then(|(_, values)| values.first()).map(|bytes| format!("hex:{}", hex::encode(bytes)));
        let Some(subject) = first(&settings.id_attribute).or(binary) else {
            tracing::warn!(dn = entry.dn, attribute = settings.id_attribute, "has no id; set id_attribute");
            return Ok(None);
        };
        let name = first(&settings.name_attribute).unwrap_or_default();
        let full_name = first(&settings.full_name_attribute).unwrap_or_default();
        Ok(Some(Person { dn: entry.dn, name, full_name, subject }))
    }

    /// The person with those of the operator's groups that they are in.
    async fn external(&self, ldap: &mut Ldap, person: Person) -> Result<External, Error> {
        let settings = &self.0.settings;
        let by_name = settings.group_member_attribute.eq_ignore_ascii_case("memberUid");
        let member = ldap_escape(if by_name { &person.name } else { &person.dn });
        let filter = format!("({}={member})", settings.group_member_attribute);
        let named: BTreeSet<&String> = settings.rules.iter().map(|rule| &rule.group).collect();
        let mut groups = BTreeSet::new();
        for group in named.into_iter().take(limits::EXTERNAL_GROUPS) {
            let (found, result) = match ldap.search(group, Scope::Base, &filter, ["1.1"]).await {
                Ok(ldap3::SearchResult(found, result)) => (found, result),
                Err(error) => return Err(asked(&error)),
            };
            match result.rc {
                0 if found.iter().any(|entry| !entry.is_ref()) => drop(groups.insert(group.clone())),
                0 => {}
                NO_SUCH_OBJECT => tracing::warn!(group, "the directory has no such group; nobody is in it"),
                _ => return Err(asked(&LdapError::LdapResult { result })),
            }
        }
        Ok(External {
            provider: PROVIDER.to_owned(),
            subject: person.subject,
            name: person.name,
            full_name: person.full_name,
            groups,
        })
    }
}

impl Identity {
    /// The account of somebody whom the directory knows by this name and password.
    pub(crate) async fn of_directory(
        &self,
        ctx: &Ctx,
        directory: &Directory,
        name: &AccountName,
        password: &Secret,
    ) -> Result<Option<Account>, Error> {
        if password.expose().is_empty() {
            return Ok(None);
        }
        let answer = directory.ask(PATIENCE, &Question::Password(name, password)).await?;
        let Some(external) = answer.into_iter().find_map(|(_, external)| external) else { return Ok(None) };
        let settings = &directory.0.settings;
        self.admit_external(ctx, &external, &settings.rules, settings.create_accounts).await.map(Some)
    }

    /// Ask the directory about everybody who came from it. What it cannot answer changes nothing. Gives how many were asked
    /// about.
    pub async fn sync_directory(&self, ctx: &Ctx) -> Result<usize, Error> {
        let Some(directory) = &self.directory else { return Ok(0) };
        let links = store::links(&mut self.db.read().await?, PROVIDER).await?;
        if links.is_empty() {
            return Ok(0);
        }
        let patience = PATIENCE * u32::try_from(links.len()).unwrap_or(u32::MAX);
        let found = directory.ask(patience, &Question::People(&links)).await?;
        let rules = &directory.0.settings.rules;
        let asked = found.len();
        for (subject, external) in found {
            let settled = match &external {
                Some(external) => self.admit_external(ctx, external, rules, false).await.map(drop),
                None => self.external_is_gone(ctx, PROVIDER, &subject, rules).await,
            };
            match settled {
                Ok(()) => {}
                // Whom an administrator switched off, and the last administrator.
                Err(Error::Unauthenticated) => {}
                Err(error @ Error::Conflict(_)) => tracing::warn!(%error, subject, "left as it is"),
                Err(error) => return Err(error),
            }
        }
        Ok(asked)
    }
}

/// An id in a filter: text, or bytes.
fn escaped_subject(subject: &str) -> String {
    match subject.strip_prefix("hex:") {
        Some(digits) => {
            digits.as_bytes().chunks(2).map(|pair| format!("\\{}", String::from_utf8_lossy(pair))).collect()
        }
        None => ldap_escape(subject).into_owned(),
    }
}

/// The person is told that it is not them; the operator reads why.
fn unavailable(url: &str, why: &dyn std::fmt::Display) -> Error {
    tracing::warn!(url, %why, "the directory cannot be asked");
    Error::Unavailable(
        "the directory cannot be asked at present; try again, or use an access token or an account of this server"
            .to_owned(),
    )
}

fn asked(error: &LdapError) -> Error {
    unavailable("the directory", error)
}

fn trusting(pem: &str) -> Result<Arc<ClientConfig>, Error> {
    let bad = |why: &dyn std::fmt::Display| Error::Invalid(format!("the authorities of the directory: {why}"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.map_err(|error| bad(&error))?).map_err(|error| bad(&error))?;
    }
    if roots.is_empty() {
        return Err(bad(&"the file holds no certificate in PEM"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(&error))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}
