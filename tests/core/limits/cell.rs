//! Numbers as Python reads, cuts and adds them.

use _accel::core::limits::cell::{Number, canonical_digits};
use proptest::prelude::*;

#[test]
fn canonical_digits_are_those_that_python_writes() {
    let good = [
        "0",
        "7",
        "-7",
        "10",
        "-10",
        "999999999999999999",
        "-999999999999999999",
    ];
    for text in good {
        assert_eq!(
            canonical_digits(text),
            Some(text.parse().unwrap()),
            "{text}"
        );
    }
    let bad = [
        "",
        "-",
        "-0",
        "00",
        "01",
        "-01",
        "+1",
        " 1",
        "1 ",
        "1_0",
        "1.0",
        "1e3",
        "--1",
        "٣",
        "1000000000000000000",
        "\u{0}1",
    ];
    for text in bad {
        assert_eq!(canonical_digits(text), None, "{text}");
    }
}

#[test]
fn a_float_is_cut_off_at_the_point_where_it_fits() {
    for (float, int) in [
        (0.9, 0),
        (-0.9, 0),
        (-1.5, -1),
        (9.1e18, 9_100_000_000_000_000_000),
    ] {
        assert_eq!(Number::Float(float).int(), Some(int));
    }
    for float in [f64::NAN, f64::INFINITY, -f64::INFINITY, 9.3e18, -9.3e18] {
        assert_eq!(Number::Float(float).int(), None);
    }
}

#[test]
fn zero_is_the_integer_before_it_is_added_to() {
    // `0.0 or 0` is 0, and `0 + -0.0` is 0.0.
    for zero in [0.0, -0.0] {
        assert_eq!(
            Number::Float(zero).plus(Number::Int(3)),
            Some(Number::Int(3))
        );
        let Some(Number::Float(sum)) = Number::Float(zero).plus(Number::Float(-0.0)) else {
            panic!("no float");
        };
        assert!(sum.is_sign_positive());
    }
}

#[test]
fn a_sum_that_does_not_fit_is_none() {
    assert_eq!(Number::Int(i64::MAX).plus(Number::Int(1)), None);
    assert_eq!(Number::Int(i64::MIN).plus(Number::Int(-1)), None);
    assert_eq!(Number::Int(1).plus(Number::Digits(1)), None);
    assert_eq!(Number::Digits(1).plus(Number::Int(1)), Some(Number::Int(2)));
}

proptest! {
    #[test]
    fn digits_survive_a_round_trip(value in -999_999_999_999_999_999_i64..=999_999_999_999_999_999) {
        prop_assert_eq!(canonical_digits(&value.to_string()), Some(value));
    }

    #[test]
    fn only_what_prints_the_same_is_canonical(text in "[-+0-9 ]{0,20}") {
        if let Some(value) = canonical_digits(&text) {
            prop_assert_eq!(value.to_string(), text);
        }
    }
}
