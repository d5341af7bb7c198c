//! There are none on Windows: nobody can call any of these.

use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::time::Instant;

use anyhow::Result;
use ginnel::Message;

use crate::events::Events;
use crate::exit::Exit;
use crate::plan::{Body, Datagrams, Place};
use crate::run::files::Files;

pub(crate) fn send(none: Datagrams, _: &Place, _: Body, _: &Files, _: Option<Instant>) -> Result<usize> {
    match none {}
}

pub(crate) fn send_lines(none: Datagrams, _: &Place, _: Events) -> Result<Exit> {
    match none {}
}

pub(crate) fn first(none: Datagrams, _: &Place, _: Events) -> Result<ControlFlow<Exit, Message>> {
    match none {}
}

pub(crate) fn print_each(none: Datagrams, _: &Place, _: Events) -> Result<Exit> {
    match none {}
}

pub(crate) fn run_for_each(none: Datagrams, _: &Place, _: &OsStr, _: Events) -> Result<Exit> {
    match none {}
}
