//! Side-by-side measurements of ginnel, its peers and the bare system calls of Linux.
//!
//! Two processes per system play each scenario in short rounds, one system after the other, so that whatever
//! else the machine does meets all of them alike.

mod bench;

#[global_allocator]
static HEAP: ginnel_bench_part::Heap = ginnel_bench_part::Heap;

fn main() -> std::process::ExitCode {
    bench::main()
}
