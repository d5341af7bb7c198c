//! The `ginnel` command: sockets, packets and open files from the shell.
//!
//! What was typed (`args`) becomes what was meant (`plan`), which one file of `run` carries out.

mod args;
mod escape;
mod events;
mod exit;
mod output;
mod plan;
mod run;
mod signals;
mod speech;
mod value;
mod wait;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::args::Args;
use crate::events::{Event, Events};
use crate::exit::Exit;
use crate::plan::Plan;

fn main() -> ExitCode {
    let args = Args::parse();
    let events = Events::new(args.json, args.verbose);
    let exit = carry_out(args, events).unwrap_or_else(|error| {
        let exit = Exit::of(&error);
        if let Exit::Code(code @ 1..) = exit {
            events.tell(&Event::Error { code, message: format!("{error:#}") });
        }
        exit
    });
    // Everything is dropped by now: names are removed, children are gone.
    exit.leave()
}

fn carry_out(args: Args, events: Events) -> Result<Exit> {
    run::run(Plan::try_from(args)?, events)
}
