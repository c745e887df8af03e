//! The file that an object stands in.

use crate::input::Input;
use crate::repository::files;
use crate::uses::Uses;

crate::usable! {
    /// The path of the file that the subject stands in, as far as the host tells it.
    pub OwnFile {
        reads: ["file"],
    }
}

/// Whether the subject stands in a file, and not in a cluster or a request: what stands there has no path.
pub fn is_in_file<P: Uses<OwnFile>>(input: &Input<'_, P>) -> bool {
    !matches!(input.document.get("file").text(), "" | "object" | "<cluster>")
}

/// Whether the subject's file lies in a folder of tests, examples or documentation; false where the file is not known.
pub fn is_sample<P: Uses<OwnFile>>(input: &Input<'_, P>) -> bool {
    files::is_sample(input.document.get("file").text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::look;

    #[test]
    fn folders_say_that_a_file_is_a_sample() {
        let is_sample = |file: &str| look("shop", &format!(r#"{{"file":"{file}"}}"#), &[], &[], is_sample);
        assert!(is_sample("pkg/testdata/secret.yaml") && is_sample("docs/a/secret.yaml"));
        assert!(!is_sample("k8s/base/docs") && !is_sample("latest/secret.yaml") && !is_sample(""));
    }
}
