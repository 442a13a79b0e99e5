//! Thin door of the torwart binary.

/// Steady memory under many tasks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    torwart::cli::main()
}
