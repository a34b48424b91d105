//! The border: one file per class, no arithmetic, no policy.

mod tokens;

#[pyo3::pymodule(gil_used = true)]
mod _accel {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::tokens::{HuggingFaceCounter, TiktokenCounter};

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
        module.add(
            "PanicException",
            module.py().get_type::<pyo3::panic::PanicException>(),
        )?;
        Ok(())
    }
}
