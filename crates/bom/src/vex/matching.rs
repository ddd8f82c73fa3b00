//! Which statement speaks of which finding.

use std::collections::{HashMap, HashSet};

use super::{Product, Statement};
use crate::{Component, Finding, Image, Report, bill, identity::Index, purl, purl::PackageUrl};

/// For each finding the statement that decides, if there is one.
pub(super) fn choose<'s>(report: &Report, also: &[String], statements: &[&'s Statement]) -> Vec<Option<&'s Statement>> {
    let by_id = Ids::of(statements, &report.findings);
    if by_id.0.is_empty() {
        return vec![None; report.findings.len()];
    }
    let index = Index::new(report);
    let image = ImageNames::of(&report.image, also);
    let urls: Vec<Option<PackageUrl>> =
        report.components.iter().map(|component| PackageUrl::parse(&component.purl)).collect();
    let chosen = report.findings.iter().map(|finding| {
        let places = index.components(finding);
        let fallback = PackageUrl::parse(&finding.purl);
        let mut targets: Vec<Target<'_>> = places
            .iter()
            .map(|at| Target { url: urls[*at].as_ref(), component: Some(&report.components[*at]) })
            .collect();
        if targets.is_empty() {
            targets.push(Target { url: fallback.as_ref(), component: None });
        }
        // A statement must hold for every component that the finding stands for.
        let speaks = |statement: &&(usize, &Statement)| targets.iter().all(|target| image.speaks(statement.1, target));
        by_id
            .candidates(finding)
            .iter()
            .filter(speaks)
            .max_by_key(|(position, statement)| (statement.timestamp, *position))
            .map(|(_, statement)| *statement)
    });
    chosen.collect()
}

/// Statements by the ids of their vulnerabilities.
struct Ids<'s>(HashMap<String, Vec<(usize, &'s Statement)>>);

impl<'s> Ids<'s> {
    /// Those about anything that was found.
    fn of(statements: &[&'s Statement], findings: &[Finding]) -> Ids<'s> {
        let ids = findings.iter().flat_map(|finding| std::iter::once(&finding.id).chain(&finding.aliases));
        let found: HashSet<String> = ids.map(|id| id.to_ascii_uppercase()).collect();
        let mut by_id: HashMap<String, Vec<(usize, &Statement)>> = HashMap::new();
        for (position, statement) in statements.iter().enumerate() {
            for id in statement.vulnerabilities.iter().map(|id| id.to_ascii_uppercase()) {
                if found.contains(&id) {
                    by_id.entry(id).or_default().push((position, statement));
                }
            }
        }
        Ids(by_id)
    }

    /// By the finding's id and by each alias of it.
    fn candidates(&self, finding: &Finding) -> Vec<(usize, &'s Statement)> {
        let ids = std::iter::once(&finding.id).chain(&finding.aliases);
        let mut found: Vec<_> = ids.filter_map(|id| self.0.get(&id.to_ascii_uppercase())).flatten().copied().collect();
        found.sort_by_key(|(position, _)| *position);
        found.dedup_by_key(|(position, _)| *position);
        found
    }
}

struct Target<'a> {
    url: Option<&'a PackageUrl>,
    component: Option<&'a Component>,
}

/// By what an image can be named.
struct ImageNames<'a> {
    names: Vec<(&'a str, Option<PackageUrl>)>,
    digests: HashSet<String>,
    /// The CPE of its distribution.
    platform: Option<&'a str>,
}

impl<'a> ImageNames<'a> {
    fn of(image: &'a Image, also: &'a [String]) -> ImageNames<'a> {
        let mut own = ImageNames { names: Vec::new(), digests: image.digest.iter().cloned().collect(), platform: None };
        own.platform = image.distribution.as_ref().and_then(|distribution| distribution.cpe.as_deref());
        for name in std::iter::once(&image.name).chain(also) {
            let digest = bill::digest_in(name).or_else(|| image.digest.clone());
            own.digests.extend(digest.clone());
            let named = Image { name: name.clone(), digest, platform: image.platform.clone(), ..Image::default() };
            own.names.push((name, purl::of_image(&named).and_then(|url| PackageUrl::parse(&url))));
        }
        own
    }

    fn speaks(&self, statement: &Statement, target: &Target<'_>) -> bool {
        statement.products.iter().any(|product| {
            if product.parts.is_empty() {
                self.is(product) || is_component(product, target)
            } else {
                // Parts are meant as they are in that product; of another product's parts nothing is said here.
                self.is(product) && product.parts.iter().any(|part| self.is(part) || is_component(part, target))
            }
        })
    }

    /// True when the product is this image, or the distribution it is made of.
    fn is(&self, product: &Product) -> bool {
        if let Some(stated) = &product.digest {
            return self.digests.contains(stated);
        }
        if let Some(stated) = product.purl.as_ref().filter(|url| matches!(url.kind.as_str(), "oci" | "docker")) {
            return self.names.iter().any(|(_, own)| own.as_ref().is_some_and(|own| stated.covers(own)));
        }
        if let (Some(stated), Some(own), None) = (&product.cpe, self.platform, &product.purl) {
            return is_platform(stated, own);
        }
        let id = product.id.as_str();
        !id.is_empty() && (self.digests.contains(id) || self.names.iter().any(|(name, _)| *name == id))
    }
}

fn is_component(product: &Product, target: &Target<'_>) -> bool {
    if let (Some(stated), Some(own)) = (&product.purl, target.url) {
        return stated.covers(own);
    }
    let Some(component) = target.component else { return false };
    if let Some(stated) = &product.digest {
        return component.sha256.values().any(|own| stated.strip_prefix("sha256:") == Some(own));
    }
    // A purl that is no name of this component has been looked at above; a CPE beside it must not widen what is stated.
    product.purl.is_none()
        && product.cpe.as_ref().is_some_and(|stated| component.cpes.iter().any(|own| covers_cpe(stated, own)))
}

/// The attributes of a CPE name in the order part, vendor, product, version, …; `*` and empty are "any" (NISTIR 7695).
fn attributes(cpe: &str) -> Vec<String> {
    let (rest, formatted) = match (cpe.strip_prefix("cpe:2.3:"), cpe.strip_prefix("cpe:/")) {
        (Some(rest), _) => (rest, true),
        (None, Some(rest)) => (rest, false),
        (None, None) => return Vec::new(),
    };
    let mut parts = vec![String::new()];
    let mut chars = rest.chars();
    while let Some(c) = chars.next() {
        match c {
            ':' => parts.push(String::new()),
            '\\' if formatted => parts.last_mut().expect("there is always one").extend(chars.next()),
            c => parts.last_mut().expect("there is always one").push(c),
        }
    }
    parts
        .into_iter()
        .map(|part| {
            let part = if formatted { part } else { purl::decode(&part).unwrap_or(part) };
            if part == "*" { String::new() } else { part.to_lowercase() }
        })
        .collect()
}

/// True when every attribute that `stated` gives is the same in `own`; part, vendor and product must be given.
fn covers_cpe(stated: &str, own: &str) -> bool {
    let (stated, own) = (attributes(stated), attributes(own));
    stated.len() >= 3
        && stated[..3].iter().all(|part| !part.is_empty())
        && stated.iter().enumerate().all(|(at, part)| part.is_empty() || own.get(at) == Some(part))
}

/// Platforms of vendors: `cpe:/a:redhat:enterprise_linux:9::appstream` is a part of the distribution that calls itself
/// `cpe:/o:redhat:enterprise_linux:9::baseos`. Vendor, product and the begin of the version tell.
fn is_platform(stated: &str, own: &str) -> bool {
    let (stated, own) = (attributes(stated), attributes(own));
    let (Some([vendor, product]), Some(own_names)) = (stated.get(1..3), own.get(1..3)) else { return false };
    if vendor.is_empty() || product.is_empty() || own_names != [vendor.clone(), product.clone()] {
        return false;
    }
    match (stated.get(3).map(String::as_str), own.get(3).map(String::as_str)) {
        (None | Some(""), _) => true,
        (Some(stated), Some(own)) => {
            own == stated || own.strip_prefix(stated).is_some_and(|rest| rest.starts_with('.'))
        }
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_cpe_cover_each_other() {
        let own = r"cpe:2.3:a:openssl:openssl:3.0.11:*:*:*:*:*:*:*";
        for (stated, covers) in [
            ("cpe:2.3:a:openssl:openssl:*:*:*:*:*:*:*:*", true),
            ("cpe:/a:openssl:openssl", true),
            ("cpe:/a:openssl:openssl:3.0.11", true),
            ("cpe:/a:openssl:openssl:3.0.12", false),
            ("cpe:/a:openssl", false),
            ("cpe:/a:*:openssl", false),
            ("openssl", false),
        ] {
            assert_eq!(covers_cpe(stated, own), covers, "{stated}");
        }
        assert_eq!(attributes(r"cpe:2.3:a:x\:y:z")[1], "x:y");
    }

    #[test]
    fn platforms_are_compared_by_their_begin() {
        let own = "cpe:/o:redhat:enterprise_linux:9.4::baseos";
        for (stated, is) in [
            ("cpe:/a:redhat:enterprise_linux:9::appstream", true),
            ("cpe:/o:redhat:enterprise_linux:9.4", true),
            ("cpe:/o:redhat:enterprise_linux:8", false),
            ("cpe:/o:redhat:enterprise_linux:9.40", false),
            ("cpe:/a:redhat:openshift:4", false),
            ("cpe:/o", false),
        ] {
            assert_eq!(is_platform(stated, own), is, "{stated}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_compared(a in "(cpe:2.3:|cpe:/)?[a-z:*\\\\%]{0,20}", b in "(cpe:/)?\\PC{0,20}") {
            covers_cpe(&a, &b);
            is_platform(&a, &b);
        }
    }
}
