//! Decides whether a call goes native; knows nothing of what it guards.
