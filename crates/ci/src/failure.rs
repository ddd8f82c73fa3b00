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

/// Whether a job that failed is tried again by itself. `earlier` are the reasons of the attempts before this one.
///
/// A failure of the system is tried once more without being asked: an interrupted job must not stop the chain.
pub fn tried_again(
    retry: &Retry,
    reason: FailureReason,
    exit_code: Option<i64>,
    earlier: &[Option<FailureReason>],
) -> bool {
    if earlier.len() + 1 >= ATTEMPTS_MAX {
        return false;
    }
    let system = |reason: &Option<FailureReason>| reason.is_some_and(FailureReason::is_of_the_system);
    if reason.is_of_the_system() && !earlier.iter().any(system) {
        return true;
    }
    let by_reason = retry.when.iter().any(|word| word == "always" || word == reason.as_str());
    let by_code = exit_code.is_some_and(|code| retry.exit_codes.contains(&code));
    let unconditional = retry.when.is_empty() && retry.exit_codes.is_empty();
    // What our own rule tried again is not counted against the author's number.
    let counted = earlier.iter().filter(|earlier| !system(earlier)).count();
    counted < usize::from(retry.max) && (unconditional || by_reason || by_code)
}

#[cfg(test)]
mod tests {
    use pipeline::Retry;

    use super::{FailureReason, tried_again};

    #[test]
    fn the_system_once_and_scripts_as_asked() {
        let (script, system) = (FailureReason::ScriptFailure, FailureReason::RunnerSystemFailure);
        let none = Retry::default();
        assert!(!tried_again(&none, script, Some(1), &[]));
        assert!(tried_again(&none, system, None, &[]));
        assert!(!tried_again(&none, system, None, &[Some(system)]));
        assert!(!tried_again(&none, script, None, &[Some(system)]));
        let twice = Retry { max: 2, ..Retry::default() };
        assert!(tried_again(&twice, script, None, &[Some(script)]));
        assert!(!tried_again(&twice, script, None, &[Some(script), Some(script)]));
        let some = Retry { max: 1, when: vec!["job_execution_timeout".into()], exit_codes: vec![137] };
        assert!(!tried_again(&some, script, Some(1), &[]));
        assert!(tried_again(&some, script, Some(137), &[]));
        assert!(tried_again(&some, FailureReason::JobExecutionTimeout, None, &[]));
        for word in FailureReason::words() {
            assert_eq!(word.parse::<FailureReason>().unwrap().as_str(), word);
        }
    }
}
