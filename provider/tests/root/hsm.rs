//! SoftHSM2 as the HSM of this test, which runs in a process of its own: SoftHSM2 reads its
//! configuration from the environment, once.

use std::path::PathBuf;
use std::process::{Command, Output};

use softhsm::{SO_PIN, USER_PIN, write_configuration};

const CONFIGURATION: &str = "SOFTHSM2_CONF";
/// Names the directory of the HSM to the test in its own process.
const INSIDE: &str = "KEYWAY_TEST_HSM";

/// A directory of SoftHSM2's, with as many tokens as are asked for.
pub struct Hsm {
    directory: PathBuf,
}

/// Runs the test named `name` in a process of its own, where it finds an [`Hsm`].
pub fn inside(name: &str, test: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return test();
    }
    let directory = tempfile::tempdir().unwrap();
    write_configuration(directory.path()).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(INSIDE, directory.path());
    command.env(CONFIGURATION, softhsm::configuration_in(directory.path()));
    let output = command.output().unwrap();
    let text = text(&output);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

impl Hsm {
    pub fn of_this_process() -> Self {
        Self { directory: std::env::var_os(INSIDE).expect("in a process of its own").into() }
    }

    /// An AES key of a token that is made if it is not there: its URI.
    pub fn aes(&self, token: &str, label: &str, id: &str) -> String {
        self.generate(
            token,
            &["--keygen", "--key-type", "AES:32", "--sensitive", "--private"],
            label,
            id,
        );
        self.uri(token, label, "secret-key")
    }

    /// An RSA key.
    pub fn rsa(&self, token: &str, label: &str, id: &str) -> String {
        self.generate(token, &["--keypairgen", "--key-type", "rsa:2048"], label, id);
        self.uri(token, label, "private")
    }

    fn uri(&self, token: &str, label: &str, kind: &str) -> String {
        let pin = self.directory.join("hsm-pin");
        std::fs::write(&pin, USER_PIN).unwrap();
        format!(
            "pkcs11:token={token};object={label};type={kind}?module-path={}&pin-source=file:{}",
            module().display(),
            pin.display()
        )
    }

    fn generate(&self, token: &str, key: &[&str], label: &str, id: &str) {
        self.ensure(token);
        self.tool(token, &[key, &["--label", label, "--id", id]].concat());
    }

    fn ensure(&self, token: &str) {
        let listed = run("softhsm2-util", &["--show-slots"]);
        if listed.lines().any(|line| line.split_whitespace().eq(["Label:", token])) {
            return;
        }
        let init = ["--init-token", "--free", "--label", token, "--so-pin", SO_PIN];
        run("softhsm2-util", &[&init[..], &["--pin", USER_PIN]].concat());
    }

    fn tool(&self, token: &str, arguments: &[&str]) -> String {
        let module = module().display().to_string();
        let login = ["--module", &module, "--token-label", token, "--login", "--pin", USER_PIN];
        run("pkcs11-tool", &[&login[..], arguments].concat())
    }

    /// The serial number of a token.
    pub fn serial(token: &str) -> String {
        let listed = run("softhsm2-util", &["--show-slots"]);
        let field = |block: &str, name: &str| {
            let line = block.lines().find_map(|line| line.trim().strip_prefix(name));
            line.map(|value| value.trim().to_owned())
        };
        let mut blocks = listed.split("Slot ").skip(1);
        let block = blocks.find(|block| field(block, "Label:").as_deref() == Some(token));
        field(block.unwrap(), "Serial number:").unwrap()
    }

    /// The same AES key in two tokens, as a backup of one HSM is restored in another.
    pub fn same_aes(&self, tokens: [&str; 2], label: &str, id: &str) -> [String; 2] {
        let file = self.directory.join("value");
        std::fs::write(&file, [0x5a; 32]).unwrap();
        tokens.map(|token| {
            self.ensure(token);
            let import = ["--import", file.to_str().unwrap(), "--aes", "--token", token];
            let named = ["--pin", USER_PIN, "--label", label, "--id", id];
            run("softhsm2-util", &[&import[..], &named].concat());
            self.uri(token, label, "secret-key")
        })
    }
}

fn module() -> PathBuf {
    softhsm::module().expect("SoftHSM2: apt install softhsm2")
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect(program);
    let text = text(&output);
    assert!(output.status.success(), "{program} {arguments:?}: {text}");
    text
}
