//! What viewers, frames and rooms cost a server, this crate's and others: each server is a process of its
//! own on one core, the load comes from another core, and everything is measured from outside. On Linux:
//! `cargo bench --bench load -- --help`

mod client;
mod measure;
mod pictures;
mod report;
mod scenarios;
mod server;

use std::error::Error;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

use self::measure::machine;
use self::measure::samples::Samples;
use self::scenarios::{Plan, Scenario};
use self::server::Kind;

#[derive(Parser)]
#[command(
    about = "What viewers, frames and rooms cost a server",
    args_conflicts_with_subcommands = true
)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    #[arg(default_value = "all")]
    scenario: Scenario,
    /// How many, instead of what is usual in each scenario
    #[arg(long)]
    viewers: Option<usize>,
    /// How often, of which the median counts
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// For a first look: shorter, and less exact
    #[arg(long)]
    quick: bool,
    /// Only these servers
    #[arg(long, value_delimiter = ',')]
    only: Vec<Kind>,
    /// Where the report is written
    #[arg(long, default_value = "target/load")]
    out: PathBuf,
    /// Add to what was measured there before; with no runs, report it again
    #[arg(long)]
    append: bool,
    /// What cargo says
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Be one of the servers
    #[command(hide = true)]
    Serve { kind: Kind, pictures: PathBuf },
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let descriptors = machine::raise_descriptors()?;
    if let Some(Command::Serve { kind, pictures }) = options.command {
        // Where there is one core, that is said once, by the load.
        let _ = machine::stay_on(machine::SERVER_CORE);
        return server::serve(kind, &pictures);
    }
    if machine::has_cores()? {
        machine::stay_on(machine::LOAD_CORE)?;
    } else {
        eprintln!("no core for each, server and load: figures will say little");
    }
    let drawn = tempfile::NamedTempFile::new()?;
    pictures::draw(drawn.path())?;
    let plan = Plan {
        viewers: options.viewers,
        runs: options.runs,
        is_quick: options.quick,
        only: options.only,
        descriptors,
        pictures: drawn.path(),
    };
    let mut samples = Samples::open(&options.out, options.append)?;
    scenarios::run(options.scenario, &plan, &mut samples)?;
    report::write(&samples, &options.out)
}
