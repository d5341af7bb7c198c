//! The command line as it was typed. What it means is decided in `plan`.

#[cfg(unix)]
#[path = "args/about/unix.rs"]
mod about;
#[cfg(windows)]
#[path = "args/about/windows.rs"]
mod about;
pub(crate) mod sp;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use self::sp::SpArgs;
use crate::exit;
use crate::speech::{Codec, WireName};

/// Sockets, packets and open files between processes on one machine.
#[derive(Debug, Parser)]
#[command(name = "ginnel", version, after_help = exit::HELP)]
pub(crate) struct Args {
    /// Say what happens as JSON, one line per event, on standard error
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say what happens on standard error
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Listen(ListenArgs),
    Connect(ConnectArgs),
    Send(SendArgs),
    Recv(RecvArgs),
    Call(CallArgs),
    Who(WhoArgs),
    Peer(PeerArgs),
    Sp(SpArgs),
    /// Show in a moment what the library holds, with real processes
    #[command(after_help = about::DEMO)]
    Demo,
    /// One process of the demo
    #[command(hide = true)]
    DemoPart(DemoPartArgs),
}

/// Listen, and serve one connection from here or every connection with a command
#[derive(Debug, clap::Args)]
#[command(after_help = about::LISTEN)]
pub(crate) struct ListenArgs {
    #[command(flatten)]
    pub(crate) name: NameArgs,
    #[arg(long, value_name = "CMD", help = about::EXEC_FOR_EACH)]
    pub(crate) exec: Option<OsString>,
    /// Answer every request: run CMD as --exec does, with it as standard input; the output is the answer
    #[arg(long, value_name = "CMD", conflicts_with_all = ["exec", "wire", "seqpacket", "datagram"])]
    pub(crate) answer: Option<OsString>,
    #[command(flatten)]
    pub(crate) speech: SpeechArgs,
    /// How many connections may wait to be accepted
    #[arg(long, value_name = "N", conflicts_with = "datagram")]
    pub(crate) backlog: Option<u32>,
}

/// Connect standard input and output to whoever listens
#[derive(Debug, clap::Args)]
#[command(after_help = about::CONNECT)]
pub(crate) struct ConnectArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[arg(long, value_name = "CMD", conflicts_with = "datagram", help = about::EXEC_WITH_CONNECTION)]
    pub(crate) exec: Option<OsString>,
    #[command(flatten)]
    pub(crate) speech: SpeechArgs,
}

/// Send one message, with open files if wanted
#[derive(Debug, clap::Args)]
#[command(after_help = about::SEND)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Open FILE for reading and send the descriptor; up to 253 times
    #[arg(long = "fd", value_name = "FILE")]
    #[cfg_attr(windows, arg(hide = true))]
    pub(crate) files: Vec<PathBuf>,
    /// What to send; standard input to its end if there is nothing else
    pub(crate) text: Option<OsString>,
}

/// Listen, and receive one message with its open files
#[derive(Debug, clap::Args)]
#[command(after_help = about::RECV)]
pub(crate) struct RecvArgs {
    #[command(flatten)]
    pub(crate) name: NameArgs,
    #[arg(long, value_name = "CMD", help = about::EXEC_WITH_MESSAGE)]
    pub(crate) exec: Option<OsString>,
}

/// Ask one question, and print the answer
#[derive(Debug, clap::Args)]
#[command(after_help = about::CALL)]
pub(crate) struct CallArgs {
    /// A path, @NAME (abstract), named:NAME, fd:NUMBER (connected) or \\.\pipe\NAME (Windows)
    #[arg(value_name = "ADDR")]
    pub(crate) address: OsString,
    /// What the question and the answer are
    #[arg(long, value_enum, default_value = "cbor")]
    pub(crate) codec: Codec,
    /// Open FILE for reading and send the descriptor; up to 253 times
    #[arg(long = "fd", value_name = "FILE")]
    #[cfg_attr(windows, arg(hide = true))]
    pub(crate) files: Vec<PathBuf>,
    /// Give up after this long in all (exit code 124)
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<String>,
    /// What to ask; standard input to its end if it is - or missing
    #[arg(allow_negative_numbers = true)]
    pub(crate) text: Option<OsString>,
}

/// Show who listens: process, user, groups
#[derive(Debug, clap::Args)]
#[command(after_help = about::WHO)]
pub(crate) struct WhoArgs {
    /// A path, @NAME (abstract), named:NAME, fd:NUMBER (connected) or \\.\pipe\NAME (Windows)
    #[arg(value_name = "ADDR")]
    pub(crate) address: OsString,
    /// They listen for packets over a connection
    #[arg(long)]
    pub(crate) seqpacket: bool,
    /// Refused: without a connection nobody can be asked
    #[arg(long, hide = true)]
    pub(crate) datagram: bool,
    /// Give up after this long (exit code 124)
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<String>,
}

/// Chat among processes without a leader: one listens, and when it is gone another does
#[derive(Debug, clap::Args)]
#[command(after_help = about::PEER)]
pub(crate) struct PeerArgs {
    /// A path, named:NAME, or \\.\pipe\NAME (Windows)
    #[arg(value_name = "ADDR")]
    pub(crate) address: OsString,
    /// What others see it by, up to 255 bytes
    #[arg(long, value_name = "NAME", default_value = "")]
    pub(crate) name: String,
    /// What others are told when they meet it, up to 16 KiB
    #[arg(long, value_name = "TEXT")]
    pub(crate) data: Option<String>,
    /// Keep no duplicate of the listening socket, and give nobody one
    #[arg(long)]
    #[cfg_attr(windows, arg(hide = true))]
    pub(crate) no_standby: bool,
    #[arg(long, value_name = "WHO", help = about::ALLOW)]
    pub(crate) allow: Option<String>,
    /// Permission bits of the socket file, in octal [default: 0600]
    #[cfg_attr(windows, arg(hide = true))]
    #[arg(long, value_name = "MODE")]
    pub(crate) mode: Option<String>,
    /// Leave after this long in all (exit code 124)
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DemoPartArgs {
    pub(crate) role: String,
    pub(crate) address: OsString,
}

/// Messages over a byte stream.
#[derive(Debug, clap::Args)]
pub(crate) struct SpeechArgs {
    /// Send and receive messages, framed like this, one per line
    #[arg(long, value_enum, conflicts_with_all = ["seqpacket", "datagram"])]
    pub(crate) wire: Option<WireName>,
    /// What the messages are; the wire is native unless told otherwise
    #[arg(long, value_enum, conflicts_with_all = ["seqpacket", "datagram"])]
    pub(crate) codec: Option<Codec>,
}

/// Where, what kind, and for how long.
#[derive(Debug, clap::Args)]
pub(crate) struct PlaceArgs {
    /// A path, @NAME (abstract), named:NAME, fd:NUMBER (inherited) or \\.\pipe\NAME (Windows)
    #[arg(value_name = "ADDR")]
    pub(crate) address: OsString,
    /// Packets over a connection instead of a byte stream
    #[arg(long, conflicts_with = "datagram")]
    pub(crate) seqpacket: bool,
    /// Packets without a connection
    #[arg(long)]
    #[cfg_attr(windows, arg(hide = true))]
    pub(crate) datagram: bool,
    /// Give up after this long in all (exit code 124)
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<String>,
}

/// A place to listen at, and who may come.
#[derive(Debug, clap::Args)]
pub(crate) struct NameArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[arg(long, value_name = "WHO", conflicts_with = "datagram", help = about::ALLOW)]
    pub(crate) allow: Option<String>,
    /// Permission bits of the socket file, in octal [default: 0600]
    #[cfg_attr(windows, arg(hide = true))]
    #[arg(long, value_name = "MODE", conflicts_with = "datagram")]
    pub(crate) mode: Option<String>,
}
