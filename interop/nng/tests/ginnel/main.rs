//! Ginnel at one end, the real nng at the other.

mod alone;
mod awaited;
mod devices;
mod differences;
mod matrix;
mod page;
mod same_rules;
mod several;
mod victim;
mod ways;
mod with_nngcat;
