//! The command line as a client of the server: `login` and one file per group of nouns.

mod accounts;
mod admission;
mod advisories;
mod anchors;
mod attestations;
mod decisions;
mod fingerprints;
mod http;
mod images;
mod import;
mod login;
mod mirroring;
mod password;
mod projects;
mod pruning;
mod registry;
mod robots;
mod show;
mod tags;
mod text;
mod vex;
mod waivers;
mod webhooks;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

pub(crate) use advisories::trusted;
pub(crate) use decisions::{Different, Foreign};
pub(crate) use http::{Client, Refused};
pub(crate) use images::Incomplete;
pub(crate) use import::NotWhole;
use show::Text;

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people: one line a thing.
    #[default]
    Text,
    /// For scripts: the server's JSON.
    Json,
}

/// What every client command takes.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Common {
    /// How the answer is written.
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
}

impl Common {
    pub(crate) fn format(self) -> Format {
        self.format
    }
}

/// The nouns.
#[derive(Debug, Subcommand)]
pub(crate) enum Noun {
    /// Sign in to a server and remember it.
    Login(login::Login),
    /// Set a new password: asked for, or the first line of standard input.
    Password(password::Password),
    /// Users and organizations.
    #[command(subcommand)]
    Account(accounts::Account),
    /// Members of an organization.
    #[command(subcommand)]
    Member(accounts::MemberOf),
    /// Teams of an organization.
    #[command(subcommand)]
    Team(accounts::Team),
    /// Say who may do what in a namespace or repository.
    Grant(accounts::Grant),
    /// List who was granted what in a namespace.
    Grants(accounts::Grants),
    /// Access tokens: passwords for programs.
    #[command(subcommand)]
    Token(robots::Token),
    /// Robots: programs of a user or an organization, with rights and a token of their own.
    #[command(subcommand)]
    Robot(robots::Robot),
    /// Client bundles: a key pair and certificate for an engine and for signing.
    #[command(subcommand)]
    Bundle(accounts::Bundle),
    /// Certificates for engines that client bundles reach.
    #[command(subcommand)]
    Certificate(accounts::Certificate),
    /// Carry another installation over to this server.
    #[command(subcommand)]
    Import(import::ImportFrom),
    /// Repositories of images.
    #[command(subcommand)]
    Repository(images::Repository),
    /// Keep the registry: garbage, damage, quotas, what was deleted.
    #[command(subcommand)]
    Registry(registry::Registry),
    /// Tags of repositories.
    #[command(subcommand)]
    Tag(tags::TagOf),
    /// Copy an image to another repository by hand, without any policy.
    Promote(tags::Promote),
    /// Why images were promoted or were not.
    #[command(subcommand)]
    Decision(decisions::Decision),
    /// Promotion policies.
    #[command(subcommand)]
    Policy(images::Policy),
    /// Pruning policies: which tags go by themselves.
    #[command(subcommand)]
    Pruning(pruning::Pruning),
    /// Mirroring policies: images that are pushed to other registries, or polled from them.
    #[command(subcommand)]
    Mirror(mirroring::Mirroring),
    /// Waivers: findings that are accepted, with a reason.
    #[command(subcommand)]
    Waiver(waivers::Waiver),
    /// VEX documents: statements of others about which vulnerabilities matter in your images.
    #[command(subcommand)]
    Vex(vex::Vex),
    /// Webhooks.
    #[command(subcommand)]
    Webhook(webhooks::Webhook),
    /// Projects: source code with its pipelines.
    #[command(subcommand)]
    Project(projects::Project),
    /// Variables of a project.
    #[command(subcommand)]
    Variable(projects::Variable),
    /// Triggers of a project.
    #[command(subcommand)]
    Trigger(projects::Trigger),
    /// Pipelines of a project.
    #[command(subcommand)]
    Pipeline(projects::Pipeline),
    /// The advisories that findings are made with.
    #[command(subcommand)]
    Advisories(advisories::Advisories),
    /// What the server signs of images.
    #[command(subcommand)]
    Attestation(attestations::Attestation),
    /// What executables are known by.
    #[command(subcommand)]
    Fingerprints(fingerprints::Fingerprints),
    /// Keys and authorities of people elsewhere, whose signatures count here.
    #[command(subcommand)]
    Anchor(anchors::Anchor),
    /// "Run only signed images" on guarded engines.
    #[command(subcommand)]
    Admission(admission::Admission),
    /// The chain of a digest, from the commit to what runs.
    Chain(images::Chain),
    /// Call any API of the server: `assay api GET /api/v0/repositories`.
    Api(Api),
}

/// One call of any API.
#[derive(Debug, Args)]
pub(crate) struct Api {
    method: axum::http::Method,
    path: String,
    /// A JSON body.
    #[arg(long)]
    data: Option<String>,
}

/// Write an answer as the person wants it.
pub(crate) fn print(answer: &Value, common: Common) -> Result<()> {
    show::print(answer, &Text::Whole, common.format)
}

/// Run one command against the server that was signed in to.
pub(crate) async fn run(noun: Noun, common: Common) -> Result<()> {
    match noun {
        Noun::Login(login) => login.run().await,
        // Making a snapshot needs no server.
        Noun::Advisories(command) => print(&command.run(Client::remembered).await?, common),
        Noun::Fingerprints(command) => print(&command.run()?, common),
        Noun::Decision(command) => {
            let text = command.text();
            show::print(&command.run(Client::remembered).await?, &text, common.format)
        }
        Noun::Chain(command) => command.run(&Client::remembered()?, common).await,
        Noun::Import(command) => command.run(Client::remembered()?, common.format).await,
        Noun::Vex(vex::Vex::Show(command)) => command.run(&Client::remembered()?).await,
        Noun::Tag(tags::TagOf::Report(command)) => command.run(&Client::remembered()?).await,
        noun => {
            let (text, answer) = ask(noun, &Client::remembered()?).await?;
            show::print(&answer, &text, common.format)
        }
    }
}

/// The answer, and what people read of it.
async fn ask(noun: Noun, client: &Client) -> Result<(Text, Value)> {
    Ok(match noun {
        Noun::Advisories(_)
        | Noun::Chain(_)
        | Noun::Decision(_)
        | Noun::Fingerprints(_)
        | Noun::Import(_)
        | Noun::Login(_) => {
            unreachable!("handled above")
        }
        Noun::Password(command) => (Text::Whole, command.run(client).await?),
        Noun::Account(command) => (command.text(), command.run(client).await?),
        Noun::Member(command) => (command.text(), command.run(client).await?),
        Noun::Team(command) => (command.text(), command.run(client).await?),
        Noun::Grant(command) => (Text::Said(command.said()), command.run(client).await?),
        Noun::Grants(command) => (Text::Whole, command.run(client).await?),
        Noun::Token(command) => (command.text(), command.run(client).await?),
        Noun::Robot(command) => (command.text(), command.run(client).await?),
        Noun::Bundle(command) => (Text::Whole, command.run(client).await?),
        Noun::Certificate(command) => (Text::Whole, command.run(client).await?),
        Noun::Repository(command) => (command.text(), command.run(client).await?),
        Noun::Registry(command) => (command.text(), command.run(client).await?),
        Noun::Tag(command) => (command.text(), command.run(client).await?),
        Noun::Promote(command) => (Text::Said(command.said()), command.run(client).await?),
        Noun::Policy(command) => (command.text(), command.run(client).await?),
        Noun::Pruning(command) => (command.text(), command.run(client).await?),
        Noun::Mirror(command) => (command.text(), command.run(client).await?),
        Noun::Waiver(command) => (command.text(), command.run(client).await?),
        Noun::Vex(command) => (command.text(), command.run(client).await?),
        Noun::Webhook(command) => (command.text(), command.run(client).await?),
        Noun::Project(command) => (command.text(), command.run(client).await?),
        Noun::Variable(command) => (command.text(), command.run(client).await?),
        Noun::Trigger(command) => (command.text(), command.run(client).await?),
        Noun::Pipeline(command) => (command.text(), command.run(client).await?),
        Noun::Attestation(command) => (Text::Whole, command.run(client).await?),
        Noun::Anchor(command) => (command.text(), command.run(client).await?),
        Noun::Admission(command) => (Text::Whole, command.run(client).await?),
        Noun::Api(call) => {
            let body = call.data.as_deref().map(serde_json::from_str::<Value>).transpose()?;
            (Text::Whole, client.call(call.method, &call.path, body.as_ref()).await?)
        }
    })
}
