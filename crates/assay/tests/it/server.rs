//! A running `assay serve`, an address of its own, and a plain HTTP client.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use base::{Clock, Ctx, Entropy, Secret};
use db::{Db, Location};

use crate::contract;

pub const PASSWORD: &str = "correct horse battery";
/// `admin` and the password, as Basic credentials.
pub const BASIC: &str = "YWRtaW46Y29ycmVjdCBob3JzZSBiYXR0ZXJ5";

/// An address of this machine beside 127/8, for which Docker's client skips the check of certificates. Taken away at the end.
pub struct Address {
    pub ip: String,
    added: bool,
}

impl Address {
    /// Only root can add one; everybody else tests on 127.0.0.1, and is told so.
    pub fn own() -> Address {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let ip = format!("10.199.{}.{}", std::process::id() % 250 + 2, COUNT.fetch_add(1, Ordering::Relaxed));
        let mut add = Command::new("ip");
        add.args(["addr", "add", &format!("{ip}/32"), "dev", "lo"]).stderr(Stdio::null());
        if add.status().is_ok_and(|status| status.success()) {
            return Address { ip, added: true };
        }
        eprintln!("NOT TESTED: certificates as docker checks them; adding an address to lo needs root and `ip`");
        Address { ip: "127.0.0.1".to_owned(), added: false }
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        if self.added {
            let _ = Command::new("ip").args(["addr", "del", &format!("{}/32", self.ip), "dev", "lo"]).status();
        }
    }
}

/// A new schema in the database that `ASSAY_TEST_POSTGRES` names, as the URL of a database of its own.
pub fn own_schema() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a test reads its own switch")]
    let url = std::env::var("ASSAY_TEST_POSTGRES").ok()?;
    let name = format!("assay_{}", Entropy::System.token(16));
    let sql: &'static str = format!("CREATE SCHEMA {name}").leak();
    // Of its own thread, as some tests have a runtime already.
    let plain = Location::Postgres(Secret::new(url.clone()));
    let made = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let plain = Db::open(&plain, &[]).await.unwrap();
            let ctx = Ctx::system("test", &Clock::System, &Entropy::System);
            let made: Result<u64, db::Error> = db::write!(plain, &ctx, |tx| tx.execute(sql, &[]).await);
            made.unwrap();
            plain.close().await;
        });
    });
    made.join().unwrap();
    let separator = if url.contains('?') { '&' } else { '?' };
    Some(format!("{url}{separator}options=-c%20search_path%3D{name}"))
}

/// The server, stopped at the end.
pub struct Server {
    /// `host:port`.
    pub authority: String,
    plain: SocketAddr,
    pub folder: tempfile::TempDir,
    child: Child,
    /// All it wrote to standard error.
    said: Arc<Mutex<String>>,
    environment: Vec<(&'static str, String)>,
}

impl Server {
    /// Clients reach it at `https://{ip}:{port}`.
    pub fn start(ip: &str) -> Server {
        Server::start_in(ip, tempfile::tempdir().unwrap())
    }

    /// The same with its data somewhere particular.
    pub fn start_in(ip: &str, folder: tempfile::TempDir) -> Server {
        Server::start_so(ip, folder, Vec::new())
    }

    /// On loopback, with this in its environment.
    pub fn start_with(environment: &[(&'static str, &str)]) -> Server {
        let environment = environment.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Server::start_so("127.0.0.1", tempfile::tempdir().unwrap(), environment)
    }

    /// On PostgreSQL when there is one, unless the folder says where its data is.
    fn start_so(ip: &str, folder: tempfile::TempDir, mut environment: Vec<(&'static str, String)>) -> Server {
        let decided = ["assay.toml", "data"].iter().any(|name| folder.path().join(name).exists());
        if !decided && let Some(url) = own_schema() {
            environment.push(("ASSAY_DATABASE", url));
        }
        let port = TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap().port();
        let authority = format!("{ip}:{port}");
        let said = Arc::default();
        let (child, plain) = Server::spawn(&authority, folder.path(), &said, &environment);
        Server { authority, plain, folder, child, said, environment }
    }

    /// `kill -9`, and a new start on the same folder.
    pub fn kill_and_restart(&mut self) {
        self.kill();
        self.start_again();
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn start_again(&mut self) {
        (self.child, self.plain) = Server::spawn(&self.authority, self.folder.path(), &self.said, &self.environment);
    }

    /// All it wrote to standard error so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// What `assay login` would have remembered for the administrator: the value of `ASSAY_LOGIN`.
    pub fn login(&self) -> PathBuf {
        let authorization = format!("Basic {BASIC}");
        let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
        let token = self.ask("POST", "/api/v0/api_tokens", &headers, br#"{"tokenLabel":"test"}"#).json();
        let login = serde_json::json!({
            "url": format!("https://{}", self.authority), "token": token["token"],
            "ca_pem": std::fs::read_to_string(self.ca()).unwrap(),
        });
        let path = self.folder.path().join("login.json");
        std::fs::write(&path, login.to_string()).unwrap();
        path
    }

    /// The folder is named as people name one, relative to where they stand. A configuration counts when there is one.
    fn spawn(
        authority: &str,
        folder: &Path,
        said: &Arc<Mutex<String>>,
        environment: &[(&'static str, String)],
    ) -> (Child, SocketAddr) {
        let url = format!("https://{authority}");
        let configuration = folder.join("assay.toml").exists().then_some(["--config", "assay.toml"]);
        let mut child = Command::new(env!("CARGO_BIN_EXE_assay"))
            .args(["serve", "--listen", authority, "--url", &url, "--plain-listen", "127.0.0.1:0", "--data", "data"])
            .args(configuration.iter().flatten())
            .current_dir(folder)
            .env("ASSAY_ADMIN_PASSWORD", PASSWORD)
            .env("ASSAY_LOG", "warn")
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let plain = loop {
            let line = lines.next().expect("the server says where it listens before it ends").unwrap();
            if let Some(rest) = line.strip_prefix("assay serves plain HTTP on ") {
                break rest.split(' ').next().unwrap().parse().unwrap();
            }
            eprintln!("{line}");
        };
        let said = Arc::clone(said);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                eprintln!("{line}");
                said.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        (child, plain)
    }

    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("data/keys/ca.pem")
    }

    /// Where it serves plain HTTP.
    pub fn plain(&self) -> SocketAddr {
        self.plain
    }

    /// One request over plain HTTP.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.door().try_ask(method, path, headers, body).expect("a head and a body")
    }

    /// Where this life of the server listens, for another thread.
    pub fn door(&self) -> Door {
        Door { plain: self.plain, authority: self.authority.clone() }
    }

    /// A token for `admin`, or for nobody.
    pub fn token(&self, scope: &str, basic: Option<&str>) -> String {
        let path = format!("/auth/token?service={}&scope={scope}", self.authority);
        let authorization = basic.map(|basic| format!("Basic {basic}"));
        let headers: Vec<_> = authorization.iter().map(|value| ("Authorization", value.as_str())).collect();
        let answer = self.ask("GET", &path, &headers, b"");
        assert_eq!(answer.status, 200, "{}", answer.body);
        format!("Bearer {}", answer.json()["token"].as_str().unwrap())
    }
}

/// The way to a server that may be killed meanwhile.
#[derive(Clone)]
pub struct Door {
    plain: SocketAddr,
    authority: String,
}

impl Door {
    /// One request; nothing when the server is gone before it has answered.
    pub fn try_ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.plain).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.authority);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        stream.write_all(request.as_bytes()).ok()?;
        // An early refusal may close the connection while the body is on its way.
        let _ = stream.write_all(body);
        let mut raw = Vec::new();
        let _ = stream.read_to_end(&mut raw);
        let answer = Answer::parse(&raw)?;
        contract::hold(&contract::Request { method, path, headers, body }, &answer);
        Some(answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server at an address of its own, and the folder of a person who uses it.
pub struct Desk {
    pub server: Server,
    pub home: PathBuf,
    // Behind the server: the address goes after it.
    _address: Address,
}

impl Desk {
    pub fn new() -> Desk {
        Desk::of(tempfile::tempdir().unwrap())
    }

    /// With what the folder says of the server, its configuration for example.
    pub fn of(folder: tempfile::TempDir) -> Desk {
        let address = Address::own();
        let server = Server::start_in(&address.ip, folder);
        let home = server.folder.path().join("home");
        std::fs::create_dir_all(&home).unwrap();
        Desk { server, home, _address: address }
    }

    /// `HOST:PORT/namespace/name`, as it stands in references and names of trust data.
    pub fn place(&self, name: &str) -> String {
        format!("{}/{name}", self.server.authority)
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    /// The body as text, and as it came.
    pub body: String,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn parse(raw: &[u8]) -> Option<Answer> {
        let end = raw.windows(4).position(|window| window == b"\r\n\r\n")?;
        let (head, bytes) = (String::from_utf8_lossy(&raw[..end]).into_owned(), raw[end + 4..].to_vec());
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Some(Answer { status, head, body: String::from_utf8_lossy(&bytes).into_owned(), bytes })
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).into_iter().next()
    }

    /// All values of a header that may come more than once.
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The code of the first error.
    pub fn code(&self) -> String {
        assert!(self.body.len() < 1024, "clients read 1 KiB: {}", self.body);
        self.json()["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Whether a client can be run; a missing one is said loudly.
pub fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("NOT TESTED: `{program}` is not installed; apt-get install it to run this test");
    }
    found
}

/// Run a client with an environment of its own: whether it succeeded, and what it printed.
pub fn attempt(program: &str, arguments: &[&str], folder: &Path, environment: &[(&str, &str)]) -> (bool, String) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("HOME", folder)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}

/// Look again until it is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "it never came that {what}");
        std::thread::yield_now();
    }
}
