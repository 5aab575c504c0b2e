//! A module that stands between keyway and the one that is tested, and does to its calls what a
//! plan says: `between.c`.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is done to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// The process is killed in its place.
    Kill,
    /// This code is the answer, and nothing is done.
    Before(u64),
    /// It is done, and this code is the answer.
    After(u64),
    /// The user is logged out before it.
    LogOut,
    /// Its session is closed before it.
    Close,
}

/// The module and its files.
pub struct Between {
    directory: PathBuf,
    module: PathBuf,
    plans: Cell<u32>,
}

impl Between {
    /// Puts one before a module, in a directory of its own, under the name of the one behind it: by
    /// that keyway knows its own.
    pub fn before(real: &Path, directory: &Path) -> Self {
        fs::create_dir_all(directory).expect("a directory");
        let module = directory.join(real.file_name().expect("a file"));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/harness/between.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&module);
        let answer = super::run(compiler.args([source, "-ldl", "-lpthread"]));
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        fs::write(directory.join("real"), real.as_os_str().as_encoded_bytes()).expect("written");
        Self { directory: directory.to_owned(), module, plans: Cell::new(0) }
    }

    /// The one that was put before a module in this directory.
    pub fn within(directory: &Path, module: PathBuf) -> Self {
        Self { directory: directory.to_owned(), module, plans: Cell::new(0) }
    }

    /// The module.
    pub fn module(&self) -> &Path {
        &self.module
    }

    /// From now on the `at`-th call of a function, and those after it, so many `times`, get this.
    /// `changes` is every function that changes a token.
    pub fn plan(&self, deed: Deed, function: &str, at: u32, times: u32) {
        let (verb, code) = match deed {
            Deed::Kill => ("kill", 0),
            Deed::Before(code) => ("before", code),
            Deed::After(code) => ("after", code),
            Deed::LogOut => ("logout", 0),
            Deed::Close => ("close", 0),
        };
        self.write(&format!("{verb} {function} {at} {times} {code}"));
    }

    /// Takes the plan back. Answers how many calls it was about.
    pub fn fired(&self) -> usize {
        self.write("nothing");
        self.take("fired").len()
    }

    /// The functions that are called meanwhile, in order.
    pub fn calls(&self, run: impl FnOnce()) -> Vec<String> {
        self.write("record");
        run();
        self.write("nothing");
        self.take("calls")
    }

    /// Two plans are never the same text: the count of the calls begins with each.
    fn write(&self, plan: &str) {
        self.plans.set(self.plans.get() + 1);
        let (number, process) = (self.plans.get(), std::process::id());
        let text = format!("{plan} # {number} of {process}\n");
        fs::write(self.directory.join("plan"), text).expect("written");
    }

    fn take(&self, file: &str) -> Vec<String> {
        let path = self.directory.join(file);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        text.lines().map(str::to_owned).collect()
    }
}
