//! People, organizations, teams, keys and tokens.

use base::Timestamp;
use serde::Deserialize;

use super::there;

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    pub id: String,
    pub name: String,
    pub full_name: String,
    pub is_org: bool,
    #[serde(default, deserialize_with = "there")]
    pub is_admin: Option<bool>,
    #[serde(default, deserialize_with = "there")]
    pub is_active: Option<bool>,
    #[serde(default, deserialize_with = "there")]
    pub is_imported: Option<bool>,
    #[serde(default, deserialize_with = "there")]
    pub members_count: Option<u64>,
    #[serde(default, deserialize_with = "there")]
    pub teams_count: Option<u64>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Accounts {
    pub accounts: Vec<Account>,
    pub users_count: u64,
    pub orgs_count: u64,
    pub resource_count: u64,
    pub next_page_start: String,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    pub member: Account,
    pub is_admin: bool,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Members {
    pub members: Vec<Member>,
    pub next_page_start: String,
    pub resource_count: u64,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Team {
    pub id: String,
    #[serde(rename = "orgID")]
    pub org_id: String,
    pub name: String,
    pub description: String,
    pub members_count: u64,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Teams {
    pub teams: Vec<Team>,
    pub next_page_start: String,
    pub resource_count: u64,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct MemberTeam {
    pub team: Team,
    pub is_admin: bool,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct MemberTeams {
    pub member_teams: Vec<MemberTeam>,
    pub next_page_start: String,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct MemberOrg {
    pub org: Account,
    pub is_admin: bool,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct MemberOrgs {
    pub member_orgs: Vec<MemberOrg>,
    pub next_page_start: String,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct AccountPublicKey {
    pub id: String,
    #[serde(rename = "accountID")]
    pub account_id: String,
    pub public_key: String,
    pub label: String,
    #[serde(default, deserialize_with = "there")]
    pub certificates: Option<Vec<Certificate>>,
}

#[derive(Deserialize, Debug)]
pub struct Certificate {
    pub label: String,
    pub cert: String,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct AccountPublicKeys {
    pub account_public_keys: Vec<AccountPublicKey>,
    pub next_page_start: String,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct ApiToken {
    pub hashed_token: String,
    pub token_label: String,
    pub is_active: bool,
    pub last_used: Timestamp,
    pub created_at: Timestamp,
    pub generated_by: String,
    pub creator_ua: String,
}

#[derive(Deserialize, Debug)]
pub struct NewApiToken {
    pub token: String,
    #[serde(flatten)]
    pub kept: ApiToken,
}
