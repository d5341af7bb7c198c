//! What help says on Unix beside what each flag is for.

pub(super) const EXEC_FOR_EACH: &str =
    "Run `sh -c CMD` for every connection, or every packet with --datagram";
pub(super) const EXEC_WITH_CONNECTION: &str = "Run `sh -c CMD` with the connection; the exit code is CMD's";
pub(super) const EXEC_WITH_MESSAGE: &str = "Run `sh -c CMD` with the message; the exit code is CMD's";
pub(super) const ALLOW: &str = "Who may connect, comma separated: uid:NUMBER, gid:NUMBER, same-user, anyone";

pub(super) const LISTEN: &str = "\
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

pub(super) const CONNECT: &str = "\
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

pub(super) const SEND: &str = "\
The receiver gets descriptors of the files, which stay readable for it even if
they are removed meanwhile. On a byte stream they travel with the first byte,
which is a newline if there is no text.

Examples:
  ginnel send /tmp/in.sock 'hello'
  ginnel send /tmp/in.sock --fd report.pdf --fd notes.txt 'two files'
  tar c . | ginnel send /tmp/in.sock
  ginnel send named:log --datagram 'one packet'";

pub(super) const RECV: &str = "\
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

pub(super) const CALL: &str = "\
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

pub(super) const WHO: &str = "\
This connects and hangs up: whoever listens sees a connection without a byte.
The kernel vouches for the numbers; the name is what the process calls itself.
With --json one object is printed on standard output.

Examples:
  ginnel who /tmp/chat.sock
  ginnel who @build --seqpacket --json";

pub(super) const PEER: &str = "\
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

pub(super) const DEMO: &str = "\
It starts real processes, shows what each step did and how long it took, and
removes everything again. Exit code 0: every step held.

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
  ipc:///run/app.sock    a socket file: the path behind ipc://, to the last byte
  ipc://app              on Windows the pipe \\\\.\\pipe\\app
  abstract://name        a Linux abstract name, for this user unless --allow
  tcp://127.0.0.1:5555   a port; port 0 when listening: any, told with -v
  socket://              only with --listen, beside --fd: what it stands for

--dial fails if nobody is there (exit code 3), unless --async. Where all places are
--fd, the command ends when the last of them has ended.

Formats, for --format:
  (none)   each message as it is, and a newline
  ascii    the same, with a dot for every byte that ASCII cannot print
  hex      each message as \"\\x68\\x69\", and a newline
  raw      the messages alone
  json     each message as {\"body\":\"hi\"}, or {\"hex\":\"ff\"} if it is no text

Examples:
  ginnel sp rep --listen ipc:///tmp/answer --data 42 &
  ginnel sp req --dial ipc:///tmp/answer --data 'what is the answer?'
  ginnel sp pub --listen ipc:///tmp/clock --data cuckoo --interval 3600 &
  ginnel sp sub --dial ipc:///tmp/clock --count 1
  ginnel sp pull --listen tcp://127.0.0.1:5555 --format json";
