//! The command line as a client of the server: `login` and one file per group of nouns.

mod accounts;
mod admission;
mod advisories;
mod http;
mod images;
mod login;
mod projects;
mod show;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

pub(crate) use http::{Client, Refused};
pub(crate) use images::Incomplete;

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

/// The nouns.
#[derive(Debug, Subcommand)]
pub(crate) enum Noun {
    /// Sign in to a server and remember it.
    Login(login::Login),
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
    /// Access tokens: passwords for programs.
    #[command(subcommand)]
    Token(accounts::Token),
    /// Client bundles: a key pair and certificate for an engine and for signing.
    #[command(subcommand)]
    Bundle(accounts::Bundle),
    /// Certificates for engines that client bundles reach.
    #[command(subcommand)]
    Certificate(accounts::Certificate),
    /// Repositories of images.
    #[command(subcommand)]
    Repository(images::Repository),
    /// Promotion policies.
    #[command(subcommand)]
    Policy(images::Policy),
    /// Waivers: findings that are accepted, with a reason.
    #[command(subcommand)]
    Waiver(images::Waiver),
    /// Webhooks.
    #[command(subcommand)]
    Webhook(images::Webhook),
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
    show::print(answer, common.format)
}

/// Run one command against the server that was signed in to.
pub(crate) async fn run(noun: Noun, common: Common) -> Result<()> {
    if let Noun::Login(login) = noun {
        return login.run().await;
    }
    if let Noun::Advisories(command) = noun {
        // Making a snapshot needs no server.
        return show::print(&command.run(Client::remembered).await?, common.format);
    }
    let client = Client::remembered()?;
    let answer = match noun {
        Noun::Advisories(_) | Noun::Login(_) => unreachable!("handled above"),
        Noun::Account(command) => command.run(&client).await?,
        Noun::Member(command) => command.run(&client).await?,
        Noun::Team(command) => command.run(&client).await?,
        Noun::Grant(command) => command.run(&client).await?,
        Noun::Token(command) => command.run(&client).await?,
        Noun::Bundle(command) => command.run(&client).await?,
        Noun::Certificate(command) => command.run(&client).await?,
        Noun::Repository(command) => command.run(&client).await?,
        Noun::Policy(command) => command.run(&client).await?,
        Noun::Waiver(command) => command.run(&client).await?,
        Noun::Webhook(command) => command.run(&client).await?,
        Noun::Project(command) => command.run(&client).await?,
        Noun::Variable(command) => command.run(&client).await?,
        Noun::Trigger(command) => command.run(&client).await?,
        Noun::Pipeline(command) => command.run(&client).await?,
        Noun::Admission(command) => command.run(&client).await?,
        Noun::Chain(command) => return command.run(&client, common).await,
        Noun::Api(call) => {
            let body = call.data.as_deref().map(serde_json::from_str::<Value>).transpose()?;
            client.call(call.method, &call.path, body.as_ref()).await?
        }
    };
    show::print(&answer, common.format)
}
