//! The forge behind a small HTTP server: what `web` does, as far as git needs it.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base::Ctx;
use forge::{Access, Error, Input, Output, ProjectPath, Service};
use tokio_util::io::ReaderStream;

use crate::world::World;

pub async fn serve(world: Arc<World>) -> String {
    let routes = Router::new()
        .route("/{namespace}/{project}/info/refs", get(refs))
        .route("/{namespace}/{project}/{service}", post(rpc))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(world);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    jobs::Tasks::default().spawn(async move { axum::serve(listener, routes).await.unwrap() });
    format!("http://USER@{address}")
}

/// The password is always right here; who comes is what the tests are about.
fn caller(world: &World, headers: &HeaderMap) -> Option<Ctx> {
    let value = headers.get("authorization")?.to_str().unwrap();
    let user = world.users.iter().find(|(user, _)| value == format!("Basic {}", basic(user)))?;
    Some(user.1.clone())
}

/// Base64 of `user:password`.
fn basic(user: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes = format!("{user}:password").into_bytes();
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let shown = char::from(DIGITS[(word >> (18 - 6 * digit) & 63) as usize]);
            out.push(if digit <= chunk.len() { shown } else { '=' });
        }
    }
    out
}

fn path(namespace: &str, project: &str) -> ProjectPath {
    format!("{namespace}/{}", project.strip_suffix(".git").unwrap()).parse().unwrap()
}

fn answer(outcome: Result<Output, Error>, kind: String) -> Response {
    match outcome {
        Ok(output) => ([("content-type", kind)], Body::from_stream(ReaderStream::new(output))).into_response(),
        Err(Error::Denied(why)) => (StatusCode::FORBIDDEN, why).into_response(),
        Err(Error::NotFound { .. }) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn unauthorized() -> Response {
    (StatusCode::UNAUTHORIZED, [("www-authenticate", "Basic realm=\"assay\"")]).into_response()
}

async fn refs(
    State(world): State<Arc<World>>,
    Path((namespace, project)): Path<(String, String)>,
    Query(query): Query<std::collections::BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let Some(ctx) = caller(&world, &headers) else { return unauthorized() };
    let service: Service = query["service"].parse().unwrap();
    let protocol = headers.get("git-protocol").map(|value| value.to_str().unwrap());
    let place = path(&namespace, &project);
    let outcome = world.forge.advertise(&ctx, Access::Own, &place, service, protocol).await;
    answer(outcome, format!("application/x-{}-advertisement", service.name()))
}

async fn rpc(
    State(world): State<Arc<World>>,
    Path((namespace, project, service)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(ctx) = caller(&world, &headers) else { return unauthorized() };
    let place = path(&namespace, &project);
    let bytes = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
    let input: Input = Box::new(std::io::Cursor::new(bytes));
    let protocol = headers.get("git-protocol").map(|value| value.to_str().unwrap());
    let outcome = match service.as_str() {
        "git-upload-pack" => world.forge.upload_pack(&ctx, Access::Own, &place, protocol, input).await,
        _ => world.forge.receive_pack(&ctx, Access::Own, &place, input).await,
    };
    answer(outcome, format!("application/x-{service}-result"))
}
