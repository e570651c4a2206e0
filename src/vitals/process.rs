//! The process as its system accounts for it.
//!
//! # Source
//! `proc(5)` of Linux. Every other system tells nothing here.

use std::time::Duration;

/// Memory, files and processor time at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Process {
    pub(super) memory_bytes: Option<u64>,
    pub(super) open_files: Option<u32>,
    pub(super) cpu: Option<Cpu>,
}

/// Processor time since the process began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cpu {
    pub(super) user: Duration,
    pub(super) system: Duration,
}

impl Cpu {
    pub(super) const fn total(self) -> Duration {
        self.user.saturating_add(self.system)
    }
}

impl Process {
    pub(super) fn read() -> Self {
        Self { memory_bytes: memory_bytes(), open_files: open_files(), cpu: cpu() }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
use self::linux::{cpu as read_cpu, memory_bytes, open_files};

#[cfg(not(any(target_os = "linux", target_os = "android")))]
use self::unknown::{cpu as read_cpu, memory_bytes, open_files};

pub(super) fn cpu() -> Option<Cpu> {
    read_cpu()
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::fs;
    use std::time::Duration;

    use super::Cpu;

    /// What the system counts processor time in for programs: 10 ms on every machine that Rust's standard library runs on.
    const TICK: Duration = Duration::from_millis(10);

    pub(super) fn memory_bytes() -> Option<u64> {
        resident_bytes(&fs::read_to_string("/proc/self/status").ok()?)
    }

    pub(super) fn cpu() -> Option<Cpu> {
        // The second field is the program's name, in any bytes it likes.
        times(&String::from_utf8_lossy(&fs::read("/proc/self/stat").ok()?))
    }

    /// From 6.2 on the directory's size says it; before, its entries are counted, one of which is the counting itself.
    pub(super) fn open_files() -> Option<u32> {
        const PLACE: &str = "/proc/self/fd";
        let told = fs::metadata(PLACE).ok()?.len();
        let count = if told > 0 { told } else { (fs::read_dir(PLACE).ok()?.count() as u64).saturating_sub(1) };
        u32::try_from(count).ok()
    }

    /// `VmRSS:     123 kB`, where `kB` are 1,024 bytes.
    pub(super) fn resident_bytes(status: &str) -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kibibytes.checked_mul(1024)
    }

    /// Fields 14 and 15, counted after the name, which is the second and ends with the last parenthesis.
    pub(super) fn times(stat: &str) -> Option<Cpu> {
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace().skip(11);
        let mut ticks = || -> Option<Duration> { TICK.checked_mul(fields.next()?.parse().ok()?) };
        Some(Cpu { user: ticks()?, system: ticks()? })
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod unknown {
    use super::Cpu;

    pub(super) const fn memory_bytes() -> Option<u64> {
        None
    }

    pub(super) const fn cpu() -> Option<Cpu> {
        None
    }

    pub(super) const fn open_files() -> Option<u32> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::linux::{resident_bytes, times};
    use super::*;

    #[test]
    fn what_the_system_tells_is_read() {
        assert_eq!(resident_bytes("Name:\tVmRSS: 1 kB\nVmHWM:\t   9 kB\nVmRSS:\t  1234 kB\n"), Some(1234 * 1024));
        let stat = "17 (a) R (b) S 1 2 3 4 5 6 7 8 9 10 250 30 0 0 20 0 9 0";
        let expected = Cpu { user: Duration::from_millis(2500), system: Duration::from_millis(300) };
        assert_eq!(times(stat), Some(expected));
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        for status in ["", "VmRSS:", "VmRSS: x kB", "VmRSS: 12 pages", "VmRSS: 99999999999999999999 kB"] {
            assert_eq!(resident_bytes(status), None, "{status}");
        }
        assert_eq!(resident_bytes("VmRSS: 18446744073709551615 kB"), None);
        for stat in ["", ")", "1 (a) S 1 2 3", "1 (a) S 1 2 3 4 5 6 7 8 9 10 -1 3", "1 (a) S 1 2 3 4 5 6 7 8 9 10 9"] {
            assert_eq!(times(stat), None, "{stat}");
        }
    }

    #[test]
    fn this_process_is_one_of_them() {
        let process = Process::read();
        assert!(process.memory_bytes.unwrap() > 1024 * 1024, "{process:?}");
        let before = process.open_files.unwrap();
        let files: Vec<_> = (0..100).map(|_| std::fs::File::open("/proc/self/stat").unwrap()).collect();
        let with_files = Process::read().open_files.unwrap();
        // Tests beside this one open and close files of their own.
        assert!(with_files > before.saturating_sub(50) + 50, "{before} {with_files}");
        drop(files);
        assert!(process.cpu.is_some());
    }
}
