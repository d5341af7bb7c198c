//! `ginnel sp`, as it was typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueEnum;

/// Messaging patterns, byte for byte as nng and nanomsg speak them
#[derive(Debug, clap::Args)]
#[command(after_help = super::about::SP)]
pub(crate) struct SpArgs {
    /// Which end to be
    #[arg(value_enum, value_name = "END", hide_possible_values = true)]
    pub(crate) end: End,
    #[command(flatten)]
    pub(crate) places: PlacesArgs,
    /// What to send, ask or answer
    #[arg(short = 'D', long, value_name = "TEXT", conflicts_with = "file")]
    pub(crate) data: Option<OsString>,
    /// The same, from a file; - is standard input to its end
    #[arg(short = 'F', long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) pace: PaceArgs,
    /// How to print what comes; as lines unless told otherwise
    #[arg(long, value_enum, hide_possible_values = true)]
    pub(crate) format: Option<Format>,
    /// Of a sub: hear what begins with PREFIX; everything unless told otherwise; may be given several times
    #[arg(long, value_name = "PREFIX")]
    pub(crate) subscribe: Vec<OsString>,
}

/// Where to meet others. Each may be given several times.
#[derive(Debug, clap::Args)]
pub(crate) struct PlacesArgs {
    /// Connect to this URL, and again whenever the connection is lost
    #[arg(long, visible_alias = "connect", value_name = "URL")]
    pub(crate) dial: Vec<String>,
    /// Listen at this URL
    #[arg(long, visible_alias = "bind", value_name = "URL")]
    pub(crate) listen: Vec<String>,
    /// Use the connected stream socket that was inherited as descriptor N
    #[arg(long = "fd", value_name = "N")]
    #[cfg_attr(windows, arg(hide = true))]
    pub(crate) fds: Vec<u16>,
    /// Go on, and dial again, if nobody is there yet
    #[arg(long = "async")]
    pub(crate) dial_on: bool,
    #[arg(long, value_name = "WHO", help = super::about::ALLOW)]
    pub(crate) allow: Option<String>,
    /// Permission bits of socket files, in octal [default: 0600]
    #[cfg_attr(windows, arg(hide = true))]
    #[arg(long, value_name = "MODE")]
    pub(crate) mode: Option<String>,
}

/// How often, and for how long.
#[derive(Debug, clap::Args)]
pub(crate) struct PaceArgs {
    /// End after N messages; of an end that sends and receives, after N exchanges
    #[arg(short = 'C', long, value_name = "N")]
    pub(crate) count: Option<String>,
    /// Send again every so many seconds
    #[arg(short = 'i', long, value_name = "SECONDS")]
    pub(crate) interval: Option<String>,
    /// Wait so long before the first message, for others to connect
    #[arg(short = 'd', long, value_name = "SECONDS")]
    pub(crate) delay: Option<String>,
    /// Stop receiving when nothing has come for so long
    #[arg(long, value_name = "SECONDS")]
    pub(crate) recv_timeout: Option<String>,
    /// Give up when a message cannot be sent for so long (exit code 124)
    #[arg(long, value_name = "SECONDS")]
    pub(crate) send_timeout: Option<String>,
    /// Give up after this long in all (exit code 124)
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<String>,
}

/// One end of a protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum End {
    #[value(alias = "req0")]
    Req,
    #[value(alias = "rep0")]
    Rep,
    #[value(alias = "pub0")]
    Pub,
    #[value(alias = "sub0")]
    Sub,
    #[value(alias = "push0")]
    Push,
    #[value(alias = "pull0")]
    Pull,
    #[value(alias = "pair1")]
    Pair,
    Pair0,
    #[value(alias = "surveyor0")]
    Surveyor,
    #[value(alias = "respondent0")]
    Respondent,
    #[value(alias = "bus0")]
    Bus,
}

/// How messages are printed, if not as lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Format {
    Ascii,
    Hex,
    Raw,
    Json,
}
