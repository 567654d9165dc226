//! The inputs that the fuzz targets of `tests/fuzz` begin with, for the tests that hold the same properties against them.

use std::{fs, path::Path};

/// Every file of `tests/fuzz/corpus/<target>`. The one that fails is the last that was printed.
pub fn replay(target: &str, property: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("a corpus").map(|entry| entry.expect("a file").path()).collect();
    assert!(!files.is_empty(), "there is nothing in it");
    files.sort();
    for file in files {
        println!("{}", file.display());
        property(&fs::read(file).expect("a file"));
    }
}
