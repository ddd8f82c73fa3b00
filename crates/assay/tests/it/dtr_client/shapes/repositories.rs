//! Repositories, grants and search.

use serde::Deserialize;

use super::{AccessLevel, Account, there};

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    Public,
    Private,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum NamespaceType {
    User,
    Organization,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Repository {
    pub id: String,
    pub namespace: String,
    pub namespace_type: NamespaceType,
    pub name: String,
    pub short_description: String,
    #[serde(default, deserialize_with = "there")]
    pub long_description: Option<String>,
    pub visibility: Visibility,
    pub scan_on_push: bool,
    pub immutable_tags: bool,
    pub enable_manifest_lists: bool,
    pub tag_limit: u64,
    pub pulls: u64,
    pub pushes: u64,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Repositories {
    pub repositories: Vec<Repository>,
}

/// How a grant names a team: without its name.
#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct GrantedTeam {
    pub id: String,
    pub client_user_is_member: bool,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct TeamAccess {
    pub access_level: AccessLevel,
    pub team: GrantedTeam,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryTeamAccess {
    pub repository: Repository,
    pub team_access_list: Vec<TeamAccess>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceTeamAccessList {
    pub namespace: String,
    pub team_access_list: Vec<TeamAccess>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct NamespaceTeamAccess {
    pub access_level: AccessLevel,
    pub namespace: String,
    pub team: GrantedTeam,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct RepositoryAccess {
    pub access_level: AccessLevel,
    pub repository: Repository,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct TeamRepositoryAccess {
    pub team: GrantedTeam,
    pub repository_access_list: Vec<RepositoryAccess>,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct UserRepositoryAccess {
    pub access_level: AccessLevel,
    pub repository: Repository,
    pub user: Account,
}

#[derive(Deserialize, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Autocomplete {
    #[serde(default, deserialize_with = "there")]
    pub account_results: Option<Vec<Account>>,
    #[serde(default, deserialize_with = "there")]
    pub repository_results: Option<Vec<Repository>>,
}

#[derive(Deserialize, Debug)]
pub struct DockerSearch {
    pub num_results: u64,
    pub query: String,
    pub results: Vec<DockerRepository>,
}

#[derive(Deserialize, Debug)]
pub struct DockerRepository {
    pub name: String,
    pub description: String,
    pub is_official: bool,
    pub is_trusted: bool,
    pub star_count: u64,
}
