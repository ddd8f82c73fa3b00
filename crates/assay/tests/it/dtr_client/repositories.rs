//! Repositories and what is in them: grants, tags, scans, search.

use super::{
    Client,
    accounts::PASSWORD,
    forms::{self, AccessLevel},
    shapes::{self, Autocomplete, COMPLETED, DockerSearch, LayerOverride, Manifest, NamespaceTeamAccess},
    shapes::{NamespaceTeamAccessList, NamespaceType, Repositories, Repository, RepositoryTeamAccess, ScanSummary},
    shapes::{ScannerStatus, Tag, TeamRepositoryAccess, ThinScanSummaries, UserRepositoryAccess, Visibility},
};
use crate::{
    image::{as_admin, debian, index_of, push, push_layers},
    server::{Server, until},
};

/// What this server's test advisories know something critical of.
pub const BAD: &str = "liblog4j2-java 2.14.1-1";
pub const GOOD: &str = "base-files 12.4+deb12u5";

impl Client<'_> {
    pub fn creates(&self, namespace: &str, name: &str) -> Repository {
        let path = format!("/api/v0/repositories/{namespace}");
        let made: Repository = self.send(201, "POST", &path, &forms::CreateRepo::private(name));
        assert_eq!((made.namespace.as_str(), made.name.as_str()), (namespace, name));
        made
    }

    /// A reference may be one of several images, so that the answer is a list.
    pub fn tag(&self, repository: &str, tag: &str) -> Tag {
        let mut tags: Vec<Tag> = self.get(&format!("/api/v0/repositories/{repository}/tags/{tag}"));
        assert_eq!(tags.len(), 1, "{tags:?}");
        tags.remove(0)
    }

    pub fn scanned(&self, repository: &str, tag: &str) -> Tag {
        let done = || self.tag(repository, tag).vuln_summary.is_some_and(|scan| scan.last_scan_status == COMPLETED);
        until(&format!("{repository}:{tag} is scanned"), done);
        self.tag(repository, tag)
    }

    pub fn names(&self, repository: &str) -> Vec<String> {
        let tags: Vec<Tag> = self.get(&format!("/api/v0/repositories/{repository}/tags?pageSize=100"));
        tags.into_iter().map(|tag| tag.name).collect()
    }
}

#[test]
fn repositories_are_made_changed_listed_and_removed() {
    let server = Server::start("127.0.0.1");
    let admin = Client::admin(&server);
    admin.creates_organization("engineering");
    let form = forms::CreateRepo {
        short_description: "a shop",
        long_description: "# Shop",
        visibility: "public",
        scan_on_push: false,
        tag_limit: 7,
        ..forms::CreateRepo::private("shop")
    };
    let shop: Repository = admin.send(201, "POST", "/api/v0/repositories/engineering", &form);
    assert_eq!((&shop.namespace_type, &shop.visibility), (&NamespaceType::Organization, &Visibility::Public));
    assert_eq!((shop.short_description.as_str(), shop.long_description.as_deref()), ("a shop", Some("# Shop")));
    assert_eq!((shop.scan_on_push, shop.immutable_tags, shop.tag_limit), (false, false, 7));
    assert_eq!((shop.pulls, shop.pushes), (0, 0));
    admin.refused(400, "REPOSITORY_EXISTS", "POST", "/api/v0/repositories/engineering", &form);
    let path = "/api/v0/repositories/engineering/shop";
    let form = forms::UpdateRepo {
        visibility: Some("private"),
        tag_limit: Some(0),
        immutable_tags: Some(true),
        enable_manifest_lists: Some(true),
        ..Default::default()
    };
    let changed: Repository = admin.send(200, "PATCH", path, &form);
    assert_eq!((changed.visibility, changed.tag_limit, changed.immutable_tags), (Visibility::Private, 0, true));
    assert_eq!(changed.short_description, "a shop");
    assert_eq!(admin.get::<Repository>(path).id, shop.id);

    for name in ["a", "b", "c", "d"] {
        assert_eq!(admin.creates("admin", name).namespace_type, NamespaceType::User);
    }
    for (path, expected) in [("/api/v0/repositories", 5_usize), ("/api/v0/repositories/admin", 4)] {
        let (pages, count) = admin.pages::<Repositories>(path, 2);
        let mut names: Vec<String> =
            pages.into_iter().flat_map(|page| page.repositories).map(|one| one.namespace + "/" + &one.name).collect();
        assert_eq!(count, expected.div_ceil(2), "{names:?}");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), expected, "each once: {names:?}");
    }
    let counted = admin.got("/api/v0/repositories?pageSize=1&count=true");
    assert_eq!(counted.header("X-Resource-Count"), Some("5"));
    assert!(admin.got("/api/v0/repositories?pageSize=1").header("X-Resource-Count").is_none());

    let found: Autocomplete = admin.get("/api/v0/index/autocomplete?query=sho");
    assert_eq!(found.repository_results.unwrap()[0].name, "shop");
    let found: Autocomplete = admin.get("/api/v0/index/autocomplete?query=engin&includeRepositories=false");
    assert_eq!(found.account_results.unwrap()[0].name, "engineering");
    assert!(found.repository_results.is_none_or(|all| all.is_empty()));
    let found: Autocomplete = admin.get("/api/v0/index/autocomplete?query=b&includeAccounts=false&namespace=admin");
    assert!(found.repository_results.unwrap().iter().all(|one| one.namespace == "admin"));
    let found: DockerSearch = admin.get("/api/v0/index/dockersearch?q=shop");
    assert_eq!((found.query.as_str(), found.num_results), ("shop", 1));
    assert_eq!((found.results[0].name.as_str(), found.results[0].description.as_str()), ("engineering/shop", "a shop"));

    admin.gone("DELETE", path);
    admin.refused(404, "NO_SUCH_REPOSITORY", "GET", path, &());
}

#[test]
fn teams_are_granted_repositories_and_namespaces() {
    let server = Server::start("127.0.0.1");
    let admin = Client::admin(&server);
    admin.creates_organization("engineering");
    admin.creates_account("ann");
    let team = admin.creates_team("engineering", "builders");
    let member = forms::SetMembership { is_admin: false };
    admin.sent(200, "PUT", "/enzi/v0/accounts/engineering/members/ann", &member);
    admin.sent(200, "PUT", "/enzi/v0/accounts/engineering/teams/builders/members/ann", &member);
    for name in ["shop", "till"] {
        admin.creates("engineering", name);
    }
    let ann = Client::of(&server, "ann", PASSWORD);
    ann.refused(404, "NO_SUCH_REPOSITORY", "GET", "/api/v0/repositories/engineering/shop", &());

    let grants = "/api/v0/repositories/engineering/shop/teamAccess";
    let form = forms::Access { access_level: AccessLevel::ReadOnly };
    admin.sent(200, "PUT", &format!("{grants}/builders"), &form);
    ann.refused(403, "NOT_AUTHORIZED", "PATCH", "/api/v0/repositories/engineering/shop", &forms::UpdateRepo::default());
    let form = forms::Access { access_level: AccessLevel::ReadWrite };
    let put: RepositoryTeamAccess = admin.send(200, "PUT", &format!("{grants}/builders"), &form);
    assert_eq!(put.repository.name, "shop");
    let listed: RepositoryTeamAccess = admin.get(grants);
    assert_eq!(listed.team_access_list[0].access_level, shapes::AccessLevel::ReadWrite);
    assert_eq!(listed.team_access_list[0].team.id, team.id);
    assert!(!listed.team_access_list[0].team.client_user_is_member, "the administrator is not in it");
    let of_team: TeamRepositoryAccess = ann.get("/api/v0/accounts/engineering/teams/builders/repositoryAccess");
    assert!(of_team.team.client_user_is_member && of_team.team.id == team.id);
    assert_eq!(of_team.repository_access_list[0].repository.name, "shop");
    let of_ann: UserRepositoryAccess = ann.get("/api/v0/accounts/ann/repositoryAccess/engineering/shop");
    assert_eq!((of_ann.access_level, of_ann.user.name.as_str()), (shapes::AccessLevel::ReadWrite, "ann"));

    let namespace = "/api/v0/repositoryNamespaces/engineering/teamAccess";
    admin.refused(404, "NO_SUCH_NAMESPACE_TEAM_ACCESS", "GET", &format!("{namespace}/builders"), &());
    let form = forms::Access { access_level: AccessLevel::Admin };
    let put: NamespaceTeamAccess = admin.send(200, "PUT", &format!("{namespace}/builders"), &form);
    assert_eq!((put.namespace.as_str(), put.access_level), ("engineering", shapes::AccessLevel::Admin));
    let listed: NamespaceTeamAccessList = admin.get(namespace);
    assert_eq!((listed.namespace.as_str(), listed.team_access_list.len()), ("engineering", 1));
    let one: NamespaceTeamAccess = admin.get(&format!("{namespace}/builders"));
    assert_eq!(one.team.id, team.id);
    // The highest counts, and it is enough to make a repository there.
    let of_ann: UserRepositoryAccess = ann.get("/api/v0/accounts/ann/repositoryAccess/engineering/shop");
    assert_eq!(of_ann.access_level, shapes::AccessLevel::Admin);
    ann.creates("engineering", "stall");
    ann.refused(403, "NOT_AUTHORIZED", "POST", "/api/v0/repositories/admin", &forms::CreateRepo::private("mine"));
    admin.gone("DELETE", &format!("{namespace}/builders"));
    admin.gone("DELETE", &format!("{grants}/builders"));
    ann.refused(404, "NO_SUCH_REPOSITORY", "GET", "/api/v0/repositories/engineering/till", &());
}

#[test]
fn tags_are_listed_and_scanned() {
    let server = Server::start("127.0.0.1");
    let admin = Client::admin(&server);
    admin.creates("admin", "shop");
    let digest = push(&server, "admin/shop", "1", &debian(&[BAD, GOOD]));
    for tag in ["2", "3", "4"] {
        push(&server, "admin/shop", tag, &debian(&[GOOD, &format!("tzdata 2024a-{tag}")]));
    }
    let (pages, count) = admin.pages::<Vec<Tag>>("/api/v0/repositories/admin/shop/tags?includeManifests=true", 3);
    let mut listed: Vec<Tag> = pages.into_iter().flatten().collect();
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!((count, listed.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>()), (2, vec!["1", "2", "3", "4"]));
    assert_eq!((listed[0].digest.clone(), listed[0].author.as_str()), (digest.to_string(), "admin"));
    assert_eq!(listed[0].manifest.architecture.as_deref(), Some("amd64"));

    let tag = admin.scanned("admin/shop", "1");
    let summary = tag.vuln_summary.as_ref().unwrap();
    assert_eq!((summary.namespace.as_str(), summary.reponame.as_str(), summary.tag.as_str()), ("admin", "shop", "1"));
    assert!(summary.critical >= 1 && !summary.should_rescan && !summary.has_foreign_layers, "{summary:?}");
    let layers = tag.manifest.dockerfile.as_ref().unwrap();
    assert_eq!((layers[0].line.contains("COPY"), layers[0].is_empty, layers[1].is_empty), (true, false, true));
    assert_eq!((tag.manifest.os.as_deref(), tag.manifest.digest.clone()), (Some("linux"), digest.to_string()));
    let by_digest: Vec<Tag> = admin.get(&format!("/api/v0/repositories/admin/shop/tags/{digest}"));
    assert_eq!(by_digest.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["1"], "all tags of the digest");
    let manifests: Vec<Manifest> = admin.get("/api/v0/repositories/admin/shop/manifests");
    // Whatever was attached to an image is a manifest too.
    assert!(listed.iter().all(|tag| manifests.iter().any(|manifest| manifest.digest == tag.digest)), "{manifests:?}");

    let old: Vec<shapes::OldScanSummary> = admin.get("/api/v0/imagescan/repositories/admin/shop/1?detailed=true");
    let vulnerable = old[0].layer_details.as_ref().unwrap().iter().flat_map(|layer| layer.components.iter().flatten());
    let vulns: Vec<_> = vulnerable.flat_map(|component| component.vulns.iter().flatten()).collect();
    assert!(vulns.iter().any(|found| found.vuln.cvss >= 7.0), "{vulns:?}");
    let brief: Vec<shapes::OldScanSummary> = admin.get("/api/v0/imagescan/repositories/admin/shop/1?detailed=false");
    assert!(brief[0].layer_details.is_none());

    let summaries = "/api/v0/imagescan/scansummary";
    let of_tag: Vec<ScanSummary> = admin.get(&format!("{summaries}/repositories/admin/shop/1"));
    let image = &of_tag[0].scanned_image;
    assert_eq!((of_tag[0].scan_status, image.manifest_digest.clone()), (COMPLETED, digest.to_string()));
    assert_eq!((image.total_vuln_count.critical, image.max_cvss_value >= 7.0), (summary.critical, true));
    let component = image.components.iter().find(|one| !one.cves.is_empty()).unwrap();
    assert!(component.cves.iter().all(|key| image.cves.iter().any(|cve| cve.cve_pk == *key)), "{component:?}");
    let in_layer = |layer: &shapes::ScannedLayer| layer.components.contains(&component.component_pk);
    let layer = image.layers.iter().find(|layer| in_layer(layer)).unwrap().digest.clone();
    let cve = vulns[0].vuln.cve.clone();
    for query in [
        format!("cve/{cve}"),
        format!("component/{}", component.name),
        format!("layer/{layer}"),
        format!("repositories/admin/shop/{digest}"),
    ] {
        let found: Vec<ScanSummary> = admin.get(&format!("{summaries}/{query}"));
        assert!(found.iter().any(|one| one.scanned_image.tag == "1" || query.contains("sha256")), "{query}: {found:?}");
    }
    let form = forms::Images { images: vec![forms::Image { name: "admin/shop:1", digest: digest.as_ref() }] };
    let thin: ThinScanSummaries = admin.send(200, "POST", &format!("{summaries}/tags"), &form);
    assert_eq!(thin.images.values().next(), Some(&image.total_vuln_count), "{thin:?}");
    exported(&server, &format!("{summaries}/repositories/admin/shop/1/export"), &cve);
    hidden(&admin, &layer, component, &cve);

    let status: ScannerStatus = admin.get("/api/v0/imagescan/status");
    assert!(status.db_version > 0 && !status.last_db_update_failed, "{status:?}");
    let rescan = admin.sent(200, "POST", "/api/v0/imagescan/scan/admin/shop/1/linux/amd64", &());
    assert!(rescan.body.is_empty() || rescan.json().is_object(), "{rescan:?}");
    admin.sent(200, "POST", "/api/v0/imagescan/scan", &forms::ScanOptions { scan: false, check: true });
    admin.sent(200, "POST", "/api/v0/repositories/scan/toggle", &forms::ToggleScanOnPush { scan_on_push: false });
    assert!(!admin.get::<Repository>("/api/v0/repositories/admin/shop").scan_on_push);

    admin.gone("DELETE", "/api/v0/repositories/admin/shop/tags/4");
    admin.refused(404, "NO_SUCH_TAG", "DELETE", "/api/v0/repositories/admin/shop/tags/4", &());
    admin.refused(404, "NO_SUCH_REF", "GET", "/api/v0/repositories/admin/shop/tags/4", &());
    let manifest = format!("/api/v0/repositories/admin/shop/manifests/{digest}");
    admin.gone("DELETE", &manifest);
    assert_eq!(admin.names("admin/shop"), ["2", "3"]);
    admin.refused(404, "NO_SUCH_REF", "DELETE", &manifest, &());
}

fn exported(server: &Server, path: &str, cve: &str) {
    let auth = as_admin();
    for kind in ["text/csv", "application/json"] {
        let answer = server.ask("GET", path, &[(auth.0, &auth.1), ("Accept", kind)], b"");
        assert_eq!(answer.status, 200, "{kind}: {}", answer.body);
        assert!(answer.header("content-type").unwrap().starts_with(kind) && answer.body.contains(cve), "{answer:?}");
    }
}

/// What is hidden counts no more, until it is shown again.
fn hidden(admin: &Client, layer: &str, component: &shapes::ScannedComponent, cve: &str) {
    let critical = || admin.tag("admin/shop", "1").vuln_summary.unwrap().critical;
    let before = critical();
    let form = forms::VulnerabilityOverride {
        component: &component.name,
        component_version: &component.version,
        cve,
        notes: "not called",
    };
    admin.sent(200, "POST", &format!("/api/v0/imagescan/layeroverride/{layer}"), &form);
    until("it counts no more", || critical() == before - 1);
    let overrides: Vec<LayerOverride> = admin.get("/api/v0/imagescan/layeroverride");
    assert_eq!((overrides[0].digest.as_str(), overrides[0].notes.as_str()), (layer, "not called"));
    assert_eq!((overrides[0].cve.as_str(), &overrides[0].component), (cve, &component.name));
    admin.sent(200, "DELETE", &format!("/api/v0/imagescan/layeroverride/{}", overrides[0].pk), &());
    until("it counts again", || critical() == before);
}

#[test]
fn a_list_of_manifests_is_a_tag_for_each_platform() {
    let server = Server::start("127.0.0.1");
    let admin = Client::admin(&server);
    let auth = as_admin().1;
    admin.creates("admin", "many");
    let amd = push_layers(&server, &auth, "admin/many", "amd", &[debian(&[GOOD])]);
    let arm = push_layers(&server, &auth, "admin/many", "arm", &[debian(&[BAD])]);
    index_of(&server, "admin/many", "all", &[("amd64", &amd), ("arm64", &arm)]);
    let path = "/api/v0/repositories/admin/many/tags/all";
    let all: Vec<Tag> = admin.get(path);
    assert_eq!(all.iter().map(|tag| tag.name.as_str()).collect::<Vec<_>>(), ["all", "all"]);
    let mut digests: Vec<String> = all.into_iter().map(|tag| tag.manifest.digest).collect();
    digests.sort();
    let mut expected = [amd.to_string(), arm.to_string()];
    expected.sort();
    assert_eq!(digests, expected);
    // Their configurations say amd64, both.
    for (query, count) in [("os=linux&arch=amd64", 2), ("arch=s390x", 0)] {
        assert_eq!(admin.get::<Vec<Tag>>(&format!("{path}?{query}")).len(), count, "{query}");
    }
}
