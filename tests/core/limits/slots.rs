//! Slots in flight against a plain list.

use _accel::core::limits::slots::Slots;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Take(u8, f64),
    GiveBack(u8),
    Prune(f64),
    Count(f64),
}

/// Times around which slots are taken: equal ones, backward ones and what is no time at all.
fn time() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (0..40_u8).prop_map(f64::from),
        1 => prop::sample::select(vec![f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..30_u8, time()).prop_map(|(slot, at_s)| Step::Take(slot, at_s)),
        3 => (0..30_u8).prop_map(Step::GiveBack),
        1 => time().prop_map(Step::Prune),
        3 => time().prop_map(Step::Count),
    ]
}

fn same(ours: &[(&str, f64)], theirs: &[(String, f64)]) -> bool {
    let same = |(one, other): (&(&str, f64), &(String, f64))| {
        one.0 == other.0 && one.1.to_bits() == other.1.to_bits()
    };
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(same)
}

proptest! {
    #[test]
    fn like_a_dict_in_order(steps in prop::collection::vec(step(), 300..500)) {
        let (mut slots, mut list) = (Slots::default(), Vec::<(String, f64)>::new());
        for step in steps {
            match step {
                Step::Take(slot, at_s) => {
                    let slot = slot.to_string();
                    slots.take(&slot, at_s);
                    match list.iter_mut().find(|(held, _)| *held == slot) {
                        Some(held) => held.1 = at_s,
                        None => list.push((slot, at_s)),
                    }
                }
                Step::GiveBack(slot) => {
                    let slot = slot.to_string();
                    let held = list.iter().any(|(held, _)| *held == slot);
                    prop_assert_eq!(slots.is_held(&slot), held);
                    prop_assert_eq!(slots.give_back(&slot), held);
                    list.retain(|(held, _)| *held != slot);
                }
                Step::Prune(cutoff_s) => {
                    slots.prune(cutoff_s);
                    list.retain(|(_, at_s)| *at_s >= cutoff_s);
                }
                Step::Count(cutoff_s) => {
                    let count = list.iter().filter(|(_, at_s)| *at_s >= cutoff_s).count();
                    prop_assert_eq!(slots.in_flight(cutoff_s), count, "{} in {:?}", cutoff_s, list);
                }
            }
            prop_assert!(same(&slots.in_order(), &list));
            prop_assert_eq!((slots.len(), slots.is_empty()), (list.len(), list.is_empty()));
        }
    }
}

#[test]
fn a_time_that_is_none_is_never_in_flight() {
    for odd in [f64::NAN, -f64::NAN] {
        let mut slots = Slots::default();
        slots.take("one", 5.0);
        slots.take("odd", odd);
        assert_eq!(slots.in_flight(1.0), 1);
        slots.prune(1.0);
        assert_eq!(slots.in_order(), [("one", 5.0)]);
    }
}

#[test]
fn many_that_come_and_go_leave_nothing_behind() {
    let mut slots = Slots::default();
    for number in 0..10_000_u32 {
        slots.take(&number.to_string(), f64::from(number));
        if number >= 10 {
            assert!(slots.give_back(&(number - 10).to_string()));
        }
        assert!(slots.in_flight(0.0) <= 11);
    }
    assert_eq!(slots.in_flight(9_995.0), 5);
    assert_eq!(slots.len(), 10);
}
