//! Typed values while the process runs out of descriptors. Alone in its process: the limit holds for all of it.
#![cfg(unix)]

use std::fs::{File, read_dir};
use std::os::fd::AsRawFd;

use ginnel_os::{Fd, decode_with_fds, encode_with_fds};
use ginnel_proto::codec::{Cbor, CodecError};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[test]
fn a_value_that_cannot_be_duplicated_stays_whole() {
    let open = || read_dir("/proc/self/fd").expect("proc is mounted").count();
    let null = || Fd::from(File::open("/dev/null").expect("one is free"));
    let before = open();
    let value = [null(), null(), null()];

    let limit = getrlimit(Resource::Nofile);
    let next = File::open("/dev/null").expect("one is free").as_raw_fd();
    let one_more = Rlimit { current: Some(u64::try_from(next).expect("it is open") + 1), ..limit };
    setrlimit(Resource::Nofile, one_more).expect("a lower limit is allowed");
    let outcome = encode_with_fds(&Cbor::new(), &value);
    setrlimit(Resource::Nofile, limit).expect("the hard limit did not change");

    let error = outcome.expect_err("there was room for one of three");
    let CodecError::Encode(source) = error else { panic!("{error:?}") };
    assert!(source.downcast_ref::<std::io::Error>().is_some_and(|error| error.raw_os_error() == Some(24)));
    assert_eq!(open(), before + 3);

    let (body, fds) = encode_with_fds(&Cbor::new(), &value).expect("there is room again");
    assert_eq!(open(), before + 6);
    drop(decode_with_fds::<_, [Fd; 3]>(&Cbor::new(), &body, fds).expect("they are all there"));
    assert_eq!(open(), before + 3);
    drop(value);
    assert_eq!(open(), before);
}
