//! How a job ended.

use std::fmt;

use crate::Error;

/// Success, or why not.
pub(crate) type Outcome = Result<(), Failure>;

/// Why a job failed, for the server and for the person who reads the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub reason: Reason,
    pub message: String,
    /// Of the script.
    pub exit_code: Option<i64>,
}

/// The words of the runner protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    ScriptFailure,
    SystemFailure,
    ConfigurationError,
    ImagePullFailure,
    Timeout,
    /// The server cancelled the job or does not know it any more: nothing is reported.
    Gone,
    /// The runner is being shut down.
    Shutdown,
}

impl Failure {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Failure {
        Failure { reason, message: message.into(), exit_code: None }
    }

    pub(crate) fn system(message: impl Into<String>) -> Failure {
        Failure::new(Reason::SystemFailure, message)
    }

    pub(crate) fn configuration(message: impl Into<String>) -> Failure {
        Failure::new(Reason::ConfigurationError, message)
    }

    /// `None` for success.
    pub(crate) fn of_exit(code: i64) -> Outcome {
        if code == 0 {
            return Ok(());
        }
        let message = format!("exit code {code}");
        Err(Failure { reason: Reason::ScriptFailure, message, exit_code: Some(code) })
    }

    /// Whether what still belongs to the job (after_script, artifacts) may run.
    pub(crate) fn final_steps_run(&self) -> bool {
        matches!(self.reason, Reason::ScriptFailure | Reason::Timeout)
    }

    /// The reason in the protocol's words, or the nearest the server knows.
    pub(crate) fn word(&self, known: &[String]) -> &'static str {
        let word = match self.reason {
            Reason::ScriptFailure => "script_failure",
            Reason::SystemFailure | Reason::Shutdown | Reason::Gone => "runner_system_failure",
            Reason::ConfigurationError => "runner_configuration_error",
            Reason::ImagePullFailure => "image_pull_failure",
            Reason::Timeout => "job_execution_timeout",
        };
        if known.is_empty() || known.iter().any(|known| known == word) { word } else { "runner_system_failure" }
    }
}

/// The last line of the log, as the stock runner writes it.
pub(crate) fn last_line(outcome: &Outcome) -> String {
    match outcome {
        Ok(()) => "\x1b[32;1mJob succeeded\x1b[0;m\n".to_owned(),
        Err(failure) if failure.reason == Reason::ScriptFailure => {
            format!("\x1b[31;1mERROR: Job failed: {}\x1b[0;m\n", failure.message)
        }
        Err(failure) => {
            format!(
                "\x1b[31;1mERROR: Job failed ({}): {}\x1b[0;m\n",
                failure.word(&[]).replace('_', " "),
                failure.message
            )
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::system(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Reason, last_line};

    #[test]
    fn speaks_the_words_the_server_knows() {
        let failure = Failure::new(Reason::ImagePullFailure, "no such image");
        assert_eq!(failure.word(&[]), "image_pull_failure");
        assert_eq!(failure.word(&["script_failure".to_owned()]), "runner_system_failure");
        let failure = Failure::of_exit(3).unwrap_err();
        assert!(last_line(&Err(failure)).contains("ERROR: Job failed: exit code 3"));
        assert_eq!(Failure::of_exit(0), Ok(()));
    }
}
