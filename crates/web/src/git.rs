//! Git over smart HTTP: `/<namespace>/<project>.git/info/refs`, `git-upload-pack`, `git-receive-pack`.
//!
//! `gitprotocol-http(5)`. Bodies are streamed both ways; when a client goes away, the answer is dropped and with it the child.

use std::io;

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use base::{Ctx, Kind, limits};
use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};
use forge::{Access, Input, Output, ProjectPath, Service};
use futures_util::{StreamExt, stream};
use tokio_util::io::{ReaderStream, StreamReader};

use crate::{
    App,
    caller::{self, Credentials},
    error::{message_for, status},
};

/// The name under which a job's token signs in.
pub(crate) const JOB_USER: &str = "gitlab-ci-token";

/// What is asked of a repository.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct GitPath {
    project: ProjectPath,
    what: What,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    Refs,
    Rpc(Service),
}

/// A refusal, as a person reads it behind git's own words.
struct Refused(StatusCode, String);

impl GitPath {
    /// `None` for a path that is not a repository's.
    pub(crate) fn parse(path: &str) -> Option<GitPath> {
        let (project, what) = path.strip_prefix('/')?.split_once(".git/")?;
        let what = match what {
            "info/refs" => What::Refs,
            service => What::Rpc(service.parse().ok()?),
        };
        Some(GitPath { project: project.parse().ok()?, what })
    }
}

/// Answer a request for a repository.
pub(crate) async fn serve(app: App, path: GitPath, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let outcome = answer(&app, &path, head, body).await;
    let mut response = outcome.unwrap_or_else(IntoResponse::into_response);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, max-age=0, must-revalidate"));
    response
}

async fn answer(app: &App, path: &GitPath, head: Parts, body: Body) -> Result<Response, Refused> {
    let (ctx, access) = who(app, &head).await?;
    let protocol = head.headers.get("git-protocol").and_then(|value| value.to_str().ok());
    match (&path.what, &head.method) {
        (What::Refs, &Method::GET) => {
            let service = service_of(head.uri.query())?;
            let output = app.forge.advertise(&ctx, access, &path.project, service, protocol).await?;
            Ok(streamed(output, format!("application/x-{}-advertisement", service.name())))
        }
        (What::Rpc(service), &Method::POST) => {
            let wanted = format!("application/x-{}-request", service.name());
            if head.headers.get(header::CONTENT_TYPE).is_none_or(|given| *given != *wanted) {
                return Err(Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("send {wanted}")));
            }
            let input = input(&head.headers, body)?;
            let output = match service {
                Service::UploadPack => app.forge.upload_pack(&ctx, access, &path.project, protocol, input).await?,
                Service::ReceivePack => app.forge.receive_pack(&ctx, access, &path.project, input).await?,
            };
            Ok(streamed(output, format!("application/x-{}-result", service.name())))
        }
        _ => Err(Refused(StatusCode::METHOD_NOT_ALLOWED, "git asks in another way here".to_owned())),
    }
}

/// A person or robot with its rights, or a job with its own.
async fn who(app: &App, head: &Parts) -> Result<(Ctx, Access), Refused> {
    let ctx = head.extensions.get::<Ctx>().cloned().unwrap_or_else(|| Ctx::system("web", &app.clock, &app.entropy));
    if let Some(Credentials::Basic { name, secret }) = caller::credentials(&head.headers) {
        if name == JOB_USER {
            let access = app.ci.job_access(&secret).await?;
            let access = access.ok_or(forge::Error::Unauthenticated)?;
            return Ok((ctx.with_actor(access.actor), Access::Job { project: access.project }));
        }
        let actor = app.identity.authenticate(&ctx, &name, &secret).await.map_err(forge::Error::from)?;
        return Ok((ctx.with_actor(actor), Access::Own));
    }
    let actor = caller::actor(app, &ctx, &head.method, &head.headers).await;
    let actor = actor.map_err(|error| Refused(status(error.kind()), error.message().to_owned()))?;
    Ok((ctx.with_actor(actor), Access::Own))
}

fn service_of(query: Option<&str>) -> Result<Service, Refused> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let service = pairs.find(|(key, _)| key == "service").and_then(|(_, value)| value.parse().ok());
    let why = "only the smart protocol is served: ask with service=git-upload-pack or git-receive-pack";
    service.ok_or_else(|| Refused(StatusCode::FORBIDDEN, why.to_owned()))
}

fn streamed(output: Output, kind: String) -> Response {
    let body = Body::from_stream(ReaderStream::with_capacity(output, limits::CHUNK_BYTES));
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

/// The body, unpacked when it comes packed: git packs long negotiations.
fn input(headers: &HeaderMap, body: Body) -> Result<Input, Refused> {
    let chunks = body.into_data_stream().map(|chunk| chunk.map_err(io::Error::other));
    match headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(Box::new(StreamReader::new(Box::pin(chunks)))),
        Some(b"gzip" | b"x-gzip") => Ok(Box::new(StreamReader::new(Box::pin(unpacked(chunks))))),
        Some(_) => Err(Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the body as it is, or as gzip".to_owned())),
    }
}

/// Bytes that are handed to the unpacker at once: they become a thousand times as many at most.
const PIECE: usize = 1024;

fn unpacked(
    chunks: impl stream::Stream<Item = io::Result<Bytes>> + Send,
) -> impl stream::Stream<Item = io::Result<Bytes>> + Send {
    let mut unpacker = Unpacker { inflate: Decompress::new_gzip(15), ended: false };
    let pieces = chunks.flat_map(|chunk| {
        let pieces: Vec<io::Result<Bytes>> = match chunk {
            Ok(bytes) => {
                (0..bytes.len()).step_by(PIECE).map(|at| Ok(bytes.slice(at..bytes.len().min(at + PIECE)))).collect()
            }
            Err(error) => vec![Err(error)],
        };
        stream::iter(pieces)
    });
    pieces.map(move |piece| unpacker.unpack(&piece?))
}

struct Unpacker {
    inflate: Decompress,
    ended: bool,
}

impl Unpacker {
    fn unpack(&mut self, mut piece: &[u8]) -> io::Result<Bytes> {
        let mut out = Vec::new();
        while !self.ended {
            out.reserve(16 * PIECE);
            let before = self.inflate.total_in();
            let status = self.inflate.decompress_vec(piece, &mut out, FlushDecompress::None);
            let status = status.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let taken = usize::try_from(self.inflate.total_in() - before).unwrap_or(piece.len());
            piece = &piece[taken..];
            self.ended = status == Status::StreamEnd;
            if status == Status::BufError || piece.is_empty() && out.len() < out.capacity() {
                break;
            }
        }
        Ok(out.into())
    }
}

impl From<forge::Error> for Refused {
    fn from(error: forge::Error) -> Refused {
        Refused(status(error.kind()), message_for(error.kind(), &error))
    }
}

impl From<ci::Error> for Refused {
    fn from(error: ci::Error) -> Refused {
        Refused(status(error.kind()), message_for(error.kind(), &error))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.0, format!("{}\n", self.1)).into_response();
        if self.0 == status(Kind::Unauthenticated) {
            let challenge = HeaderValue::from_static("Basic realm=\"assay\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use bytes::Bytes;
    use flate2::{Compression, write::GzEncoder};
    use futures_util::{StreamExt, stream};
    use proptest::prelude::*;

    use super::{GitPath, unpacked};

    fn unpack(chunks: Vec<Vec<u8>>) -> std::io::Result<Vec<u8>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let chunks = stream::iter(chunks.into_iter().map(|chunk| Ok(Bytes::from(chunk))));
            let mut unpacked = Box::pin(unpacked(chunks));
            let mut out = Vec::new();
            while let Some(piece) = unpacked.next().await {
                out.extend(piece?);
            }
            Ok(out)
        })
    }

    #[test]
    fn paths() {
        for good in ["/admin/flask.git/info/refs", "/a/b.c.git/git-upload-pack", "/a/B/git-receive-pack"] {
            assert_eq!(GitPath::parse(good).is_some(), good.contains(".git/"), "{good}");
        }
        let bad = [
            "/a/b.git/HEAD",
            "/a/b.git/objects/info/packs",
            "/b.git/info/refs",
            "/a/../b.git/info/refs",
            "/a/b/c.git/info/refs",
            "",
        ];
        for bad in bad {
            assert!(GitPath::parse(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_was_packed_is_unpacked(bytes in proptest::collection::vec(any::<u8>(), 0..5000), zeros in 0_usize..300_000, cut in 1_usize..3000) {
            let whole = [bytes, vec![0; zeros]].concat();
            let mut packer = GzEncoder::new(Vec::new(), Compression::default());
            packer.write_all(&whole).unwrap();
            let packed = packer.finish().unwrap();
            let unpacked = unpack(packed.chunks(cut).map(<[u8]>::to_vec).collect()).unwrap();
            prop_assert!(unpacked == whole);
        }

        #[test]
        fn hostile_bytes_are_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200), path in ".{0,60}") {
            let _ = unpack(vec![bytes]);
            GitPath::parse(&path);
        }
    }
}
