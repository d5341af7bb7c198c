//! Ginnel at one end, the real nng at the other.

mod alone;
mod awaited;
mod matrix;
mod page;
mod same_rules;
mod victim;
mod ways;
