//! What the client sends: each form as the description has it, with every member that it demands.

use serde::Serialize;

#[derive(Serialize, Clone, Copy, PartialEq, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum AccessLevel {
    ReadOnly,
    ReadWrite,
    Admin,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    pub access_level: AccessLevel,
}

/// eNZi's form, with the empty `id` that the vendor's Terraform provider sends.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct CreateAccount<'a> {
    pub name: &'a str,
    pub id: &'a str,
    pub password: &'a str,
    pub full_name: &'a str,
    pub is_active: bool,
    pub is_admin: bool,
    pub is_org: bool,
    #[serde(rename = "searchLDAP")]
    pub search_ldap: bool,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct UpdateAccount<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_admin: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangePassword<'a> {
    pub old_password: &'a str,
    pub new_password: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SetMembership {
    pub is_admin: bool,
}

#[derive(Serialize, Default)]
pub struct Team<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
}

/// A new key, and with `publicKey` left out a changed one.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct AccountPublicKey<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_key: Option<&'a str>,
    pub label: &'a str,
    pub certificates: Vec<Certificate<'a>>,
}

#[derive(Serialize)]
pub struct Certificate<'a> {
    pub label: &'a str,
    pub cert: &'a str,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct ApiToken<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct CreateRepo<'a> {
    pub name: &'a str,
    pub short_description: &'a str,
    pub long_description: &'a str,
    pub visibility: &'a str,
    pub scan_on_push: bool,
    pub immutable_tags: bool,
    pub enable_manifest_lists: bool,
    pub tag_limit: u64,
}

impl<'a> CreateRepo<'a> {
    pub fn private(name: &'a str) -> CreateRepo<'a> {
        CreateRepo {
            name,
            short_description: "",
            long_description: "",
            visibility: "private",
            scan_on_push: true,
            immutable_tags: false,
            enable_manifest_lists: false,
            tag_limit: 0,
        }
    }
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct UpdateRepo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub long_description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visibility: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scan_on_push: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub immutable_tags: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_manifest_lists: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_limit: Option<u64>,
}

#[derive(Serialize, Clone, Debug, PartialEq)]
pub struct Rule {
    pub field: String,
    pub operator: String,
    pub values: Vec<String>,
}

pub fn rule(field: &str, operator: &str, values: &[&str]) -> Rule {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Rule { field: field.to_owned(), operator: operator.to_owned(), values }
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct PromotionPolicy<'a> {
    pub enabled: bool,
    pub rules: Vec<Rule>,
    pub target_repository: &'a str,
    pub tag_template: &'a str,
}

/// What an update may leave out, it does.
#[derive(Serialize)]
pub struct Enabled {
    pub enabled: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Promotion<'a> {
    pub target_repository: &'a str,
    pub target_tag: &'a str,
}

#[derive(Serialize)]
pub struct PruningPolicy {
    pub enabled: bool,
    pub rules: Vec<Rule>,
}

/// The remote end, as all forms of mirroring have it.
#[derive(Serialize, Clone, Default)]
#[serde(rename_all = "camelCase")]
pub struct Remote<'a> {
    pub remote_host: &'a str,
    pub remote_repository: &'a str,
    #[serde(rename = "remoteCA")]
    pub remote_ca: &'a str,
    #[serde(rename = "skipTLSVerification")]
    pub skip_tls_verification: bool,
    pub username: &'a str,
    pub password: &'a str,
    pub auth_token: &'a str,
}

#[derive(Serialize)]
pub struct PollMirroringPolicy<'a> {
    pub enabled: bool,
    #[serde(flatten)]
    pub remote: Remote<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PushMirroringPolicy<'a> {
    pub enabled: bool,
    #[serde(flatten)]
    pub remote: Remote<'a>,
    pub rules: Vec<Rule>,
    pub tag_template: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mirroring<'a> {
    #[serde(flatten)]
    pub remote: Remote<'a>,
    pub remote_tag: &'a str,
}

#[derive(Serialize)]
pub struct MirroringPolicyId<'a> {
    pub id: &'a str,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct Webhook<'a> {
    #[serde(rename = "type")]
    pub kind: &'a str,
    pub key: &'a str,
    pub endpoint: &'a str,
    pub tls_cert: &'a str,
    #[serde(rename = "skipTLSVerification")]
    pub skip_tls_verification: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookUpdate<'a> {
    pub id: &'a str,
    pub inactive: bool,
    pub tls_cert: &'a str,
    #[serde(rename = "skipTLSVerification")]
    pub skip_tls_verification: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookTest<'a> {
    #[serde(rename = "type")]
    pub kind: &'a str,
    pub endpoint: &'a str,
    pub tls_cert: &'a str,
    #[serde(rename = "skipTLSVerification")]
    pub skip_tls_verification: bool,
}

#[derive(Serialize)]
pub struct ScanOptions {
    pub scan: bool,
    pub check: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToggleScanOnPush {
    pub scan_on_push: bool,
}

#[derive(Serialize)]
pub struct Image<'a> {
    pub name: &'a str,
    pub digest: &'a str,
}

#[derive(Serialize)]
pub struct Images<'a> {
    pub images: Vec<Image<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VulnerabilityOverride<'a> {
    pub component: &'a str,
    pub component_version: &'a str,
    pub cve: &'a str,
    pub notes: &'a str,
}
