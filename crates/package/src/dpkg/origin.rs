//! Whose a Debian package is, told by its control fields alone.
//!
//! dpkg does not record where a package came from. A package is taken for the distribution's own unless one of these says otherwise;
//! the paragraphs of all 66,550 packages of Debian 12 and its updates carry none of them:
//!
//! 1. `Origin` or `Vendor` names somebody else, or `Bugs` leads to somebody else. Debian's own packages have none of these,
//!    Ubuntu's say Ubuntu.
//! 2. The version ends as those of a well-known repository do (`.pgdg120+1`, `+deb.sury.org`, `-1nodesource1`), or with the name of
//!    a release (`~bookworm`), as repositories do that serve several; distributions write `~deb12u1` and `~22.04.1`.
//! 3. The revision is `-0`, which a distribution's first revision is not.
//! 4. The maintainer's address is that of a company which packages its own product.
//!
//! A package that was rebuilt and kept its fields is not told from the original.

/// In the version, and whose repository writes so.
const MARKS: [(&str, &str); 14] = [
    ("+deb.sury.org", "deb.sury.org"),
    (".pgdg", "apt.postgresql.org"),
    ("nodesource", "NodeSource"),
    ("+maria~", "MariaDB"),
    ("~maria", "MariaDB"),
    ("~debian.", "Docker"),
    ("~ubuntu.", "Docker"),
    ("~ppa", "a Launchpad PPA"),
    ("ppa~", "a Launchpad PPA"),
    ("ppa1", "a Launchpad PPA"),
    ("+rpt", "Raspberry Pi"),
    ("+pve", "Proxmox"),
    ("-pve", "Proxmox"),
    ("linuxmint", "Linux Mint"),
];

/// What follows the last tilde or plus of a version that is built for one release of several.
const RELEASES: [&str; 21] = [
    "bionic", "bookworm", "bullseye", "buster", "focal", "forky", "jammy", "jessie", "kinetic", "lunar", "mantic",
    "noble", "oracular", "plucky", "precise", "questing", "resolute", "stretch", "trixie", "trusty", "xenial",
];

/// Ends of addresses whose owners maintain no package in Debian.
const COMPANIES: [&str; 44] = [
    "@10gen.com",
    "@amazon.com",
    "@azul.com",
    "@bell-sw.com",
    "@chef.io",
    "@clickhouse.com",
    "@cloudflare.com",
    "@confluent.io",
    "@datadoghq.com",
    "@docker.com",
    "@elastic.co",
    "@erlang-solutions.com",
    "@github.com",
    "@gitlab.com",
    "@grafana.com",
    "@haproxy.com",
    "@hashicorp.com",
    "@influxdata.com",
    "@jenkins.io",
    "@kubernetes.io",
    "@mariadb.com",
    "@mariadb.org",
    "@microsoft.com",
    "@mongodb.com",
    "@mysql.com",
    "@neo4j.com",
    "@newrelic.com",
    "@nginx.com",
    "@nginx.org",
    "@nodesource.com",
    "@opscode.com",
    "@oracle.com",
    "@percona.com",
    "@proxmox.com",
    "@puppet.com",
    "@puppetlabs.com",
    "@rabbitmq.com",
    "@redis.com",
    "@redis.io",
    "@timescale.com",
    "@varnish-software.com",
    "@zabbix.com",
    "chromium-dev@chromium.org",
    "cudatools@nvidia.com",
];

/// Who publishes the package, None for the distribution itself. `field` gives the value of a control field.
pub(super) fn third_party<'a>(field: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let named = ["Origin", "Vendor"].into_iter().filter_map(&field).find(|value| !value.is_empty());
    if let Some(origin) = named {
        return (!is_distribution(origin)).then(|| origin.to_owned());
    }
    if let Some(bugs) = field("Bugs").filter(|bugs| !is_distribution(bugs)) {
        return Some(bugs.to_owned());
    }
    let version = field("Version").unwrap_or_default();
    if let Some((_, repository)) = MARKS.into_iter().find(|(mark, _)| version.contains(mark)) {
        return Some(repository.to_owned());
    }
    let maintainer = field("Maintainer").unwrap_or_default();
    let (name, address) = maintainer.split_once('<').unwrap_or((maintainer, ""));
    let address = address.trim_end_matches('>').to_ascii_lowercase();
    let release = version.rsplit(['~', '+']).next().filter(|_| version.contains(['~', '+'])).unwrap_or_default();
    let foreign = RELEASES.into_iter().any(|name| release.starts_with(name))
        || version.ends_with("-0")
        || COMPANIES.into_iter().any(|company| address.ends_with(company));
    let name = name.trim();
    foreign.then(|| if name.is_empty() { "unknown publisher".to_owned() } else { name.to_owned() })
}

fn is_distribution(origin: &str) -> bool {
    let origin = origin.to_ascii_lowercase();
    ["debian", "ubuntu", "raspbian", "devuan", "kali"].into_iter().any(|name| origin.contains(name))
}

#[cfg(test)]
mod tests {
    use super::third_party;

    fn told(fields: &[(&str, &'static str)]) -> Option<String> {
        third_party(|name| fields.iter().find(|(key, _)| *key == name).map(|(_, value)| *value))
    }

    #[test]
    fn versions_tell_well_known_repositories() {
        for (version, expected) in [
            ("8.2.10-1+0~20230902.14+debian12~1.gbp+deb.sury.org+1", Some("deb.sury.org")),
            ("15.4-1.pgdg120+1", Some("apt.postgresql.org")),
            ("20.20.2-1nodesource1", Some("NodeSource")),
            ("1:11.1.2+maria~deb12", Some("MariaDB")),
            ("5:24.0.7-1~debian.12~bookworm", Some("Docker")),
            ("1.24.0-1~jammy", Some("Somebody")),
            ("528.0.0-0", Some("Somebody")),
            ("2.9-1~bpo12+1", None),
            ("1.0.1f-1ubuntu2.27", None),
            ("24.0.5-0ubuntu1~22.04.1", None),
            ("3.0.11-1~deb12u2", None),
            ("2.36-9+deb12u9", None),
            ("7.88.1-10+b1", None),
            ("1.4.5~debian1-3", None),
        ] {
            let found = told(&[("Version", version), ("Maintainer", "Somebody <a@example.org>")]);
            assert_eq!(found.as_deref(), expected, "{version}");
        }
    }

    #[test]
    fn fields_tell_before_versions_do() {
        assert_eq!(told(&[("Version", "1-1"), ("Origin", "Ubuntu")]), None);
        assert_eq!(told(&[("Version", "1-1"), ("Vendor", "Example Ltd")]).unwrap(), "Example Ltd");
        assert_eq!(
            told(&[("Version", "1-1"), ("Bugs", "https://example.org/bugs")]).unwrap(),
            "https://example.org/bugs"
        );
        assert_eq!(told(&[("Version", "1-1"), ("Bugs", "https://bugs.launchpad.net/ubuntu/+filebug")]), None);
        let by = |maintainer| told(&[("Version", "1-1"), ("Maintainer", maintainer)]);
        assert_eq!(by("Docker <support@docker.com>").unwrap(), "Docker");
        assert_eq!(by("<support@docker.com>").unwrap(), "unknown publisher");
        assert_eq!(by("Stephen Kitt <skitt@debian.org>"), None);
        assert_eq!(by(""), None);
    }
}
