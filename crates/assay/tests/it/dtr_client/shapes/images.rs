//! Tags, manifests and scans.

use std::collections::BTreeMap;

use base::Timestamp;
use serde::Deserialize;

use super::there;

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Tag {
    pub name: String,
    pub digest: String,
    pub author: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub in_notary: bool,
    pub hash_mismatch: bool,
    pub manifest: Manifest,
    #[serde(default, deserialize_with = "there")]
    pub promotion: Option<Promotion>,
    #[serde(default, deserialize_with = "there")]
    pub mirroring: Option<Mirroring>,
    #[serde(rename = "vuln_summary", default, deserialize_with = "there")]
    pub vuln_summary: Option<OldScanSummary>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    pub digest: String,
    #[serde(default, deserialize_with = "there")]
    pub media_type: Option<String>,
    #[serde(default, deserialize_with = "there")]
    pub config_digest: Option<String>,
    #[serde(default, deserialize_with = "there")]
    pub config_media_type: Option<String>,
    #[serde(default, deserialize_with = "there")]
    pub os: Option<String>,
    #[serde(default, deserialize_with = "there")]
    pub os_version: Option<String>,
    #[serde(default, deserialize_with = "there")]
    pub architecture: Option<String>,
    #[serde(default, deserialize_with = "there")]
    pub author: Option<String>,
    #[serde(default, deserialize_with = "there")]
    pub size: Option<u64>,
    #[serde(default, deserialize_with = "there")]
    pub created_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "there")]
    pub dockerfile: Option<Vec<DockerfileLine>>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct DockerfileLine {
    pub line: String,
    pub layer_digest: String,
    pub is_empty: bool,
    pub size: u64,
    #[serde(default, deserialize_with = "there")]
    pub media_type: Option<String>,
    #[serde(default, deserialize_with = "there")]
    pub urls: Option<Vec<String>>,
}

/// The PROMOTED badge. The member `string` that the description demands too is a slip of what generated it.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Promotion {
    #[serde(rename = "promotionPolicyID")]
    pub promotion_policy_id: String,
    pub source_repository: String,
    pub source_tag: String,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Mirroring {
    #[serde(rename = "mirroringPolicyID")]
    pub mirroring_policy_id: String,
    pub digest: String,
    pub remote_repository: String,
    pub remote_tag: String,
}

/// 0 failed, 1 unscanned, 2 scanning, 3 pending, 4 scanned, 5 checking, 6 completed.
pub const COMPLETED: u8 = 6;

#[derive(Deserialize, Debug)]
pub struct OldScanSummary {
    pub namespace: String,
    pub reponame: String,
    pub tag: String,
    pub critical: u64,
    pub major: u64,
    pub minor: u64,
    pub last_scan_status: u8,
    pub check_completed_at: Timestamp,
    pub should_rescan: bool,
    pub has_foreign_layers: bool,
    #[serde(default, deserialize_with = "there")]
    pub layer_details: Option<Vec<LayerDetails>>,
}

#[derive(Deserialize, Debug)]
pub struct LayerDetails {
    pub sha256sum: String,
    #[serde(default, deserialize_with = "there")]
    pub components: Option<Vec<LayerComponent>>,
}

#[derive(Deserialize, Debug)]
pub struct LayerComponent {
    pub component: String,
    pub version: String,
    pub fullpath: Vec<String>,
    #[serde(default, deserialize_with = "there")]
    pub license: Option<License>,
    #[serde(default, deserialize_with = "there")]
    pub vulns: Option<Vec<VulnerabilityDetails>>,
}

#[derive(Deserialize, Debug)]
pub struct License {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub url: String,
}

#[derive(Deserialize, Debug)]
pub struct VulnerabilityDetails {
    pub exact: bool,
    pub notes: Vec<Note>,
    pub vuln: Vulnerability,
}

#[derive(Deserialize, Debug)]
pub struct Note {
    #[serde(rename = "type")]
    pub kind: String,
    pub reason: String,
}

#[derive(Deserialize, Debug)]
pub struct Vulnerability {
    pub cve: String,
    pub cvss: f64,
    pub summary: String,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct ScanSummary {
    pub scan_status: u8,
    pub should_rescan: bool,
    pub scanned_image: ScannedImage,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct ScannedImage {
    pub pk: String,
    pub namespace: String,
    pub repository: String,
    pub tag: String,
    pub manifest_digest: String,
    pub total_vuln_count: VulnerabilityCount,
    #[serde(rename = "maxCVSSValue")]
    pub max_cvss_value: f64,
    pub licenses: Vec<License>,
    pub layers: Vec<ScannedLayer>,
    pub components: Vec<ScannedComponent>,
    pub cves: Vec<ScannedCve>,
    pub scanner_fingerprint: ScannerFingerprint,
    pub vuln_overrides: Vec<LayerOverride>,
}

#[derive(Deserialize, Debug, PartialEq)]
pub struct VulnerabilityCount {
    pub critical: u64,
    pub major: u64,
    pub minor: u64,
}

/// `components` are those of the image, by their keys.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct ScannedLayer {
    pub digest: String,
    pub media_type: String,
    pub author: String,
    pub size: u64,
    pub components: Vec<String>,
}

/// `cves` and `licenses` are those of the image, by their keys and names.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct ScannedComponent {
    #[serde(rename = "componentPK")]
    pub component_pk: String,
    pub name: String,
    pub version: String,
    pub filepaths: Vec<String>,
    pub cves: Vec<String>,
    pub licenses: Vec<String>,
    pub source: String,
    pub vuln_count: VulnerabilityCount,
}

#[derive(Deserialize, Debug)]
pub struct ScannedCve {
    #[serde(rename = "cvePK")]
    pub cve_pk: String,
    pub cvss: f64,
    pub summary: String,
    pub notes: String,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct ScannerFingerprint {
    pub scanner_type: i64,
    pub version: Vec<String>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct LayerOverride {
    pub pk: String,
    pub digest: String,
    pub component: String,
    pub component_version: String,
    pub cve: String,
    pub notes: String,
}

#[derive(Deserialize, Debug)]
pub struct ThinScanSummaries {
    pub images: BTreeMap<String, VulnerabilityCount>,
}

#[derive(Deserialize, Debug)]
pub struct ScannerStatus {
    /// A number in the description, which tells of none what it means; here it is a word.
    pub state: String,
    pub scanner_version: u64,
    #[serde(rename = "scannerUpdatedAt")]
    pub scanner_updated_at: Timestamp,
    pub db_version: u64,
    pub db_updated_at: Timestamp,
    #[serde(rename = "lastDBUpdateFailed")]
    pub last_db_update_failed: bool,
    #[serde(rename = "lastVulnOverridesDBUpdateFailed")]
    pub last_overrides_update_failed: bool,
    #[serde(default, deserialize_with = "there")]
    pub replicas: Option<BTreeMap<String, ScannerFingerprint>>,
}
