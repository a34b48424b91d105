//! The request lane's front, without Python.

mod admission;
mod bell;
mod counted;
mod front;
mod head;
mod queue;
mod returns;
mod served;
mod stop;
mod strictness;
mod support;
