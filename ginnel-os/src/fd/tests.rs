use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use ginnel_proto::codec::{Cbor, Json, Malformed, Raw};

use super::*;

/// A pipe that no other test has, to count its descriptors while other tests open theirs.
struct Probe {
    name: PathBuf,
    reader: PipeReader,
    writer: PipeWriter,
}

impl Probe {
    fn new() -> Self {
        let (reader, writer) = pipe().unwrap();
        let name = name_of(&reader);
        Self { name, reader, writer }
    }

    fn fd(&self) -> Fd {
        Fd::new(self.writer.try_clone().unwrap())
    }

    /// Descriptors of this pipe in the process, beside the two that the probe holds.
    fn open(&self) -> usize {
        let all = std::fs::read_dir("/proc/self/fd").unwrap();
        let links = all.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        links.filter(|link| *link == self.name).count() - 2
    }
}

fn name_of(fd: &impl AsRawFd) -> PathBuf {
    std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).unwrap()
}

#[derive(Serialize, Deserialize, Debug)]
struct Job {
    name: String,
    output: Option<Fd>,
    more: Vec<Fd>,
}

fn job(probe: &Probe, more: usize) -> Job {
    let more = (0..more).map(|_| probe.fd()).collect();
    Job { name: "job".to_owned(), output: Some(probe.fd()), more }
}

/// Is written as an array around what it holds, and then panics or objects.
struct AndThen<T>(T, fn());

impl<T: Serialize> Serialize for AndThen<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut seq = serializer.serialize_seq(Some(1))?;
        seq.serialize_element(&self.0)?;
        (self.1)();
        Err(S::Error::custom("not this one"))
    }
}

#[test]
fn a_value_goes_out_whole_and_comes_in_whole() {
    let probe = Probe::new();
    let sent = job(&probe, 2);
    assert_eq!(probe.open(), 3);
    let (body, fds) = encode_with_fds(&Cbor::new(), &sent).unwrap();
    assert_eq!((fds.len(), probe.open()), (3, 6));
    drop(sent);
    assert_eq!(probe.open(), 3);
    let received: Job = decode_with_fds(&Cbor::new(), &body, fds).unwrap();
    assert_eq!((received.more.len(), probe.open()), (2, 3));
    drop(received);
    assert_eq!(probe.open(), 0);
}

#[test]
fn each_descriptor_comes_to_its_place() {
    let (first, second) = (Probe::new(), Probe::new());
    for swap in [false, true] {
        let (body, mut fds) = encode_with_fds(&Json::new(), &(first.fd(), "between", second.fd())).unwrap();
        assert_eq!(body, br#"[0,"between",1]"#);
        if swap {
            fds.swap(0, 1);
        }
        let (a, _, b): (Fd, String, Fd) = decode_with_fds(&Json::new(), &body, fds).unwrap();
        for (fd, text) in [(a, "a"), (b, "b")] {
            File::from(fd).write_all(text.as_bytes()).unwrap();
        }
    }
    for (mut probe, expected) in [(first, b"ab"), (second, b"ba")] {
        let mut found = [0; 2];
        probe.reader.read_exact(&mut found).unwrap();
        assert_eq!(&found, expected);
    }
}

#[test]
fn duplicates_are_closed_on_exec() {
    let probe = Probe::new();
    let (_, fds) = encode_with_fds(&Cbor::new(), &probe.fd()).unwrap();
    let flags = rustix::io::fcntl_getfd(&fds[0]).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
}

#[test]
fn a_failed_encoding_leaves_the_value_whole_and_nothing_else_open() {
    let probe = Probe::new();
    let value = job(&probe, 1);
    let objecting = AndThen(&value, || ());
    let too_deep = Cbor::new().depth(1);
    for error in [
        encode_with_fds(&Cbor::new(), &objecting).unwrap_err(),
        encode_with_fds(&Json::new(), &objecting).unwrap_err(),
    ] {
        assert!(
            matches!(&error, CodecError::Encode(source) if source.to_string() == "not this one"),
            "{error:?}"
        );
        assert_eq!(probe.open(), 2);
    }
    let error = encode_with_fds(&too_deep, &value).unwrap_err();
    assert!(matches!(error, CodecError::Malformed(Malformed::Depth { depth: 2, max: 1 })), "{error:?}");
    let error = encode_with_fds(&Raw::new(), &probe.fd()).unwrap_err();
    assert!(matches!(error, CodecError::NotRaw), "{error:?}");
    assert_eq!(probe.open(), 2);
    assert_eq!(encode_with_fds(&Cbor::new(), &value).unwrap().1.len(), 2);
}

#[test]
fn a_message_carries_253_descriptors() {
    let probe = Probe::new();
    let most = job(&probe, 252);
    let (body, fds) = encode_with_fds(&Cbor::new(), &most).unwrap();
    assert_eq!(fds.len(), 253);
    let received: Job = decode_with_fds(&Cbor::new(), &body, fds).unwrap();
    drop((most, received));
    let error = encode_with_fds(&Cbor::new(), &job(&probe, 253)).unwrap_err();
    assert!(matches!(error, CodecError::TooManyFds), "{error:?}");
    assert_eq!(probe.open(), 0);
}

#[test]
fn descriptors_that_do_not_fit_the_value_are_named_and_closed() {
    let probe = Probe::new();
    // Maps with the name "job", an output, and a list.
    let body =
        |output: &[u8], more: &[u8]| [b"\xa3\x64name\x63job\x66output", output, b"\x64more", more].concat();
    for (body, fds, expected) in [
        (body(b"\x00", b"\x80"), 0, "descriptor 0 is wanted, 0 came with the message"),
        (body(b"\x00", b"\x81\x02"), 2, "descriptor 2 is wanted, 2 came with the message"),
        (
            body(b"\x1a\xff\xff\xff\xff", b"\x80"),
            1,
            "descriptor 4294967295 is wanted, 1 came with the message",
        ),
        (body(b"\x00", b"\x81\x00"), 1, "descriptor 0 is wanted twice"),
        (body(b"\x00", b"\x82\x01\x00"), 2, "descriptor 0 is wanted twice"),
        (body(b"\xf6", b"\x80"), 2, "2 descriptors came that the value does not name"),
        (body(b"\x01", b"\x81\x02"), 3, "1 descriptors came that the value does not name"),
        // No index at all, and none that is a number of 32 bits.
        (body(b"\x20", b"\x80"), 1, "the message is no value of the wanted type"),
        (body(b"\x1b\0\0\0\x01\0\0\0\0", b"\x80"), 1, "the message is no value of the wanted type"),
        (body(b"\x610", b"\x80"), 1, "the message is no value of the wanted type"),
        (body(b"\x00", b"\x81"), 1, "byte 23 declares a length of 1, 0 bytes are left for it"),
    ] {
        let fds = (0..fds).map(|_| probe.fd().into()).collect();
        let error = decode_with_fds::<_, Job>(&Cbor::new(), &body, fds).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(probe.open(), 0, "{expected}");
    }
}

#[test]
fn outside_of_a_message_no_number_becomes_a_descriptor() {
    let probe = Probe::new();
    let words = |error: CodecError| {
        let source = std::error::Error::source(&error).expect("it has a cause").to_string();
        assert!(source.contains("beside a message only"), "{source}");
    };
    let fd = probe.fd();
    words(Cbor::new().encode(&fd).unwrap_err());
    words(Json::new().encode(&fd).unwrap_err());
    let number = u8::try_from(fd.as_fd().as_raw_fd()).unwrap();
    words(Json::new().decode::<Fd>(number.to_string().as_bytes()).unwrap_err());
    words(Cbor::new().decode::<Fd>(b"\x00").unwrap_err());
    assert_eq!(probe.open(), 1);

    // Nor after a call, whether it succeeded or not.
    encode_with_fds(&Cbor::new(), &fd).unwrap();
    decode_with_fds::<_, Fd>(&Cbor::new(), b"\x07", vec![probe.fd().into()]).unwrap_err();
    words(Cbor::new().encode(&fd).unwrap_err());
    words(Cbor::new().decode::<Fd>(b"\x00").unwrap_err());
    assert_eq!(probe.open(), 1);
}

#[test]
fn a_panic_closes_the_duplicates_and_spoils_nothing() {
    let probe = Probe::new();
    let value = AndThen(probe.fd(), || panic!("in the middle"));
    catch_unwind(AssertUnwindSafe(|| encode_with_fds(&Cbor::new(), &value))).unwrap_err();
    assert_eq!(probe.open(), 1);
    Cbor::new().encode(&value.0).expect_err("no call is under way any more");
    let (body, fds) = encode_with_fds(&Cbor::new(), &value.0).unwrap();
    assert_eq!((&body[..], fds.len(), probe.open()), (&b"\x00"[..], 1, 2));

    #[derive(Debug)]
    struct Panics;
    impl<'de> Deserialize<'de> for Panics {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let _taken = Fd::deserialize(deserializer)?;
            panic!("in the middle")
        }
    }
    catch_unwind(AssertUnwindSafe(|| decode_with_fds::<_, Panics>(&Cbor::new(), &body, fds))).unwrap_err();
    assert_eq!(probe.open(), 1);
    Cbor::new().decode::<Fd>(&body).expect_err("no call is under way any more");
}

/// A message within the message, with descriptors of its own that its sender keeps.
struct Envelope<'a> {
    before: Fd,
    inner: Fd,
    kept: &'a RefCell<Vec<OwnedFd>>,
    after: Fd,
}

impl Serialize for Envelope<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTuple;
        let mut tuple = serializer.serialize_tuple(3)?;
        tuple.serialize_element(&self.before)?;
        let (body, fds) = encode_with_fds(&Cbor::new(), &self.inner).map_err(S::Error::custom)?;
        self.kept.borrow_mut().extend(fds);
        tuple.serialize_element(&body)?;
        tuple.serialize_element(&self.after)?;
        tuple.end()
    }
}

#[test]
fn an_encoding_inside_another_has_its_own_descriptors() {
    let (probe, inner) = (Probe::new(), Probe::new());
    let kept = RefCell::default();
    let value = Envelope { before: probe.fd(), inner: inner.fd(), kept: &kept, after: probe.fd() };
    let (body, fds) = encode_with_fds(&Cbor::new(), &value).unwrap();
    // The first, the message inside (one byte, its own first), the second.
    assert_eq!(body, b"\x83\x00\x81\x00\x01");
    assert!(fds.iter().all(|fd| name_of(fd) == probe.name), "{fds:?}");
    assert_eq!((fds.len(), probe.open()), (2, 4));
    assert_eq!((kept.borrow().len(), inner.open()), (1, 2));
}

#[test]
fn writing_while_reading_is_refused() {
    #[derive(Debug)]
    struct Mixed;
    impl<'de> Deserialize<'de> for Mixed {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let fd = Fd::deserialize(deserializer)?;
            Cbor::new().encode(&fd).expect_err("the message is coming in");
            encode_with_fds(&Cbor::new(), &fd).expect("this one goes out");
            Ok(Self)
        }
    }
    let probe = Probe::new();
    decode_with_fds::<_, Mixed>(&Cbor::new(), b"\x00", vec![probe.fd().into()]).unwrap();
    assert_eq!(probe.open(), 0);
}

#[test]
fn a_fault_that_the_type_ignores_is_a_fault_all_the_same() {
    #[derive(Deserialize, Debug)]
    #[serde(untagged)]
    enum Either {
        File(#[expect(dead_code, reason = "it is only made")] Fd),
        Number(#[expect(dead_code, reason = "it is only made")] u64),
    }
    let probe = Probe::new();
    let fitting = decode_with_fds::<_, Either>(&Cbor::new(), b"\x00", vec![probe.fd().into()]).unwrap();
    assert!(matches!(fitting, Either::File(_)));
    let error = decode_with_fds::<_, Either>(&Cbor::new(), b"\x05", Vec::new()).unwrap_err();
    assert!(matches!(error, CodecError::FdMissing { index: 5, count: 0 }), "{error:?}");
}
