//! Ginnel at one end, the real nng at the other.

mod alone;
mod matrix;
mod page;
mod ways;
