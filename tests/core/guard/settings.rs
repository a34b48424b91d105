//! Modes, lists of labels, and settings that change under a running call.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use _accel::core::guard::settings::{Settings, SettingsError};
use _accel::core::guard::ticket::Path;

use super::{Bench, settings, targeting};

fn path(bench: &Bench, labels: &[&str]) -> Path {
    bench.guard.admit(0, labels.iter().copied()).path()
}

#[test]
fn a_new_guard_is_off() {
    let bench = Bench::new(Settings::default());
    assert!(bench.guard.bypassed());
    assert_eq!(bench.path(), Path::Python);
    assert_eq!(bench.python("off"), 2);
}

#[test]
fn modes_choose_the_path() {
    let bench = Bench::on();
    assert!(!bench.guard.bypassed());
    assert_eq!(bench.path(), Path::Native);
    bench.guard.configure(settings("on", 100.0, 100.0));
    assert_eq!(bench.path(), Path::Verify);
    bench.guard.configure(settings("shadow", 100.0, 100.0));
    assert!(!bench.guard.bypassed());
    assert_eq!(bench.path(), Path::Shadow);
    bench.guard.configure(settings("on", 0.0, 0.0));
    assert_eq!(bench.path(), Path::Python);
    assert_eq!(bench.python("percent"), 1);
    bench.guard.configure(settings("off", 100.0, 0.0));
    assert!(bench.guard.bypassed());
}

#[test]
fn bad_settings_say_what_is_allowed() {
    let parse = |mode, percent, verify| {
        Settings::parse(mode, percent, verify, vec![], vec![]).map_err(|error| error.to_string())
    };
    assert_eq!(
        parse("fast", 1.0, 0.0).unwrap_err(),
        r#"mode must be 'off', 'shadow' or 'on', not "fast""#
    );
    assert_eq!(
        parse("on", 100.5, 0.0).unwrap_err(),
        "percent must be a number from 0 to 100 in steps of 0.001, not 100.5"
    );
    assert_eq!(
        Settings::parse("on", 1.0, -1.0, vec![], vec![]).unwrap_err(),
        SettingsError::Share("verify_percent", -1.0)
    );
}

#[test]
fn included_labels_pass_whatever_the_percentage() {
    let bench = Bench::new(targeting(0.0, &["canary"], &[]));
    assert_eq!(path(&bench, &["canary"]), Path::Native);
    assert_eq!(path(&bench, &["x", "canary"]), Path::Native);
    assert_eq!(path(&bench, &["x"]), Path::Python);
    assert_eq!(path(&bench, &[]), Path::Python);
    assert_eq!(bench.python("percent"), 2);
}

#[test]
fn the_others_follow_the_percentage() {
    let bench = Bench::new(targeting(25.0, &["canary"], &["never"]));
    let native = (0..100_000)
        .filter(|unit| bench.guard.admit(*unit, ["x"]).path() == Path::Native)
        .count();
    assert!((24_300..25_700).contains(&native), "{native}");
}

#[test]
fn exclude_wins() {
    let bench = Bench::new(targeting(100.0, &["canary"], &["canary", "never"]));
    assert_eq!(path(&bench, &["canary"]), Path::Python);
    assert_eq!(path(&bench, &["x", "never"]), Path::Python);
    assert_eq!(bench.python("excluded"), 2);
    assert_eq!(path(&bench, &["x"]), Path::Native);
}

#[test]
fn labels_are_not_looked_at_without_lists() {
    let bench = Bench::on();
    let labels = std::iter::from_fn(|| -> Option<&str> { panic!("looked at") });
    assert_eq!(bench.guard.admit(0, labels).path(), Path::Native);
}

#[test]
fn no_call_waits_for_lists_that_are_being_replaced() {
    let bench = Bench::new(targeting(100.0, &["a"], &[]));
    thread::scope(|scope| {
        // While one call reads the lists a writer must wait, and while it waits nobody else gets in.
        let label = std::iter::once_with(|| {
            scope.spawn(|| bench.guard.configure(settings("off", 0.0, 0.0)));
            while bench.path() == Path::Native {
                thread::yield_now();
            }
            "a"
        });
        assert_eq!(bench.guard.admit(0, label).path(), Path::Native);
    });
    assert_eq!(bench.python("busy"), 1);
    assert!(bench.guard.bypassed());
}

#[test]
fn a_call_sees_the_old_settings_or_the_new_ones() {
    // None of them lets this call in; a mix would: the mode, the share and the lists of different ones.
    let bench = Bench::new(settings("on", 0.0, 100.0));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..100_000 {
                bench.guard.configure(match round % 4 {
                    0 => settings("off", 100.0, 0.0),
                    1 => settings("shadow", 0.0, 0.0),
                    2 => targeting(100.0, &[], &["x"]),
                    _ => targeting(0.0, &["y"], &[]),
                });
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            assert_eq!(path(&bench, &["x"]), Path::Python);
        }
    });
}
