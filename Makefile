# Two commands: `make demo` shows the whole chain, `make test` runs every test, the story among them.
# `make demo KEEP=1` leaves everything up and prints the address and the sign-in.
# `make demo KILL=1` kills one of Assay's programs in every step (`kill -9`); the story has to go on. SEED=N repeats a round.

.PHONY: demo test lint interop

demo:
	cargo xtask demo $(if $(KEEP),--keep) $(if $(KILL),--kill) $(if $(SEED),--seed $(SEED))

test: lint
	cargo test --workspace
	cargo xtask crash registry --rounds 50
	cargo xtask demo

lint:
	cargo fmt --all --check
	cargo xtask tidy
	cargo clippy --workspace --all-targets -- -D warnings

# Clients from other registries than the operating system's and Rust's; the last is a Docker engine and needs root.
interop:
	cargo xtask interop
	cargo xtask interop storage
	cargo xtask interop engine
