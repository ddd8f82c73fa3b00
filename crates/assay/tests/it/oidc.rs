//! Signing in with an identity provider: a browser's requests to the real server, and a stand-in for the provider.
//!
//! The stand-in is written from OpenID Connect Core and RFC 7636 alone: it serves discovery, keys and tokens over HTTP, checks the
//! client's secret, the redirect URI and the proof key, and gives each code once. `cargo xtask interop sign-in` does the same
//! with a provider that others made.

use std::{
    collections::{BTreeMap, HashMap},
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};

use crate::{
    image::{call, get},
    server::{Answer, Server},
};

struct Provider {
    issuer: String,
    state: Arc<Mutex<Answers>>,
}

struct Answers {
    key: EncodingKey,
    kid: String,
    /// What is known of who signs in next.
    claims: Value,
    /// Of each code that was given and not taken: nonce, challenge, redirect URI.
    codes: HashMap<String, (String, String, String)>,
    asked: Vec<String>,
}

fn new_key() -> EncodingKey {
    let pem = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem();
    EncodingKey::from_ec_pem(pem.as_bytes()).unwrap()
}

impl Provider {
    fn start() -> Provider {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let (key, kid, claims, codes, asked) = (new_key(), "first".to_owned(), json!({}), HashMap::new(), Vec::new());
        let state = Arc::new(Mutex::new(Answers { key, kid, claims, codes, asked }));
        let (shared, own) = (Arc::clone(&state), issuer.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut head, mut line) = (String::new(), String::new());
                while reader.read_line(&mut line).unwrap_or(0) > 2 {
                    head.push_str(&line);
                    line.clear();
                }
                let length = head
                    .lines()
                    .find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
                let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
                reader.read_exact(&mut body).unwrap();
                let (status, answer) = shared.lock().unwrap().answer(&own, &head, &String::from_utf8(body).unwrap());
                let answer = answer.to_string();
                let head = format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\n");
                let _ = stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{answer}", answer.len()).as_bytes());
            }
        });
        Provider { issuer, state }
    }

    /// What the provider does when somebody proved who they are: a code for this request.
    fn code_for(&self, asked: &BTreeMap<String, String>, claims: Value) -> String {
        let mut state = self.state.lock().unwrap();
        assert_eq!((asked["response_type"].as_str(), asked["code_challenge_method"].as_str()), ("code", "S256"));
        assert!(asked["scope"].split(' ').any(|scope| scope == "openid") && asked["client_id"] == "assay");
        let code = format!("code-{}", state.codes.len() + state.asked.len());
        let of = |name: &str| asked[name].clone();
        state.codes.insert(code.clone(), (of("nonce"), of("code_challenge"), of("redirect_uri")));
        state.claims = claims;
        code
    }
}

impl Answers {
    fn answer(&mut self, issuer: &str, head: &str, body: &str) -> (u16, Value) {
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        self.asked.push(path.clone());
        match path.as_str() {
            "/.well-known/openid-configuration" => (
                200,
                json!({
                    "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
                    "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
                    "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                }),
            ),
            "/keys" => {
                let mut own = Jwk::from_encoding_key(&self.key, Algorithm::ES256).unwrap();
                own.common.key_id = Some(self.kid.clone());
                (200, json!({"keys": [{"kty": "new kind", "kid": "x"}, own]}))
            }
            "/token" => self.token(issuer, head, body),
            _ => (404, json!({})),
        }
    }

    fn token(&mut self, issuer: &str, head: &str, body: &str) -> (u16, Value) {
        use sha2::{Digest, Sha256};
        let refused = || (400, json!({"error": "invalid_grant"}));
        let basic = base64::engine::general_purpose::STANDARD.encode("assay:top%3Asecret");
        if !head.to_lowercase().contains(&format!("authorization: basic {basic}").to_lowercase()) {
            return (401, json!({"error": "invalid_client"}));
        }
        let form: BTreeMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        let Some((nonce, challenge, redirect_uri)) = self.codes.remove(&form["code"]) else { return refused() };
        let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_bytes()));
        if form["grant_type"] != "authorization_code" || proof != challenge || form["redirect_uri"] != redirect_uri {
            return refused();
        }
        let now = base::Clock::System.now().as_second();
        let mut claims = json!({"iss": issuer, "aud": "assay", "iat": now, "exp": now + 60, "nonce": nonce});
        claims.as_object_mut().unwrap().extend(self.claims.as_object().unwrap().clone());
        let header = Header { kid: Some(self.kid.clone()), ..Header::new(Algorithm::ES256) };
        (200, json!({"id_token": jsonwebtoken::encode(&header, &claims, &self.key).unwrap(), "token_type": "Bearer"}))
    }
}

fn configured(provider: &Provider) -> Server {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("client-secret"), "top:secret\n").unwrap();
    let toml = format!(
        "[oidc]\nissuer = \"{}\"\nclient_id = \"assay\"\nclient_secret_file = \"client-secret\"\ntitle = \"the Estate\"\n\
         groups_claim = \"realm.groups\"\n\
         [[oidc.groups]]\ngroup = \"release\"\nteam = \"ops/release\"\n\
         [[oidc.groups]]\ngroup = \"roots\"\nadministrator = true\n",
        provider.issuer
    );
    std::fs::write(folder.path().join("assay.toml"), toml).unwrap();
    Server::start_in("127.0.0.1", folder)
}

/// A browser with its cookies.
struct Browser<'a> {
    server: &'a Server,
    cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    fn goes(&mut self, path: &str) -> Answer {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = self.server.ask("GET", path, &[("Cookie", &cookies.join("; ")), ("Accept", "text/html")], b"");
        for cookie in answer.headers("set-cookie") {
            assert!(cookie.contains("; Secure; HttpOnly; SameSite=Lax; Path=/"), "{cookie}");
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            match value {
                "" => drop(self.cookies.remove(name)),
                value => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
        answer
    }

    /// As far as the provider: what it is asked.
    fn begins(&mut self, provider: &Provider) -> BTreeMap<String, String> {
        let answer = self.goes("/sign-in/oidc?to=/projects");
        assert_eq!(answer.status, 303, "{}", answer.body);
        let (url, query) = answer.header("location").unwrap().split_once('?').unwrap();
        assert_eq!(url, format!("{}/authorize", provider.issuer));
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    fn returns(&mut self, code: &str, state: &str) -> Answer {
        self.goes(&format!("/sign-in/oidc/callback?code={code}&state={state}"))
    }

    fn signs_in(&mut self, provider: &Provider, claims: Value) -> Answer {
        let asked = self.begins(provider);
        let code = provider.code_for(&asked, claims);
        self.returns(&code, &asked["state"])
    }
}

fn browser(server: &Server) -> Browser<'_> {
    Browser { server, cookies: BTreeMap::new() }
}

#[test]
fn somebody_from_the_provider_signs_in_and_is_what_their_groups_make_them() {
    let provider = Provider::start();
    let server = configured(&provider);
    call(&server, 201, "POST", "/enzi/v0/accounts", &json!({"name": "ops", "isOrg": true}));
    call(&server, 201, "POST", "/enzi/v0/accounts/ops/teams", &json!({"name": "release"}));
    let page = browser(&server).goes("/sign-in?to=/projects");
    assert!(
        page.body.contains("Sign in with the Estate") && page.body.contains("/sign-in/oidc?to=%2Fprojects"),
        "{}",
        page.body
    );

    let mut anna = browser(&server);
    let claims =
        json!({"sub": "17", "preferred_username": "Anna", "name": "Anna A.", "realm": {"groups": ["release", "x"]}});
    let answer = anna.signs_in(&provider, claims);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/projects")), "{}", answer.body);
    assert!(anna.cookies.keys().eq(["__Host-assay"]), "the cookie of the sign-in is gone: {:?}", anna.cookies);
    assert_eq!(anna.goes("/projects").status, 200);
    let account = get(&server, "/enzi/v0/accounts/anna");
    assert_eq!(
        (&account["isImported"], &account["isAdmin"], &account["fullName"]),
        (&json!(true), &json!(false), &json!("Anna A."))
    );
    assert_eq!(get(&server, "/enzi/v0/accounts/ops/teams/release/members")["members"][0]["member"]["name"], "anna");

    // The subject is who it is; the name is only what it was called first. New keys of the provider are fetched.
    {
        let mut state = provider.state.lock().unwrap();
        (state.key, state.kid) = (new_key(), "second".to_owned());
    }
    let mut again = browser(&server);
    let renamed = json!({"sub": "17", "preferred_username": "anna-b", "realm": {"groups": ["roots"]}});
    assert_eq!(again.signs_in(&provider, renamed).status, 303);
    assert_eq!(get(&server, "/enzi/v0/accounts/anna")["isAdmin"], true);
    assert_eq!(
        get(&server, "/enzi/v0/accounts/ops/members")["members"],
        json!([]),
        "out of the group, out of the team"
    );

    // Nobody becomes an account of this server by having its name there.
    for name in ["admin", "ops", "anna", "api", "a+b", "Ä", ""] {
        let answer = browser(&server).signs_in(&provider, json!({"sub": "666", "preferred_username": name}));
        assert!(answer.status == 409 || answer.status == 403, "{name}: {} {}", answer.status, answer.body);
        assert!(answer.headers("set-cookie").iter().all(|cookie| !cookie.starts_with("__Host-assay=")), "{name}");
    }
    call(&server, 200, "PATCH", "/enzi/v0/accounts/anna", &json!({"isActive": false}));
    let off = browser(&server).signs_in(&provider, json!({"sub": "17", "preferred_username": "anna"}));
    assert_eq!(off.status, 401);
    assert_eq!(get(&server, "/api/v1/audit/verify")["problems"], json!([]));
}

#[test]
fn a_sign_in_belongs_to_the_browser_that_began_it() {
    let provider = Provider::start();
    let server = configured(&provider);
    let who = || json!({"sub": "1", "preferred_username": "eve"});
    let mut eve = browser(&server);
    let asked = eve.begins(&provider);
    let code = provider.code_for(&asked, who());
    // Another browser, that was made to go there.
    let mut victim = browser(&server);
    let answer = victim.returns(&code, &asked["state"]);
    assert!(answer.status == 400 && answer.body.contains("begun in another browser"), "{}", answer.body);
    victim.begins(&provider);
    assert_eq!(victim.returns(&code, &asked["state"]).status, 400);
    // Another state, another provider's answer, a code nobody gave, and the right one twice.
    assert_eq!(eve.returns(&code, "x").status, 400);
    let asked = eve.begins(&provider);
    let mixed = eve.goes(&format!("/sign-in/oidc/callback?code={code}&state={}&iss=https://evil.test", asked["state"]));
    assert_eq!(mixed.status, 403);
    let asked = eve.begins(&provider);
    assert_eq!(eve.returns("nobodys", &asked["state"]).status, 403);
    let asked = eve.begins(&provider);
    let denied = eve.goes(&format!("/sign-in/oidc/callback?error=access_denied&state={}", asked["state"]));
    assert!(denied.status == 403 && denied.body.contains("the Estate says: access_denied"), "{}", denied.body);
    let asked = eve.begins(&provider);
    let kept = eve.cookies.clone();
    let code = provider.code_for(&asked, who());
    assert_eq!(eve.returns(&code, &asked["state"]).status, 303);
    eve.cookies = kept;
    assert_eq!(eve.returns(&code, &asked["state"]).status, 403, "a code is worth something once");
    // A code of a sign-in that was begun elsewhere proves nothing here: the proof key is another.
    let mut mallory = browser(&server);
    let theirs = mallory.begins(&provider);
    let stolen = provider.code_for(&theirs, who());
    let asked = eve.begins(&provider);
    assert_eq!(eve.returns(&stolen, &asked["state"]).status, 403);
    assert!(server.said().contains("invalid_grant"), "the operator reads why");
    assert!(!server.said().contains("top:secret"));
}
