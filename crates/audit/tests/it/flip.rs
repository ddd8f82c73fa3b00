//! Whatever byte is altered, verification finds it and says where.

use std::fs;

use audit::{Problem, verify_folder};
use db::{Val, args};

use crate::world::{ORIGIN, World, key, sequence_all};

async fn three(world: &World) -> audit::Log {
    let log = world.log().await;
    for value in ["1", "2", "3"] {
        world.put("a", Some(value)).await;
    }
    sequence_all(&log, &world.ctx()).await.unwrap();
    log
}

#[tokio::test]
async fn each_byte_of_each_file() {
    World::each(async |world| {
        let log = three(&world).await;
        for (path, bytes) in world.contents() {
            let name = path.strip_prefix(world.files()).unwrap().display().to_string();
            for at in 0..bytes.len() {
                let mut altered = bytes.clone();
                altered[at] ^= 1 << (at % 8);
                fs::write(&path, &altered).unwrap();
                let problems = world.verify(&log, &[]).await.problems;
                let named = matches!(&problems[..], [Problem::FileAltered { path, .. }] if *path == name);
                assert!(named, "{name} byte {at}: {problems:#?}");
                assert!(!verify_folder(world.files(), ORIGIN, key(), &[]).unwrap().is_clean(), "{name} byte {at}");
            }
            let longer = [&bytes[..], b"\n"].concat();
            for altered in [&longer[..], &bytes[..bytes.len() - 1], &[]] {
                fs::write(&path, altered).unwrap();
                assert!(!world.verify(&log, &[]).await.is_clean(), "{name} with {} bytes", altered.len());
            }
            fs::remove_file(&path).unwrap();
            assert_eq!(world.verify(&log, &[]).await.problems, [Problem::FileMissing { path: name }]);
            fs::write(&path, &bytes).unwrap();
        }
        world.verify_clean(&log).await;
    })
    .await;
}

#[tokio::test]
async fn each_byte_of_a_body() {
    World::each(async |world| {
        let log = three(&world).await;
        let entry = log.entry_at(1).await.unwrap();
        for at in 0..entry.body.len() {
            let mut altered = entry.body.clone().into_bytes();
            altered[at] = if altered[at] == b'x' { b'y' } else { b'x' };
            let altered = String::from_utf8(altered).unwrap();
            world.sql("UPDATE audit_entries SET body = $1 WHERE log_index = 1", &args![altered]).await;
            let problems = world.verify(&log, &[]).await.problems;
            let path = "tile/entries/000.p/3".to_owned();
            assert_eq!(problems, [Problem::BodyAltered { index: 1, id: entry.id.clone(), path }], "byte {at}");
        }
        assert!(log.receipt(1).await.is_err(), "no proof of an altered entry is given away");
    })
    .await;
}

#[tokio::test]
async fn each_column_of_each_table() {
    let id = |row: &str| format!("(SELECT id FROM audit_entries WHERE log_index = {row})");
    let changes: Vec<(String, Vec<Val>, &str)> = vec![
        ("UPDATE audit_entries SET kind = 'thing.sot' WHERE log_index = 1".into(), vec![], "kind of entry"),
        ("UPDATE audit_entries SET actor = 'admin' WHERE log_index = 1".into(), vec![], "actor of entry"),
        ("UPDATE audit_entries SET at = at + 1 WHERE log_index = 1".into(), vec![], "at of entry"),
        ("DELETE FROM audit_subjects WHERE entry = ".to_owned() + &id("1"), vec![], "audit_subjects of entry"),
        (format!("INSERT INTO audit_subjects (subject, entry) VALUES ('b', {})", id("1")), vec![], "audit_subjects"),
        ("UPDATE audit_entries SET log_index = NULL WHERE log_index = 1".into(), vec![], "is missing in the database"),
        ("UPDATE audit_entries SET log_index = 7 WHERE log_index = 2".into(), vec![], "never gave"),
        ("UPDATE audit_entries SET log_index = -1 WHERE log_index = 2".into(), vec![], "never gave"),
        ("UPDATE audit_log SET size = 2".into(), vec![], "signed were 3"),
        ("UPDATE audit_log SET size = 9223372036854775807".into(), vec![], "signed were 3"),
        ("UPDATE audit_log SET frontier = $1".into(), args![vec![0_u8; 72]].to_vec(), "frontier is not"),
        ("UPDATE audit_log SET checkpoint = REPLACE(checkpoint, '3', '2')".into(), vec![], "the row of audit_log"),
        ("DELETE FROM audit_log".into(), vec![], "it is gone"),
    ];
    for (sql, values, said) in changes {
        let sql: &'static str = sql.leak();
        World::each(async |world| {
            let log = three(&world).await;
            assert!(world.sql(sql, &values).await > 0);
            let problems = world.verify(&log, &[]).await.problems;
            let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
            assert!(texts.iter().any(|text| text.contains(said)), "{sql}: {texts:#?}");
        })
        .await;
    }
}

#[tokio::test]
async fn rows_and_files_that_were_altered_alike() {
    World::each(async |world| {
        let log = three(&world).await;
        // A forger who can write everything but has no key: body, bundle and leaf hash agree.
        let body = log.entry_at(1).await.unwrap().body.replace("system:test", "system:tost");
        world.sql("UPDATE audit_entries SET body = $1, actor = 'system:tost' WHERE log_index = 1", &args![&body]).await;
        let mut leaves = Vec::new();
        for index in 0..3 {
            leaves.push(log.entry_at(index).await.unwrap().body);
        }
        let hashes: Vec<u8> = leaves.iter().flat_map(|leaf| tlog::leaf_hash(leaf.as_bytes()).0).collect();
        fs::write(world.files().join("tile/entries/000.p/3"), tlog::bundle::encode(&leaves).unwrap()).unwrap();
        fs::write(world.files().join("tile/0/000.p/3"), hashes).unwrap();
        let problems = world.verify(&log, &[]).await.problems;
        assert!(problems.iter().any(|problem| matches!(problem, Problem::RootDiffers { size: 3, .. })), "{problems:?}");
    })
    .await;
}
