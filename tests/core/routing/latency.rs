use _accel::core::routing::latency::{Average, EXACT, Number, percentile, threshold};

fn average(samples: &[Number]) -> Option<f64> {
    samples
        .iter()
        .try_fold(Average::default(), |average, sample| average.with(*sample))
        .map(|average| average.get())
}

#[test]
fn averages_are_added_one_by_one() {
    assert_eq!(average(&[]), Some(0.0));
    assert_eq!(average(&[Number::Int(1), Number::Int(2)]), Some(1.5));
    assert_eq!(
        average(&[Number::Float(0.1); 10]),
        Some(0.099_999_999_999_999_99)
    );
    assert_eq!(
        average(&[Number::Float(-0.0)]).map(f64::is_sign_negative),
        Some(false)
    );
    assert_eq!(average(&[Number::Int(EXACT), Number::Int(1)]), None);
}

#[test]
fn a_percentile_is_a_place_of_the_list() {
    assert_eq!(percentile(&[3.0, 1.0, 2.0], 0.5), Some(2));
    assert_eq!(percentile(&[3.0, 1.0, 2.0], 1.0), Some(0));
    assert_eq!(percentile(&[1.0, 1.0], 0.5), Some(0));
    assert_eq!(percentile(&[1.0], 0.0), None);
    assert_eq!(percentile(&[1.0], 1.5), None);
    assert_eq!(percentile(&[f64::NAN], 0.5), None);
}

#[test]
fn a_threshold_lets_the_fastest_through_or_is_none() {
    assert_eq!(threshold([2.0, 1.0].into_iter(), 0.5), Some(1.5));
    assert_eq!(threshold([2.0, f64::NAN].into_iter(), 0.5), None);
    assert_eq!(threshold([1.0].into_iter(), -0.5), None);
    assert_eq!(threshold([f64::INFINITY].into_iter(), 0.0), None);
}
