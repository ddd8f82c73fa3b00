//! Java archives, wheels and eggs, made here: honest ones and hostile ones.

use std::io::{Cursor, Write};

use base::limits::{ARCHIVE_DEPTH, ARCHIVE_RATIO_FLOOR_BYTES};
use package::{Document, Error, Form, Package};
use sha1::{Digest, Sha1};
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::made::{archive, properties};

fn read(path: &str, bytes: &[u8]) -> Result<Vec<Package>, Error> {
    match Form::of(path).unwrap().read(path, bytes)? {
        Some(Document::Packages { packages, .. }) => Ok(packages),
        Some(other) => panic!("{other:?}"),
        None => Ok(Vec::new()),
    }
}

fn names(packages: &[Package]) -> Vec<String> {
    packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect()
}

fn sha1(bytes: &[u8]) -> Option<String> {
    Some(hex::encode(Sha1::digest(bytes)))
}

#[test]
fn jars_inside_a_war_are_found_with_the_sha1_of_each() {
    let (pom, text) = properties("org.slf4j", "slf4j-api", "2.0.9");
    let manifest = b"Manifest-Version: 1.0\nBundle-License: http://www.opensource.org/licenses/mit-license.php\n\n";
    let inner = archive(&[("META-INF/MANIFEST.MF", manifest), (&pom, &text)]);
    let spring = archive(&[(
        "META-INF/MANIFEST.MF",
        b"Manifest-Version: 1.0\nImplementation-Title: spring-core\nImplementation-Version: 5.3.9\n",
    )]);
    let (own_pom, own_text) = properties("com.example", "shop", "1.0");
    let war = archive(&[
        (&format!("WEB-INF/classes/{own_pom}"), &own_text),
        ("WEB-INF/lib/slf4j-api-2.0.9.jar", &inner),
        ("WEB-INF/lib/renamed.jar", &spring),
        ("WEB-INF/lib/readme.jar", b"no archive"),
    ]);
    let found = read("srv/app.war", &war).unwrap();
    assert_eq!(
        names(&found),
        ["com.example:shop 1.0", "org.slf4j:slf4j-api 2.0.9", "org.springframework:spring-core 5.3.9"]
    );
    assert_eq!(found[0].sha1, sha1(&war));
    assert_eq!(found[1].sha1, sha1(&inner));
    assert_eq!(found[1].licenses, ["http://www.opensource.org/licenses/mit-license.php"]);
    assert_eq!(found[2].sha1, sha1(&spring));
}

#[test]
fn a_shaded_jar_lists_all_that_is_inside() {
    let poms = [properties("a", "x", "1"), properties("b", "y", "2"), properties("c", "fat", "3")];
    let members: Vec<(&str, &[u8])> = poms.iter().map(|(path, text)| (path.as_str(), text.as_slice())).collect();
    let jar = archive(&members);
    let found = read("opt/fat-3.jar", &jar).unwrap();
    assert_eq!(names(&found), ["a:x 1", "b:y 2", "c:fat 3"]);
    assert_eq!(found.iter().map(|package| package.sha1.is_some()).collect::<Vec<_>>(), [false, false, true]);
    // Of a jar that no pom names, the file's name tells, and the manifest of one that was shaded in does not.
    let manifest = ("META-INF/MANIFEST.MF", &b"Implementation-Title: x\nImplementation-Version: 1\n"[..]);
    let members: Vec<_> = members[..2].iter().copied().chain([manifest, ("org/z/other/A.class", b"")]).collect();
    assert_eq!(names(&read("opt/other-9.jar", &archive(&members)).unwrap()), ["a:x 1", "b:y 2", "org.z:other 9"]);
}

#[test]
fn a_script_before_an_archive_does_not_hide_it() {
    let (pom, text) = properties("a", "x", "1");
    let mut bytes = b"#!/bin/sh\nexec java -jar \"$0\"\n".to_vec();
    bytes.extend(archive(&[(&pom, &text)]));
    assert_eq!(names(&read("opt/x.jar", &bytes).unwrap()), ["a:x 1"]);
}

#[test]
fn large_archives_have_other_ends() {
    let (pom, text) = properties("a", "x", "1");
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file(&pom, SimpleFileOptions::default().large_file(true)).unwrap();
    writer.write_all(&text).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    assert_eq!(names(&read("opt/x.jar", &bytes).unwrap()), ["a:x 1"]);

    // 70,000 members do not fit into the plain end.
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for number in 0..70_000 {
        writer.start_file(format!("a/{number}"), SimpleFileOptions::default()).unwrap();
    }
    writer.start_file(&pom, SimpleFileOptions::default()).unwrap();
    writer.write_all(&text).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    assert_eq!(names(&read("opt/x.jar", &bytes).unwrap()), ["a:x 1"]);
}

#[test]
fn both_of_two_members_of_one_name_count() {
    let (_, first) = properties("a", "x", "1");
    let (path, second) = properties("a", "x", "2");
    // The writer refuses a second one, so another name of the same length is overwritten.
    let other = path.replace("/x/", "/z/");
    let mut bytes = archive(&[(&other, &first), (&path, &second)]);
    replace(&mut bytes, other.as_bytes(), path.as_bytes());
    assert_eq!(names(&read("opt/other.jar", &bytes).unwrap()), ["a:x 1", "a:x 2"]);
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
}

#[test]
fn bombs_and_deep_nests_meet_a_limit() {
    let mut nest = archive(&[("a.txt", b"")]);
    for _ in 0..ARCHIVE_DEPTH {
        nest = archive(&[("in.jar", &nest)]);
    }
    assert!(matches!(read("opt/x.jar", &nest), Err(Error::TooLarge { what: "archives inside each other", .. })));

    let zeros = vec![0; usize::try_from(ARCHIVE_RATIO_FLOOR_BYTES).unwrap() / 2 + 1];
    let bomb = archive(&[("a.war", &zeros), ("b.war", &zeros)]);
    assert!(bomb.len() < 1_000_000);
    assert!(matches!(read("opt/x.jar", &bomb), Err(Error::TooLarge { what: "unpacked bytes", .. })));

    // Members that overlap: a hundred lines of the directory, all of them the same stored archive.
    let filler = vec![b'x'; 1_000_000];
    let inner = archive(&[("filler.jar", &filler)]);
    let names: Vec<String> = (0..100).map(|number| format!("{number:02}.jar")).collect();
    let members: Vec<(&str, &[u8])> =
        names.iter().enumerate().map(|(at, name)| (name.as_str(), if at == 0 { &inner[..] } else { b"" })).collect();
    let mut bytes = archive(&members);
    let lines: Vec<usize> = (0..bytes.len() - 4).filter(|at| bytes[*at..].starts_with(b"PK\x01\x02")).collect();
    let lines = &lines[lines.len() - 100..];
    for line in &lines[1..] {
        let sizes: [u8; 8] = bytes[lines[0] + 20..lines[0] + 28].try_into().unwrap();
        bytes[line + 20..line + 28].copy_from_slice(&sizes);
        bytes[line + 42..line + 46].fill(0);
    }
    assert!(matches!(read("opt/x.jar", &bytes), Err(Error::TooLarge { what: "unpacked bytes", .. })));
}

#[test]
fn lies_are_refused() {
    let inner = archive(&[("a.txt", b"a")]);
    let honest = archive(&[("in.war", &inner)]);
    let line = honest.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    let end = honest.windows(4).rposition(|window| window == b"PK\x05\x06").unwrap();
    let lie = |at: usize, bytes: &[u8]| {
        let mut lying = honest.clone();
        lying[at..at + bytes.len()].copy_from_slice(bytes);
        read("opt/x.jar", &lying)
    };
    assert_eq!(read("opt/x.jar", &honest).unwrap(), []);
    for (what, at, bytes) in [
        ("a larger size", line + 24, &[0xff, 0xff, 0, 0][..]),
        ("a smaller size", line + 24, &[1, 0, 0, 0]),
        ("more than 4 GB", line + 24, &[0xfe, 0xff, 0xff, 0xff]),
        ("another place", line + 42, &[9, 0, 0, 0]),
        ("a place outside", line + 42, &[0xff, 0xff, 0xff, 0x7f]),
        ("a longer member", line + 20, &[0xff, 0xff, 0, 0]),
        ("another method", line + 10, &[12, 0]),
        ("encryption", line + 8, &[1, 0]),
        ("more members", end + 10, &[9, 0]),
        ("a longer directory", end + 12, &[0xff, 0xff, 0, 0]),
        ("a directory elsewhere", end + 16, &[0xff, 0xff, 0, 0]),
    ] {
        assert!(lie(at, bytes).is_err(), "{what}");
    }
}

#[test]
fn wheels_and_eggs_are_read_where_they_lie() {
    let metadata = b"Metadata-Version: 2.1\nName: Flask_Login\nVersion: 0.6.2\nLicense: MIT\n\nText\n";
    let wheel = archive(&[("flask_login/__init__.py", b""), ("flask_login-0.6.2.dist-info/METADATA", metadata)]);
    assert_eq!(names(&read("opt/flask_login-0.6.2-py3-none-any.whl", &wheel).unwrap()), ["flask-login 0.6.2"]);
    let egg =
        archive(&[("EGG-INFO/PKG-INFO", metadata), ("tests/x.dist-info/deep/METADATA", b"Name: y\nVersion: 1\n")]);
    assert_eq!(names(&read("usr/lib/python3/x.egg", &egg).unwrap()), ["flask-login 0.6.2"]);
}
