//! The kept corpora, as ordinary tests. One test, since some checks count the descriptors of the whole process.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it lies in fuzz").to_owned()
}

fn names(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    entries.map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn every_check_has_a_target_and_a_corpus_all_of_which_it_survives() {
    let checks: BTreeSet<String> =
        ginnel_fuzz_checks::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    let targets = names(&fuzz().join("fuzz_targets"));
    let targets: BTreeSet<_> = targets.iter().map(|name| name.trim_end_matches(".rs").to_owned()).collect();
    assert_eq!(targets, checks);
    assert_eq!(names(&fuzz().join("corpus")), checks);

    let mut found = Vec::new();
    for (name, check) in ginnel_fuzz_checks::ALL {
        let corpus = fuzz().join("corpus").join(name);
        let files = names(&corpus);
        assert!(files.len() > 1, "{name} has a corpus");
        check(b"");
        for file in files {
            let data = fs::read(corpus.join(&file)).expect("it can be read");
            assert!(data.len() <= LARGEST, "{name}/{file}: {} bytes", data.len());
            // The words of the panic stand above; all of them are looked for.
            if panic::catch_unwind(AssertUnwindSafe(|| check(&data))).is_err() {
                found.push(format!("fuzz/corpus/{name}/{file}"));
            }
        }
    }
    assert!(found.is_empty(), "not survived: {found:#?}");
}

/// Bytes of a kept input.
const LARGEST: usize = 4 << 10;
