//! Bills as other programs write them.

use bom::{Bill, Component, SourcePackage, Subject};

fn component<'a>(bill: &'a Bill, name: &str) -> &'a Component {
    bill.components.iter().find(|component| component.name == name).unwrap_or_else(|| panic!("{name}: {bill:#?}"))
}

pub const SYFT: &str = include_str!("foreign/syft.json");

#[test]
fn syft_json() {
    let bill = Bill::read(SYFT.as_bytes()).unwrap();
    assert_eq!((bill.format.as_str(), bill.tools.as_slice()), ("syft 16.0.20", &["syft 1.18.1".to_owned()][..]));
    assert_eq!(bill.image.digest.as_deref(), Some(&*format!("sha256:{}", "a".repeat(64))));
    assert_eq!(bill.image.distribution.as_ref().map(|d| (d.id.as_str(), d.version.as_str())), Some(("debian", "12")));
    let libc = component(&bill, "libc6");
    assert_eq!(libc.source, Some(SourcePackage { name: "glibc".to_owned(), version: "2.36-9+deb12u9".to_owned() }));
    assert_eq!(
        (libc.licenses.as_slice(), libc.license_names.as_slice()),
        (&["LGPL-2.1-only".to_owned()][..], &["GPL (any)".to_owned()][..])
    );
    assert_eq!((libc.paths.as_slice(), libc.kind.as_str()), (&["var/lib/dpkg/status".to_owned()][..], "deb"));
    assert_eq!(component(&bill, "requests").licenses, ["Apache-2.0"]);
}

/// As trivy writes 1.6, with the older shapes of tools and evidence in it.
const TRIVY: &str = r#"{
  "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
  "metadata": {"tools": [{"vendor": "aquasecurity", "name": "trivy", "version": "0.50"}],
    "component": {"type": "container", "name": "app:1", "purl":
      "pkg:oci/app@sha256%3Aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?arch=amd64"}},
  "components": [
    {"bom-ref": "os", "type": "operating-system", "name": "redhat", "version": "9.4"},
    {"bom-ref": "f", "type": "application", "name": "go.sum", "components": [
      {"type": "library", "group": "org.slf4j", "name": "slf4j-api", "version": "2", "purl": "pkg:maven/org.slf4j/slf4j-api@2"}]},
    {"type": "file", "name": "etc/passwd"},
    {"type": "library", "name": "openssl-libs", "version": "3.0.7-25.el9", "licenses": [{"license": {"name": "ASL 2.0"}}],
     "purl": "pkg:rpm/redhat/openssl-libs@3.0.7-25.el9?arch=x86_64&distro=redhat-9.4&epoch=1",
     "evidence": {"identity": {"field": "purl", "confidence": 0.5, "methods": [{"technique": "filename", "confidence": 0.5, "value": "x"}]}},
     "properties": [{"name": "aquasecurity:trivy:SrcName", "value": "openssl"}, {"name": "aquasecurity:trivy:SrcVersion", "value": "3.0.7"},
       {"name": "aquasecurity:trivy:SrcRelease", "value": "25.el9"}, {"name": "aquasecurity:trivy:SrcEpoch", "value": "1"},
       {"name": "aquasecurity:trivy:FilePath", "value": "/usr/lib64/x"}]}]}"#;

#[test]
fn cyclonedx_of_trivy() {
    let bill = Bill::read(TRIVY.as_bytes()).unwrap();
    assert_eq!((bill.image.kind, bill.image.digest.is_some()), (Subject::Image, true));
    assert_eq!(bill.image.distribution.as_ref().unwrap().version, "9.4");
    let names: Vec<&str> = bill.components.iter().map(|component| component.name.as_str()).collect();
    assert_eq!(names, ["go.sum", "org.slf4j:slf4j-api", "openssl-libs"]);
    let openssl = component(&bill, "openssl-libs");
    assert_eq!(openssl.version, "1:3.0.7-25.el9");
    assert_eq!(
        openssl.source,
        Some(SourcePackage { name: "openssl".to_owned(), version: "1:3.0.7-25.el9".to_owned() })
    );
    assert_eq!((openssl.license_names[0].as_str(), openssl.paths[0].as_str()), ("ASL 2.0", "usr/lib64/x"));
    assert_eq!(openssl.confidence.unwrap().units(), 50);
    assert!(bill.gaps[0].reason.starts_with("1 components of the bill have neither"));
}

#[test]
fn every_version_of_cyclonedx_and_no_other() {
    for minor in 0..=9 {
        let text = format!(
            r#"{{"bomFormat":"CycloneDX","specVersion":"1.{minor}","components":[{{"name":"a","type":"library"}}]}}"#
        );
        assert_eq!(Bill::read(text.as_bytes()).is_ok(), (2..=7).contains(&minor), "{minor}");
    }
    let text = "\u{FEFF}{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"components\":[{\"name\":\"a\",\"purl\":\"nonsense\"}]}";
    assert!(Bill::read(text.as_bytes()).unwrap_err().to_string().contains("components[0].purl"));
}

pub const TAG_VALUE: &str = include_str!("foreign/tags.spdx");

#[test]
fn spdx_of_tags_and_values() {
    let bill = Bill::read(TAG_VALUE.as_bytes()).unwrap();
    assert_eq!(
        (bill.format.as_str(), bill.tools[0].as_str(), bill.image.name.as_str()),
        ("SPDX-2.3", "reuse-1", "app")
    );
    assert_eq!(bill.components.len(), 1);
    let glibc = component(&bill, "glibc");
    assert_eq!((glibc.version.as_str(), glibc.supplier.as_deref()), ("2.36", Some("GNU")));
    assert_eq!((glibc.licenses.as_slice(), glibc.cpes.len()), (&["LGPL-2.1-or-later".to_owned()][..], 1));
    for (text, expected) in [
        ("hello", "no format that we read"),
        ("SPDXVersion: SPDX-2.3\nPackageName: <text>x", "line 2: <text> has no end"),
        ("SPDXVersion: SPDX-2.3\nnonsense", "line 2: a tag"),
        ("SPDXVersion: SPDX-1.2\n", "neither SPDX-2.2 nor SPDX-2.3"),
    ] {
        let error = Bill::read(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(Bill::read(b"SPDXVersion: SPDX-2.3\n\xFF").unwrap_err().to_string().contains("line 2"));
}

#[test]
fn spdx_of_syft_keeps_the_image_apart() {
    let text = r#"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"debian","creationInfo":{"creators":["Organization: X","Tool: syft-1"]},
      "packages":[
        {"name":"bash","SPDXID":"SPDXRef-b","versionInfo":"5.2","licenseConcluded":"NOASSERTION","licenseDeclared":"LicenseRef-x",
         "externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:deb/debian/bash@5.2?distro=debian-12"}]},
        {"name":"debian","SPDXID":"SPDXRef-i","versionInfo":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","primaryPackagePurpose":"CONTAINER"}],
      "hasExtractedLicensingInfos":[{"licenseId":"LicenseRef-x","name":"The X licence","extractedText":"NOASSERTION"}],
      "relationships":[{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-i"}]}"#;
    let bill = Bill::read(text.as_bytes()).unwrap();
    assert_eq!((bill.components.len(), bill.image.digest.is_some()), (1, true));
    assert_eq!(component(&bill, "bash").license_names, ["The X licence"]);
    // No word of an operating system; most packages say it.
    assert_eq!(bill.image.distribution.as_ref().map(|d| (d.id.as_str(), d.version.as_str())), Some(("debian", "12")));
}
