use super::replier::Replier;

/// Answers surveys.
pub type Respondent = Replier<true>;
