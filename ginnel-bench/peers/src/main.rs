//! The other libraries, as parts that ginnel-bench starts.
//!
//! Each is used the way its documentation shows, on the same loops as everyone else.

mod systems;

#[global_allocator]
static HEAP: ginnel_bench_part::Heap = ginnel_bench_part::Heap;

fn main() {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.split_first() {
        Some((command, rest)) if command == "part" => ginnel_bench_part::take_part(systems::SYSTEMS, rest),
        Some((command, [])) if command == "systems" => ginnel_bench_part::offer(systems::SYSTEMS),
        _ => eprintln!("ginnel-bench-peers is for ginnel-bench --peers, which starts it"),
    }
}
