//! The products of a CSAF document (section 3.2.2): which package of which release an id means.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Ecosystem, Named};

/// What a product id stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Product {
    /// Of a release: whose it is.
    pub(super) ecosystem: Option<Ecosystem>,
    pub(super) channel: Option<String>,
    /// Of a package.
    pub(super) package: Option<Package>,
    pub(super) module: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    /// `EPOCH:VERSION-RELEASE`; None where every version is meant.
    pub(super) version: Option<String>,
    pub(super) named: Kind,
}

/// Which name it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Known(Named),
    /// A component without version or architecture: it may be either.
    Either,
}

/// All products of a document by id. Nesting is as deep as JSON may be.
pub(super) fn products(tree: &Value) -> BTreeMap<String, Product> {
    let mut products = BTreeMap::new();
    for branch in items(tree, "branches") {
        self::branch(branch, &mut products);
    }
    for name in items(tree, "full_product_names") {
        add(name, "", &mut products);
    }
    for relation in items(tree, "relationships") {
        let id = relation.pointer("/full_product_name/product_id").and_then(Value::as_str);
        let part = string(relation, "product_reference");
        let whole = string(relation, "relates_to_product_reference");
        let (Some(id), Some(part), Some(whole)) = (id, part, whole) else { continue };
        let get = |id: &str| products.get(id).cloned().unwrap_or_default();
        let (part, whole) = (get(part), get(whole));
        // A package of a module of a release: the inner relation is a product of its own.
        let joined = Product {
            ecosystem: whole.ecosystem.or(part.ecosystem),
            channel: whole.channel.or(part.channel),
            package: part.package.or(whole.package),
            module: part.module.or(whole.module),
        };
        products.insert(id.to_owned(), joined);
    }
    products
}

fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn string<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

fn branch(branch: &Value, products: &mut BTreeMap<String, Product>) {
    let category = string(branch, "category").unwrap_or_default();
    if let Some(product) = branch.get("product") {
        add(product, category, products);
    }
    for inner in items(branch, "branches") {
        self::branch(inner, products);
    }
}

fn add(product: &Value, category: &str, products: &mut BTreeMap<String, Product>) {
    let Some(id) = string(product, "product_id") else { return };
    let name = string(product, "name").unwrap_or_default();
    let helper = |key: &str| product.pointer(&format!("/product_identification_helper/{key}")).and_then(Value::as_str);
    let mut found = Product::default();
    if let Some(purl) = helper("purl") {
        (found.package, found.module) = package(purl);
    }
    let release = release(name, helper("cpe"));
    if let Some((ecosystem, channel)) = release {
        found.ecosystem = Some(ecosystem);
        found.channel = channel;
    }
    // SUSE's older documents name packages without a package URL: `libopenssl1_1-1.1.1l-150400.7.60.2.x86_64`.
    if found.package.is_none() && found.ecosystem.is_none() && category == "product_version" {
        found.package = nevra(name);
    }
    products.insert(id.to_owned(), found);
}

/// Of Red Hat by its CPE, of SUSE by its name.
fn release(name: &str, cpe: Option<&str>) -> Option<(Ecosystem, Option<String>)> {
    let product = cpe.and_then(|cpe| cpe.strip_prefix("cpe:/").and_then(|rest| rest.get(2..)));
    if let Some(product) = product.and_then(|product| product.strip_prefix("redhat:")) {
        let own = product.starts_with("enterprise_linux:") || product.starts_with("rhel_");
        return own.then(|| Ecosystem::read(&format!("Red Hat:{product}")).ok()).flatten();
    }
    let (family, release) = match () {
        () if name.starts_with("openSUSE ") => ("openSUSE", name.strip_prefix("openSUSE ")),
        () if name.starts_with("SUSE Linux ") => ("SUSE", name.strip_prefix("SUSE ")),
        () if name.starts_with("openEuler-") => ("openEuler", name.strip_prefix("openEuler-")),
        () => ("", None),
    };
    Ecosystem::read(&format!("{family}:{}", release?)).ok()
}

/// `pkg:rpm/redhat/openssl@1.1.1k-7.el8_6?arch=src&epoch=1`, and the module of `rpmmod=nodejs:18:…`.
fn package(purl: &str) -> (Option<Package>, Option<String>) {
    let Some(rest) = purl.strip_prefix("pkg:") else { return (None, None) };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = path.split('#').next().unwrap_or_default();
    let query: BTreeMap<&str, String> =
        query.split('&').filter_map(|pair| pair.split_once('=')).map(|(key, value)| (key, decoded(value))).collect();
    let (kind, path) = path.split_once('/').unwrap_or((path, ""));
    let (path, version) = path.rsplit_once('@').map_or((path, None), |(path, version)| (path, Some(decoded(version))));
    let name = decoded(path.rsplit('/').next().unwrap_or(path));
    match kind {
        "rpm" if !name.is_empty() => {}
        // A module by itself; its packages say it again.
        "rpmmod" => {
            let stream = version.and_then(|version| version.split(':').next().map(str::to_owned));
            return (None, stream.map(|stream| format!("{name}:{stream}")));
        }
        _ => return (None, None),
    }
    let module = query.get("rpmmod").map(|module| module.split(':').take(2).collect::<Vec<_>>().join(":"));
    let named = match (query.get("arch").map(String::as_str), &version) {
        (Some("src"), Some(_)) => Kind::Known(Named::Source),
        (Some("src") | None, None) => Kind::Either,
        _ => Kind::Known(Named::Binary),
    };
    let epoch = query.get("epoch").filter(|epoch| *epoch != "0");
    let version = version.map(|version| match epoch {
        Some(epoch) => format!("{epoch}:{version}"),
        None => version,
    });
    (Some(Package { name, version, named }), module)
}

/// `NAME-[EPOCH:]VERSION-RELEASE.ARCH`
pub(super) fn nevra(text: &str) -> Option<Package> {
    let (rest, architecture) = text.rsplit_once('.')?;
    let known = [
        "aarch64",
        "aarch64_ilp32",
        "armv7l",
        "i386",
        "i586",
        "i686",
        "noarch",
        "ppc64",
        "ppc64le",
        "s390",
        "s390x",
        "src",
        "nosrc",
        "x86_64",
    ];
    if !known.contains(&architecture) {
        return None;
    }
    let (rest, release) = rest.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    let (epoch, version) = version.split_once(':').unwrap_or(("0", version));
    let epoch = if epoch == "0" { String::new() } else { format!("{epoch}:") };
    let named = if matches!(architecture, "src" | "nosrc") { Named::Source } else { Named::Binary };
    let version = Some(format!("{epoch}{version}-{release}"));
    (!name.is_empty()).then(|| Package { name: name.to_owned(), version, named: Kind::Known(named) })
}

/// Percent signs of a package URL.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        let code = (*byte == b'%').then(|| tail.get(..2)).flatten();
        let code = code.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*byte));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_urls_and_file_names_are_taken_apart() {
        let (found, module) =
            package("pkg:rpm/redhat/nodejs@18.1.0-1.module%2Bel8?arch=src&epoch=1&rpmmod=nodejs:18:8060:abc");
        let found = found.unwrap();
        assert_eq!((found.name.as_str(), found.version.as_deref()), ("nodejs", Some("1:18.1.0-1.module+el8")));
        assert_eq!((found.named, module.as_deref()), (Kind::Known(Named::Source), Some("nodejs:18")));
        assert_eq!(package("pkg:rpm/redhat/openssl?arch=src").0.unwrap().named, Kind::Either);
        assert_eq!(package("pkg:oci/x@sha256:1"), (None, None));
        let found = nevra("libopenssl1_1-1.1.1l-150400.7.60.2.x86_64").unwrap();
        assert_eq!((found.name.as_str(), found.version.as_deref()), ("libopenssl1_1", Some("1.1.1l-150400.7.60.2")));
        assert_eq!(nevra("x"), None);
    }
}
