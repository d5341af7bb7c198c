//! `docs/wire.md` is true: its examples and tables, against the library.

#[path = "wire_page/sp.rs"]
mod sp;

use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use ginnel_proto::link::Incarnation;
use ginnel_proto::machine::{ConnId, Input, Machine, NetEvent, Output};
use ginnel_proto::sp::{Event, Gone, Options, Pair1, Pattern, Protocol, Pub, Rep, Socket, Trace};
use ginnel_proto::{
    Answer, CallId, Frame, Kind, Link, LinkOptions, Message, Patience, PeerFault, Session, SessionOptions,
    Wire, limits,
};

const PAGE: &str = include_str!("../../docs/wire.md");
const FAULTS: &str = include_str!("../src/fault.rs");
const SP_FAULTS: &str = include_str!("../src/sp/fault.rs");
const GREETING: usize = 32;

/// One example: what stands behind ` ```wire `, and its lines.
struct Example {
    marks: Vec<&'static str>,
    lines: Vec<&'static str>,
}

/// Bytes of one write, or one read, and how many descriptors went with them.
type Chunk = (Vec<u8>, usize);

/// What a receiver made of some bytes.
type Outcome = (Vec<Frame<u32>>, Option<PeerFault>);

fn examples() -> Vec<Example> {
    let fences = PAGE.split("\n```wire ").skip(1);
    fences
        .map(|rest| {
            let (marks, rest) = rest.split_once('\n').expect("a first line");
            let (lines, _) = rest.split_once("```").expect("a closed block");
            Example { marks: marks.split(' ').collect(), lines: lines.lines().collect() }
        })
        .collect()
}

impl Example {
    fn is(&self, mark: &str) -> bool {
        self.marks.contains(&mark)
    }

    fn wire(&self) -> Wire {
        match self.marks[0] {
            "greeting" | "native" => Wire::Native,
            "raw" => Wire::Raw,
            "length-prefixed" => Wire::LengthPrefixed,
            "lines" => Wire::Lines,
            "kyneta" => Wire::Kyneta,
            "sp" => Wire::Sp(end(self.marks[1])),
            "sp-ipc" => Wire::SpIpc(end(self.marks[1])),
            other => panic!("{other} is no wire"),
        }
    }

    fn chunks(&self) -> Vec<Chunk> {
        let mut chunks: Vec<Chunk> = Vec::new();
        for line in self.lines.iter().filter(|line| !line.starts_with("=>")) {
            let (bytes, fds) = chunk(line);
            match chunks.last_mut() {
                Some((last, _)) if fds == 0 => last.extend(bytes),
                _ => chunks.push((bytes, fds)),
            }
        }
        chunks
    }

    fn results(&self) -> Vec<&'static str> {
        self.lines.iter().filter_map(|line| line.strip_prefix("=> ")).collect()
    }
}

/// An end of SP by its name.
fn end(name: &str) -> Protocol {
    Protocol::ALL.into_iter().find(|end| end.name() == name).expect("an end of SP")
}

/// What is spoken at the other side of this.
fn counterpart(wire: Wire) -> Wire {
    match wire {
        Wire::Sp(own) => Wire::Sp(own.peer()),
        Wire::SpIpc(own) => Wire::SpIpc(own.peer()),
        same => same,
    }
}

/// `(2 fds) 05 00 ...  remark`
fn chunk(line: &str) -> Chunk {
    let (fds, line) = match line.strip_prefix('(') {
        Some(rest) => {
            let (number, rest) = rest.split_once(" fd").expect("a number of descriptors");
            let (_, rest) = rest.split_once(") ").expect("bytes that carry them");
            (number.parse().expect("a number"), rest)
        }
        None => (0, line),
    };
    (bytes(line), fds)
}

/// Hex, up to two spaces.
fn bytes(line: &str) -> Vec<u8> {
    let hex = line.split("  ").next().unwrap_or_default();
    hex.split(' ')
        .map(|two| u8::from_str_radix(two, 16).unwrap_or_else(|_| panic!("{two} in {line}")))
        .collect()
}

fn options(wire: Wire) -> LinkOptions {
    LinkOptions { wire, ..LinkOptions::default() }
}

/// What is to be written, one item for each call.
fn written(link: &mut Link<u32>) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    while let Some(transmit) = link.transmit() {
        let bytes: Vec<u8> = transmit.slices().iter().flat_map(|slice| slice.to_vec()).collect();
        let fds = transmit.fds().len();
        link.transmitted(bytes.len());
        chunks.push((bytes, fds));
    }
    chunks
}

/// Feeds these reads, which somebody has sent on this wire, to a fresh receiver, until a fault or the end of the bytes.
fn read(wire: Wire, greet: bool, reads: &[Chunk]) -> Outcome {
    let mut far: Link<u32> = Link::new(&options(counterpart(wire)));
    if greet && wire.greets() {
        for (bytes, _) in written(&mut Link::new(&options(wire))) {
            far.received(&bytes, Vec::new());
        }
    }
    let mut frames = Vec::new();
    for (bytes, fds) in reads.iter().filter(|(bytes, _)| !bytes.is_empty()) {
        far.received(bytes, (0..*fds as u32).collect());
        loop {
            match far.poll_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(fault) => return (frames, Some(fault)),
            }
        }
    }
    (frames, far.end().err())
}

/// Every way to cut one of these writes into two reads. Descriptors come with the first byte of theirs.
fn cuts(writes: &[Chunk]) -> Vec<Vec<Chunk>> {
    let mut all = Vec::new();
    for (number, (bytes, fds)) in writes.iter().enumerate() {
        for cut in 1..=bytes.len() {
            let mut reads = writes.to_vec();
            reads.splice(number..=number, [(bytes[..cut].to_vec(), *fds), (bytes[cut..].to_vec(), 0)]);
            all.push(reads);
        }
    }
    all
}

/// As the page writes it: `request 1 "body", 2 fds`, or `message 80000001 "body"` behind a header.
fn told(wire: Wire, Frame { kind, message }: &Frame<u32>) -> String {
    let (header, body) = headed(wire, message.body.clone());
    let body = String::from_utf8_lossy(&body);
    let fds = match message.fds.len() {
        0 => String::new(),
        1 => ", 1 fd".to_owned(),
        more => format!(", {more} fds"),
    };
    match kind {
        Kind::Message => format!("message {header}\"{body}\"{fds}"),
        Kind::Control => format!("control \"{body}\"{fds}"),
        Kind::Ping => "ping".to_owned(),
        other => panic!("{other:?} is shown in an exchange"),
    }
}

/// The header of SP as hex, and the body.
fn headed(wire: Wire, mut body: Bytes) -> (String, Bytes) {
    let words = match wire {
        Wire::Sp(Protocol::Pair1) | Wire::SpIpc(Protocol::Pair1) => vec![body.get_u32()],
        Wire::Sp(end) | Wire::SpIpc(end) if ASKING.contains(&end) => {
            let trace = Trace::take(&mut body, 8).expect("a header").expect("not too many words");
            trace.words().to_vec()
        }
        _ => Vec::new(),
    };
    (words.iter().map(|word| format!("{word:08x} ")).collect(), body)
}

const ASKING: [Protocol; 4] = [Protocol::Req, Protocol::Rep, Protocol::Surveyor, Protocol::Respondent];

#[test]
fn examples_of_frames_are_read_so_however_they_are_cut_and_written_so() {
    let frames = examples().into_iter().filter(|example| !example.is("greeting") && !example.is("session"));
    let mut seen = 0;
    for example in frames {
        seen += 1;
        let (wire, chunks) = (example.wire(), example.chunks());
        let ways = if example.is("read") { vec![chunks.clone()] } else { cuts(&chunks) };
        for reads in ways {
            let (frames, fault) = read(wire, true, &reads);
            let told: Vec<_> = frames.iter().map(|frame| told(wire, frame)).collect();
            assert_eq!(told, example.results(), "{reads:?}");
            assert_eq!(fault, None, "{reads:?}");
        }
        if !example.is("read") {
            let mut near: Link<u32> = Link::new(&options(wire));
            written(&mut near);
            for frame in read(wire, true, &chunks).0 {
                near.push(frame).unwrap();
            }
            assert_eq!(written(&mut near), chunks, "{wire:?}");
        }
    }
    assert_eq!(seen, 15);
}

#[test]
fn the_example_of_a_greeting_is_one() {
    let examples = examples();
    let example = examples.iter().find(|example| example.is("greeting")).unwrap();
    let greeting = example.chunks().concat_bytes();
    let incarnation = Incarnation(greeting[16..].try_into().unwrap());
    let mut near: Link<u32> = Link::new(&LinkOptions { incarnation, ..LinkOptions::default() });
    assert_eq!(written(&mut near), [(greeting.clone(), 0)]);
    near.received(&greeting, Vec::new());
    assert_eq!(near.poll_frame(), Ok(None));
    let theirs = near.greeting().unwrap();
    assert_eq!(example.results(), [format!("greeting {}, {} fds", theirs.message, theirs.fds)]);
    assert_eq!(theirs.incarnation, incarnation);
}

trait ConcatBytes {
    fn concat_bytes(&self) -> Vec<u8>;
}

impl ConcatBytes for Vec<Chunk> {
    fn concat_bytes(&self) -> Vec<u8> {
        self.iter().flat_map(|(bytes, _)| bytes.clone()).collect()
    }
}

/// `7 "body"`
fn numbered(text: &'static str) -> (CallId, Message<u32>) {
    let (id, body) = text.split_once(' ').expect("an id and a body");
    (CallId(id.parse().expect("a number")), quoted(body))
}

fn quoted(text: &'static str) -> Message<u32> {
    Message::new(text.trim_matches('"'))
}

/// One line of an exchange, but for what is written.
fn act(session: &mut Session<u32>, line: &'static str) {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    match verb {
        "in" => {
            session.line().link().received(&bytes(rest), Vec::new());
            session.gather().expect("no fault");
        }
        "ask" => drop(session.ask(quoted(rest)).expect("room")),
        "forget" => session.forget(CallId(rest.parse().expect("a number"))),
        "goodbye" => session.line().goodbye(),
        "answer" => {
            let (id, message) = numbered(rest);
            session.answer(id, Answer::Response(message)).expect("room");
        }
        "answered" | "failed" => {
            let (id, message) = numbered(rest);
            let answer = if verb == "failed" { Answer::Failure(message) } else { Answer::Response(message) };
            assert_eq!(session.take_answer(id), Some(answer));
        }
        other => panic!("{other} is nothing that an end does"),
    }
}

#[test]
fn examples_of_exchanges_go_so() {
    let mut seen = 0;
    for example in examples().into_iter().filter(|example| example.is("session")) {
        seen += 1;
        let mut session: Session<u32> = Session::new(&SessionOptions::default());
        let greeting = written(session.line().link()).concat_bytes();
        session.line().link().received(&greeting, Vec::new());
        let mut lines = example.lines.into_iter().peekable();
        while let Some(line) = lines.next() {
            act(&mut session, line);
            let expected = lines.next_if(|line| line.starts_with("out "));
            let expected = expected.map(|line| bytes(&line["out ".len()..])).unwrap_or_default();
            assert_eq!(written(session.line().link()).concat_bytes(), expected, "after {line}");
        }
    }
    assert_eq!(seen, 3);
}

/// The cells of the table whose heading begins so.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = PAGE.split_once(heading).expect("the table");
    let rows = rest.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// What one frame of this kind, length and number of descriptors is found to be.
fn judged(kind: u8, length: u8, fds: u8) -> Option<PeerFault> {
    let mut frame = vec![length, 0, 0, 0, kind, fds, 0, 0];
    frame.extend(vec![0; length.into()]);
    read(Wire::Native, true, &[(frame, fds.into())]).1
}

#[test]
fn the_table_of_kinds_lists_all_of_them_and_what_they_carry() {
    let kinds = table("| Number | Kind |");
    for row in &kinds {
        let kind: u8 = row[0].parse().unwrap();
        let id = if row[2] == "yes" { 8 } else { 0 };
        let malformed = |length, fds| Some(PeerFault::Malformed { kind, length: u32::from(length), fds });
        assert_eq!(judged(kind, id, 0), None, "{row:?}");
        if id > 0 {
            assert_eq!(judged(kind, id - 1, 0), malformed(id - 1, 0), "{row:?}");
        }
        let carries = row[3] == "yes";
        assert_eq!(judged(kind, id + 1, 0), if carries { None } else { malformed(id + 1, 0) }, "{row:?}");
        assert_eq!(judged(kind, id, 1), if carries { None } else { malformed(id, 1) }, "{row:?}");
    }
    let listed = |kind: u8| kinds.iter().any(|row| row[0].parse() == Ok(kind));
    for kind in (0..=u8::MAX).filter(|&kind| !listed(kind)) {
        assert_eq!(judged(kind, 0, 0), Some(PeerFault::UnknownKind { kind }));
    }
}

/// The variants of the one enum of this file.
fn variants(file: &'static str) -> Vec<&'static str> {
    let lines = file.lines().filter_map(|line| line.strip_prefix("    "));
    let variants = lines.filter(|line| line.starts_with(char::is_uppercase));
    variants
        .map(|line| line.trim_end_matches([' ', '{', ',']).split('(').next().unwrap_or_default())
        .collect()
}

#[test]
fn the_table_of_faults_lists_all_of_them_with_true_examples() {
    let faults = table("| Fault |");
    let names: Vec<_> = faults.iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(names, variants(FAULTS));
    let mut seen = 0;
    for row in faults.iter().filter(|row| !row[3].is_empty()) {
        seen += 1;
        let concerns_greeting = row[2] == "2";
        let example = chunk(row[3].trim_matches('`'));
        for reads in cuts(&[example]) {
            let (_, fault) = read(Wire::Native, !concerns_greeting, &reads);
            let name = format!("{:?}", fault.expect("a fault"));
            assert_eq!(name.split(' ').next(), Some(row[0].trim_matches('`')), "{reads:?}");
        }
    }
    assert_eq!(seen, 12);
}

#[test]
fn the_table_of_limits_has_the_defaults() {
    let limits = table("| Limit |");
    let default = |name: &str| {
        let row = limits.iter().find(|row| row[0].starts_with(name)).expect("the limit");
        row[1]
    };
    let Patience { greeting, progress, ping } = Patience::default();
    let seconds = |patience: Option<Duration>| patience.map(|patience| format!("{} s", patience.as_secs()));
    assert_eq!(default("greeting"), format!("{GREETING} bytes"));
    assert_eq!(default("body"), format!("{} MiB", limits::MESSAGE >> 20));
    assert_eq!(default("descriptors"), limits::MESSAGE_FDS.to_string());
    let guaranteed = (limits::GUARANTEED_BODY >> 10, limits::GUARANTEED_FDS);
    assert_eq!(default("before"), format!("{} KiB, {} descriptors", guaranteed.0, guaranteed.1));
    assert_eq!(default("requests").replace(',', ""), limits::CALLS.to_string());
    assert_eq!(Some(default("greeting deadline").to_owned()), seconds(greeting));
    assert_eq!(Some(default("progress deadline").to_owned()), seconds(progress));
    assert_eq!((default("ping"), ping), ("off", None));
}
