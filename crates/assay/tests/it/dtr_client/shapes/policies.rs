//! Policies, mirrors and webhooks.

use base::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::there;

#[derive(Deserialize, Debug, PartialEq)]
pub struct Rule {
    pub field: String,
    pub operator: String,
    pub values: Vec<String>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct PromotionPolicy {
    pub id: String,
    pub enabled: bool,
    pub rules: Vec<Rule>,
    pub source_repository: String,
    pub target_repository: String,
    pub tag_template: String,
    pub last_promoted_at: Timestamp,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct PruningPolicy {
    pub id: String,
    pub enabled: bool,
    pub rules: Vec<Rule>,
    pub repository: String,
    pub last_pruned_at: Timestamp,
}

/// What pruning would take away.
#[derive(Deserialize, Debug, PartialEq)]
pub struct ThinTag {
    pub name: String,
    pub digest: String,
}

#[derive(Deserialize, Debug)]
pub struct MirroringStatus {
    pub code: String,
    pub detail: String,
    pub timestamp: Timestamp,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct PollMirroringPolicy {
    pub id: String,
    pub enabled: bool,
    pub local_repository: String,
    pub remote_host: String,
    pub remote_repository: String,
    #[serde(rename = "remoteCA")]
    pub remote_ca: String,
    #[serde(rename = "skipTLSVerification")]
    pub skip_tls_verification: bool,
    pub username: String,
    pub last_mirrored_at: Timestamp,
    pub last_status: MirroringStatus,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct PushMirroringPolicy {
    #[serde(flatten)]
    pub as_poll: PollMirroringPolicy,
    pub rules: Vec<Rule>,
    pub tag_template: String,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct MirroringPolicy {
    #[serde(flatten)]
    pub as_poll: PollMirroringPolicy,
    pub mirroring_type: String,
    #[serde(default, deserialize_with = "there")]
    pub rules: Option<Vec<Rule>>,
    #[serde(default, deserialize_with = "there")]
    pub tag_template: Option<String>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct RemoteRegistryCheck {
    pub registry_type: String,
    pub permissions: Permissions,
}

#[derive(Deserialize, Debug, PartialEq)]
pub struct Permissions {
    pub read: bool,
    pub write: bool,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub key: String,
    pub endpoint: String,
    #[serde(rename = "authorID")]
    pub author_id: String,
    pub created_at: Timestamp,
    pub last_successful_at: Timestamp,
    pub inactive: bool,
    pub tls_cert: String,
    #[serde(rename = "skipTLSVerification")]
    pub skip_tls_verification: bool,
}

/// What a listener is sent.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Payload {
    #[serde(rename = "type")]
    pub kind: String,
    pub created_at: Timestamp,
    pub contents: Value,
    pub location: String,
}
