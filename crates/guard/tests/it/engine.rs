//! A Docker engine in namespaces of its own, without a network, asking the guard about everything.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Private `/run` and `/etc/docker`; the plugin's folder is shared with the guard outside.
const INSIDE: &str = r#"
set -eu
mount -t tmpfs tmpfs /run
mkdir -p /run/docker/plugins "$DIR/etc"
mount --bind "$DIR/plugins" /run/docker/plugins
mkdir -p /etc/docker
mount --bind "$DIR/etc" /etc/docker
ip link set lo up
exec env container=assay /usr/sbin/dockerd --host "unix://$DIR/engine.sock" --data-root "$DIR/data" \
  --exec-root /run/docker/exec --pidfile /run/docker.pid --bridge none --iptables=false --storage-driver vfs \
  --exec-opt native.cgroupdriver=cgroupfs --authorization-plugin assay
"#;

pub struct Engine {
    process: Child,
    socket: PathBuf,
    home: PathBuf,
}

impl Engine {
    /// Start it and wait until it listens.
    pub fn start(folder: &Path) -> Engine {
        while !folder.join("plugins/assay.sock").exists() {
            std::thread::yield_now();
        }
        let mut process = Command::new("unshare")
            .args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"])
            .args(["sh", "-c", INSIDE])
            .env("DIR", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        loop {
            let start = said.len();
            assert!(log.read_line(&mut said).unwrap() > 0, "the engine did not start:\n{said}");
            if said[start..].contains("API listen on") {
                break;
            }
        }
        // Read on, or the engine would wait for us.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Engine { process, socket: folder.join("engine.sock"), home: folder.join("home") }
    }

    pub fn allows(&self, arguments: &[&str]) {
        let (good, said) = self.docker(arguments);
        assert!(good, "docker {arguments:?}: {said}");
    }

    /// The guard refuses with this sentence.
    pub fn refuses(&self, arguments: &[&str], why: &str) {
        let (good, said) = self.docker(arguments);
        let denied = said.contains("authorization denied by plugin assay") && said.contains(why);
        assert!(!good && denied, "docker {arguments:?}: {said}");
    }

    /// The guard allows, and then something else is wrong.
    pub fn fails(&self, arguments: &[&str], why: &str) {
        let (good, said) = self.docker(arguments);
        assert!(!good && said.contains(why) && !said.contains("authorization denied"), "docker {arguments:?}: {said}");
    }

    fn docker(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new("/usr/bin/docker")
            .arg("--host")
            .arg(format!("unix://{}", self.socket.display()))
            .args(arguments)
            .env("HOME", &self.home)
            .env("DOCKER_CONFIG", self.home.join(".docker"))
            .env("DOCKER_BUILDKIT", "0")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    pub fn posts(&self, path: &str, body: &str, answer: &str) {
        self.post(path, "application/json", body, answer);
    }

    pub fn posts_form(&self, path: &str, body: &str, answer: &str) {
        self.post(path, "application/x-www-form-urlencoded", body, answer);
    }

    /// A request as it stands, past every client; the engine's router may also send it elsewhere.
    fn post(&self, path: &str, kind: &str, body: &str, answer: &str) {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        let length = body.len();
        let head = "Host: x\r\nConnection: close";
        write!(stream, "POST {path} HTTP/1.1\r\n{head}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n")
            .unwrap();
        // What is refused is not read to its end, and the connection may break before we have read the answer to its end.
        let _ = stream.write_all(body.as_bytes());
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said);
        let redirected = said.starts_with("HTTP/1.1 301");
        assert!(redirected || said.contains(answer), "POST {path}: {said}");
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The first process of the namespace takes all others and the mounts with it; unshare then ends by itself.
        let pid = self.process.id();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        let killed = Command::new("kill").arg("-9").args(children.split_whitespace()).status();
        if !killed.is_ok_and(|status| status.success()) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}
