//! Act 11: the log proves the whole story, vandals are found out, and the chain of the last digest is printed.

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::commits::Shipped;
use super::scene::Scene;
use super::server::Server;
use crate::command;
use crate::stage::Steps;

/// Two vandals at copies of the data folder, taken while the server is down: one with SQL, one with a disk editor.
///
/// # Errors
/// One is not found out.
pub fn vandals(steps: &mut Steps, scene: &Scene, server: &Server) -> Result<()> {
    let row = scene.run.dir().join("changed-row");
    let byte = scene.run.dir().join("flipped-byte");
    steps.step("stop the server, copy its folder twice, start it again", || {
        server.program.paused(|| {
            copy_of(server, &row)?;
            copy_of(server, &byte)
        })
    })?;
    steps.step("assay audit verify --data, off line: the copy is good", || verified(scene, &row))?;
    let found = steps.step("a row changed by SQL alone is found", || {
        // latest of admin/flask shall be what nobody promoted: the oldest image of another repository.
        let change = "PRAGMA foreign_keys = OFF; \
                      UPDATE tags SET digest = (SELECT digest FROM tags ORDER BY pushed_at LIMIT 1) WHERE name = 'latest' \
                      AND repository = (SELECT id FROM repositories WHERE name = 'admin/flask');";
        command::run(Command::new("sqlite3").arg(row.join("assay.db")).arg(change))?;
        problems(scene, &row)
    })?;
    ensure!(found.contains("latest"), "the changed row is not what was found:\n{found}");
    steps.note(&found);
    let found = steps.step("a flipped byte of the log is found", || {
        flip_byte(&first_tile(&byte.join("log"))?)?;
        problems(scene, &byte)
    })?;
    steps.note(&found);
    Ok(())
}

/// Verifies the log of the running server.
///
/// # Errors
/// It is not what was signed.
pub fn verify(steps: &mut Steps, server: &Server) -> Result<()> {
    let report = steps.step("assay audit verify", || {
        let report = server.admin.ask(["audit", "verify"])?;
        ensure!(report["clean"] == true, "the log is not clean: {report}");
        Ok(report)
    })?;
    steps.note(&format!("{} entries, every one of them hashed again up to the signed root", report["entries"]));
    Ok(())
}

/// The chain of a digest, node by node; its last line says what has become of it.
///
/// # Errors
/// The chain has a gap, or ends otherwise.
pub fn chain(steps: &mut Steps, server: &Server, shipped: &Shipped) -> Result<String> {
    let said = steps.step("assay chain, from the commit to what runs", || {
        command::run(&mut server.admin.command(["chain", &shipped.digest]))
    })?;
    ensure!(said.contains(&shipped.commit), "the chain does not name the commit {}", shipped.commit);
    let last = said.trim().lines().last().unwrap_or_default();
    ensure!(last.contains("promoted and signed"), "the chain ends with {last:?}");
    Ok(said.trim().to_owned())
}

fn audit_verify(scene: &Scene, data: &Path) -> Result<(bool, Value)> {
    let mut command = Command::new(scene.binary);
    let output = command::output(command.args(["audit", "verify", "--format", "json", "--data"]).arg(data))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(&text)
        .with_context(|| format!("no report: {text}{}", String::from_utf8_lossy(&output.stderr)))?;
    Ok((output.status.success(), report))
}

fn verified(scene: &Scene, data: &Path) -> Result<()> {
    let (success, report) = audit_verify(scene, data)?;
    ensure!(success && report["clean"] == true, "the untouched copy is said to be bad: {report}");
    Ok(())
}

/// What verification says of a copy that is not as it was.
fn problems(scene: &Scene, data: &Path) -> Result<String> {
    let (success, report) = audit_verify(scene, data)?;
    let problems: Vec<&str> = report["problems"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    ensure!(!success && !problems.is_empty(), "the vandal is not found out: {report}");
    Ok(problems.into_iter().take(3).collect::<Vec<_>>().join("\n"))
}

/// Everything but the blobs: they are not what the log guards.
fn copy_of(server: &Server, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(&server.data)?.flatten().filter(|entry| entry.file_name() != "blobs") {
        command::run(Command::new("cp").arg("-a").arg(entry.path()).arg(to))?;
    }
    Ok(())
}

fn first_tile(log: &Path) -> Result<PathBuf> {
    let found = command::run(Command::new("find").arg(log).args(["-type", "f", "-path", "*entries*"]))?;
    let mut files: Vec<&str> = found.lines().collect();
    files.sort_unstable();
    Ok(files.first().with_context(|| format!("no tile of entries in {}", log.display()))?.into())
}

fn flip_byte(file: &Path) -> Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(file)?;
    let middle = file.metadata()?.len() / 2;
    let mut byte = [0_u8];
    file.seek(SeekFrom::Start(middle))?;
    file.read_exact(&mut byte)?;
    file.seek(SeekFrom::Start(middle))?;
    file.write_all(&[byte[0] ^ 1])?;
    Ok(())
}
