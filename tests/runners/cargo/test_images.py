"""Tests of crates in an image: its system, the workspace at its own path."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

FILES = {
    "Cargo.toml": """
[package]
name = "shop"
version = "0.1.0"
edition = "2021"
""",
    "data/name": "a name",
    "src/lib.rs": """
/// ```
/// assert_eq!(std::fs::read_to_string("/of-the-image").unwrap(), "here");
/// assert!(shop::is_in_the_image());
/// ```
/// ```compile_fail
/// let n: u32 = shop::is_in_the_image();
/// ```
pub fn is_in_the_image() -> bool {
    !std::path::Path::new("/usr/bin/env").exists()
}

#[cfg(test)]
mod tests {
    use std::{env, fs};

    #[test]
    fn in_the_image() {
        assert_eq!(fs::read_to_string("/of-the-image").unwrap(), "here");
        assert!(super::is_in_the_image());
        assert_eq!(env::var("OF_THE_IMAGE").unwrap(), "yes");
        assert_eq!(env::var("PATH").unwrap(), "/nowhere");
        assert_eq!(env::var("CARGO_PKG_NAME").unwrap(), "shop");
        assert_eq!(fs::read_to_string("data/name").unwrap(), "a name");
        fs::write("/written", "").unwrap();
    }

    #[test]
    fn here() {
        assert!(!super::is_in_the_image());
        assert!(env::var("OF_THE_IMAGE").is_err());
    }

    #[test]
    fn without_libraries() {}
}
""",
}


def test_a_run_in_an_image(
    make_workspace: Callable[[dict[str, str]], Any], images: Any, tmp_path: Path
) -> None:
    shop = make_workspace(FILES)
    image = tmp_path / "image.tar"
    layer = images.small_layer([], {"of-the-image": "here"})
    images.write(image, layer, Env=["PATH=/nowhere", "OF_THE_IMAGE=yes"])
    shop.write(
        {
            "cargo-maelstrom.toml": f"""
[containers.small]
image = "docker-archive:{image}"

[[directives]]
filter = "name.equals(tests::in_the_image) or doctest"
parent = "small"
include_shared_libraries = true

[[directives]]
filter = "name.equals(tests::without_libraries)"
parent = "small"
"""
        }
    )

    ran = shop.run("--ui", "json")

    statuses = {name.partition(" ")[2]: status for name, status in ran.statuses.items()}
    assert statuses == {
        "tests::in_the_image": "passed",
        "tests::here": "passed",
        # Nobody has asked for this machine's libraries, and this image has none.
        "tests::without_libraries": "error",
        "src/lib.rs - is_in_the_image (line 2)": "passed",
        "src/lib.rs - is_in_the_image (line 6)": "passed",
    }, ran.out + ran.err
