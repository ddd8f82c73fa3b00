//! Listeners: HTTPS for everybody, plain HTTP on loopback for measurements.

mod gate;
mod patience;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use axum::{Router, extract::ConnectInfo};
use base::limits;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use identity::Certified;
use jobs::Tasks;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;
use web::{SendfileLine, SendfileStream};

pub(crate) use self::gate::Gate;
use self::{
    gate::Entry,
    patience::{PatientBody, PatientStream},
};

/// How long open requests may go on when the server stops.
const FAREWELL: Duration = Duration::from_secs(10);

/// Bind an address, with an error that names it.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

/// The TLS side of the server: its certificate, TLS 1.2 and 1.3, and HTTP/1.1 only (decision 5).
pub(crate) fn acceptor(certified: &Certified) -> Result<TlsAcceptor> {
    let chain = CertificateDer::pem_slice_iter(certified.certificate_pem.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(certified.private_key_pem.as_bytes())?;
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Serve until the tasks stop, then let open requests end.
pub(crate) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, router: Router, gate: Gate, tasks: Tasks) {
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, remote) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file handles, for example: wait a little instead of spinning.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = tasks.stopped() => break,
        };
        let (place, router) = match gate.enter(remote.ip()) {
            Entry::Admitted(place) => (place, router.clone()),
            Entry::Refused(place, refusal) => (place, refusal.router()),
            Entry::Dropped => continue,
        };
        let (tls, watcher) = (tls.clone(), graceful.watcher());
        tasks.spawn(async move {
            let _place = place;
            if let Err(error) = connection(stream, remote, tls, router, watcher).await {
                tracing::debug!(%remote, %error, "a connection ended early");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(FAREWELL, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were cut off by the shutdown");
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

async fn connection(
    stream: TcpStream,
    remote: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    match tls {
        Some(tls) => {
            let stream = tokio::time::timeout(limits::HANDSHAKE, tls.accept(stream)).await??;
            speak(stream, remote, None, router, watcher).await
        }
        None => {
            let (stream, line) = SendfileStream::new(stream);
            speak(stream, remote, Some(line), router, watcher).await
        }
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    remote: SocketAddr,
    sendfile: Option<SendfileLine>,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) -> Result<(), Failure> {
    let service = router.map_request(move |mut request: axum::http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(remote));
        if let Some(line) = &sendfile {
            request.extensions_mut().insert(line.clone());
        }
        request.map(|body| axum::body::Body::new(PatientBody::new(body)))
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits::REQUEST_HEAD).max_buf_size(limits::SEND_BYTES);
    let serving = builder.serve_connection(TokioIo::new(PatientStream::new(stream)), TowerToHyperService::new(service));
    Ok(watcher.watch(serving).await?)
}
