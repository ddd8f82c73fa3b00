//! Limits of accounts, tokens and signing in.

use std::time::Duration;

/// Wrong passwords that may be tried at once for one account, and how long until one more: a person who forgot has enough, and
/// somebody who guesses has 2,900 a day, which no password of eight characters fears.
pub const WRONG_PASSWORDS_OF_ACCOUNT: i64 = 10;
pub const WRONG_PASSWORD_REST_OF_ACCOUNT: Duration = Duration::from_secs(30);

/// The same from one address, behind which an office may sit: bounds who tries one password on many accounts.
pub const WRONG_PASSWORDS_FROM_ADDRESS: i64 = 50;
pub const WRONG_PASSWORD_REST_FROM_ADDRESS: Duration = Duration::from_secs(6);

/// Accounts, and addresses, whose wrong passwords are remembered at one time: 1 MB.
pub const WRONG_PASSWORD_KEYS: usize = 10_000;

/// Places in the scope of one access token, and that a robot is granted when it is made: a person writes them by hand.
pub const TOKEN_PLACES: usize = 100;

/// Robots of one user or organization: one for each pipeline and deployment of a large estate.
pub const ROBOTS_OF_NAMESPACE: i64 = 1_000;

/// How long a robot's token is good for when nobody says otherwise, and how long the one before may still be used after a
/// rotation: pipelines that run have ended by then.
pub const ROBOT_TOKEN_LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);
pub const ROTATION_GRACE: Duration = Duration::from_secs(60 * 60);
pub const ROTATION_GRACE_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How exactly the last use of a token is known, and the tokens whose use is remembered before it is written: 10 MB.
pub const TOKEN_USE_GRAIN: Duration = Duration::from_secs(5 * 60);
pub const TOKEN_USES: usize = 100_000;

/// How long the log is silent about the refused pushes of one account to one repository after it told of one, and the pairs
/// that are remembered: 1 MB.
pub const REFUSED_PUSH_REST: Duration = Duration::from_secs(60 * 60);
pub const REFUSED_PUSHES: usize = 10_000;

/// How long somebody may take at the identity provider before they come back: they may have to find their second factor.
pub const OIDC_SIGN_IN: Duration = Duration::from_secs(10 * 60);

/// One answer of an identity provider; key sets and tokens are some kilobytes.
pub const OIDC_ANSWER_BYTES: usize = 1024 * 1024;

/// Groups of one person that are looked at; directories of large estates give some hundred.
pub const EXTERNAL_GROUPS: usize = 10_000;
