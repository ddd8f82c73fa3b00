//! The program as its users meet it: the real binary, over real sockets, with real clients.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod advisories;
mod advisory_updates;
mod attestations;
mod bad_input;
mod browser;
mod chain_told;
mod changes;
mod clients;
mod command_line;
mod conformance;
mod cves;
mod decisions;
mod docker;
mod docs;
mod dtr_stand_in;
mod full_disk;
#[path = "../../../blob/tests/it/gateway.rs"]
mod gateway;
mod guard_killed;
mod hostile_layers;
mod image;
mod importing;
mod importing_stops;
mod job_pages;
mod job_rights;
mod keeping;
mod kills;
mod notary;
mod pages;
mod pipelines;
mod plain_connections;
mod recent;
mod registry_page;
mod replica_store;
mod repositories_api;
mod scanner_api;
mod server;
mod signing_in;
mod storage;
mod trust_api;
mod upgrade;
mod upkeep;
mod variables;
mod vex;
