//! Wrong passwords: how many may be tried, for one account and from one address.
//!
//! ```text
//!   right password ──► never counted
//!   wrong password ──► + one rest      full_again ───┐
//!                                                    ▼
//!   now ──────────────────────────────────────────── ▪  further away than (most - 1) rests: wait
//! ```
//!
//! One number for each key: when all its tries are there again. Time alone brings it nearer, so nothing runs in the
//! background, and a restart forgets, which costs less than a lock-out that survives its cause. Tokens are not counted:
//! nobody guesses 200 random bits, and robots go on while somebody tries their person's password.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base::{AccountName, Ctx, limits, micros};

use crate::Error;

/// The wrong passwords of this process, for each account and each address.
#[derive(Clone, Debug)]
pub(crate) struct Attempts(Arc<Mutex<(Buckets, Buckets)>>);

#[derive(Debug)]
struct Buckets {
    most: i64,
    rest_us: i64,
    full: HashMap<String, Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Microseconds since 1970.
    full_again: i64,
    /// Whether the log has this episode already.
    told: bool,
}

impl Attempts {
    pub(crate) fn new() -> Attempts {
        let accounts = Buckets::new(limits::WRONG_PASSWORDS_OF_ACCOUNT, limits::WRONG_PASSWORD_REST_OF_ACCOUNT);
        let addresses = Buckets::new(limits::WRONG_PASSWORDS_FROM_ADDRESS, limits::WRONG_PASSWORD_REST_FROM_ADDRESS);
        Attempts(Arc::new(Mutex::new((accounts, addresses))))
    }

    /// Refuse while there were too many. Asked before a password is looked at, and again before it is said to be right: of
    /// many guesses at one time, those over the limit are not answered. A name that is no account counts as one that is.
    pub(crate) fn check(&self, ctx: &Ctx, name: &AccountName) -> Result<(), Error> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = micros(ctx.now);
        let of_account = all.0.wait_us(name.as_str(), now);
        let from_address = ctx.remote.map_or(0, |address| all.1.wait_us(&network(address), now));
        match of_account.max(from_address) {
            0 => Ok(()),
            wait_us => Err(Error::TooManyAttempts { wait_s: wait_us.div_euclid(1_000_000) + 1 }),
        }
    }

    /// Count one. Gives whether a limit is met for the first time, which is worth an entry of the log.
    pub(crate) fn wrong(&self, ctx: &Ctx, name: &AccountName) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = micros(ctx.now);
        let of_account = all.0.count(name.as_str(), now);
        let from_address = ctx.remote.is_some_and(|address| all.1.count(&network(address), now));
        of_account || from_address
    }
}

impl Buckets {
    fn new(most: i64, rest: Duration) -> Buckets {
        let rest_us = i64::try_from(rest.as_micros()).expect("a rest is seconds");
        Buckets { most, rest_us, full: HashMap::new() }
    }

    /// How long until one more may be tried; 0 is now.
    fn wait_us(&mut self, key: &str, now: i64) -> i64 {
        let Some(bucket) = self.full.get(key) else { return 0 };
        (bucket.full_again - now - (self.most - 1) * self.rest_us).max(0)
    }

    fn count(&mut self, key: &str, now: i64) -> bool {
        self.make_room(key, now);
        let bucket = self.full.entry(key.to_owned()).or_insert(Bucket { full_again: now, told: false });
        if bucket.full_again <= now {
            *bucket = Bucket { full_again: now, told: false };
        }
        bucket.full_again += self.rest_us;
        let met = bucket.full_again - now > (self.most - 1) * self.rest_us;
        let first = met && !bucket.told;
        bucket.told |= met;
        first
    }

    /// Forget what is over; under a flood of keys, also the one that is over next.
    fn make_room(&mut self, key: &str, now: i64) {
        if self.full.len() < limits::WRONG_PASSWORD_KEYS || self.full.contains_key(key) {
            return;
        }
        self.full.retain(|_, bucket| bucket.full_again > now);
        while self.full.len() >= limits::WRONG_PASSWORD_KEYS {
            let Some(next) = self.full.iter().min_by_key(|(_, bucket)| bucket.full_again) else { return };
            let next = next.0.clone();
            self.full.remove(&next);
        }
    }
}

/// One customer of a provider has a whole /64 of IPv6 (RFC 6177), so its addresses count as one.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Buckets, Duration, limits, network};

    #[test]
    fn one_customer_is_one_address() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }

    #[test]
    fn a_flood_of_keys_is_bounded() {
        let mut buckets = Buckets::new(3, Duration::from_secs(10));
        for number in 0..limits::WRONG_PASSWORD_KEYS + 5 {
            buckets.count(&number.to_string(), i64::try_from(number).unwrap());
        }
        assert!(buckets.full.len() <= limits::WRONG_PASSWORD_KEYS);
    }

    proptest! {
        /// However the tries are spread, no span of time has more of them than the full bucket and what came back in it.
        #[test]
        fn never_more_than_the_bucket_and_its_refill(pauses_us in proptest::collection::vec(0_i64..20_000_000, 1..200)) {
            let (most, rest_us) = (5, 10_000_000);
            let mut buckets = Buckets::new(most, Duration::from_micros(rest_us as u64));
            let (mut now, mut tried) = (0, Vec::new());
            for pause in pauses_us {
                now += pause;
                let wait = buckets.wait_us("a", now);
                prop_assert!(wait <= rest_us, "the wait is never longer than one rest");
                if wait == 0 {
                    buckets.count("a", now);
                    tried.push(now);
                }
            }
            for (first, from) in tried.iter().enumerate() {
                for (last, to) in tried.iter().enumerate().skip(first) {
                    prop_assert!((last - first) as i64 <= most + (to - from) / rest_us);
                }
            }
        }
    }
}
