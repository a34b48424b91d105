//! The request lane, without Python.

mod admission;
mod bell;
mod counted;
mod front;
mod head;
mod limiter;
mod queue;
mod redis;
mod returns;
mod served;
mod stop;
mod strictness;
mod support;
