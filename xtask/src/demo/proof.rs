//! Act 11: the log proves the whole story, vandals are found out, and the chain of the last digest is printed.

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::commits::Shipped;
use super::scene::{self, Scene};
use super::server::Server;
use crate::command;
use crate::stage::Steps;

/// Verifies the log of the running server, and two vandalised copies of its folder.
///
/// # Errors
/// A step does not hold.
pub fn verify(steps: &mut Steps, scene: &Scene, server: &Server) -> Result<()> {
    let said = steps.step("assay audit verify", || command::run(&mut audit_verify(scene, &server.data)))?;
    steps.note(said.trim());
    let note = steps.step("a row changed by SQL alone is found", || {
        let copy = copy_of(scene, server, "changed-row")?;
        let change = "UPDATE tags SET digest = (SELECT digest FROM tags ORDER BY digest DESC LIMIT 1) \
                      WHERE rowid = (SELECT rowid FROM tags ORDER BY digest LIMIT 1);";
        command::run(Command::new("sqlite3").arg(copy.join("assay.db")).arg(change))?;
        command::refused(&mut audit_verify(scene, &copy))
    })?;
    steps.note(command::tail(note.trim(), 3).as_str());
    let note = steps.step("a flipped byte of the log is found", || {
        let copy = copy_of(scene, server, "flipped-byte")?;
        flip_byte(&first_tile(&copy.join("log"))?)?;
        command::refused(&mut audit_verify(scene, &copy))
    })?;
    steps.note(command::tail(note.trim(), 3).as_str());
    Ok(())
}

/// Prints the chain of a digest; its last line says what it has become.
///
/// # Errors
/// The chain has a gap, or ends otherwise.
pub fn chain(steps: &mut Steps, server: &Server, shipped: &Shipped) -> Result<()> {
    let said = steps.step("assay chain, from the commit to what runs", || {
        command::run(&mut server.admin.command(["chain", &shipped.digest]))
    })?;
    println!("\n{}\n", said.trim());
    ensure!(said.contains(&shipped.commit), "the chain does not name the commit {}", shipped.commit);
    let last = said.trim().lines().last().unwrap_or_default().to_lowercase();
    ensure!(last.contains("promoted and signed"), "the chain ends with {last:?}");
    Ok(())
}

fn audit_verify(scene: &Scene, data: &Path) -> Command {
    let mut command = Command::new(scene.binary);
    command.args(["audit", "verify", "--data"]).arg(data);
    command
}

/// A copy that the server knows nothing of, so that the story's own log stays good.
fn copy_of(scene: &Scene, server: &Server, name: &str) -> Result<PathBuf> {
    let copy = scene.run.dir().join(name);
    scene::copy_folder(&server.data, &copy)?;
    // Blobs are not what is verified here.
    if copy.join("blobs").exists() {
        fs::remove_dir_all(copy.join("blobs"))?;
    }
    Ok(copy)
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
