//! Who is there, and how they sign in: eNZi's half of the API, and DTR's tokens.

use super::{
    Client, forms,
    shapes::{Account, AccountPublicKey, AccountPublicKeys, Accounts, ApiToken, MemberOrgs, MemberTeams, never},
    shapes::{Member, Members, NewApiToken, Team, Teams},
};
use crate::server::Server;

pub const PASSWORD: &str = "a password of theirs";

impl Client<'_> {
    pub fn creates_account(&self, name: &str) -> Account {
        let form = forms::CreateAccount {
            name,
            password: PASSWORD,
            full_name: "A Person",
            is_active: true,
            ..Default::default()
        };
        let account: Account = self.send(201, "POST", "/enzi/v0/accounts", &form);
        assert_eq!((account.name.as_str(), account.full_name.as_str()), (name, "A Person"));
        assert_eq!((account.is_org, account.is_active, account.is_admin), (false, Some(true), Some(false)));
        account
    }

    pub fn creates_organization(&self, name: &str) -> Account {
        let form = forms::CreateAccount { name, full_name: "An Org", is_org: true, ..Default::default() };
        let account: Account = self.send(201, "POST", "/enzi/v0/accounts", &form);
        assert!(account.is_org && account.members_count.is_some() && account.teams_count.is_some(), "{account:?}");
        account
    }

    pub fn creates_team(&self, organization: &str, name: &str) -> Team {
        let form = forms::Team { name: Some(name), description: Some("who builds") };
        let team: Team = self.send(201, "POST", &format!("/enzi/v0/accounts/{organization}/teams"), &form);
        assert_eq!((team.name.as_str(), team.description.as_str(), team.members_count), (name, "who builds", 0));
        team
    }
}

#[test]
fn accounts_are_made_found_changed_and_removed() {
    let server = Server::start("127.0.0.1");
    let admin = Client::admin(&server);
    let org = admin.creates_organization("engineering");
    for name in ["ann", "ben", "cyd"] {
        admin.creates_account(name);
    }
    let names = |query: &str| -> Vec<String> {
        let accounts: Accounts = admin.get(&format!("/enzi/v0/accounts{query}"));
        accounts.accounts.into_iter().map(|account| account.name).collect()
    };
    assert_eq!(names("?filter=users&limit=50"), ["admin", "ann", "ben", "cyd"]);
    assert_eq!(names("?filter=admins&limit=50"), ["admin"]);
    assert_eq!(names("?filter=non-admins&limit=50"), ["ann", "ben", "cyd"]);
    assert!(names("?filter=orgs&limit=50").contains(&"engineering".to_owned()));
    assert!(names("?filter=all&limit=50").contains(&"ben".to_owned()));
    // A last slash is as good as none: the description has one.
    assert_eq!(names("/?filter=active-users&limit=50"), ["admin", "ann", "ben", "cyd"]);
    let counted: Accounts = admin.get("/enzi/v0/accounts?limit=1");
    assert_eq!((counted.accounts.len(), counted.users_count), (1, 4));
    assert_eq!(counted.resource_count, counted.users_count + counted.orgs_count);
    let (mut walked, mut start) = (Vec::new(), String::new());
    loop {
        let page: Accounts = admin.get(&format!("/enzi/v0/accounts?filter=users&limit=3&start={start}"));
        walked.extend(page.accounts.into_iter().map(|account| account.name));
        start = page.next_page_start;
        if start.is_empty() {
            break;
        }
    }
    assert_eq!(walked, ["admin", "ann", "ben", "cyd"]);

    // By its name and by its id.
    let by_id: Account = admin.get(&format!("/enzi/v0/accounts/{}", org.id));
    assert_eq!(by_id.name, "engineering");
    let form = forms::UpdateAccount { full_name: Some("Ann Other"), is_active: Some(false), ..Default::default() };
    let ann: Account = admin.send(200, "PATCH", "/enzi/v0/accounts/ann", &form);
    assert_eq!((ann.full_name.as_str(), ann.is_active), ("Ann Other", Some(false)));
    assert_eq!(names("?filter=inactive-users&limit=50"), ["ann"]);
    Client::of(&server, "ann", PASSWORD).refused(401, "NOT_AUTHENTICATED", "GET", "/api/v0/repositories", &());

    let form = forms::ChangePassword { old_password: PASSWORD, new_password: "another password" };
    let ben: Account =
        Client::of(&server, "ben", PASSWORD).send(200, "POST", "/enzi/v0/accounts/ben/changePassword", &form);
    assert_eq!(ben.name, "ben");
    Client::of(&server, "ben", "another password").got("/api/v0/repositories");
    Client::of(&server, "ben", PASSWORD).refused(401, "NOT_AUTHENTICATED", "GET", "/api/v0/repositories", &());

    admin.gone("DELETE", "/enzi/v0/accounts/cyd");
    admin.refused(404, "NO_SUCH_ACCOUNT", "GET", "/enzi/v0/accounts/cyd", &());
    admin.gone("DELETE", &format!("/enzi/v0/accounts/{}", org.id));
    admin.refused(404, "NO_SUCH_ACCOUNT", "GET", "/enzi/v0/accounts/engineering", &());
}

#[test]
fn organizations_have_members_and_teams() {
    let server = Server::start("127.0.0.1");
    let admin = Client::admin(&server);
    let (org, ann) = (admin.creates_organization("engineering"), admin.creates_account("ann"));
    let ben = admin.creates_account("ben");
    let member: Member =
        admin.send(200, "PUT", "/enzi/v0/accounts/engineering/members/ann", &forms::SetMembership { is_admin: true });
    assert!(member.is_admin && member.member.id == ann.id);
    // An owner goes on without the administrator; the form may be empty.
    let owner = Client::of(&server, "ann", PASSWORD);
    let member: Member = owner.send(200, "PUT", "/enzi/v0/accounts/engineering/members/ben", &serde_json::json!({}));
    assert!(!member.is_admin && member.member.name == "ben");
    let members: Members = owner.get("/enzi/v0/accounts/engineering/members");
    assert_eq!((members.members.len(), members.resource_count, members.next_page_start.as_str()), (2, 2, ""));
    let admins: Members = owner.get("/enzi/v0/accounts/engineering/members?filter=admins");
    assert_eq!(admins.members.iter().map(|one| one.member.name.as_str()).collect::<Vec<_>>(), ["ann"]);
    let ben_is: Member = owner.get(&format!("/enzi/v0/accounts/{}/members/{}", org.id, ben.id));
    assert!(!ben_is.is_admin);

    let team = owner.creates_team("engineering", "builders");
    assert_eq!(team.org_id, org.id);
    let path = format!("/enzi/v0/accounts/{}/teams/{}", org.id, team.id);
    let member: Member =
        owner.send(200, "PUT", &format!("{path}/members/{}", ben.id), &forms::SetMembership { is_admin: false });
    assert_eq!((member.member.name.as_str(), member.is_admin), ("ben", false));
    let members: Members = owner.get(&format!("{path}/members"));
    assert_eq!((members.members[0].member.id.as_str(), members.resource_count), (ben.id.as_str(), 1));
    let _: Member = owner.get("/enzi/v0/accounts/engineering/teams/builders/members/ben");
    // Who comes into a team is a member of the organization by that.
    admin.creates_account("cyd");
    owner.send::<Member>(200, "PUT", &format!("{path}/members/cyd"), &forms::SetMembership { is_admin: false });
    let _: Member = owner.get("/enzi/v0/accounts/engineering/members/cyd");
    owner.gone("DELETE", "/enzi/v0/accounts/engineering/members/cyd");
    let read: Team = owner.get("/enzi/v0/accounts/engineering/teams/builders");
    assert_eq!((read.id.as_str(), read.members_count), (team.id.as_str(), 1));
    // As the vendor's provider sends it, the whole team. (eNZi renames teams too; here a name is what grants and the log know.)
    let form = serde_json::json!({"id": team.id, "orgID": org.id, "membersCount": 0, "name": "builders", "description": "makers"});
    let changed: Team = owner.send(200, "PATCH", &path, &form);
    assert_eq!((changed.name.as_str(), changed.description.as_str()), ("builders", "makers"));
    let teams: Teams = owner.get("/enzi/v0/accounts/engineering/teams");
    assert_eq!(
        (teams.teams[0].name.as_str(), teams.resource_count, teams.next_page_start.as_str()),
        ("builders", 1, "")
    );
    let of_ben: MemberTeams = owner.get("/enzi/v0/accounts/engineering/members/ben/teams");
    assert_eq!((of_ben.member_teams[0].team.name.as_str(), of_ben.member_teams[0].is_admin), ("builders", false));
    let organizations: MemberOrgs = owner.get("/enzi/v0/accounts/ann/organizations");
    assert!(organizations.member_orgs[0].is_admin && organizations.member_orgs[0].org.name == "engineering");
    let org: Account = owner.get("/enzi/v0/accounts/engineering");
    assert_eq!((org.members_count, org.teams_count), (Some(2), Some(1)));

    owner.gone("DELETE", &format!("{path}/members/ben"));
    owner.gone("DELETE", &path);
    owner.refused(404, "NO_SUCH_TEAM", "GET", &path, &());
    owner.gone("DELETE", "/enzi/v0/accounts/engineering/members/ben");
    let members: Members = owner.get("/enzi/v0/accounts/engineering/members");
    assert_eq!(members.resource_count, 1);
    // Others see no more than they may.
    let other = Client::of(&server, "ben", PASSWORD);
    other.refused(
        403,
        "NOT_AUTHORIZED",
        "PUT",
        "/enzi/v0/accounts/engineering/members/ben",
        &forms::SetMembership { is_admin: true },
    );
    other.refused(
        403,
        "NOT_AUTHORIZED",
        "POST",
        "/enzi/v0/accounts",
        &forms::CreateAccount { name: "own", is_org: true, ..Default::default() },
    );
}

#[test]
fn keys_and_tokens_are_those_of_an_account() {
    let server = Server::start("127.0.0.1");
    let admin = Client::admin(&server);
    let ann = admin.creates_account("ann");
    let (of_ann, path) = (Client::of(&server, "ann", PASSWORD), "/enzi/v0/accounts/ann/publicKeys");
    let pair = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&pair).unwrap().pem();
    let (public, certificates) =
        (pair.public_key_pem(), vec![forms::Certificate { label: "first", cert: &certificate }]);
    let form = forms::AccountPublicKey { public_key: Some(&public), label: "laptop", certificates };
    // Only the administrator may say whose a public key is; eNZi let everybody say it of themselves.
    let key: AccountPublicKey = admin.send(201, "POST", path, &form);
    assert_eq!((key.account_id.as_str(), key.label.as_str()), (ann.id.as_str(), "laptop"));
    assert!(key.public_key.contains("BEGIN PUBLIC KEY"), "{key:?}");
    assert_eq!(key.certificates.as_ref().map(|all| all[0].cert.trim() == certificate.trim()), Some(true), "{key:?}");
    let form = forms::AccountPublicKey { label: "old laptop", ..Default::default() };
    let key: AccountPublicKey = of_ann.send(200, "PATCH", &format!("{path}/{}", key.id), &form);
    let keys: AccountPublicKeys = of_ann.get(path);
    assert_eq!((keys.account_public_keys[0].label.as_str(), keys.next_page_start.as_str()), ("old laptop", ""));
    of_ann.gone("DELETE", &format!("{path}/{}", key.id));

    let form = forms::ApiToken { token_label: Some("ci"), is_active: None };
    let new: NewApiToken = of_ann.send(200, "POST", "/api/v0/api_tokens", &form);
    assert_eq!((new.kept.token_label.as_str(), new.kept.is_active, new.kept.last_used), ("ci", true, never()));
    let with_token = Client::of(&server, "ann", &new.token);
    let tokens: Vec<ApiToken> = with_token.get("/api/v0/api_tokens");
    assert_eq!(tokens[0].hashed_token, new.kept.hashed_token);
    assert!(!with_token.got("/api/v0/api_tokens").body.contains(&new.token), "a token is told once");
    let one = format!("/api/v0/api_tokens/{}", new.kept.hashed_token);
    assert_ne!(of_ann.get::<ApiToken>(&one).last_used, never());
    let form = forms::ApiToken { token_label: Some("ci of ann"), is_active: Some(false) };
    let changed: ApiToken = of_ann.send(200, "PATCH", &one, &form);
    assert_eq!((changed.token_label.as_str(), changed.is_active), ("ci of ann", false));
    with_token.refused(401, "NOT_AUTHENTICATED", "GET", "/api/v0/repositories", &());
    // The administrator makes one for somebody, and looks at theirs.
    let form = forms::ApiToken { token_label: Some("given"), is_active: None };
    let given: NewApiToken = admin.send(200, "POST", "/api/v0/api_tokens?username=ann", &form);
    assert_eq!(admin.get::<Vec<ApiToken>>("/api/v0/api_tokens?username=ann").len(), 2);
    // A deleted token stays in the list, inactive, so that it is known whose it was; a second time there is none to delete.
    of_ann.sent(200, "PATCH", &one, &forms::ApiToken { token_label: None, is_active: Some(true) });
    of_ann.sent(200, "DELETE", &one, &());
    of_ann.refused(404, "NO_SUCH_API_TOKEN", "DELETE", &one, &());
    of_ann.refused(404, "NO_SUCH_API_TOKEN", "GET", "/api/v0/api_tokens/nonsense", &());
    let used_before = "2100-01-01T00:00:00Z";
    let generated_by = given.kept.generated_by;
    let path = format!("/api/v0/api_tokens?username=ann&usedbefore={used_before}&generatedby={generated_by}");
    admin.sent(200, "DELETE", &path, &());
    assert!(of_ann.get::<Vec<ApiToken>>("/api/v0/api_tokens").iter().all(|token| !token.is_active));
}
