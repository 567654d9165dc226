//! A running `leadcast`: the built binary, in a folder and an environment of its own.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::soon;

/// A key for servers that are not in dev mode.
pub const SECRET: &str = "a secret of thirty-two bytes, or more";

/// Dropping it kills it.
pub struct Program {
    child: Child,
    stdout: UnboundedReceiver<String>,
    stderr: UnboundedReceiver<String>,
}

/// How a program ended, and what it printed that was not read before.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Program {
    pub fn start(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        // By way of a shell, for what only a shell can do: a limit on the size of files is an error, not a signal that kills.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_leadcast")]);
        command.args(arguments).current_dir(folder).env_clear().envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary is built");
        let stdout = lines(child.stdout.take().expect("piped"));
        let stderr = lines(child.stderr.take().expect("piped"));
        Self { child, stdout, stderr }
    }

    /// Runs to the end.
    pub async fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        Self::start(folder, arguments, variables).end().await
    }

    /// A server on a free port, and its address.
    pub async fn serve(folder: &Path, variables: &[(&str, &str)]) -> (Self, String) {
        let mut server = Self::start(folder, &["--listen", "127.0.0.1:0"], variables);
        let address = async {
            while let Some(line) = server.stdout.recv().await {
                if let Some(rest) = line.strip_prefix("leadcast listens on ") {
                    return rest.split(',').next().map(str::to_owned);
                }
            }
            None
        };
        match soon("the server to say where it listens", address).await {
            Some(address) => (server, address),
            None => panic!("the server does not start: {:?}", server.end().await),
        }
    }

    /// From now on nobody reads what it says: its output and its log go into broken pipes. (Not read by [`Self::start`]'s threads,
    /// which would hold the pipes open.)
    pub fn unheard(folder: &Path, arguments: &[&str]) -> (Child, Option<String>) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leadcast"));
        command.args(arguments).current_dir(folder).env_clear().env("LEADCAST_LOG", "debug");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary is built");
        drop(child.stderr.take());
        let mut said = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut said).expect("text in UTF-8");
        let address = said.strip_prefix("leadcast listens on ").and_then(|rest| rest.split(',').next());
        (child, address.map(str::to_owned))
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line on the standard output with `text` in it.
    pub async fn line_with(&mut self, text: &str) -> String {
        next_with(&mut self.stdout, text).await
    }

    /// The next line of the log with `text` in it.
    pub async fn logged(&mut self, text: &str) -> String {
        next_with(&mut self.stderr, text).await
    }

    /// `TERM`, `INT`.
    pub fn signal(&self, name: &str) {
        let kill =
            Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name]).arg(self.child.id().to_string()).status();
        assert!(kill.is_ok_and(|status| status.success()), "the program has ended already");
    }

    /// Kills it, unless it has ended already.
    pub fn kill(&self) {
        let _ = Command::new("sh").args(["-c", "kill -KILL \"$0\" 2>&1"]).arg(self.child.id().to_string()).output();
    }

    /// Waits for the end.
    pub async fn end(mut self) -> Ended {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        for (lines, text) in [(&mut self.stdout, &mut stdout), (&mut self.stderr, &mut stderr)] {
            while let Some(line) = soon("the program to end", lines.recv()).await {
                text.push_str(&line);
                text.push('\n');
            }
        }
        let exited = async {
            loop {
                match self.child.try_wait().expect("the program is ours") {
                    Some(status) => return status,
                    None => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            }
        };
        let code = soon("the program to exit", exited).await.code();
        Ended { code, stdout, stderr }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn next_with(lines: &mut UnboundedReceiver<String>, text: &str) -> String {
    loop {
        let line = soon(text, lines.recv()).await.unwrap_or_else(|| panic!("the output ends before {text:?}"));
        if line.contains(text) {
            return line;
        }
    }
}

/// Read by a thread of its own, so that a program never waits for the test to read.
fn lines(pipe: impl Read + Send + 'static) -> UnboundedReceiver<String> {
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            let line = line.expect("text in UTF-8");
            // A test that has ended no longer listens.
            let _ = sender.send(line);
        }
    });
    receiver
}
