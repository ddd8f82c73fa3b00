//! A place for the tables of one test, on PostgreSQL where there is one. Tests of other crates use it too.

use base::{Clock, Ctx, Entropy, Secret};
use db::{Db, Location};

/// A schema of its own in the database that `ASSAY_TEST_POSTGRES` names, so that tests run side by side; the database is thrown away
/// afterwards. Without one the test runs on SQLite.
pub async fn postgres() -> Option<Location> {
    #[expect(clippy::disallowed_methods, reason = "a test reads its own switch")]
    let Ok(url) = std::env::var("ASSAY_TEST_POSTGRES") else {
        eprintln!("ASSAY_TEST_POSTGRES is not set: PostgreSQL was not tested");
        return None;
    };
    let name = format!("test_{}", Entropy::System.token(16));
    let plain = Db::open(&Location::Postgres(Secret::new(url.clone())), &[]).await.unwrap();
    let ctx = Ctx::system("test", &Clock::System, &Entropy::System);
    let sql: &'static str = format!("CREATE SCHEMA {name}").leak();
    let made: Result<u64, db::Error> = db::write!(plain, &ctx, |tx| tx.execute(sql, &[]).await);
    made.unwrap();
    plain.close().await;
    let separator = if url.contains('?') { '&' } else { '?' };
    Some(Location::Postgres(Secret::new(format!("{url}{separator}options=-c%20search_path%3D{name}"))))
}
