use super::replier::Replier;

/// Answers whoever asks.
pub type Rep = Replier<false>;
