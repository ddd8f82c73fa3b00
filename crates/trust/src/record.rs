//! How a change is told: the audit entry that keeps it, and the event that others hear of.

use audit::Entry;
use base::{Timestamp, digest_hex, limits};
use serde_json::{Value, json};
use tuf::{
    Envelope, KeyId, RoleName, Target, TrustData,
    publish::{File, TagChange},
    verify::verify,
};

use crate::{
    Gun,
    key::{self, ServerKey},
    publish::{Accepted, KeyChange},
};

/// Values of the state in one entry of a deletion: each is a repository's name and a role's, 255 bytes at most, and some more.
const SETS_MAX: usize = 50;
/// Tags that an entry names one by one; the others are counted, and covered by the checksum of the whole list.
const TAGS_MAX: usize = 40;
/// Digests that an entry is found by.
const DIGESTS_MAX: usize = 150;
/// Keys named per role.
const SIGNERS_MAX: usize = 4;

/// Where the checksum of a role's newest document stands in the audit log's fold.
///
/// `_trust` parts the names as it does in the URL: without it the role `targets/root` of `h/a/b` and the role `root` of
/// `h/a/b/targets` would meet.
pub(crate) fn state_key(gun: &str, role: &str) -> String {
    format!("trust/{gun}/_trust/{role}")
}

/// The entry of a publish.
pub(crate) fn published(gun: &Gun, accepted: &Accepted, now: Timestamp) -> Entry {
    let listed: Vec<Value> = accepted.tags.iter().take(TAGS_MAX).map(tag_detail).collect();
    let mut entry = base_entry("trust.published", gun, &accepted.files)
        .detail("documents", documents(gun, accepted, now))
        .detail("tags", listed);
    if accepted.tags.len() > TAGS_MAX {
        let all: Vec<Value> = accepted.tags.iter().map(tag_detail).collect();
        entry = entry
            .detail("tags_count", accepted.tags.len())
            .detail("tags_sha256", digest_hex(Value::from(all).to_string().as_bytes()));
    }
    for digest in accepted.tags.iter().filter_map(|change| digest(change.after.as_ref())).take(DIGESTS_MAX) {
        entry = entry.about(digest);
    }
    for (role, id, state) in &accepted.keys {
        let state_key = key::state_key(gun.as_str(), role.as_str(), id.as_str());
        entry = match state {
            Some(state) => entry.set(state_key, state),
            None => entry.unset(state_key),
        };
    }
    if accepted.keys.is_empty() { entry } else { entry.detail("keys", key_details(&accepted.keys)) }
}

/// The entry of a timestamp or snapshot that the server made anew.
pub(crate) fn refreshed(gun: &Gun, files: &[File]) -> Entry {
    base_entry("trust.refreshed", gun, files)
}

/// The end of all documents and keys: one entry, or several when there were more roles than one entry holds.
pub(crate) fn deleted(gun: &Gun, roles: &[RoleName], keys: &[ServerKey]) -> Vec<Entry> {
    let roles = roles.iter().map(|role| state_key(gun.as_str(), role.as_str()));
    let keys = keys.iter().map(|key| key::state_key(gun.as_str(), key.role.as_str(), key.id.as_str()));
    let gone: Vec<String> = roles.chain(keys).collect();
    let entry =
        |gone: &[String]| gone.iter().fold(base_entry("trust.deleted", gun, &[]), |entry, key| entry.unset(key));
    gone.chunks(SETS_MAX).map(entry).collect()
}

fn base_entry(kind: &'static str, gun: &Gun, files: &[File]) -> Entry {
    let mut entry = Entry::new(kind).about(format!("trust/{gun}")).about(format!("repository/{}", gun.repository()));
    for file in files {
        entry = entry.set(state_key(gun.as_str(), file.role.as_str()), &file.sha256);
    }
    entry
}

/// Which roles got which version, and whose signatures are on it.
fn documents(gun: &Gun, accepted: &Accepted, now: Timestamp) -> Vec<Value> {
    let (root, targets) = (accepted.stored.root.as_deref(), accepted.stored.targets.as_deref());
    let data = root.zip(targets).and_then(|(root, targets)| {
        TrustData::verify(gun.as_str(), root, targets, &accepted.stored.delegations, now).ok()
    });
    let document = |file: &File| {
        let keys = data.as_ref().map(|data| signers(data, file)).unwrap_or_default();
        let keys: Vec<&str> = keys.iter().map(KeyId::as_str).take(SIGNERS_MAX).collect();
        json!({"role": file.role.as_str(), "version": file.version, "signed_by": keys})
    };
    accepted.files.iter().map(document).collect()
}

/// The canonical ids of the keys whose signatures on a document were found good.
fn signers(data: &TrustData, file: &File) -> Vec<KeyId> {
    let Some(authority) = data.authority(&file.role) else { return Vec::new() };
    let Ok(envelope) = Envelope::parse(&file.bytes) else { return Vec::new() };
    verify(&envelope, &authority).map(|keys| keys.into_iter().collect()).unwrap_or_default()
}

fn tag_detail(change: &TagChange) -> Value {
    let (before, after) = (digest(change.before.as_ref()), digest(change.after.as_ref()));
    json!({"tag": readable(&change.tag), "role": change.role.as_str(), "was": before, "is": after})
}

fn key_details(keys: &[KeyChange]) -> Vec<Value> {
    let word = |state: &Option<_>| if state.is_some() { "active" } else { "retired" };
    keys.iter()
        .map(|(role, id, state)| json!({"role": role.as_str(), "key": id.as_str(), "state": word(state)}))
        .collect()
}

fn digest(target: Option<&Target>) -> Option<String> {
    Some(format!("sha256:{}", hex::encode(target?.hashes.sha256?)))
}

/// A tag as an entry shows it. Nothing stops a signer from signing names that are no tags.
fn readable(tag: &str) -> String {
    tag.chars().take(limits::TAG_BYTES).map(|each| if each.is_ascii_graphic() { each } else { '?' }).collect()
}

/// What an event says of tags; of one that the role names no more there is no digest.
pub(crate) fn tags(changes: &[TagChange]) -> Value {
    let tag = |change: &TagChange| {
        let digest = digest(change.after.as_ref());
        json!({"tag": change.tag, "digest": digest, "role": RoleName::as_str(&change.role)})
    };
    changes.iter().map(tag).collect()
}

pub(crate) fn event(gun: &Gun, tags: &Value) -> Value {
    json!({"gun": gun.as_str(), "repository": gun.repository().to_string(), "tags": tags})
}
