//! What survives which sync.

use std::time::UNIX_EPOCH;

use super::*;
use crate::chance::Chance;

/// A disk with the folder `a`, durable, and the folder `b`, durable.
fn disk() -> (Disk, Ino, Ino) {
    let mut disk = Disk::new(UNIX_EPOCH);
    let a = folder(&mut disk, ROOT, "a");
    let b = folder(&mut disk, ROOT, "b");
    disk.sync_folder(ROOT).unwrap();
    (disk, a, b)
}

fn folder(disk: &mut Disk, parent: Ino, name: &str) -> Ino {
    disk.make(parent, name.as_ref(), Kind::Folder(Names::default()), 0o700, UNIX_EPOCH).unwrap()
}

fn file(disk: &mut Disk, parent: Ino, name: &str, bytes: &[u8]) -> Ino {
    let ino = disk.make(parent, name.as_ref(), Kind::File(Content::default()), 0o600, UNIX_EPOCH).unwrap();
    disk.write(ino, 0, bytes, UNIX_EPOCH).unwrap();
    ino
}

/// What can be at `path` after a power cut, over many cuts of the same disk.
fn outcomes(make: impl Fn() -> Disk, path: &str) -> BTreeSet<Option<Vec<u8>>> {
    let outcome = |seed| {
        let mut disk = make();
        disk.cut(&mut Chance::of(seed, 0));
        disk.at(path).map(|ino| disk.content(ino).unwrap().now.clone())
    };
    (0..400).map(outcome).collect()
}

#[test]
fn nothing_is_durable_by_itself() {
    let make = || {
        let (mut disk, a, _) = disk();
        file(&mut disk, a, "f", b"bytes");
        disk
    };
    let found = outcomes(make, "a/f");
    for possible in [None, Some(b"".to_vec()), Some(b"bytes".to_vec()), Some(vec![0; 5])] {
        assert!(found.contains(&possible), "{possible:?} in {found:?}");
    }
}

#[test]
fn a_synced_file_has_its_bytes_but_not_its_name() {
    let make = || {
        let (mut disk, a, _) = disk();
        let ino = file(&mut disk, a, "f", b"bytes");
        disk.sync_file(ino).unwrap();
        disk
    };
    assert_eq!(outcomes(make, "a/f"), BTreeSet::from([None, Some(b"bytes".to_vec())]));
}

#[test]
fn a_synced_folder_has_its_names_but_not_the_bytes() {
    let make = || {
        let (mut disk, a, _) = disk();
        file(&mut disk, a, "f", b"bytes");
        disk.sync_folder(a).unwrap();
        disk
    };
    let found = outcomes(make, "a/f");
    assert!(!found.contains(&None) && found.contains(&Some(Vec::new())), "{found:?}");
}

#[test]
fn file_and_folder_synced_is_safe_from_any_cut() {
    let make = || {
        let (mut disk, a, _) = disk();
        let ino = file(&mut disk, a, "f", b"bytes");
        disk.sync_file(ino).unwrap();
        disk.sync_folder(a).unwrap();
        disk
    };
    assert_eq!(outcomes(make, "a/f"), BTreeSet::from([Some(b"bytes".to_vec())]));
}

#[test]
fn a_folder_that_its_parent_does_not_name_takes_everything_along() {
    let make = || {
        let (mut disk, a, _) = disk();
        let inner = folder(&mut disk, a, "inner");
        let ino = file(&mut disk, inner, "f", b"bytes");
        disk.sync_file(ino).unwrap();
        disk.sync_folder(inner).unwrap();
        disk
    };
    assert_eq!(outcomes(make, "a/inner/f"), BTreeSet::from([None, Some(b"bytes".to_vec())]));
}

#[test]
fn a_rename_is_durable_whole_with_either_folder() {
    for synced in ["a", "b"] {
        let make = || {
            let (mut disk, a, b) = disk();
            let ino = file(&mut disk, a, "f", b"bytes");
            disk.sync_file(ino).unwrap();
            disk.rename((a, "f".as_ref()), (b, "g".as_ref())).unwrap();
            disk.sync_folder(if synced == "a" { a } else { b }).unwrap();
            disk
        };
        assert_eq!(outcomes(make, "a/f"), BTreeSet::from([None]), "{synced} synced");
        assert_eq!(outcomes(make, "b/g"), BTreeSet::from([Some(b"bytes".to_vec())]), "{synced} synced");
    }
}

#[test]
fn a_rename_that_is_not_synced_leaves_the_old_or_the_new() {
    let make = || {
        let (mut disk, a, b) = disk();
        for (folder, name, bytes) in [(b, "g", b"old"), (a, "f", b"new")] {
            let ino = file(&mut disk, folder, name, bytes);
            disk.sync_file(ino).unwrap();
            disk.sync_folder(folder).unwrap();
        }
        disk.rename((a, "f".as_ref()), (b, "g".as_ref())).unwrap();
        disk
    };
    assert_eq!(outcomes(make, "b/g"), BTreeSet::from([Some(b"old".to_vec()), Some(b"new".to_vec())]));
}

#[test]
fn a_removal_that_is_not_synced_may_come_back() {
    let make = || {
        let (mut disk, a, _) = disk();
        let ino = file(&mut disk, a, "f", b"bytes");
        disk.sync_file(ino).unwrap();
        disk.sync_folder(a).unwrap();
        disk.remove(a, "f".as_ref(), false).unwrap();
        disk
    };
    assert_eq!(outcomes(make, "a/f"), BTreeSet::from([None, Some(b"bytes".to_vec())]));
}

#[test]
fn a_write_tears_at_a_sector() {
    let make = || {
        let (mut disk, a, _) = disk();
        let ino = file(&mut disk, a, "f", &[1; 2048]);
        disk.sync_file(ino).unwrap();
        disk.sync_folder(a).unwrap();
        disk.write(ino, 256, &[2; 1024], UNIX_EPOCH).unwrap();
        disk
    };
    let found = outcomes(make, "a/f");
    let whole = |byte: u8| Some([vec![1; 256], vec![byte; 1024], vec![1; 768]].concat());
    assert!(found.contains(&whole(1)) && found.contains(&whole(2)) && found.contains(&whole(0)));
    let torn = Some([vec![1; 256], vec![2; 256], vec![1; 1536]].concat());
    assert!(found.contains(&torn), "cut at byte 512");
    for bytes in found.into_iter().flatten() {
        for sector in bytes.chunks(512).skip(1) {
            assert!(sector.chunks(256).all(|half| half.iter().all(|byte| *byte == half[0])), "torn inside a sector");
        }
    }
}

#[test]
fn a_kill_without_a_power_cut_loses_nothing_and_syncs_nothing() {
    let (mut disk, a, _) = disk();
    file(&mut disk, a, "f", b"bytes");
    disk.sweep();
    assert_eq!(disk.content(disk.at("a/f").unwrap()).unwrap().now, b"bytes");
    assert!((0..100).any(|seed| {
        let mut again = Disk::new(UNIX_EPOCH);
        let a = folder(&mut again, ROOT, "a");
        file(&mut again, a, "f", b"bytes");
        again.sweep();
        again.cut(&mut Chance::of(seed, 0));
        again.at("a/f").is_none()
    }));
}

#[test]
fn a_rename_that_was_lost_leaves_the_file_in_its_old_place() {
    let (mut disk, a, b) = disk();
    let ino = file(&mut disk, a, "f", b"bytes");
    disk.sync_folder(a).unwrap();
    disk.rename((a, "f".as_ref()), (b, "g".as_ref())).unwrap();
    assert_eq!(disk.path(ino), "b/g");
    let mut chance = Chance::of(0, 0);
    disk.cut(&mut chance);
    let place = disk.path(ino);
    assert_eq!(disk.at(&place), Some(ino), "{place}");
}

#[test]
fn what_names_refuse() {
    let (mut disk, a, b) = disk();
    file(&mut disk, a, "f", b"");
    let make = |disk: &mut Disk| disk.make(a, "f".as_ref(), Kind::File(Content::default()), 0, UNIX_EPOCH);
    assert_eq!(make(&mut disk), Err(Fault::Exists));
    assert_eq!(disk.remove(ROOT, "a".as_ref(), true), Err(Fault::NotEmpty));
    assert_eq!(disk.remove(ROOT, "a".as_ref(), false), Err(Fault::IsFolder));
    assert_eq!(disk.remove(a, "f".as_ref(), true), Err(Fault::NotFolder));
    assert_eq!(disk.rename((b, "x".as_ref()), (a, "y".as_ref())), Err(Fault::NotFound));
    assert_eq!(disk.rename((ROOT, "b".as_ref()), (ROOT, "a".as_ref())), Err(Fault::NotEmpty));
    assert_eq!(disk.path(disk.at("a/f").unwrap()), "a/f");
}
