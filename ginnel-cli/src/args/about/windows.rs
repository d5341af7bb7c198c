//! What help says on Windows beside what each flag is for.

pub(super) const EXEC_FOR_EACH: &str = "Run `cmd /c CMD` for every connection";
pub(super) const EXEC_WITH_CONNECTION: &str = "Run `cmd /c CMD` with the connection; the exit code is CMD's";
pub(super) const EXEC_WITH_MESSAGE: &str = "Run `cmd /c CMD` with the message; the exit code is CMD's";
pub(super) const ALLOW: &str = "Who may connect, comma separated: sid:S-1-..., same-user, anyone";

pub(super) const LISTEN: &str = "\
Without --exec, the first connection is served with standard input and output,
and listening ends with it. With --seqpacket, every line of standard input is
sent as a packet and every packet is printed as a line. `ginnel connect --help`
says when such a connection ends.

With --exec, what comes is CMD's standard input, what CMD prints is sent, and the
connection ends when CMD does. Many are served at the same time. With
--seqpacket, CMD reads and writes a line for each packet. CMD finds who connected
in GINNEL_PEER_PID, GINNEL_PEER_SESSION and GINNEL_PEER_SID. --timeout ends no
command that was started.

With --wire, messages are sent and received as `ginnel connect --help` says, and
CMD of --exec sees what is in them. With --answer, which speaks the native wire
and takes CBOR unless --codec says otherwise, CMD's standard input is a request.
If it fails, so does the request, with the last line of its standard error. The
requests of one connection are answered one after another.

A live listener is never displaced (exit code 4), and a name ends with the process
that listens there. Ctrl+C ends it. All connections end with this process.

Examples:
  ginnel listen named:chat
  ginnel listen named:who --exec \"echo you are process %GINNEL_PEER_PID%\"
  ginnel listen \\\\.\\pipe\\build --allow same-user --seqpacket
  ginnel listen named:chat --codec cbor
  ginnel listen named:sort --codec raw --answer sort";

pub(super) const CONNECT: &str = "\
A pipe has no end of one direction. So the connection goes on when standard input
has ended: until the other side ends it, or, if something was sent, until nothing
has come for a second. With --seqpacket, every line is sent as a packet and every
packet is printed as a line. With --exec, what comes is CMD's standard input, what
CMD prints is sent, and the connection ends when CMD does; with --seqpacket, CMD
reads and writes a line for each packet. --timeout is over when CMD starts.

With --wire, every line is sent as a message and every message is printed as a
line. With --codec cbor, a line is JSON text that is sent as CBOR; what comes is
printed like JSON, with bytes as h'00ff'. With --codec json, lines are checked
and sent as they are. With --codec raw, and without --codec, messages are bytes.
With --exec, CMD reads and writes such lines, but without --codec the bytes of the
messages themselves, unless the wire is lines. With --json, each message is also
told as an event.

Examples:
  ginnel connect named:chat
  echo hello | ginnel connect named:echo --timeout 5
  ginnel connect \\\\.\\pipe\\build --seqpacket
  echo {\"name\":\"build\"} | ginnel connect named:jobs --codec cbor
  ginnel connect named:log --wire lines";

pub(super) const SEND: &str = "\
What was sent is there to be read when this ends.

Examples:
  ginnel send named:in hello
  ginnel send named:in < report.pdf
  ginnel send \\\\.\\pipe\\log --seqpacket \"one packet\"";

pub(super) const RECV: &str = "\
A message is everything until the end of the first connection, or one packet with
--seqpacket. Up to 16 MiB are taken. With --exec the bytes are CMD's standard
input; --timeout is over when CMD starts.

Examples:
  ginnel recv named:in
  ginnel recv named:in --exec sort
  ginnel recv named:in --seqpacket --allow sid:S-1-5-18";

pub(super) const CALL: &str = "\
The native wire is spoken. With --codec cbor, the question is JSON text that is
sent as CBOR, and the answer is printed like JSON, with bytes as h'00ff'. With
--codec json both are JSON, and with raw both are bytes as they stand. An answer
that is a failure is told on standard error (exit code 7).

Examples:
  ginnel call named:jobs 7
  ginnel call named:jobs --codec json < question.json
  ginnel call named:sort --codec raw - < lines.txt";

pub(super) const WHO: &str = "\
This connects and hangs up: whoever listens sees a connection without a byte. The
system vouches for what is shown: the process, its session, and the security
identifier of its user. With --json one object is printed on standard output.

Examples:
  ginnel who named:chat
  ginnel who \\\\.\\pipe\\build --seqpacket --json";

pub(super) const PEER: &str = "\
Whoever comes first listens, all others connect to it. When it is gone, however
it ended, one of them takes its place, and the others connect to that one.

Every line of standard input is said: by whoever listens to everybody, by others
to whoever listens. A line that is said while nobody listens waits for the next.
The listener passes on what it hears to all others. That is this command's own
doing, the library passes nothing on: a passed line is a newline, the speaker's
name, a newline and what was said, and what the listener makes of it is to be
believed. What is heard is printed as NAME: TEXT. Who comes and goes, who listens
and what was not delivered is told on standard error. Requests fail.

The end of standard input and Ctrl+C take leave of everybody. No file is left
behind, killed or not.

Examples:
  ginnel peer named:room --name anna
  ginnel peer named:room --name bert --data \"knows the way\"
  ginnel peer \\\\.\\pipe\\room --name carl --json";

pub(super) const DEMO: &str = "\
It starts real processes, shows what each step did and how long it took, and
leaves nothing behind. Exit code 0: every step held.

Example:
  ginnel demo";

pub(super) const SP: &str = "\
Ends, and what each does:
  push, pub            send --data
  pull, sub            print what comes
  req                  asks with --data, and prints the answer
  rep                  prints each request, and answers it with --data; without,
                       nobody is answered
  surveyor             asks everybody, and prints the answers of one second, or of
                       --recv-timeout
  respondent           as rep, for surveys
  pair, pair0, bus     send --data, if given, and print what comes; pair is
                       version 1 of the protocol

Those that send do so once, or --count times, or every --interval until they are
ended. Those that receive go on until they have had --count messages, until
nothing came for --recv-timeout, or until they are ended. Where both are done, an
exchange is one message sent, and then what comes until the next is due; with
--count alone, until one has come, or nothing for --recv-timeout. A req whose
--recv-timeout passes ends with exit code 124. A pub and a bus wait for nobody:
what is sent while nobody is there is lost, see --delay.

URLs:
  ipc://app              the pipe \\\\.\\pipe\\app
  tcp://127.0.0.1:5555   a port; port 0 when listening: any, told with -v

--dial fails if nobody is there (exit code 3), unless --async.

Formats, for --format:
  (none)   each message as it is, and a newline
  ascii    the same, with a dot for every byte that ASCII cannot print
  hex      each message as \"\\x68\\x69\", and a newline
  raw      the messages alone
  json     each message as {\"body\":\"hi\"}, or {\"hex\":\"ff\"} if it is no text

Examples:
  start ginnel sp rep --listen ipc://answer --data 42
  ginnel sp req --dial ipc://answer --data \"what is the answer?\"
  start ginnel sp pub --listen ipc://clock --data cuckoo --interval 3600
  ginnel sp sub --dial ipc://clock --count 1
  ginnel sp pull --listen tcp://127.0.0.1:5555 --format json";
