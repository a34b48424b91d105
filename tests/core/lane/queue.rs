//! What waits for the event loop, and the count of what the front holds.

use std::os::unix::net::UnixStream;
use std::sync::Arc;

use _accel::lane::queue::{HandedOver, Held, Queue};

use super::support::is_readable;

fn item(held: &Arc<Held>, streak: u32) -> HandedOver {
    let (ours, _) = UnixStream::pair().unwrap();
    HandedOver {
        descriptor: ours.into(),
        bytes: vec![1, 2, 3],
        listener: 0,
        streak,
        again: false,
        held: (held.hold(), None),
    }
}

#[test]
fn first_in_first_out_and_the_bell_rings_while_something_waits() {
    let (queue, held) = (Queue::new().unwrap(), Arc::default());
    assert!(!is_readable(queue.descriptor()));
    assert!(queue.take().is_empty());
    for streak in 1..=3 {
        queue.push(item(&held, streak));
        assert!(is_readable(queue.descriptor()));
    }
    assert_eq!(held.count(), 3);
    let streaks: Vec<_> = queue.take().iter().map(|item| item.streak).collect();
    assert_eq!(streaks, [1, 2, 3]);
    assert_eq!(held.count(), 0);
    assert!(!is_readable(queue.descriptor()));
    queue.push(item(&held, 4));
    assert!(is_readable(queue.descriptor()));
    drop(queue);
    assert_eq!(held.count(), 0, "what is dropped is not held");
}

#[test]
fn many_threads_lose_nothing() {
    let (queue, held) = (Arc::new(Queue::new().unwrap()), Arc::<Held>::default());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (queue, held) = (Arc::clone(&queue), Arc::clone(&held));
            std::thread::spawn(move || (0..100).for_each(|_| queue.push(item(&held, 1))))
        })
        .collect();
    let mut taken = 0;
    while taken < 400 {
        // Level-triggered: whatever waits is seen by the one who looks again.
        if is_readable(queue.descriptor()) {
            taken += queue.take().len();
        }
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!((taken, held.count()), (400, 0));
    assert!(queue.take().is_empty());
}

#[test]
fn announced_connections_are_held_before_they_arrive() {
    let held = Arc::<Held>::default();
    held.announce();
    held.announce();
    assert_eq!(held.count(), 2);
    let arrived = held.arrived();
    held.retract();
    assert_eq!(held.count(), 1);
    drop(arrived);
    assert_eq!(held.count(), 0);
}

#[test]
fn a_descriptor_is_closed_with_its_item() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let queue = Queue::new().unwrap();
    queue.push(HandedOver {
        descriptor: ours.into(),
        ..item(&Arc::default(), 1)
    });
    assert!(!is_readable(&theirs));
    drop(queue.take());
    assert!(is_readable(&theirs), "the other end hears the end");
}
