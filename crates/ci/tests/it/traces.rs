//! Logs: offsets, masking, checksums, limits.

use ci::{Appended, FailureReason, Heard, JobStatus, NewVariable, Report, Said};

use crate::world::{World, report};

#[tokio::test]
async fn a_log_is_appended_by_offset_masked_and_checked() {
    let world = World::new().await;
    let secret = NewVariable {
        value: Some(base::Secret::new("the pass word".to_owned())),
        masked: Some(true),
        ..NewVariable::default()
    };
    world.ci.create_variable(&world.admin, &world.which, "SECRET", secret).await.unwrap();
    world.push("a: {script: [a]}\n").await;
    let job = world.take("a").await;
    assert_eq!(world.write(&job, 0, b"x the pa").await, Appended::Accepted { total: 8 });
    assert_eq!(world.write(&job, 4, b"again").await, Appended::WrongOffset { total: 8 });
    assert_eq!(world.log(job.id).await, "x ");
    let rest = format!("ss word y {} z\n", job.token.expose());
    assert_eq!(world.write(&job, 8, rest.as_bytes()).await, Appended::Accepted { total: 8 + rest.len() as i64 });
    let sent = format!("x the pa{rest}");
    let ending = |text: &str| Report {
        checksum: Some(format!("crc32:{:08x}", crc(text.as_bytes()))),
        size_bytes: Some(text.len() as i64),
        ..report(Said::Success, None)
    };
    // A log that cannot be the one sent is asked for again, once.
    assert_eq!(world.say(&job, &ending("something else")).await, Heard::Resend);
    assert_eq!(world.write(&job, 0, sent.as_bytes()).await, Appended::Accepted { total: sent.len() as i64 });
    assert_eq!(world.say(&job, &ending(&sent)).await, Heard::Ok);
    assert_eq!(world.log(job.id).await, "x [MASKED] y [MASKED] z\n");
    assert_eq!(world.write(&job, sent.len() as i64, b"more").await, Appended::Over(JobStatus::Success));
    let part = world.ci.trace(&world.admin, &world.which, job.id, 13).await.unwrap();
    assert_eq!((part.bytes.as_slice(), part.complete), (&b"[MASKED] z\n"[..], true));
}

#[tokio::test]
async fn a_log_has_a_limit_and_an_end() {
    let world = World::new().await;
    world.push("a: {script: [a]}\n").await;
    let job = world.take("a").await;
    let piece = vec![b'x'; 1024 * 1024];
    for at in 0..4 {
        let start = at * piece.len() as i64;
        assert!(matches!(world.write(&job, start, &piece).await, Appended::Accepted { .. }));
    }
    assert_eq!(world.write(&job, 4 * piece.len() as i64, b"x").await, Appended::Over(JobStatus::Failed));
    assert_eq!(world.job(job.id).await.failure, Some(FailureReason::TraceSizeExceeded));
    let wrong = base::Secret::new("assay-job-wrong".to_owned());
    let refused = world.ci.report(&world.admin, job.id, &wrong, &report(Said::Running, None)).await;
    assert_eq!(refused.unwrap_err().kind(), base::Kind::Unauthenticated);
}

/// CRC32 as the runner computes it.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}
