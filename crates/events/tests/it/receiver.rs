//! A receiver of webhooks: a real HTTP server, with or without TLS, that answers what it was told to.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::post,
};
use identity::Certified;
use jobs::Tasks;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

#[derive(Clone, Default)]
pub(crate) struct Receiver {
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    /// Statuses of the next answers; 200 when there are none left.
    pub(crate) answers: Arc<Mutex<VecDeque<u16>>>,
    arrived: Arc<Notify>,
    /// Where a redirect leads to.
    pub(crate) location: Arc<Mutex<String>>,
}

/// In place of a status: no answer, ever.
pub(crate) const NEVER: u16 = 0;

#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Receiver {
    pub(crate) async fn plain(&self, tasks: &Tasks) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = self.router();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }

    pub(crate) async fn secure(&self, tasks: &Tasks, certificate_pem: &str, key_pem: &str) -> SocketAddr {
        let chain = vec![CertificateDer::from_pem_slice(certificate_pem.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let secure = Secure { listener, acceptor: TlsAcceptor::from(Arc::new(config)) };
        let router = self.router();
        tasks.spawn(async move { axum::serve(secure, router).await.unwrap() });
        address
    }

    pub(crate) async fn certified(&self, tasks: &Tasks, certified: &Certified) -> SocketAddr {
        self.secure(tasks, &certified.certificate_pem, &certified.private_key_pem).await
    }

    pub(crate) fn answer(&self, statuses: &[u16]) {
        self.answers.lock().unwrap().extend(statuses);
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Wait until so many requests have come.
    pub(crate) async fn until(&self, count: usize) {
        let came = async {
            loop {
                let next = self.arrived.notified();
                if self.seen().len() >= count {
                    return;
                }
                next.await;
            }
        };
        let patience = std::time::Duration::from_secs(30);
        tokio::time::timeout(patience, came).await.unwrap_or_else(|_| panic!("{} of {count} came", self.seen().len()));
    }

    /// The types of what came, in order.
    pub(crate) fn types(&self) -> Vec<String> {
        let text = |seen: &Seen| {
            let body: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
            body["type"].as_str().unwrap().to_owned()
        };
        self.seen().iter().map(text).collect()
    }

    fn router(&self) -> Router {
        Router::new().fallback_service(post(take).with_state(self.clone()))
    }
}

/// Echoes its own URI, as careless receivers do.
async fn take(State(receiver): State<Receiver>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let body = String::from_utf8(body.to_vec()).unwrap();
    receiver.seen.lock().unwrap().push(Seen { headers, body });
    receiver.arrived.notify_one();
    let status = receiver.answers.lock().unwrap().pop_front().unwrap_or(200);
    if status == NEVER {
        std::future::pending::<()>().await;
    }
    let location =
        [("location", receiver.location.lock().unwrap().clone()), ("set-cookie", "session=of-theirs".to_owned())];
    (StatusCode::from_u16(status).unwrap(), location, format!("you called {uri}")).into_response()
}

struct Secure {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Secure {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, SocketAddr) {
        loop {
            let (stream, remote) = self.listener.accept().await.unwrap();
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, remote);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
