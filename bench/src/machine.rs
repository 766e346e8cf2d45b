//! The machine that a number is of.

use std::fmt;
use std::fs;

/// What can be said of this machine without naming it.
#[derive(Debug, Clone)]
pub struct Machine {
    cpu: String,
    cores: usize,
    memory_gib: f64,
    system: String,
    /// Of one minute: above zero at the start, others were at work too.
    load: String,
}

impl Machine {
    /// This machine, as it is now.
    pub fn here() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            let value = line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim());
            value.unwrap_or("unknown").to_owned()
        };
        let memory = field(&read("/proc/meminfo"), "MemTotal");
        let kib = memory.split(' ').next().and_then(|kib| kib.parse::<f64>().ok());
        let cpuinfo = read("/proc/cpuinfo");
        let model = ["cpu family", "model", "stepping"].map(|name| field(&cpuinfo, name));
        Self {
            cpu: format!(
                "{} (family/model/stepping {})",
                field(&cpuinfo, "model name"),
                model.join("/")
            ),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: kib.unwrap_or_default() / f64::from(1 << 20),
            system: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load: read("/proc/loadavg").split(' ').next().unwrap_or("unknown").to_owned(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cores, memory_gib, system, load } = self;
        write!(f, "{cpu}, {cores} cores, {memory_gib:.0} GiB, Linux {system}, load {load}")
    }
}
