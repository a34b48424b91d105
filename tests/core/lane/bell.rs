//! The bell is readable from the first ring to the next hush.

use _accel::lane::bell::Bell;

use super::support::is_readable;

#[test]
fn rung_and_hushed() {
    let bell = Bell::new().unwrap();
    assert!(!is_readable(bell.descriptor()));
    bell.hush();
    bell.ring();
    assert!(is_readable(bell.descriptor()));
    bell.ring();
    bell.hush();
    assert!(!is_readable(bell.descriptor()), "two rings are one");
}

#[test]
fn a_ring_never_blocks_and_is_never_lost() {
    let bell = Bell::new().unwrap();
    // More than any socket holds.
    (0..10_000).for_each(|_| bell.ring());
    let mut hushes = 0;
    while is_readable(bell.descriptor()) {
        bell.hush();
        hushes += 1;
        assert!(hushes < 10_000);
    }
    bell.ring();
    assert!(is_readable(bell.descriptor()));
}
