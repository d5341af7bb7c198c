//! Ends of SP on the fake kernel: what they do is compared with a model of each, and what they say with what others hear.

mod book;
mod cast;
mod end;
mod judging;
mod letter;
mod liar;
mod lies;
mod model;
mod part;
mod witness;

pub(crate) use book::Book;
pub(crate) use cast::choose;
