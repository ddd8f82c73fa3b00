//! Why a job failed, and whether it is tried again.

use std::{fmt, str::FromStr};

use pipeline::Retry;

/// GitLab's words for the reasons, as runners send and clients read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureReason {
    ScriptFailure,
    /// The runner, its machine or its engine; also a runner that was not heard of any more.
    RunnerSystemFailure,
    JobExecutionTimeout,
    ImagePullFailure,
    RunnerConfigurationError,
    RunnerExternalDependencyFailure,
    RunnerInterrupted,
    TraceSizeExceeded,
    UnknownFailure,
}

const WORDS: [(FailureReason, &str); 9] = [
    (FailureReason::ScriptFailure, "script_failure"),
    (FailureReason::RunnerSystemFailure, "runner_system_failure"),
    (FailureReason::JobExecutionTimeout, "job_execution_timeout"),
    (FailureReason::ImagePullFailure, "image_pull_failure"),
    (FailureReason::RunnerConfigurationError, "runner_configuration_error"),
    (FailureReason::RunnerExternalDependencyFailure, "runner_external_dependency_failure"),
    (FailureReason::RunnerInterrupted, "runner_interrupted"),
    (FailureReason::TraceSizeExceeded, "trace_size_exceeded"),
    (FailureReason::UnknownFailure, "unknown_failure"),
];

/// Attempts that the `retry:` of a job and our own rule may make of one job, together.
const ATTEMPTS_MAX: usize = 4;

impl FailureReason {
    /// The words that a runner may send.
    pub fn words() -> impl Iterator<Item = &'static str> {
        WORDS.iter().map(|(_, word)| *word)
    }

    pub fn as_str(self) -> &'static str {
        WORDS.iter().find(|(reason, _)| *reason == self).map_or("unknown_failure", |(_, word)| word)
    }

    /// Not the job's own doing.
    pub fn is_of_the_system(self) -> bool {
        matches!(self, FailureReason::RunnerSystemFailure | FailureReason::RunnerInterrupted)
    }
}

impl fmt::Display for FailureReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for FailureReason {
    type Err = std::convert::Infallible;

    /// An unknown word is an unknown failure: newer runners have more of them.
    fn from_str(text: &str) -> Result<FailureReason, std::convert::Infallible> {
        let found = WORDS.iter().find(|(_, word)| *word == text).map(|(reason, _)| *reason);
        Ok(found.unwrap_or(FailureReason::UnknownFailure))
    }
}

/// How one attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub reason: FailureReason,
    pub exit_code: Option<i64>,
    /// This server was away while it ran, shortly before it failed.
    pub outage: bool,
}

impl Attempt {
    /// Whether the attempt was interrupted, rather than that the job failed: its runner, machine or engine broke down; or
    /// it ran into an absence of this server, on which its `docker login`, push, pull or clone failed. A wrong
    /// configuration, a time that was too short and a log that was too long are the job's own doing, outage or not.
    pub fn was_interrupted(&self) -> bool {
        use FailureReason as R;
        let by_outage = matches!(
            self.reason,
            R::ScriptFailure | R::ImagePullFailure | R::RunnerExternalDependencyFailure | R::UnknownFailure
        );
        self.reason.is_of_the_system() || self.outage && by_outage
    }
}

/// Whether a job that failed is tried again by itself. `earlier` are the attempts before this one; nothing stands for one
/// that did not fail, and that a person tried again.
///
/// An interrupted attempt is followed by one more without being asked, as it must not stop the chain. Only by one: a script
/// that takes the server down would do so for ever.
pub fn tried_again(retry: &Retry, last: Attempt, earlier: &[Option<Attempt>]) -> bool {
    if earlier.len() + 1 >= ATTEMPTS_MAX {
        return false;
    }
    let interrupted = |attempt: &&Option<Attempt>| attempt.is_some_and(|attempt| attempt.was_interrupted());
    let interruptions = earlier.iter().filter(interrupted).count();
    if last.was_interrupted() && interruptions == 0 {
        return true;
    }
    let by_reason = retry.when.iter().any(|word| word == "always" || word == last.reason.as_str());
    let by_code = last.exit_code.is_some_and(|code| retry.exit_codes.contains(&code));
    let unconditional = retry.when.is_empty() && retry.exit_codes.is_empty();
    // What our own rule tried again is not counted against the author's number.
    earlier.len() - interruptions < usize::from(retry.max) && (unconditional || by_reason || by_code)
}

#[cfg(test)]
mod tests {
    use pipeline::Retry;

    use super::{Attempt, FailureReason, tried_again};

    #[test]
    fn interrupted_once_and_scripts_as_asked() {
        let attempt = |reason, exit_code| Attempt { reason, exit_code, outage: false };
        let script = attempt(FailureReason::ScriptFailure, Some(1));
        let system = attempt(FailureReason::RunnerSystemFailure, None);
        let none = Retry::default();
        assert!(!tried_again(&none, script, &[]));
        assert!(tried_again(&none, system, &[]));
        assert!(!tried_again(&none, system, &[Some(system)]));
        assert!(!tried_again(&none, script, &[Some(system)]));
        let twice = Retry { max: 2, ..Retry::default() };
        assert!(tried_again(&twice, script, &[Some(script)]));
        assert!(!tried_again(&twice, script, &[Some(script), Some(script)]));
        let some = Retry { max: 1, when: vec!["job_execution_timeout".into()], exit_codes: vec![137] };
        assert!(!tried_again(&some, script, &[]));
        assert!(tried_again(&some, attempt(FailureReason::ScriptFailure, Some(137)), &[]));
        assert!(tried_again(&some, attempt(FailureReason::JobExecutionTimeout, None), &[]));
    }

    #[test]
    fn an_outage_excuses_a_script_once_and_nothing_else() {
        let outage = |reason| Attempt { reason, exit_code: Some(1), outage: true };
        let (none, script) = (Retry::default(), outage(FailureReason::ScriptFailure));
        assert!(tried_again(&none, script, &[]));
        assert!(tried_again(&none, outage(FailureReason::ImagePullFailure), &[]));
        for own in [
            FailureReason::JobExecutionTimeout,
            FailureReason::RunnerConfigurationError,
            FailureReason::TraceSizeExceeded,
        ] {
            assert!(!tried_again(&none, outage(own), &[]), "{own}");
        }
        assert!(!tried_again(&none, script, &[Some(script)]));
        let system = Attempt { reason: FailureReason::RunnerInterrupted, exit_code: None, outage: false };
        assert!(!tried_again(&none, script, &[Some(system)]) && !tried_again(&none, system, &[Some(script)]));
        // What an outage took is not counted against the author's number.
        let once = Retry { max: 1, ..Retry::default() };
        let own = Attempt { outage: false, ..script };
        assert!(tried_again(&once, own, &[Some(script)]) && !tried_again(&once, own, &[Some(script), Some(own)]));
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for word in FailureReason::words() {
            assert_eq!(word.parse::<FailureReason>().unwrap().as_str(), word);
        }
    }
}
