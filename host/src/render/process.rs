//! Running a program that is not ours within bounds: time, output, memory, and whatever it starts itself.

use std::io::{self, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// What one run of a program may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Until it has ended.
    pub time: Duration,
    /// Bytes on its standard output.
    pub output: usize,
}

impl Bounds {
    /// Bytes that it may write to standard output: many times a large chart.
    pub const OUTPUT: usize = 16 << 20;
    /// Bytes of its standard error that are kept.
    const ERRORS: usize = 64 << 10;
    /// Bytes of memory, and of a file that it writes.
    const MEMORY: u64 = 2 << 30;
    const FILE: u64 = 64 << 20;
    /// After it has ended, how long its output may take to arrive.
    const REST: Duration = Duration::from_secs(2);
    /// How often it is looked at.
    const POLL: Duration = Duration::from_millis(5);
}

/// Why there is no output.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProcessError {
    #[error("it cannot be started: {0}")]
    Start(io::Error),
    #[error("its output cannot be read: {0}")]
    Read(io::Error),
    #[error("it took longer than {} s (`--render-timeout`), and was ended", .0.as_secs())]
    Time(Duration),
    #[error("it wrote more than {0} bytes (limit `output`), and was ended")]
    Output(usize),
    #[error("what it wrote is not UTF-8")]
    NotUtf8,
    #[error("it left something running that holds on to its output")]
    LeftRunning,
    /// It failed, and what it said of that.
    #[error("{0}")]
    Failed(String),
}

/// Runs a program to its end and gives what it wrote to standard output. Its process group is gone afterwards, whatever
/// came of it.
pub(super) fn run(mut command: Command, bounds: &Bounds) -> Result<String, ProcessError> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    confine(&mut command);
    let mut child = command.spawn().map_err(ProcessError::Start)?;
    // One byte more than the bound tells that it is exceeded.
    let output = child.stdout.take().map(|out| reader(out, bounds.output + 1, Rest::Left));
    let errors = child.stderr.take().map(|out| reader(out, Bounds::ERRORS, Rest::Dropped));
    let ended = wait(&mut child, bounds, output.as_ref());
    // As long as the child is not waited for, the number of its group is nobody else's.
    end_group(&mut child);
    let status = child.wait().map_err(ProcessError::Start)?;
    let bytes = match ended? {
        Some(bytes) => bytes,
        None => rest(output)?,
    };
    if bytes.len() > bounds.output {
        return Err(ProcessError::Output(bounds.output));
    }
    if !status.success() {
        let said = rest(errors).unwrap_or_default();
        return Err(ProcessError::Failed(said_by(&said, &status.to_string())));
    }
    String::from_utf8(bytes).map_err(|_| ProcessError::NotUtf8)
}

type Bytes = Receiver<io::Result<Vec<u8>>>;

/// What becomes of output beyond what is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// It is not read.
    Left,
    /// It is read and dropped, so that nobody waits for a reader.
    Dropped,
}

/// Reads a stream to its end or to a bound, on a thread of its own.
fn reader(mut stream: impl Read + Send + 'static, bound: usize, beyond: Rest) -> Bytes {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut read = stream.by_ref().take(bound as u64).read_to_end(&mut bytes).map(|_| ());
        if beyond == Rest::Dropped {
            read = read.and_then(|()| io::copy(&mut stream, &mut io::sink()).map(drop));
        }
        // Nobody may be waiting any more.
        let _ = sender.send(read.map(|()| bytes));
    });
    receiver
}

/// Waits until the child has ended, without taking its number away. Gives its output where that ended first.
fn wait(child: &mut Child, bounds: &Bounds, output: Option<&Bytes>) -> Result<Option<Vec<u8>>, ProcessError> {
    let deadline = Instant::now() + bounds.time;
    let mut read = None;
    loop {
        if read.is_none()
            && let Some(bytes) = output.and_then(|output| output.try_recv().ok())
        {
            let bytes = bytes.map_err(ProcessError::Read)?;
            if bytes.len() > bounds.output {
                return Err(ProcessError::Output(bounds.output));
            }
            // It may have closed its output, and go on.
            read = Some(bytes);
        }
        if has_ended(child).map_err(ProcessError::Start)? {
            return Ok(read);
        }
        if Instant::now() >= deadline {
            return Err(ProcessError::Time(bounds.time));
        }
        std::thread::sleep(Bounds::POLL);
    }
}

/// Whether the child has ended; its number stays its own.
#[cfg(unix)]
fn has_ended(child: &mut Child) -> io::Result<bool> {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    Ok(waitid(WaitId::Pid(Pid::from_child(child)), options)?.is_some())
}

/// Whether the child has ended.
#[cfg(not(unix))]
fn has_ended(child: &mut Child) -> io::Result<bool> {
    Ok(child.try_wait()?.is_some())
}

/// Ends the child.
#[cfg(not(unix))]
fn end_group(child: &mut Child) {
    // It may have ended.
    let _ = child.kill();
}

/// Ends the child and all that is in its group.
#[cfg(unix)]
fn end_group(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    // There may be nobody left.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
}

/// What is still to be read after all writers should be gone.
fn rest(bytes: Option<Bytes>) -> Result<Vec<u8>, ProcessError> {
    let Some(bytes) = bytes else { return Ok(Vec::new()) };
    match bytes.recv_timeout(Bounds::REST) {
        Ok(read) => read.map_err(ProcessError::Read),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(ProcessError::LeftRunning),
    }
}

/// What a program said when it failed, short enough for one message.
fn said_by(errors: &[u8], status: &str) -> String {
    /// Characters of it that are told.
    const TOLD: usize = 2_000;
    let text = String::from_utf8_lossy(errors);
    // helm and kustomize warn of other things too.
    let is_warning = |line: &str| line.starts_with("WARNING: ") || line.starts_with("# Warning: ");
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !is_warning(line));
    let lines: Vec<&str> = lines.map(|line| line.strip_prefix("Error: ").unwrap_or(line)).collect();
    let said = lines.join("; ");
    let said = match said.char_indices().nth(TOLD) {
        Some((at, _)) => format!("{} …", &said[..at]),
        None => said,
    };
    if said.is_empty() { format!("it ended with {status}") } else { crate::visible::visible(&said).into_owned() }
}

/// No program is run where nothing bounds it: `Programs::find` refuses.
#[cfg(not(unix))]
fn confine(_command: &mut Command) {}

/// Puts the child into a group of its own, bounds its memory and files, takes the network away from it where the system
/// lets us, and has it end with this process.
#[cfg(unix)]
fn confine(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
    // SAFETY: between fork and exec only system calls are made that are safe after a fork; nothing is allocated or locked.
    unsafe {
        command.pre_exec(|| {
            for (resource, value) in
                [(libc::RLIMIT_DATA, Bounds::MEMORY), (libc::RLIMIT_FSIZE, Bounds::FILE), (libc::RLIMIT_CORE, 0)]
            {
                let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
                if libc::setrlimit(resource, &limit) != 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            #[cfg(target_os = "linux")]
            {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                // Who may not make a network of their own may make one as the owner of a user namespace. Where the
                // system allows neither, the other measures stand.
                if libc::unshare(libc::CLONE_NEWNET) != 0 {
                    libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET);
                }
            }
            Ok(())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, bounds: Bounds) -> Result<String, ProcessError> {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(script);
        run(command, &bounds)
    }

    const BOUNDS: Bounds = Bounds { time: Duration::from_secs(60), output: 1_000 };

    #[test]
    fn what_a_program_warns_of_is_not_why_it_failed() {
        let errors =
            "# Warning: 'bases' is deprecated.\nWARNING: the file is readable\n\nError: no such file\n  at line 3\n";
        assert_eq!(said_by(errors.as_bytes(), "1"), "no such file; at line 3");
        assert_eq!(said_by(b"# Warning: 'bases' is deprecated.\n", "1"), "it ended with 1");
    }

    #[test]
    fn output_is_given_and_failures_say_why() {
        assert_eq!(shell("echo a; echo warn >&2", BOUNDS).unwrap(), "a\n");
        let failed = |script: &str| shell(script, BOUNDS).unwrap_err().to_string();
        assert_eq!(failed("echo 'Error: no chart' >&2; exit 3"), "no chart");
        assert_eq!(failed("exit 3"), "it ended with exit status: 3");
        assert_eq!(failed("kill -9 $$"), "it ended with signal: 9 (SIGKILL)");
        assert_eq!(failed("printf '\\033[2J\\n::error::x' >&2; exit 1"), "\\u{1b}[2J; ::error::x");
        assert!(failed("printf '\\377'").contains("not UTF-8"));
        let nobody = run(Command::new("/nowhere/helm"), &BOUNDS).unwrap_err().to_string();
        assert!(nobody.contains("cannot be started"), "{nobody}");
    }

    #[test]
    fn memory_files_and_core_dumps_are_bounded() {
        // In KiB, and in blocks of 512 bytes.
        assert_eq!(shell("ulimit -d; ulimit -f; ulimit -c", BOUNDS).unwrap(), "2097152\n131072\n0\n");
    }

    #[test]
    fn floods_are_ended() {
        assert!(matches!(shell("cat /dev/zero", BOUNDS), Err(ProcessError::Output(1_000))));
        assert!(shell("head -c 1000 /dev/zero", BOUNDS).is_ok());
        assert!(matches!(shell("head -c 1001 /dev/zero", BOUNDS), Err(ProcessError::Output(1_000))));
        // More than a pipe holds.
        let failed = shell("head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 1", BOUNDS).unwrap_err().to_string();
        assert!(failed.len() < 3_000, "{}", failed.len());
    }

    #[test]
    fn what_takes_too_long_is_ended_with_all_that_it_started() {
        let bounds = Bounds { time: Duration::from_millis(300), ..BOUNDS };
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("pids");
        let script = format!("sleep 1000 & echo $! > {0}; sleep 1000", file.display());
        assert!(matches!(shell(&script, bounds), Err(ProcessError::Time(_))));
        assert_ends(&std::fs::read_to_string(&file).unwrap());
    }

    #[test]
    fn what_is_left_running_is_ended() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("pids");
        let script = format!("sleep 1000 & echo $! > {0}; echo done", file.display());
        assert_eq!(shell(&script, BOUNDS).unwrap(), "done\n");
        assert_ends(&std::fs::read_to_string(&file).unwrap());
    }

    #[test]
    fn there_is_no_network() {
        // Where the system lets us make one without any: all that is there is the loopback, which is down.
        let made = Command::new("unshare").args(["-rn", "true"]).status().is_ok_and(|status| status.success());
        if made {
            let devices = shell("cat /proc/net/dev", Bounds { output: 10_000, ..BOUNDS }).unwrap();
            let names: Vec<&str> = devices.lines().skip(2).filter_map(|line| line.split(':').next()).collect();
            assert!(names.iter().all(|name| name.trim() == "lo" || !name.contains("eth")), "{names:?}");
        }
    }

    /// Waits until a process that was told to end has done so; one that nobody has waited for yet has.
    fn assert_ends(pid: &str) {
        let is_running = || {
            let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
            !status.is_empty() && !status.contains(") Z ")
        };
        let started = Instant::now();
        while is_running() {
            assert!(started.elapsed().as_secs() < 60, "{pid}");
            std::thread::sleep(Bounds::POLL);
        }
    }
}
