//! The border: one file per class, no arithmetic, no policy.

mod bindings;
mod clock;
mod errors;
#[cfg(unix)]
mod front;
mod guard;
mod held;
mod memo;
mod messages;
mod plain;
mod tokens;
mod value;

use pyo3::pymodule;

#[pymodule(gil_used = true)]
mod _accel {
    use pyo3::prelude::*;

    use crate::core::guard::ticket::{PATH_MASK, Path};

    #[pymodule_export]
    use super::bindings::Bindings;
    #[pymodule_export]
    use super::clock::ManualClock;
    #[cfg(unix)]
    #[pymodule_export]
    use super::front::Front;
    #[pymodule_export]
    use super::guard::Guard;
    #[pymodule_export]
    use super::memo::Memo;
    #[pymodule_export]
    use super::messages::MessageCounter;
    #[pymodule_export]
    use super::plain::{format_tools, image_dimensions, str_chars};
    #[pymodule_export]
    use super::tokens::{HuggingFaceCounter, TiktokenCounter};

    /// Panics; proves that a panic of native code is contained.
    #[cfg(feature = "panic-test")]
    #[pyfunction]
    #[expect(clippy::panic, reason = "what it is for")]
    fn _panic_for_test() {
        panic!("asked to");
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add(
            "build_profile",
            if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            },
        )?;
        module.add("DEFAULT_FLAGS", include_str!("../../feature_flags.json"))?;
        module.add("NATIVE", Path::Native as u64)?;
        module.add("VERIFY", Path::Verify as u64)?;
        module.add("SHADOW", Path::Shadow as u64)?;
        module.add("PYTHON", Path::Python as u64)?;
        module.add("PATH_MASK", PATH_MASK)?;
        module.add(
            "PanicException",
            module.py().get_type::<pyo3::panic::PanicException>(),
        )?;
        Ok(())
    }
}
