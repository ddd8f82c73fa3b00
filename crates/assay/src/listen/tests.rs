//! Slow clients, on a clock that jumps whenever everybody waits: a real HTTP connection over a pipe in memory.

use std::time::Duration;

use axum::{
    Router,
    body::to_bytes,
    extract::Request,
    routing::{get, post},
};
use base::limits::{CLIENT_BYTES_PER_S, CLIENT_PATIENCE, REQUEST_HEAD};
use hyper_util::server::graceful::GracefulShutdown;
use jobs::Tasks;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};

use super::{
    Failure, Gate,
    gate::{Entry, Most},
    serve, speak,
};

const SECOND: Duration = Duration::from_secs(1);

/// `POST /count` says how long its body was or why it ended, `GET /large` gives a megabyte, `GET /slow` thinks for ten minutes.
fn router() -> Router {
    let count = |request: Request| async move {
        match to_bytes(request.into_body(), usize::MAX).await {
            Ok(body) => format!("{} bytes", body.len()),
            Err(error) => format!("ended: {error}"),
        }
    };
    let slow = || async {
        pass(600 * SECOND).await;
        "thought"
    };
    let large = || async { vec![b'x'; 1 << 20] };
    Router::new().route("/count", post(count)).route("/large", get(large)).route("/slow", get(slow))
}

/// Time passes, and nothing else.
async fn pass(time: Duration) {
    let _ = timeout(time, std::future::pending::<()>()).await;
}

/// A client and a server on two ends of a pipe: what the client gives, and how the server ended after how long.
async fn between<T>(client: impl AsyncFnOnce(DuplexStream) -> T) -> (T, Duration, Result<(), Failure>) {
    let (near, far) = tokio::io::duplex(16 * 1024);
    let (graceful, began) = (GracefulShutdown::new(), Instant::now());
    let server = async {
        let ended = speak(far, "192.0.2.1:5".parse().unwrap(), None, router(), graceful.watcher()).await;
        (began.elapsed(), ended)
    };
    let (gave, (time, ended)) = tokio::join!(client(near), server);
    (gave, time, ended)
}

/// Write the pieces, each followed by a pause in which an answer is listened for; gives all that was heard.
async fn trickle(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    pieces: impl Iterator<Item = Vec<u8>>,
    pause: Duration,
) -> String {
    let (mut heard, mut buffer) = (Vec::new(), vec![0; 4_096]);
    for piece in pieces {
        if stream.write_all(&piece).await.is_err() {
            break;
        }
        match timeout(pause, stream.read(&mut buffer)).await {
            Err(_) => {}
            Ok(Ok(count)) if count > 0 => heard.extend(&buffer[..count]),
            Ok(_) => break,
        }
    }
    String::from_utf8(heard).unwrap()
}

fn head(length: u32) -> Vec<u8> {
    format!("POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n").into_bytes()
}

#[tokio::test(start_paused = true)]
async fn a_body_of_one_byte_a_minute_is_ended() {
    let pieces = || std::iter::once(head(1_000)).chain((0..1_000).map(|_| b"x".to_vec()));
    let (heard, time, _) = between(|stream| trickle(stream, pieces(), 60 * SECOND)).await;
    assert!(heard.contains("ended: it came too slowly: less than 4096 bytes a second for 60 s"), "{heard}");
    assert!(time <= 2 * CLIENT_PATIENCE, "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_that_goes_on_is_taken_whole() {
    let second = vec![b'x'; CLIENT_BYTES_PER_S as usize];
    let length = 900 * CLIENT_BYTES_PER_S;
    let pieces = std::iter::once(head(length)).chain((0..900).map(|_| second.clone()));
    let (heard, time, _) = between(|stream| trickle(stream, pieces, SECOND)).await;
    assert!(heard.contains(&format!("{length} bytes")), "{heard}");
    assert!(time > 14 * CLIENT_PATIENCE, "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_forgiven_when_bytes_follow() {
    let piece = vec![b'x'; 60 * CLIENT_BYTES_PER_S as usize];
    let length = 8 * 60 * CLIENT_BYTES_PER_S;
    let pieces = std::iter::once(head(length)).chain((0..8).map(|_| piece.clone()));
    let (heard, ..) = between(|stream| trickle(stream, pieces, CLIENT_PATIENCE - SECOND)).await;
    assert!(heard.contains(&format!("{length} bytes")), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn who_never_reads_the_answer_is_let_go() {
    let ((), time, ended) = between(async |mut stream| {
        stream.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        pass(100 * CLIENT_PATIENCE).await;
    })
    .await;
    let error = ended.unwrap_err();
    let told = std::iter::successors(Some(&*error as &dyn std::error::Error), |error| error.source());
    let told = told.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    assert!(told.contains("the client takes the answer too slowly"), "{told}");
    assert!(time >= CLIENT_PATIENCE && time <= 2 * CLIENT_PATIENCE, "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn who_reads_a_byte_a_minute_is_let_go_too() {
    let (read, time, ended) = between(async |mut stream| {
        stream.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let (mut byte, mut read) = ([0], 0);
        while stream.read(&mut byte).await.is_ok_and(|count| count > 0) {
            read += 1;
            pass(60 * SECOND).await;
        }
        read
    })
    .await;
    assert!(ended.is_err() && time <= 3 * CLIENT_PATIENCE, "{time:?}");
    // What was in the pipe already is read to its end.
    assert!(read < 20 * 1024, "{read}");
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_think_for_longer() {
    let (heard, time, _) = between(async |mut stream| {
        stream.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        heard
    })
    .await;
    assert!(heard.ends_with("thought"), "{heard}");
    assert!(time >= 600 * SECOND, "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn half_a_head_and_no_next_request_are_not_waited_for() {
    for beginning in ["", "GET /large HT", "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"] {
        let ((), time, _) = between(async |mut stream| {
            stream.write_all(beginning.as_bytes()).await.unwrap();
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).await.unwrap();
        })
        .await;
        assert!(time <= REQUEST_HEAD + SECOND, "{beginning:?}: {time:?}");
    }
}

/// The head and the body of the next answer, both short.
async fn answer(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let (mut heard, mut buffer) = (String::new(), [0; 1_024]);
    while !heard.contains("\r\n\r\n") {
        let count = stream.read(&mut buffer).await.unwrap();
        assert_ne!(count, 0, "the connection ended after {heard:?}");
        heard.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    heard
}

#[tokio::test]
async fn one_connection_too_many_hears_when_to_come_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, tasks) = (listener.local_addr().unwrap(), Tasks::default());
    let gate = Gate::new(Most { in_all: 10, from_address: 2, refused: 1 });
    let client = async {
        let mut inside = Vec::new();
        for _ in 0..2 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            assert!(answer(&mut stream).await.starts_with("HTTP/1.1 404 "));
            inside.push(stream);
        }
        let mut third = TcpStream::connect(address).await.unwrap();
        let refused = answer(&mut third).await;
        assert!(refused.starts_with("HTTP/1.1 429 ") && refused.contains("\r\nretry-after: 5\r\n"), "{refused}");
        // Whoever was inside is served on, and his place is free when he goes.
        assert!(answer(&mut inside[0]).await.starts_with("HTTP/1.1 404 "));
        drop(inside.pop());
        loop {
            if let Entry::Admitted(_) = gate.enter(address.ip()) {
                break;
            }
            tokio::task::yield_now().await;
        }
        let mut next = TcpStream::connect(address).await.unwrap();
        assert!(answer(&mut next).await.starts_with("HTTP/1.1 404 "));
        tasks.stop();
    };
    tokio::join!(client, serve(listener, None, router(), gate.clone(), tasks.clone()));
}
