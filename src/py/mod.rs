//! The border: one file per class, no arithmetic, no policy.

mod admission;
mod asked;
mod bindings;
mod cache_room;
mod cache_store;
mod cache_value;
mod cache_view;
mod charges;
mod clock;
mod copier;
mod counted;
mod deployment_lists;
mod deployments;
mod descriptor;
#[cfg(feature = "panic-test")]
mod detached;
mod errors;
mod estimate;
mod field_kinds;
#[cfg(unix)]
mod front;
mod gauged;
mod guard;
mod held;
mod leases;
mod light;
mod limiter;
mod memo;
mod memory_cache;
mod messages;
mod plain;
mod prompt_keywords;
mod redis_command;
mod shelf;
mod strategies;
mod tokens;
mod value;
mod wall_clock;
mod windows;

use pyo3::pymodule;

#[pymodule(gil_used = true)]
mod _accel {
    use pyo3::prelude::*;

    use crate::core::guard::ticket::{PATH_MASK, Path};
    use crate::core::limits::lua;

    #[pymodule_export]
    use super::admission::Admission;
    #[pymodule_export]
    use super::bindings::Bindings;
    #[pymodule_export]
    use super::cache_store::CacheStore;
    #[pymodule_export]
    use super::cache_view::CacheView;
    #[pymodule_export]
    use super::clock::ManualClock;
    #[pymodule_export]
    use super::copier::deepcopy;
    #[pymodule_export]
    use super::deployment_lists::{
        any_holds, are_texts, deployment_ids, group_deployments, none_sets,
    };
    #[pymodule_export]
    use super::deployments::{
        callable_deployments, deployments_outside, first_in_order, teamless_deployments,
        unblocked_deployments, unreserved_deployments,
    };
    #[pymodule_export]
    use super::estimate::chat_tokens;
    #[pymodule_export]
    use super::field_kinds::FieldKinds;
    #[cfg(unix)]
    #[pymodule_export]
    use super::front::Front;
    #[pymodule_export]
    use super::guard::Guard;
    #[pymodule_export]
    use super::leases::Leases;
    #[pymodule_export]
    use super::light::{Light, Scopes};
    #[pymodule_export]
    use super::limiter::Limiter;
    #[pymodule_export]
    use super::memo::Memo;
    #[pymodule_export]
    use super::memory_cache::MemoryCaches;
    #[pymodule_export]
    use super::messages::MessageCounter;
    #[pymodule_export]
    use super::plain::{format_tools, image_dimensions, str_chars};
    #[pymodule_export]
    use super::prompt_keywords::{PromptKeywords, has_whole_word};
    #[pymodule_export]
    use super::redis_command::evalsha;
    #[pymodule_export]
    use super::strategies::cost::lowest_cost;
    #[pymodule_export]
    use super::strategies::generator::{random_below, sample_order};
    #[pymodule_export]
    use super::strategies::latency::lowest_latency;
    #[pymodule_export]
    use super::strategies::usage::lowest_usage;
    #[pymodule_export]
    use super::strategies::usage_window::lowest_window_usage;
    #[pymodule_export]
    use super::strategies::weights::shuffle_weights;
    #[pymodule_export]
    use super::strategies::window_keys::usage_window_keys;
    #[pymodule_export]
    use super::tokens::{HuggingFaceCounter, TiktokenCounter};
    #[pymodule_export]
    use super::windows::Windows;

    #[cfg(feature = "panic-test")]
    #[pymodule_export]
    use super::detached::_count_detached_for_test;

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
        module.add("ADMIT_SCRIPT", crate::core::limits::ADMIT_SCRIPT)?;
        module.add("WINDOWS_ADMIT_SCRIPT", lua::ADMIT)?;
        module.add("WINDOWS_SETTLE_SCRIPT", lua::SETTLE)?;
        module.add("LEASE_SCRIPT", lua::LEASE)?;
        module.add("LEASE_RETURN_SCRIPT", lua::RETURN)?;
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
