//! A client of DTR, against this server.
//!
//! It is written from published descriptions alone: the vendor's API description of DTR 2.7 and of UCP 3.2 (which describes eNZi), its
//! pages on webhooks, jobs and health, and what public clients read. It was never run against a DTR, nor were its authors ever near one.
//! What it demands is what those say: paths, members of requests and answers, which of them must be there, statuses, codes of errors,
//! headers of pages.
//!
//! ```text
//! mod        the client: one request, one demanded status, one typed answer
//! forms      what is sent        accounts      people, organizations, teams, keys, tokens
//! shapes     what must come      repositories  repositories, grants, tags, scans, search, settings
//!                                policies      promotion, pruning, mirroring
//!                                webhooks      subscriptions, and what a listener hears of each type
//!                                operations    events, jobs, crons, settings, what the installation tells of itself
//!                                refusals      what is refused, with which status and code
//! ```

mod accounts;
mod forms;
mod operations;
mod policies;
mod refusals;
mod repositories;
mod shapes;
mod webhooks;

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    image::basic,
    server::{Answer, PASSWORD, Server},
};

/// Somebody's way into a server.
pub struct Client<'s> {
    server: &'s Server,
    authorization: String,
}

impl<'s> Client<'s> {
    pub fn admin(server: &'s Server) -> Client<'s> {
        Client::of(server, "admin", PASSWORD)
    }

    /// With a password or a token, as Basic credentials.
    pub fn of(server: &'s Server, name: &str, secret: &str) -> Client<'s> {
        Client { server, authorization: basic(name, secret).1 }
    }

    fn ask(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let mut headers = vec![("Authorization", self.authorization.as_str()), ("Accept", "application/json")];
        if !body.is_empty() {
            headers.push(("Content-Type", "application/json"));
        }
        self.server.ask(method, path, &headers, body)
    }

    /// What a request with a form is answered with, read as what it must be.
    pub fn send<T: DeserializeOwned>(&self, status: u16, method: &str, path: &str, form: &impl Serialize) -> T {
        read(&self.sent(status, method, path, form), method, path)
    }

    /// The same where nothing is promised of the body.
    pub fn sent(&self, status: u16, method: &str, path: &str, form: &impl Serialize) -> Answer {
        let answer = self.ask(method, path, &serde_json::to_vec(form).unwrap());
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        answer
    }

    pub fn get<T: DeserializeOwned>(&self, path: &str) -> T {
        read(&self.got(path), "GET", path)
    }

    pub fn got(&self, path: &str) -> Answer {
        let answer = self.ask("GET", path, b"");
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.body);
        answer
    }

    /// Delete, or another request without a form, that is answered without a body.
    pub fn gone(&self, method: &str, path: &str) {
        let answer = self.ask(method, path, b"");
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{method} {path}");
    }

    /// The list behind `pageStart` and `pageSize`, page after page, and how many pages there were.
    pub fn pages<T: DeserializeOwned>(&self, path: &str, page_size: usize) -> (Vec<T>, usize) {
        let separator = if path.contains('?') { '&' } else { '?' };
        let (mut pages, mut start) = (Vec::new(), String::new());
        loop {
            let path = format!("{path}{separator}pageSize={page_size}&count=true{start}");
            let answer = self.got(&path);
            assert!(answer.header("X-Resource-Count").unwrap().parse::<usize>().is_ok(), "{answer:?}");
            pages.push(read(&answer, "GET", &path));
            match answer.header("X-Next-Page-Start").filter(|next| !next.is_empty()) {
                Some(next) => start = format!("&pageStart={next}"),
                None => break,
            }
        }
        let count = pages.len();
        (pages, count)
    }

    /// A request that must be refused: its status, and the code of its first error.
    pub fn refused(&self, status: u16, code: &str, method: &str, path: &str, form: &impl Serialize) {
        let body = serde_json::to_vec(form).unwrap();
        let body: &[u8] = if body == b"null" { b"" } else { &body };
        is_refusal(&self.ask(method, path, body), status, code, &format!("{method} {path}"));
    }
}

/// Read an answer as what it must be.
fn read<T: DeserializeOwned>(answer: &Answer, method: &str, path: &str) -> T {
    let kind = answer.header("Content-Type").unwrap_or_default();
    assert!(kind.starts_with("application/json"), "{method} {path} is answered as {kind:?}");
    serde_json::from_str(&answer.body).unwrap_or_else(|e| panic!("{method} {path}: {e}: {}", answer.body))
}

fn is_refusal(answer: &Answer, status: u16, code: &str, what: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.body);
    let errors: shapes::Errors = read(answer, what, "");
    assert_eq!(errors.errors[0].code, code, "{what}: {}", answer.body);
    assert!(!errors.errors[0].message.is_empty(), "{what}: {}", answer.body);
}
