//! The command line as it was typed. What it means is decided in `plan`.

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
    #[command(after_help = ABOUT_DEMO)]
    Demo,
    /// One process of the demo
    #[command(hide = true)]
    DemoPart(DemoPartArgs),
}

/// Listen, and serve one connection from here or every connection with a command
#[derive(Debug, clap::Args)]
#[command(after_help = ABOUT_LISTEN)]
pub(crate) struct ListenArgs {
    #[command(flatten)]
    pub(crate) name: NameArgs,
    /// Run `sh -c CMD` for every connection, or every packet with --datagram
    #[arg(long, value_name = "CMD")]
    pub(crate) exec: Option<OsString>,
    /// Answer every request: run `sh -c CMD` with it as standard input, the output is the answer
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
#[command(after_help = ABOUT_CONNECT)]
pub(crate) struct ConnectArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Run `sh -c CMD` with the connection; the exit code is CMD's
    #[arg(long, value_name = "CMD", conflicts_with = "datagram")]
    pub(crate) exec: Option<OsString>,
    #[command(flatten)]
    pub(crate) speech: SpeechArgs,
}

/// Send one message, with open files if wanted
#[derive(Debug, clap::Args)]
#[command(after_help = ABOUT_SEND)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Open FILE for reading and send the descriptor; up to 253 times
    #[arg(long = "fd", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// What to send; standard input to its end if there is neither TEXT nor --fd
    pub(crate) text: Option<OsString>,
}

/// Listen, and receive one message with its open files
#[derive(Debug, clap::Args)]
#[command(after_help = ABOUT_RECV)]
pub(crate) struct RecvArgs {
    #[command(flatten)]
    pub(crate) name: NameArgs,
    /// Run `sh -c CMD` with the message; the exit code is CMD's
    #[arg(long, value_name = "CMD")]
    pub(crate) exec: Option<OsString>,
}

/// Ask one question, and print the answer
#[derive(Debug, clap::Args)]
#[command(after_help = ABOUT_CALL)]
pub(crate) struct CallArgs {
    /// A path, @NAME (abstract), named:NAME, fd:NUMBER (connected) or \\.\pipe\NAME (Windows)
    #[arg(value_name = "ADDR")]
    pub(crate) address: OsString,
    /// What the question and the answer are
    #[arg(long, value_enum, default_value = "cbor")]
    pub(crate) codec: Codec,
    /// Open FILE for reading and send the descriptor; up to 253 times
    #[arg(long = "fd", value_name = "FILE")]
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
#[command(after_help = ABOUT_WHO)]
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
#[command(after_help = ABOUT_PEER)]
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
    pub(crate) no_standby: bool,
    /// Who may connect, comma separated: uid:NUMBER, gid:NUMBER, same-user, anyone
    #[arg(long, value_name = "WHO")]
    pub(crate) allow: Option<String>,
    /// Permission bits of the socket file, in octal [default: 0600]
    #[arg(long, value_name = "MODE")]
    pub(crate) mode: Option<String>,
    /// Leave after this long in all (exit code 124)
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timeout: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DemoPartArgs {
    pub(crate) role: String,
    pub(crate) path: PathBuf,
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
    /// Who may connect, comma separated: uid:NUMBER, gid:NUMBER, same-user, anyone
    #[arg(long, value_name = "WHO", conflicts_with = "datagram")]
    pub(crate) allow: Option<String>,
    /// Permission bits of the socket file, in octal [default: 0600]
    #[arg(long, value_name = "MODE", conflicts_with = "datagram")]
    pub(crate) mode: Option<String>,
}

const ABOUT_LISTEN: &str = "\
Without --exec, the first connection is served with standard input and output,
and listening ends with it. With --seqpacket, every line of standard input is
sent as a packet and every packet is printed as a line. With --datagram, every
packet is printed as a line, and nothing is sent.

With --exec, the connection is CMD's standard input and output, and many are
served at the same time. CMD finds who connected in GINNEL_PEER_PID,
GINNEL_PEER_UID and GINNEL_PEER_GID. With --datagram, the packet is CMD's
standard input, and packets are served one after another. --timeout ends no
command that was started.

With --wire, messages are sent and received as `ginnel connect --help` says, and
CMD of --exec sees what is in them. With --answer, which speaks the native wire
and takes CBOR unless --codec says otherwise, CMD has a request's descriptors at
3, 4 and so on, and their count in GINNEL_FDS. If it fails, so does the request,
with the last line of its standard error. The requests of one connection are
answered one after another. Such connections end with this process.

A live listener is never displaced (exit code 4), a dead one is replaced.
SIGHUP, SIGINT and SIGTERM remove the socket; connections that a command serves
go on.

Examples:
  ginnel listen /tmp/chat.sock
  ginnel listen /tmp/echo.sock --exec cat
  ginnel listen /tmp/who.sock --exec 'echo you are process $GINNEL_PEER_PID'
  ginnel listen @build --allow same-user --seqpacket
  ginnel listen named:log --datagram
  ginnel listen /tmp/chat.sock --codec cbor
  ginnel listen /tmp/wc.sock --codec json --answer 'wc -c <&3'";

const ABOUT_CONNECT: &str = "\
The end of standard input ends that direction only; the command ends when the
peer does. With --seqpacket, every line is sent as a packet and every packet is
printed as a line. With --datagram, every line is sent as a packet, and the end
of standard input is the end. With --exec, the connection is CMD's standard
input and output; --timeout is over when CMD starts.

With --wire, every line is sent as a message and every message is printed as a
line. With --codec cbor, a line is JSON text that is sent as CBOR; what comes is
printed like JSON, with bytes as h'00ff'. With --codec json, lines are checked
and sent as they are. With --codec raw, and without --codec, messages are bytes.
Descriptors that come are named and closed. With --exec, CMD reads and writes
such lines, but without --codec the bytes of the messages themselves, unless the
wire is lines. With --json, each message is also told as an event.

Examples:
  ginnel connect /tmp/chat.sock
  echo hello | ginnel connect /tmp/echo.sock --timeout 5
  ginnel connect @build --seqpacket
  echo '{\"name\":\"build\"}' | ginnel connect /tmp/jobs.sock --codec cbor
  ginnel connect /tmp/log.sock --wire lines";

const ABOUT_SEND: &str = "\
The receiver gets descriptors of the files, which stay readable for it even if
they are removed meanwhile. On a byte stream they travel with the first byte,
which is a newline if there is no text.

Examples:
  ginnel send /tmp/in.sock 'hello'
  ginnel send /tmp/in.sock --fd report.pdf --fd notes.txt 'two files'
  tar c . | ginnel send /tmp/in.sock
  ginnel send named:log --datagram 'one packet'";

const ABOUT_RECV: &str = "\
A message is everything until the end of the first connection, or one packet
with --seqpacket or --datagram. Up to 16 MiB and 253 descriptors are taken.
Without --exec the bytes are printed, then, on standard error, one line for each
descriptor. With --exec the bytes are CMD's standard input, and it has the
descriptors as its own, at 3, 4 and so on, and their count in GINNEL_FDS;
--timeout is over when CMD starts.

Examples:
  ginnel recv /tmp/in.sock
  ginnel recv /tmp/in.sock --exec 'cat <&3'
  ginnel recv /tmp/in.sock --seqpacket --allow uid:1000 --mode 0666";

const ABOUT_CALL: &str = "\
The native wire is spoken. With --codec cbor, the question is JSON text that is
sent as CBOR, and the answer is printed like JSON, with bytes as h'00ff'. With
--codec json both are JSON, and with raw both are bytes as they stand. A number
in the question stands for a descriptor where the listener expects one: 0 is the
first --fd. Descriptors of the answer are named and closed. An answer that is a
failure is told on standard error (exit code 7).

Examples:
  ginnel call /tmp/jobs.sock '{\"name\":\"build\"}'
  ginnel call /tmp/wc.sock --codec json --fd README.md null
  ginnel call /tmp/jobs.sock --codec raw - < question";

const ABOUT_WHO: &str = "\
This connects and hangs up: whoever listens sees a connection without a byte.
The kernel vouches for the numbers; the name is what the process calls itself.
With --json one object is printed on standard output.

Examples:
  ginnel who /tmp/chat.sock
  ginnel who @build --seqpacket --json";

const ABOUT_PEER: &str = "\
Whoever comes first listens, all others connect to it. When it is gone, however
it ended, one of them takes its place, and the others connect to that one.

Every line of standard input is said: by whoever listens to everybody, by others
to whoever listens. A line that is said while nobody listens waits for the next.
The listener passes on what it hears to all others. That is this command's own
doing, the library passes nothing on: a passed line is a newline, the speaker's
name, a newline and what was said, and what the listener makes of it is to be
believed. What is heard is printed as NAME: TEXT. Who comes and goes, who listens
and what was not delivered is told on standard error. Descriptors that come are
closed, and requests fail.

The end of standard input, SIGHUP, SIGINT and SIGTERM take leave of everybody.
Killed, it leaves the socket file behind, which the next one replaces. The file
ADDR.lock stays for ever.

Examples:
  ginnel peer /tmp/chat/room --name anna
  ginnel peer named:room --name bert --data 'knows the way'
  ginnel peer /tmp/chat/room --name carl --no-standby --json";

const ABOUT_DEMO: &str = "\
It starts real processes, shows what each step did and how long it took, and
removes everything again. Exit code 0: every step held.

Example:
  ginnel demo";
