//! How many may be connected at one time, in all and from one address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    http::{StatusCode, header},
    response::IntoResponse,
};
use base::limits;
use oci::{ErrorCode, errors_json};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

/// After how many seconds one that was turned away may come again.
const COME_AGAIN_S: &str = "5";

/// Counts who is inside; shared by all listeners.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    most: Most,
    inside: Arc<Mutex<Inside>>,
}

/// How many may be connected, in all, from one address, and only to hear that they may not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Most {
    pub(crate) in_all: usize,
    pub(crate) from_address: usize,
    pub(crate) refused: usize,
}

#[derive(Debug, Default)]
struct Inside {
    admitted: usize,
    refused: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// What becomes of a connection.
#[derive(Debug)]
pub(crate) enum Entry {
    Admitted(Place),
    /// Its requests are answered with this refusal.
    Refused(Place, Refusal),
    /// Closed without a word: too many are being refused already.
    Dropped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The server has all the connections it takes.
    Full,
    /// This address has all it may have.
    TooMany,
}

/// Given back when the connection ends.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Gate,
    /// Counted there; none for a refused connection.
    address: Option<IpAddr>,
}

impl Gate {
    /// The limits of the product, within what the operating system allows.
    pub(crate) fn open() -> Gate {
        Gate::new(Most {
            in_all: limits::CONNECTIONS.min(files_allowed() / 2),
            from_address: limits::CONNECTIONS_FROM_ADDRESS,
            refused: limits::CONNECTIONS_REFUSED,
        })
    }

    pub(crate) fn new(most: Most) -> Gate {
        Gate { most, inside: Arc::default() }
    }

    pub(crate) fn enter(&self, remote: IpAddr) -> Entry {
        let address = counted(remote);
        let mut inside = self.lock();
        let here = inside.by_address.get(&address).copied().unwrap_or_default();
        let refusal = match () {
            () if here >= self.most.from_address => Refusal::TooMany,
            () if inside.admitted >= self.most.in_all => Refusal::Full,
            () => {
                inside.admitted += 1;
                inside.by_address.insert(address, here + 1);
                return Entry::Admitted(Place { gate: self.clone(), address: Some(address) });
            }
        };
        if inside.refused >= self.most.refused {
            return Entry::Dropped;
        }
        inside.refused += 1;
        Entry::Refused(Place { gate: self.clone(), address: None }, refusal)
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.gate.lock();
        let Some(address) = self.address else {
            inside.refused -= 1;
            return;
        };
        inside.admitted -= 1;
        if let Some(here) = inside.by_address.get_mut(&address) {
            *here -= 1;
            if *here == 0 {
                inside.by_address.remove(&address);
            }
        }
    }
}

impl Refusal {
    /// Says so, whatever is asked.
    pub(crate) fn router(self) -> Router {
        Router::new().fallback(move || async move { self.response() })
    }

    fn response(self) -> impl IntoResponse {
        let (status, code, message) = match self {
            Refusal::Full => (
                StatusCode::SERVICE_UNAVAILABLE,
                ErrorCode::Unavailable,
                "the server has as many connections as it takes; try again in a moment",
            ),
            Refusal::TooMany => (
                StatusCode::TOO_MANY_REQUESTS,
                ErrorCode::TooManyRequests,
                "too many connections from this address; close some, or try again in a moment",
            ),
        };
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (header::RETRY_AFTER, COME_AGAIN_S),
            (header::CONNECTION, "close"),
        ];
        (status, headers, errors_json(code, message, &Value::Null))
    }
}

/// Whom a connection counts for: one customer of a provider has a whole /64 of IPv6.
fn counted(remote: IpAddr) -> IpAddr {
    match remote.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    }
}

/// Raise the limit of open files to what this process may have, as many systems begin with 1,024; gives what it is then.
fn files_allowed() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let now = if raised.is_ok() { limit.maximum } else { limit.current };
    now.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Entry, Gate, Most, Refusal};

    #[test]
    fn each_gets_its_share_and_gives_it_back() {
        let gate = Gate::new(Most { in_all: 3, from_address: 2, refused: 1 });
        let enter = |address: &str| gate.enter(address.parse().unwrap());
        let (one, two) = (enter("192.0.2.1"), enter("192.0.2.1"));
        assert!(matches!((&one, &two), (Entry::Admitted(_), Entry::Admitted(_))));
        let refused = enter("192.0.2.1");
        assert!(matches!(refused, Entry::Refused(_, Refusal::TooMany)));
        assert!(matches!(enter("::ffff:192.0.2.1"), Entry::Dropped), "the same address, and one is being refused");
        drop(refused);
        let other = enter("2001:db8::1");
        assert!(matches!(other, Entry::Admitted(_)));
        assert!(matches!(enter("198.51.100.1"), Entry::Refused(_, Refusal::Full)));
        drop((one, other));
        let (three, four) = (enter("2001:db8::1"), enter("2001:db8::ffff:2"));
        assert!(matches!((&three, &four), (Entry::Admitted(_), Entry::Admitted(_))));
        drop((two, four));
        let neighbours = (enter("2001:db8::3"), enter("2001:db8::4"));
        assert!(matches!(neighbours, (Entry::Admitted(_), Entry::Refused(_, Refusal::TooMany))), "one /64 is one");
        drop((three, neighbours));
        assert!(gate.lock().by_address.is_empty() && gate.lock().admitted == 0 && gate.lock().refused == 0);
    }
}
