//! Section 12 of the page: SP.

use super::*;

#[test]
fn the_table_of_ends_lists_all_of_them_and_the_example_of_a_greeting_of_sp_is_one() {
    let ends: Vec<_> = table("| End |")
        .iter()
        .map(|row| {
            let number = u16::from_str_radix(row[1], 16).expect("a number");
            (end(row[0].trim_matches('`')), number, end(row[2].trim_matches('`')))
        })
        .collect();
    assert_eq!(ends, Protocol::ALL.map(|end| (end, end.number(), end.peer())));
    let example = examples().into_iter().find(|example| example.is("sp") && example.is("greeting")).unwrap();
    assert_eq!(written(&mut Link::new(&options(example.wire()))), example.chunks());
}

/// What an end finds wrong with a message that its link has read.
fn found<P: Pattern>(frames: Vec<Frame<u32>>) -> Option<PeerFault> {
    let mut end: Socket<P, u32> = Socket::new(&Options::default());
    #[expect(clippy::disallowed_methods, reason = "a test begins at some moment")]
    let now = Instant::now();
    let _ = end.handle(Input::Net(NetEvent::Accepted(ConnId(1), None)), now).count();
    frames.into_iter().find_map(|frame| {
        let mut outputs = end.handle(Input::Net(NetEvent::Received(ConnId(1), frame)), now);
        outputs.find_map(|output| match output {
            Output::App(Event::Detached(_, Gone::Fault(fault))) => Some(fault),
            _ => None,
        })
    })
}

#[test]
fn the_table_of_faults_of_sp_lists_all_of_them_with_true_examples() {
    let faults = table("| Fault of SP |");
    let names: Vec<_> = faults.iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(names, variants(SP_FAULTS));
    for row in faults {
        let name = row[0].trim_matches('`');
        let reader = end(row[2].trim_matches('`'));
        let wire = if name == "Kind" { Wire::SpIpc(reader.peer()) } else { Wire::Sp(reader.peer()) };
        let concerns_greeting = matches!(name, "Greeting" | "Version" | "Reserved" | "Protocol");
        for reads in cuts(&[chunk(row[3].trim_matches('`'))]) {
            let (frames, fault) = read(wire, !concerns_greeting, &reads);
            let fault = fault.or_else(|| match reader {
                Protocol::Rep => found::<Rep>(frames),
                Protocol::Pair1 => found::<Pair1>(frames),
                Protocol::Pub => found::<Pub>(frames),
                other => panic!("{other} finds nothing wrong"),
            });
            let Some(PeerFault::Sp(fault)) = fault else { panic!("{name}: {fault:?}") };
            assert_eq!(format!("{fault:?}").split(' ').next(), Some(name), "{reads:?}");
        }
    }
}
